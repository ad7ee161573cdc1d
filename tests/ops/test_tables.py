"""Every call of the tables gives what it gives under Keras."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import torch_side  # noqa: E402
from ops import recording  # noqa: E402

TABLES = sorted(p.stem for p in HERE.glob("table_*.py"))
CASES = {
    f"{table}/{case.name}": case
    for table in TABLES
    for case in importlib.import_module(table).CASES
}
SYMBOLIC = [n for n, c in CASES.items() if c.symbolic and c.tensors]
FLOATS = {
    n: c
    for n, c in CASES.items()
    if c.gradient and any(t.dtype.startswith("float") for t in c.tensors)
}
REFUSED = (ValueError, TypeError, IndexError, RuntimeError, NotImplementedError)


def close(ours: list[Any], theirs: list[Any], within: float) -> None:
    """Compare all values, relative to the largest of each."""
    assert len(ours) == len(theirs)
    for mine, wanted in zip(ours, theirs, strict=True):
        mine, wanted = np.asarray(mine), np.asarray(wanted)
        assert mine.shape == wanted.shape
        if wanted.dtype.kind in "fc":
            size = float(np.abs(wanted[np.isfinite(wanted)]).max(initial=1.0))
            np.testing.assert_allclose(mine, wanted, rtol=within, atol=within * size)
        else:
            np.testing.assert_array_equal(mine, wanted)


@pytest.mark.parametrize("name", CASES)
def test_on_values(name: str, answers: dict[str, Any]) -> None:
    """The same values, dtypes and structure; an error where Keras has one."""
    case, wanted = CASES[name], answers[name]
    if "error" in wanted:
        with pytest.raises(
            (ValueError, TypeError, IndexError, RuntimeError), match=" "
        ):
            torch_side.eager(case)
        return
    found = torch_side.eager(case)
    assert found["structure"] == wanted["eager"]["structure"]
    assert found["dtypes"] == wanted["eager"]["dtypes"]
    if case.values:
        close(found["values"], wanted["eager"]["values"], case.close)


@pytest.mark.parametrize(
    "name", [n for n, c in CASES.items() if c.symbolic and c.tensors]
)
def test_in_a_functional_model(name: str, answers: dict[str, Any]) -> None:
    """The same shapes and dtypes of symbolic tensors, and the same values."""
    case, wanted = CASES[name], answers[name]
    if "symbolic" not in wanted:
        # Keras makes none of it: neither do we, or it computes what Keras does eagerly.
        try:
            found = torch_side.symbolic(case)
        except REFUSED:
            return
        if case.values and "eager" in wanted:
            close(found["values"], wanted["eager"]["values"], case.close)
        return
    found, wanted = torch_side.symbolic(case), wanted["symbolic"]
    assert found["structure"] == wanted["structure"]
    if not case.differs:
        assert found["shapes"] == wanted["shapes"]
        assert found["dtypes"] == wanted["dtypes"]
    if case.values and not case.written:
        close(found["values"], wanted["values"], case.close)


@pytest.mark.parametrize("name", FLOATS)
def test_gradients(name: str, answers: dict[str, Any]) -> None:
    """The same gradients."""
    case, wanted = CASES[name], answers[name].get("gradients")
    if wanted is None:
        pytest.skip("Keras has no gradient of it")
    for mine, theirs in zip(torch_side.gradients(case), wanted, strict=True):
        # TensorFlow has none where torch has zeros, and the other way round.
        mine = np.zeros(1) if mine is None else mine
        theirs = np.zeros(1) if theirs is None else theirs
        if mine.shape != theirs.shape:
            assert not mine.any()
            assert not theirs.any()
            continue
        close([mine], [theirs], 10 * case.close)


@pytest.mark.slow
@pytest.mark.needs_keras
def test_keras_still_says_so(answers: dict[str, Any]) -> None:
    """What is recorded is what Keras answers."""
    said, arrays = recording.asked()
    found = recording.filled(said, arrays)
    assert found.keys() == answers.keys()
    assert found["signatures"] == answers["signatures"]
    for name, case in CASES.items():
        theirs, kept = found[name], answers[name]
        assert theirs.keys() == kept.keys(), name
        for way in {"eager", "symbolic"} & theirs.keys():
            if case.values:
                close(theirs[way]["values"], kept[way]["values"], case.close)
