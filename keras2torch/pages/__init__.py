"""What the HTML pages are made with: each is one file that needs no network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from keras2torch.errors import UnusableFile
from keras2torch.replacing import replacing

_BASE = Path(__file__).resolve().parent / "base.css"
_LIGHT, _DARK = "xcode", "github-dark"
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def render(template: Path, **names: Any) -> str:
    """Return a page from a template, its style and its script.

    The template gets ``style`` (of every page, and of the file beside it that ends in
    ``.css``), ``light`` and ``dark`` (the colours of code), and ``script`` from the
    file that ends in ``.js``, if there is one.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline
    script = template.with_suffix(".js")
    style = _BASE.read_text(encoding="utf-8")
    style += template.with_suffix(".css").read_text(encoding="utf-8")
    return environment.get_template(template.name).render(
        light=Markup(_colours(_LIGHT)),
        dark=Markup(_colours(_DARK)),
        style=Markup(style),
        script=Markup(script.read_text(encoding="utf-8") if script.exists() else ""),
        **names,
    )


def write(path: Path, text: str) -> None:
    """Write a page; what stood there stays until the new one is whole.

    Raises
    ------
    UnusableFile
        Where it cannot be written.
    """
    try:
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")
    except IsADirectoryError as error:
        raise UnusableFile(f"{path} is a folder; name the file to write.") from error
    except OSError as error:
        raise UnusableFile(f"{path} cannot be written: {error.strerror}.") from error


def _inline(text: str) -> Markup:
    """Return a line of Markdown as HTML, without a paragraph around it."""
    return Markup(_MARKDOWN.renderInline(text))


def markdown(text: str) -> str:
    """Return Markdown as HTML; HTML in it is shown as it is written."""
    return str(_MARKDOWN.render(text))


def python(text: str) -> list[str]:
    """Return Python as HTML, a piece for each line of the text."""
    # `ensurenl` and `stripnl` would add a line, and move those behind blank ones.
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    html = highlight(text, lexer, HtmlFormatter(nowrap=True))
    return html.removesuffix("\n").split("\n")


@cache
def _colours(style: str) -> str:
    formatter: Any = HtmlFormatter(style=style)
    return str(formatter.get_style_defs(".code"))
