"""All recipes as one page: side by side, with search, and no need of a network."""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup

from keras2torch import pages
from keras2torch.recipes.catalogue import CHAPTERS, Recipe, Region, catalogue

_TEMPLATE = Path(__file__).resolve().parent / "assets" / "page.html"
_TO_RECIPE = re.compile(r'href="\.\./([^/"]+)/README\.md"')
# Behind a bracket, comma or dot: where a narrow column may break a long name.
_BREAKABLE = re.compile(r'(<span class="[op]">[^<]*[(\[,.=]</span>)')
_TITLE = re.compile(r"\A# .+\n")


def page() -> str:
    """Return the page: HTML with its style and script inside."""
    chapters: dict[str, list[Recipe]] = {name: [] for name in CHAPTERS.values()}
    for recipe in catalogue():
        chapters[recipe.chapter].append(recipe)
    return pages.render(
        _TEMPLATE,
        chapters=chapters,
        count=len(catalogue()),
        regions=_regions,
        text=_text,
    )


def write(path: Path) -> None:
    """Write the page to a file; what stood there stays until the new one is whole."""
    pages.write(path, page())


def _text(recipe: Recipe) -> Markup:
    """Return the text of a recipe; its links to others stay on the page."""
    html = pages.markdown(_TITLE.sub("", recipe.text))
    return Markup(_TO_RECIPE.sub(r'href="#\1"', html))


def _regions(recipe: Recipe) -> list[tuple[str, Markup, Markup]]:
    """Return the title of each region, and its two halves as HTML."""
    left, right = recipe.sides
    of_left, of_right = recipe.marked(left), recipe.marked(right)
    return [
        (a.title, _code(a, of_left), _code(b, of_right))
        for a, b in zip(left.regions, right.regions, strict=True)
    ]


def _code(region: Region, marked: set[int]) -> Markup:
    """Highlight a region, a span a line; the lines that it is all about are marked."""
    lines = []
    texts = zip(region.text.split("\n"), pages.python(region.text), strict=True)
    for number, (text, line) in enumerate(texts, start=region.line):
        names = "line rule" if number in marked else "line"
        indent = len(text) - len(text.lstrip())
        broken = _BREAKABLE.sub(r"\1<wbr>", line)
        lines.append(f'<span class="{names}" style="--in:{indent}">{broken}\n</span>')
    return Markup(f'<pre class="code">{"".join(lines)}</pre>')
