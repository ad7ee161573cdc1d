"""Dtype policies: the dtypes of Keras everywhere, and float64 with its numbers."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import keras2torch as keras
from tests.shim import precision_cases

layers = keras.layers
SCRIPT = Path(precision_cases.__file__)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype("float32")
LABELS = RNG.integers(0, 3, 40)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("precision")
    root = str(SCRIPT.parents[2])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": paths}
    sides = ("keras", "keras2torch")
    running = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), side, str(folder / f"{side}.npz")],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for side in sides
    ]
    for process in running:
        _, told = process.communicate()
        assert process.returncode == 0, told
    return [dict(np.load(folder / f"{side}.npz")) for side in sides]


# Half precision rounds where it is told to: the frameworks do not tell it alike.
TOLERANCE = {"mixed": 0.05, "float64": 1e-6, "floatx": 1e-13, "policy": 1e-6}


@pytest.mark.needs_keras
@pytest.mark.parametrize("name", precision_cases.CASES)
def test_as_keras(name: str, answers: list[dict[str, Any]]) -> None:
    expected, found = (
        {
            k.removeprefix(f"{name}/"): v
            for k, v in a.items()
            if k.startswith(f"{name}/")
        }
        for a in answers
    )
    assert found.keys() == expected.keys()
    tolerance = next(
        (t for part, t in TOLERANCE.items() if name.startswith(part)), 1e-6
    )
    for key, value in expected.items():
        if key == "predict/dtype" and str(value) == "bfloat16":
            continue  # numpy has none: float32
        if value.dtype.kind == "U":
            assert (found[key] == value).all(), (key, found[key], value)
        else:
            np.testing.assert_allclose(
                found[key].astype("float64"),
                value.astype("float64"),
                rtol=tolerance,
                atol=tolerance,
                err_msg=key,
            )


@pytest.fixture
def mixed() -> Iterator[None]:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_global_policy("float32")


class Block(keras.layers.Layer):
    """Notes in which dtype its matrix product is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: set[torch.dtype] = set()

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(shape=(input_shape[-1], 4))

    def call(self, x: Any) -> Any:
        made = x @ self.w
        self.seen.add(made.dtype)
        return made


class Net(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(8, activation="relu")
        self.block = Block()
        self.head = layers.Dense(3, dtype="float32")
        self.plain = Block(dtype="float32")

    def call(self, x: Any) -> Any:
        x = self.block(self.body(x))
        return self.head(x) + self.plain(x)[:, :3]


@pytest.mark.usefixtures("mixed")
@pytest.mark.filterwarnings("error")
def test_a_subclass_and_layers_of_ones_own() -> None:
    model = Net()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    history = model.fit(X, LABELS, epochs=12, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert model.block.seen == {torch.bfloat16}
    assert model.plain.seen == {torch.float32}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model(X).dtype == torch.float32
    assert model.body(X).dtype == torch.bfloat16


@pytest.mark.usefixtures("mixed")
def test_a_plain_loop_of_torch_computes_in_half_precision_too() -> None:
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
    made = model(torch.from_numpy(X))
    assert made.dtype == torch.bfloat16
    made.float().square().mean().backward()
    assert {p.grad.dtype for p in model.parameters()} == {torch.float32}


def test_autocast_of_torch_around_a_model_is_left_alone() -> None:
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(torch.from_numpy(X)).dtype == torch.bfloat16
    assert model(torch.from_numpy(X)).dtype == torch.float32


def test_float16_scales_the_loss() -> None:
    def optimizer(auto: bool) -> str:
        made = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
        made.compile("adam", "mse", auto_scale_loss=auto)
        return type(made.optimizer).__name__

    assert optimizer(True) == "Adam"
    keras.config.set_dtype_policy("mixed_float16")
    try:
        assert optimizer(True) == "LossScaleOptimizer"
        assert optimizer(False) == "Adam"
    finally:
        keras.config.set_dtype_policy("float32")


def test_policies() -> None:
    policy = keras.DTypePolicy("mixed_bfloat16")
    assert (policy.compute_dtype, policy.variable_dtype) == ("bfloat16", "float32")
    assert policy == keras.mixed_precision.Policy("mixed_bfloat16")
    again = keras.dtype_policies.deserialize(keras.dtype_policies.serialize(policy))
    assert again == policy
    assert keras.config.dtype_policy().name == "float32"
    for given in ("float64", np.float64, torch.float64, keras.DTypePolicy("float64")):
        assert layers.Dense(1, dtype=given).compute_dtype == "float64"
    with pytest.raises(ValueError, match="mixed_float8"):
        layers.Dense(1, dtype="mixed_float8")


def test_dtypes_are_kept_in_configs() -> None:
    model = precision_cases.stack(keras, None, "float64", "mixed_bfloat16")
    again = keras.Sequential.from_config(model.get_config())
    names = [layer.dtype_policy.name for layer in again.layers]
    assert names == ["float32", "float64", "mixed_bfloat16"]


# --------------------------------------------------------------------- jit_compile
def small() -> Any:
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(3)]
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.slow
def test_jit_compile_has_the_same_numbers() -> None:
    pytest.importorskip("torch._inductor")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    models = []
    for jit in (False, True):
        model = small()
        model.compile("adam", loss, jit_compile=jit)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model.fit(X, LABELS, epochs=2, shuffle=False, verbose=0)
        models.append(model)
    if not models[1]._jit.works:
        assert any("jit_compile" in str(w.message) for w in told)
        pytest.skip("no compiler that torch.compile can use")
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_where_torch_compile_cannot_work_one_warning_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compiled(net: Any) -> Any:
        def run(*args: Any) -> Any:
            raise RuntimeError("no C++ compiler\nand more")

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    model, plain = small(), small()
    model.compile("sgd", "mse", jit_compile=True)
    plain.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no C\\+\\+ compiler") as told:
        model.fit(X, X[:, :3], epochs=2, shuffle=False, verbose=0)
    assert len(told) == 1
    plain.fit(X, X[:, :3], epochs=2, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_dtype_of_integers() -> None:
    """Floats would be cut, which has no rule; what moves integers gets along."""
    whole = keras.layers.Flatten(dtype="int32")(torch.arange(6).reshape(1, 2, 3))
    assert whole.tolist() == [[0, 1, 2, 3, 4, 5]]
    counts = keras.layers.CategoryEncoding(3, output_mode="count", dtype="int64")
    assert counts(torch.tensor([[0, 2, 2]])).tolist() == [[1, 0, 2]]
    for layer in (
        keras.layers.ReLU(dtype="int32"),
        keras.layers.Dense(2, dtype="int8"),
    ):
        with pytest.raises(ValueError, match="computes in integers"):
            layer(torch.rand(1, 3))
        with pytest.raises(ValueError, match="computes in integers"):
            layer(keras.Input((3,)))
