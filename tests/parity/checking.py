"""What the test files share: a row for each case of some groups, asked only once."""

from __future__ import annotations

from pathlib import Path

import pytest
from parity.asking import answers
from parity.cases import CASES, Case
from parity.compare import complaints


def rows(*groups: str) -> list[object]:
    """Parameters for all cases of the groups; slow ones are marked."""
    return [
        pytest.param(case.name, marks=marks(case))
        for case in CASES.values()
        if case.group in groups
    ]


def marks(case: Case) -> list[pytest.MarkDecorator]:
    found = [pytest.mark.slow] if case.slow else []
    if case.missing:
        found.append(pytest.mark.xfail(reason=case.missing, strict=True))
    return found


def check(name: str, groups: tuple[str, ...], factory: pytest.TempPathFactory) -> None:
    keras, ours = answers(groups, common(factory), CASES[name].slow)
    assert "error" not in keras[name], f"Keras itself fails:\n{keras[name]['error']}"
    assert "error" not in ours[name], str(ours[name]["error"])
    lines = complaints(keras[name], ours[name], CASES[name].rtol)
    assert not lines, f"{name} differs:\n" + "\n".join(lines)


def common(factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run see."""
    folder = factory.getbasetemp()
    return folder.parent if folder.name.startswith("popen-gw") else folder
