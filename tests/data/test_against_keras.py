"""Batches and helper functions against Keras, which is asked once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import keras2torch.data as data
from keras2torch.data.structures import flatten
from tests.data.cases import (
    CASES,
    HELPERS,
    SPLITS,
    VECTORS,
    Case,
    X,
    Y,
    leaves,
    py_dataset_class,
    ramp,
)

pytestmark = pytest.mark.needs_keras
SCRIPT = Path(__file__).with_name("keras_side.py")


@pytest.fixture(scope="module")
def keras_says(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("keras") / "out.npz"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(out) as arrays:
        return {k: arrays[k] for k in arrays}


def of(keras_says: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    start = f"{kind}|{name}|"
    return {k[len(start) :]: v for k, v in keras_says.items() if k.startswith(start)}


class TensorOfTensorFlow:
    """What can be known of one without TensorFlow."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = array.shape

    def numpy(self) -> Any:
        return self.array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.array


class DatasetOfTensorFlow:
    """``Dataset.from_tensor_slices((X, Y)).batch(size)`` as far as fit asks."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.element_spec = (TensorOfTensorFlow(X[:size]), TensorOfTensorFlow(Y[:size]))

    def cardinality(self) -> TensorOfTensorFlow:
        class Scalar(TensorOfTensorFlow):
            def __int__(self) -> int:
                return int(self.array)

        return Scalar(np.asarray(-(-len(X) // self.size)))

    def __iter__(self) -> Any:
        for at in range(0, len(X), self.size):
            part = slice(at, at + self.size)
            yield TensorOfTensorFlow(X[part]), TensorOfTensorFlow(Y[part])


def given(case: Case) -> Any:
    if case.kind == "generator":
        return ramp(*case.x)
    if case.kind == "py_dataset":
        return py_dataset_class(data.PyDataset)(case.x)
    if case.kind == "tf_data":
        return DatasetOfTensorFlow(case.x)
    return case.x


@pytest.mark.parametrize("name", CASES)
def test_batches(name: str, keras_says: dict[str, Any]) -> None:
    case = CASES[name]
    expected = of(keras_says, "batches", name)
    x = given(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batches = data.make_batches(x, case.y, case.w, **case.more)
        batches.reset()
        random.seed(6)
        found: dict[str, Any] = {}
        for epoch in range(case.epochs):
            count = 0
            for triple in batches:
                for part, value in zip("xyw", triple, strict=True):
                    for i, leaf in enumerate(leaves(value)):
                        found[f"{epoch}/{count}/{part}{i}"] = leaf
                count += 1
            found[f"{epoch}/count"] = count
    if case.kind == "py_dataset":
        assert x.calls == expected.pop("calls").tolist()
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if key.endswith("count"):
            assert found[key] == value, key
            continue
        # Keras hands a generator's float64 to the model, which makes it float32.
        if case.kind != "arrays" and value.dtype == np.float64:
            value = value.astype("float32")
        array = found[key].numpy()
        assert array.dtype == value.dtype, key
        np.testing.assert_array_equal(array, value, err_msg=key)


@pytest.mark.parametrize("name", [k for k, c in CASES.items() if c.kind == "arrays"])
def test_structure_of_x_stays(name: str) -> None:
    case = CASES[name]

    def kinds(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: kinds(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(kinds(v) for v in value)
        return None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x, y, _ = next(iter(data.make_batches(case.x, case.y, case.w, **case.more)))
    assert kinds(x) == kinds(case.x)
    assert list(x) == list(case.x) if isinstance(x, dict) else True
    assert kinds(y) == kinds(case.y)


@pytest.mark.parametrize("name", HELPERS)
def test_helpers(name: str, keras_says: dict[str, Any]) -> None:
    function, args, kwargs = HELPERS[name]
    expected = of(keras_says, "helper", name)
    made = getattr(data, function)(*args, **kwargs)
    if function in ("timeseries_dataset_from_array", "split_dataset"):
        assert len(list(made)) == len(made)
    if function == "timeseries_dataset_from_array":
        made = list(made)
    if function == "split_dataset":
        made = [list(side) for side in made]
    found = [np.asarray(leaf) for leaf in flatten(made) if leaf is not None]
    assert len(found) == len(expected)
    for key, value in expected.items():
        assert found[int(key)].dtype == value.dtype
        np.testing.assert_array_equal(found[int(key)], value)


def test_helpers_of_tensors(keras_says: dict[str, Any]) -> None:
    tensor = torch.from_numpy(VECTORS)
    for axis, order in ((-1, 2), (0, 2), (0, 1), (1, 3)):
        expected = keras_says[f"tensor|normalize {axis} {order}|0"]
        found = data.normalize(tensor, axis, order)
        np.testing.assert_allclose(found, expected, rtol=3e-7)
    classes = torch.tensor([[0], [5], [-1], [2]])
    np.testing.assert_array_equal(
        data.to_categorical(classes, 4), keras_says["tensor|to_categorical|0"]
    )


@pytest.mark.parametrize("place", range(len(SPLITS)))
def test_split(place: int, keras_says: dict[str, Any]) -> None:
    samples, fraction = SPLITS[place]
    x = np.arange(samples)
    train, validation = data.split((x, None, x * 2), fraction)
    for side, (a, b, c) in (("train", train), ("validation", validation)):
        assert b is None
        expected = keras_says[f"split|{place}|{side}"]
        np.testing.assert_array_equal(np.stack([a, c]), expected)
