"""What the guide says, as one page: beside each line of a script what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from keras2torch.errors import UnusableFile
from keras2torch.guide.report import Idiom, Report

_HERE = Path(__file__).resolve().parent
_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_LIGHT, _DARK = "xcode", "github-dark"


def page(reports: Sequence[Report]) -> str:
    """Return the page: HTML with its style inside, which needs no network."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline
    return environment.get_template("guide.html").render(
        reports=reports,
        rows=_rows,
        light=Markup(_colours(_LIGHT)),
        dark=Markup(_colours(_DARK)),
        style=Markup((_HERE / "assets" / "guide.css").read_text(encoding="utf-8")),
    )


def write(reports: Sequence[Report], path: Path) -> None:
    """Write the page to a file; what stood there stays until the new one is whole.

    Raises
    ------
    UnusableFile
        Where it is a script that was read, or cannot be written.
    """
    if path.resolve() in [report.path.resolve() for report in reports]:
        raise UnusableFile(f"{path} is the script itself; name another file to write.")
    text = page(reports)
    if path.is_dir():
        raise UnusableFile(f"{path} is a folder; name the file to write.")
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise UnusableFile(f"{path} cannot be written: {error.strerror}.") from error


def _rows(report: Report) -> list[tuple[str, Markup, list[tuple[Idiom, bool]]]]:
    """Return for each line its label, its text as HTML, and its idioms.

    An idiom comes with whether it stands here for the first time: then it is explained.
    """
    formatter = HtmlFormatter(nowrap=True)
    # `ensurenl` and `stripnl` would move the lines against the syntax tree's.
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    html = highlight(report.source.text, lexer, formatter).split("\n")
    by_line: dict[int, list[tuple[Idiom, bool]]] = {}
    seen: set[tuple[str, str]] = set()
    for idiom in report.idioms:
        here = by_line.setdefault(idiom.found.line, [])
        if idiom.key not in {i.key for i, _ in here}:
            here.append((idiom, idiom.key not in seen))
        seen.add(idiom.key)
    texts = zip(report.source.labels, html, strict=False)
    return [
        (label, Markup(text), by_line.get(number, []))
        for number, (label, text) in enumerate(texts, start=1)
    ]


def _inline(text: str) -> Markup:
    return Markup(_MARKDOWN.renderInline(text))


def _colours(style: str) -> str:
    formatter: Any = HtmlFormatter(style=style)
    return str(formatter.get_style_defs(".code"))
