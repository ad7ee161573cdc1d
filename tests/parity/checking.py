"""What the test files share: a row for each case of some groups, asked only once."""

from __future__ import annotations

from pathlib import Path

import pytest
from parity.asking import ours
from parity.cases import CASES
from parity.compare import complaints
from parity.stored import recorded


def rows(*groups: str) -> list[object]:
    """Parameters for all cases of the groups."""
    return [
        pytest.param(
            case.name,
            marks=[pytest.mark.xfail(reason=case.missing, strict=True)]
            if case.missing
            else [],
        )
        for case in CASES.values()
        if case.group in groups
    ]


def check(name: str, groups: tuple[str, ...], factory: pytest.TempPathFactory) -> None:
    case = CASES[name]
    # A group by itself, as Keras was asked: names of layers count on within a process.
    assert case.group in groups
    keras = recorded(case.group)[name]
    found = ours((case.group,), common(factory))[name]
    assert "error" not in found, str(found["error"])
    lines = complaints(keras, found, case.rtol)
    assert not lines, f"{name} differs:\n" + "\n".join(lines)


def common(factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run see."""
    folder = factory.getbasetemp()
    return folder.parent if folder.name.startswith("popen-gw") else folder
