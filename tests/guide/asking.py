"""A guide for a text, and what it found in it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from keras2torch.guide import Report, guide


def told(folder: Path, text: str, name: str = "train.py") -> Report:
    """The report on a script of this text."""
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return guide(path)


def names(report: Report) -> list[str]:
    """The canonical names, once each, in the order of the script."""
    return list(report.names)
