"""What the guide says, as one page: beside each line of a script what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from keras2torch import pages
from keras2torch.errors import UnusableFile
from keras2torch.guide.report import Idiom, Report

_TEMPLATE = Path(__file__).resolve().parent / "assets" / "guide.html"


def page(reports: Sequence[Report]) -> str:
    """Return the page."""
    return pages.render(_TEMPLATE, reports=reports, rows=_rows)


def write(reports: Sequence[Report], path: Path) -> None:
    """Write the page to a file; what stood there stays until the new one is whole.

    Raises
    ------
    UnusableFile
        Where it is a script that was read, or cannot be written.
    """
    if path.resolve() in [report.path.resolve() for report in reports]:
        raise UnusableFile(f"{path} is the script itself; name another file to write.")
    pages.write(path, page(reports))


def _rows(report: Report) -> list[tuple[str, Markup, list[tuple[Idiom, bool]]]]:
    """Return for each line its label, its text as HTML, and its idioms.

    An idiom comes with whether it stands here for the first time: then it is explained.
    """
    by_line: dict[int, list[tuple[Idiom, bool]]] = {}
    seen: set[tuple[str, str]] = set()
    for idiom in report.idioms:
        here = by_line.setdefault(idiom.found.line, [])
        if idiom.key not in {i.key for i, _ in here}:
            here.append((idiom, idiom.key not in seen))
        seen.add(idiom.key)
    # The text ends with a line break, behind which there is no line.
    texts = zip(report.source.labels, pages.python(report.source.text), strict=False)
    return [
        (label, Markup(text), by_line.get(number, []))
        for number, (label, text) in enumerate(texts, start=1)
    ]
