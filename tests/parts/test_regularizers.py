"""Regularizers against Keras, values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import regularizers
from keras2torch.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer
from tests.parts.asking import ask
from tests.parts.table import applied, compare, same_names

RNG = np.random.default_rng(11)
MATRIX = RNG.normal(size=(5, 3)).round(3).tolist()
KERNEL = RNG.normal(size=(3, 3, 2, 4)).round(3).tolist()
WIDE = (RNG.normal(size=(2, 6)) * 1e3).round(3).tolist()

# Class, arguments, tensor.
ROWS: list[tuple[str, dict[str, Any], Any]] = [
    ("L1", {}, MATRIX),
    ("L1", {"l1": None}, MATRIX),
    ("L1", {"l1": 0.3}, KERNEL),
    ("L2", {}, KERNEL),
    ("L2", {"l2": 2}, WIDE),
    ("l2", {"l2": 0.1}, MATRIX),
    ("L1L2", {}, MATRIX),
    ("L1L2", {"l1": 0.1}, MATRIX),
    ("l1_l2", {"l1": None, "l2": 0.1}, KERNEL),
    ("L1L2", {"l1": 0.1, "l2": 0.2}, KERNEL),
    ("OrthogonalRegularizer", {}, MATRIX),
    ("OrthogonalRegularizer", {"factor": 0.7, "mode": "columns"}, MATRIX),
    ("orthogonal_regularizer", {"factor": 1.0, "mode": "rows"}, WIDE),
]
REFUSED: list[dict[str, Any]] = [
    {"name": "L1", "config": {"l1": "a"}},
    {"name": "L2", "config": {"l2": -1.0}},
    {"name": "L1L2", "config": {"l1": float("inf")}},
    {"name": "OrthogonalRegularizer", "config": {"mode": "diagonal"}},
    {"name": "l1_l2"},
    {"name": "L3"},
]


def dtypes(name: str) -> tuple[str, str]:
    # Keras multiplies by a factor that it holds in float32.
    return ("float32", "float32" if "rthogonal" in name else "float64")


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    of: dict[str, Any] = {"module": "regularizers"}
    jobs: list[dict[str, Any]] = [{"do": "names", **of}]
    for name, config, x in ROWS:
        asked = {**of, "name": name, "config": config, "x": x}
        jobs += [{"do": "applied", **asked, "dtype": d} for d in dtypes(name)]
        jobs.append({"do": "config", **asked})
    jobs += [{"do": "refused", **of, **row} for row in REFUSED]
    return ask(jobs, tmp_path_factory.mktemp("regularizers"))


@pytest.mark.needs_keras
def test_names(keras: list[dict[str, Any]]) -> None:
    same_names(regularizers, keras[0])


@pytest.mark.needs_keras
@pytest.mark.parametrize("n", range(len(ROWS)), ids=[str(r[:2]) for r in ROWS])
def test_penalties(n: int, keras: list[dict[str, Any]]) -> None:
    name, config, x = ROWS[n]
    made = getattr(regularizers, name)(**config)
    *by_dtype, written = keras[1 + 3 * n : 4 + 3 * n]
    for dtype, expected in zip(dtypes(name), by_dtype, strict=True):
        compare(applied(made, x, dtype), expected)
    assert regularizers.serialize(made) == written["config"]
    again = regularizers.get(written["config"])
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()


@pytest.mark.needs_keras
@pytest.mark.parametrize("n", range(len(REFUSED)), ids=[str(r) for r in REFUSED])
def test_what_keras_refuses(n: int, keras: list[dict[str, Any]]) -> None:
    assert keras[len(keras) - len(REFUSED) + n] == {"refused": True}
    name, config = REFUSED[n]["name"], REFUSED[n].get("config")
    make = regularizers.get if config is None else getattr(regularizers, name)
    with pytest.raises(ValueError):  # noqa: PT011
        make(**config) if config else make(name)


class Cubed(Regularizer):
    def __init__(self, k: float = 1.0) -> None:
        self.k = k

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.k * x.abs().pow(3).sum()

    def get_config(self) -> dict[str, Any]:
        return {"k": self.k}


def test_a_users_own() -> None:
    written = regularizers.serialize(Cubed(3.0))
    assert written["registered_name"] == "Cubed"
    assert regularizers.deserialize(written, {"Cubed": Cubed}).k == 3.0
    with pytest.raises(ValueError, match="there is no regularizer 'Cubed'"):
        regularizers.get(written)
    function = regularizers.get(lambda x: x.sum())
    assert function(torch.ones(3)) == 3
    with pytest.raises(NotImplementedError):
        Regularizer().get_config()


def test_get() -> None:
    assert regularizers.get(None) is None
    assert isinstance(regularizers.get(L1), L1)
    made = L2(0.5)
    assert regularizers.get(made) is made
    assert isinstance(regularizers.get("OrthogonalRegularizer"), OrthogonalRegularizer)
    keras_2 = {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.25}}
    assert regularizers.get(keras_2).l2 == 0.25
    with pytest.raises(ValueError, match="did you mean 'l1l2'"):
        regularizers.get("l1_l2")


def test_takes_lists_and_whole_numbers() -> None:
    assert L1(0.5)([[1, -2]]) == 1.5
    assert L1L2(l2=0.5)(torch.tensor([1, 2])) == 2.5


def test_only_matrices_are_orthogonal() -> None:
    with pytest.raises(ValueError, match="takes a matrix"):
        OrthogonalRegularizer()(torch.ones(2, 2, 2))
