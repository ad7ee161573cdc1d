"""The stored answers are Keras' own, and of the cases as they are now."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from parity import stored
from parity.cases import CASES
from parity.compare import complaints
from parity.record import asked
from parity.stored import OutdatedError, groups, load, recorded, save


@pytest.mark.parametrize("group", groups())
def test_every_case_has_an_answer(group: str) -> None:
    names = {case.name for case in CASES.values() if case.group == group}
    assert set(recorded(group)) == names


@pytest.mark.slow
@pytest.mark.needs_keras
@pytest.mark.parametrize("group", groups())
def test_keras_still_says_so(group: str) -> None:
    found = asked(group)
    for name, answer in recorded(group).items():
        assert "error" not in found[name], str(found[name]["error"])
        lines = complaints(answer, found[name], CASES[name].rtol)
        assert not lines, f"{name} differs:\n" + "\n".join(lines)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    answers = {
        "a/one": {"x": np.arange(6.0).reshape(2, 3), "none": np.zeros((0, 2), "f4")},
        "a/two": {"kind": np.array(["Tensor", "é"]), "scalar": np.array(True)},
    }
    save(tmp_path / "a.xz", answers, {"source": "text"})
    about, found = load(tmp_path / "a.xz")
    assert about == {"source": "text"}
    for case, arrays in answers.items():
        assert list(found[case]) == list(arrays)
        for name, array in arrays.items():
            assert found[case][name].dtype == array.dtype
            np.testing.assert_array_equal(found[case][name], array)


def test_changed_cases_need_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "RECORDED", tmp_path)
    recorded_now = recorded.__wrapped__
    with pytest.raises(OutdatedError, match="no answers of Keras to losses/: run"):
        recorded_now("losses")
    save(tmp_path / "losses.xz", {}, {"source": "of another text"})
    with pytest.raises(OutdatedError, match=r"parity.cases.losses, .* changed since"):
        recorded_now("losses")


def test_helpers_count_as_source() -> None:
    assert stored.sources("losses") == ["parity.cases.losses", "parity.recording"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("case( 'a', rtol=2 )  # so", True),
        ("case('a', why='this', missing='that')", True),
        ("case('b')", False),
        ("case('a', other=1)", False),
        ("case('a', rtol)", False),
    ],
)
def test_what_counts_as_a_change(text: str, same: bool) -> None:
    before = stored.outline(ast.parse("case('a')"))
    assert (stored.outline(ast.parse(text)) == before) == same
