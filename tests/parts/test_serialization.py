"""Names and configs ↔ objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import activations, regularizers, serialization
from keras2torch.serialization import (
    CustomObjectScope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from keras2torch.spelling import snake_case


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    serialization._CUSTOM.clear()
    serialization._CUSTOM_NAMES.clear()


def double(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


class Scaled:
    def __init__(self, by: float = 1.0) -> None:
        self.by = by

    def __call__(self, x: Any) -> Any:
        return self.by * x

    def get_config(self) -> dict[str, Any]:
        return {"by": self.by}


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        2.5,
        True,
        "relu",
        [1, [2, "a"]],
        {"a": {"b": [1]}},
        torch.arange(6).reshape(2, 3),
        torch.tensor([0.1], dtype=torch.float16),
        np.ones((2, 2), "float32"),
    ],
    ids=str,
)
def test_plain_values_come_back(value: Any) -> None:
    found = deserialize_keras_object(serialize_keras_object(value))
    assert type(found) is type(value)
    if isinstance(value, (torch.Tensor, np.ndarray)):
        assert found.dtype == value.dtype
        assert found.tolist() == value.tolist()
    else:
        assert found == value


def test_numpy_numbers_become_pythons() -> None:
    for value in (np.float32(0.5), np.int64(3), np.float64(2.0), np.array(1.5)):
        found = serialize_keras_object(value)
        assert type(found) in (int, float)
        assert found == value


def test_registered_objects() -> None:
    register_keras_serializable("mine")(Scaled)
    register_keras_serializable("mine", "twice")(double)
    assert get_registered_name(Scaled) == "mine>Scaled"
    assert get_registered_object("mine>twice") is double
    assert set(get_custom_objects()) == {"mine>Scaled", "mine>twice"}
    written = serialize_keras_object(Scaled(3.0))
    assert written["registered_name"] == "mine>Scaled"
    assert regularizers.get(written).by == 3.0
    assert regularizers.get("Scaled").by == 1.0
    assert activations.get(activations.serialize(double)) is double
    assert activations.get("mine>twice") is double


def test_packages_are_told_apart() -> None:
    kinds = [type("Same", (Scaled,), {}) for _ in range(2)]
    for package, kind in zip(("one", "two"), kinds, strict=True):
        register_keras_serializable(package)(kind)
        written = serialize_keras_object(kind(2.0))
        assert type(regularizers.get(written)) is kind


def test_only_what_has_a_config_is_registered() -> None:
    with pytest.raises(ValueError, match="get_config"):
        register_keras_serializable()(type("Bare", (), {}))


def test_scopes_nest_and_end() -> None:
    with CustomObjectScope({"Scaled": Scaled}):
        with CustomObjectScope({"double": double}):
            assert activations.get("double") is double
            assert isinstance(regularizers.get("Scaled"), Scaled)
        with pytest.raises(ValueError, match="double"):
            activations.get("double")
    with pytest.raises(ValueError, match="Scaled"):
        regularizers.get("Scaled")


def test_a_users_object_comes_before_keras() -> None:
    config = {"class_name": "L2", "config": {"by": 4.0}}
    assert regularizers.deserialize(config, {"L2": Scaled}).by == 4.0
    with CustomObjectScope({"relu": double}):
        assert activations.get("relu") is double


def test_nothing_is_imported_or_run() -> None:
    written = {"module": "os", "class_name": "function", "config": "system"}
    with pytest.raises(ValueError, match="there is no object 'system'"):
        deserialize_keras_object({**written, "registered_name": "system"})
    with pytest.raises(ValueError, match="bytecode"):
        deserialize_keras_object(
            {"class_name": "__lambda__", "config": {"value": "4w"}}
        )
    bad = {"class_name": "__tensor__", "config": {"value": [1], "dtype": "load"}}
    with pytest.raises(ValueError, match="unknown dtype 'load'"):
        deserialize_keras_object(bad)


@pytest.mark.parametrize(
    ("name", "snake"),
    [("GlorotUniform", "glorot_uniform"), ("L1L2", "l1l2"), ("STFT", "stft")],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake
