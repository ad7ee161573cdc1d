"""How far arrays are apart, and what that is called."""

from __future__ import annotations

import math

import numpy as np
import pytest

from keras2torch.verification.difference import (
    Difference,
    difference,
    says_little,
    worst,
    worst_of_calls,
)

NAN = math.nan


@pytest.mark.parametrize(
    ("single", "double", "verdict"),
    [
        (1e-6, None, "exact"),
        (1e-4, None, "close"),
        (1e-2, None, "different"),
        (1e-2, 1e-12, "exact"),  # rounding that the model amplifies
        (1e-2, 5e-9, "exact"),  # as much smaller as rounding is
        (1.0, 2e-7, "different"),
        (1e-4, 1e-8, "close"),
        (1e-4, 1e-5, "close"),
        (1e-2, 1e-5, "different"),
        (math.inf, None, "different"),
    ],
)
def test_verdict(single: float, double: float | None, verdict: str) -> None:
    assert Difference(single, single, double).verdict == verdict


def test_relative_to_the_largest_value_of_keras() -> None:
    found = difference(np.array([0.001, 100.0]), np.array([0.002, 100.0]))
    assert found.absolute == pytest.approx(1e-3)
    assert found.relative == pytest.approx(1e-5)


def test_nan_agrees_with_nan_alone() -> None:
    keras = np.array([NAN, np.inf, 1.0])
    assert difference(keras, keras.copy()).relative == 0.0
    assert difference(keras, np.array([NAN, -np.inf, 1.0])).verdict == "different"
    assert difference(keras, np.array([0.0, np.inf, 1.0])).verdict == "different"


def test_shapes_booleans_and_nothing_at_all() -> None:
    assert "shape" in difference(np.zeros((2, 3)), np.zeros((3, 2))).why
    assert difference(np.zeros((2, 0)), np.zeros((2, 0))).verdict == "exact"
    flags = np.array([True, False])
    assert difference(flags, flags).verdict == "exact"
    assert difference(flags, ~flags).verdict == "different"


def test_zeros_have_no_relative_difference() -> None:
    assert difference(np.zeros(3), np.full(3, 1e-9)).verdict == "exact"
    assert difference(np.zeros(3), np.full(3, 1e-2)).verdict == "different"


def test_worst_keeps_float64_only_if_all_have_it() -> None:
    assert worst([Difference(1, 1, 2.0), Difference(3, 3, 1.0)]).float64 == 2.0
    assert worst([Difference(1, 1, 2.0), Difference(3, 3)]).float64 is None


def test_calls_of_a_shared_layer_may_run_in_another_order() -> None:
    a, b = np.array([1.0]), np.array([2.0])
    assert worst_of_calls([[a], [b]], [[b], [a]]).relative == 0.0
    assert worst_of_calls([[a], [b]], [[a], [a]]).verdict == "different"


def test_saturated_outputs_say_little() -> None:
    assert says_little([np.array([[0.0, 1.0], [1.0, 0.0]])])
    assert says_little([np.full((3, 2), 0.4)])
    assert says_little([np.full((3, 2), NAN)])
    assert not says_little([np.array([[0.3, 0.7], [0.4, 0.6]])])
    assert not says_little([np.array([[0.0, 1.0, 7.0]])])
