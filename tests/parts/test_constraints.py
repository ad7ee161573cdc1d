"""Constraints against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from keras2torch import constraints
from keras2torch.constraints import Constraint, MaxNorm, NonNeg, UnitNorm
from keras2torch.training.variables import Part, Variable
from tests.parts.asking import ask
from tests.parts.table import applied, compare, same_names

RNG = np.random.default_rng(13)
MATRIX = (RNG.normal(size=(5, 3)) * 2).round(3)
MATRIX[:, 1] *= 0.01  # a norm below every bound
EMPTY = MATRIX.copy()
EMPTY[:, 0] = 0.0  # no norm at all
KERNEL = RNG.normal(size=(3, 3, 2, 4)).round(3)

# Class, arguments, tensor.
ROWS: list[tuple[str, dict[str, Any], np.ndarray]] = [
    ("Constraint", {}, MATRIX),
    ("MaxNorm", {}, MATRIX),
    ("max_norm", {"max_value": 1.5, "axis": 1}, MATRIX),
    ("MaxNorm", {"axis": [0, 1, 2]}, KERNEL),
    ("MaxNorm", {"max_value": 0.5, "axis": None}, KERNEL),
    ("MaxNorm", {}, EMPTY),
    ("NonNeg", {}, KERNEL),
    ("non_neg", {}, MATRIX),
    ("UnitNorm", {}, MATRIX),
    ("unit_norm", {"axis": [0, 1, 2]}, KERNEL),
    ("UnitNorm", {"axis": -1}, EMPTY),
    ("UnitNorm", {}, EMPTY),
    ("MinMaxNorm", {}, MATRIX),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 2, "rate": 0.3}, MATRIX),
    ("min_max_norm", {"min_value": 0.5, "axis": [0, 1, 2]}, KERNEL),
    ("MinMaxNorm", {"min_value": 0.5}, EMPTY),
]
DTYPES = ("float32", "float64")


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    of: dict[str, Any] = {"module": "constraints"}
    jobs: list[dict[str, Any]] = [{"do": "names", **of}]
    for name, config, x in ROWS:
        asked = {**of, "name": name, "config": config, "x": x.tolist()}
        jobs += [{"do": "applied", **asked, "dtype": dtype} for dtype in DTYPES]
        jobs.append({"do": "config", **asked})
    return ask(jobs, tmp_path_factory.mktemp("constraints"))


@pytest.mark.needs_keras
def test_names(keras: list[dict[str, Any]]) -> None:
    same_names(constraints, keras[0])


@pytest.mark.needs_keras
@pytest.mark.parametrize("n", range(len(ROWS)), ids=[str(r[:2]) for r in ROWS])
def test_projections(n: int, keras: list[dict[str, Any]]) -> None:
    name, config, x = ROWS[n]
    made = getattr(constraints, name)(**config)
    *by_dtype, written = keras[1 + 3 * n : 4 + 3 * n]
    for dtype, expected in zip(DTYPES, by_dtype, strict=True):
        expected.pop("gradient", None)  # no gradient flows through a constraint
        compare(applied(made, x, dtype), expected)
    assert constraints.serialize(made) == written["config"]
    again = constraints.get(written["config"])
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()


def test_takes_a_weight_in_keras_shape() -> None:
    linear = nn.Linear(4, 3)
    kernel = Variable(
        "kernel", "dense/kernel", (4, 3), [Part(linear, "weight", (1, 0))]
    )
    kernel.assign(UnitNorm()(kernel))
    torch.testing.assert_close(linear.weight.norm(dim=1), torch.ones(3))


def test_get() -> None:
    assert constraints.get(None) is None
    assert isinstance(constraints.get("non_neg"), NonNeg)
    assert isinstance(constraints.get("NonNeg"), NonNeg)
    assert isinstance(constraints.get(MaxNorm), MaxNorm)
    made = UnitNorm(axis=[0, 1])
    assert constraints.get(made) is made
    with pytest.raises(ValueError, match="did you mean 'non_neg'"):
        constraints.get("nonneg")


def test_a_users_own() -> None:
    class Rounded(Constraint):
        def __call__(self, w: torch.Tensor) -> torch.Tensor:
            return w.round()

    written = constraints.serialize(Rounded())
    made = constraints.deserialize(written, custom_objects={"Rounded": Rounded})
    assert made(torch.tensor([0.6])) == 1
