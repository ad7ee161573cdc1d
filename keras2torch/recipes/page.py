"""All recipes as one page: side by side, with search, and no need of a network."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from keras2torch.recipes.catalogue import CHAPTERS, Recipe, Region, Side, catalogue

_ASSETS = Path(__file__).resolve().parent / "assets"
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_LIGHT, _DARK = "xcode", "github-dark"
_TO_RECIPE = re.compile(r'href="\.\./([^/"]+)/README\.md"')
# Behind a bracket, comma or dot: where a narrow column may break a long name.
_BREAKABLE = re.compile(r'(<span class="[op]">[^<]*[(\[,.=]</span>)')
_TITLE = re.compile(r"\A# .+\n")


def page() -> str:
    """Return the page: HTML with its style and script inside."""
    environment = Environment(
        loader=FileSystemLoader(_ASSETS), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {"markdown": _markdown, "inline": _inline}
    chapters: dict[str, list[Recipe]] = {name: [] for name in CHAPTERS.values()}
    for recipe in catalogue():
        chapters[recipe.chapter].append(recipe)
    return environment.get_template("page.html").render(
        chapters=chapters,
        count=len(catalogue()),
        regions=_regions,
        light=Markup(_colours(_LIGHT)),
        dark=Markup(_colours(_DARK)),
        style=Markup((_ASSETS / "page.css").read_text(encoding="utf-8")),
        script=Markup((_ASSETS / "page.js").read_text(encoding="utf-8")),
    )


def write(path: Path) -> None:
    """Write the page to a file; what stood there stays until the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(page(), encoding="utf-8")
    part.replace(path)


def _markdown(text: str) -> Markup:
    """Render the text of a recipe; links to other recipes stay on the page."""
    html = _MARKDOWN.render(_TITLE.sub("", text))
    return Markup(_TO_RECIPE.sub(r'href="#\1"', html))


def _inline(text: str) -> Markup:
    return Markup(_MARKDOWN.renderInline(text))


def _regions(recipe: Recipe) -> list[tuple[str, Markup, Markup]]:
    """Return the title of each region, and its two halves as HTML."""
    left, right = recipe.sides
    return [
        (a.title, _code(recipe, left, a), _code(recipe, right, b))
        for a, b in zip(left.regions, right.regions, strict=True)
    ]


def _code(recipe: Recipe, side: Side, region: Region) -> Markup:
    """Highlight a region, a span a line; the lines that hold a rule are marked."""
    marked: set[int] = set()
    if side == recipe.sides[1]:
        for rule in recipe.without:
            begin = side.text[: side.text.index(rule.line)].count("\n") + 1
            marked |= set(range(begin, begin + rule.line.rstrip().count("\n") + 1))
    formatter = HtmlFormatter(nowrap=True)
    html = highlight(region.text, PythonLexer(stripnl=False), formatter).rstrip("\n")
    lines = []
    texts = zip(region.text.split("\n"), html.split("\n"), strict=True)
    for number, (text, line) in enumerate(texts, start=region.line):
        names = "line rule" if number in marked else "line"
        indent = len(text) - len(text.lstrip())
        line = _BREAKABLE.sub(r"\1<wbr>", line)
        lines.append(f'<span class="{names}" style="--in:{indent}">{line}\n</span>')
    return Markup(f'<pre class="code">{"".join(lines)}</pre>')


@cache
def _colours(style: str) -> str:
    formatter: Any = HtmlFormatter(style=style)
    return str(formatter.get_style_defs(".code"))
