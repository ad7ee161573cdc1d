"""Lines of ``train.py``: wrapped, commented, without gaps."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence


def label(name: str) -> str:
    """Return a metric's name as it may stand in a line of the terminal."""
    plain = "".join(c if c.isalnum() or c in "_-./" else "_" for c in name)
    return plain.encode("ascii", "replace").decode().replace("?", "_")[:60] or "metric"


def commented(text: str) -> list[str]:
    """Return a statement as a comment of the body of a function."""
    return textwrap.wrap(
        text, 88, initial_indent="    # ", subsequent_indent="    #     "
    )


def wrapped(text: str, indent: str = "  ") -> str:
    """Return text of a docstring, wrapped."""
    # Backslashes and quotes of a name may not end or escape the docstring.
    safe = text.replace("\\", "/").replace('"""', "'''").replace('"', "'")
    return textwrap.fill(safe, 88, subsequent_indent=indent, drop_whitespace=True)


def spaced(lines: Sequence[str]) -> list[str]:
    """Drop the empty lines that follow each other where an import is not needed."""
    found: list[str] = []
    for line in lines:
        if line or (found and found[-1]):
            found.append(line)
    return found
