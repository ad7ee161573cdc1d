"""The judge: what is the same passes, and what is not does not."""

from __future__ import annotations

import numpy as np
import pytest
from parity.cases import CASES, RTOL
from parity.compare import complaints, difference

ONE = np.array([1.0, -2.0, 1e-9])


@pytest.mark.parametrize(
    ("found", "apart"),
    [
        (ONE, 0.0),
        (ONE + np.array([0, 2e-4, 0]), 1e-4),
        (ONE + np.array([0, 0, 2e-4]), 1e-4),
        (ONE[:2], np.inf),
        (ONE[None], np.inf),
        (np.array([1.0, -2.0, np.nan]), np.inf),
        (np.array(["1", "-2", "0"]), np.inf),
    ],
)
def test_difference(found: np.ndarray, apart: float) -> None:
    assert difference(ONE, found) == pytest.approx(apart)


def test_not_a_number_equals_itself() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert difference(odd, odd) == 0
    assert difference(odd, odd[[0, 2, 1, 3]]) == np.inf


def test_what_is_small_is_rounding() -> None:
    assert difference(np.array([1e-9]), np.array([2e-9])) < RTOL
    assert difference(np.array([0.0]), np.array([1e-6])) > RTOL


def test_missing_and_additional_results_are_named() -> None:
    lines = complaints({"a": ONE, "b": ONE}, {"b": ONE + 1, "c": ONE}, RTOL)
    assert [line.split()[0] for line in lines] == ["a:", "c:", "b:"]


def test_text_is_compared() -> None:
    kind = np.array("float")
    assert not complaints({"kind": kind}, {"kind": np.array("float")}, RTOL)
    assert complaints({"kind": kind}, {"kind": np.array("Tensor")}, RTOL)


def test_every_other_tolerance_has_a_reason() -> None:
    assert all(case.why for case in CASES.values() if case.rtol != RTOL)
    assert len(CASES) > 400
