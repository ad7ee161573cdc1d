"""Where a model is made, where it trains, and that no step waits for the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import keras2torch as keras

layers = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype("float32")
LABELS = RNG.integers(0, 3, 40)


def made(*more: Any) -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            *more,
            layers.Dense(3, activation="softmax"),
        ]
    )


class Subclass(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(4)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return self.dense(x) * self.scale


@pytest.fixture
def meta() -> Iterator[None]:
    """Torch's device without memory, in the place of an accelerator."""
    keras.set_device("meta")
    yield
    keras.set_device(None)


@pytest.mark.usefixtures("meta")
def test_weights_are_made_where_the_default_device_is() -> None:
    model = made(layers.TorchModuleWrapper(nn.Linear(5, 5)))
    assert {t.device.type for t in model.state_dict().values()} == {"meta"}
    assert model(X).device.type == "meta"
    own = Subclass()
    assert own(X).device.type == "meta"
    assert {p.device.type for p in own.parameters()} == {"meta"}
    layer = layers.Dense(2)
    layer.build((None, 4))
    assert layer.weight.device.type == "meta"


@pytest.mark.usefixtures("meta")
def test_a_model_stays_where_its_first_layers_are() -> None:
    keras.set_device("cpu")
    base = made()
    base(X)
    keras.set_device("meta")
    x = keras.Input((6,))
    assert keras.Model(x, base(x) * 2.0)(X).device.type == "cpu"


def test_compile_takes_a_device() -> None:
    model = made()
    model.compile("adam", "sparse_categorical_crossentropy", device="cpu")
    history = model.fit(X, LABELS, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    model.compile("adam", "sparse_categorical_crossentropy", device="meta")
    assert {p.device.type for p in model.parameters()} == {"meta"}


def test_the_state_of_an_optimizer_follows_a_model() -> None:
    a, b = made(), made()
    b.set_weights(a.get_weights())
    for model, dtype in ((a, torch.float32), (b, torch.float64)):
        model.compile("adam", "sparse_categorical_crossentropy")
        for optimizer in (model.optimizer,):
            keras.utils.set_random_seed(3)
            model.fit(X, LABELS, epochs=2, verbose=0)
            model.to(dtype)
            model.fit(X, LABELS, epochs=2, verbose=0)
            kept = [
                value
                for parameter in model.parameters()
                for value in optimizer.state[parameter].values()
            ]
            assert len(kept) == 2 * len(list(model.parameters()))
            assert {value.dtype for value in kept} == {dtype}
    for u, v in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(u, v, rtol=2e-3, atol=2e-4)


def test_an_optimizer_of_torch_follows_a_model() -> None:
    model = made()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(X, LABELS, verbose=0)
    model.double()
    model.fit(X, LABELS, verbose=0)
    assert {s["momentum_buffer"].dtype for s in optimizer.state.values()} == {
        torch.float64
    }


class Waits(TorchDispatchMode):
    """Counts what waits for a device: a number read, places of a mask."""

    KINDS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.count += any(kind in str(function) for kind in self.KINDS)
        return function(*args, **(kwargs or {}))


ITEM = {"optimizer": "adam", "metrics": ["accuracy"], "fit": {}}
ROWS: dict[str, dict[str, Any]] = {
    "adam": {},
    "schedule": {
        "optimizer": lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5), momentum=0.9
        )
    },
    "clipped": {"optimizer": lambda: keras.optimizers.AdamW(0.1, clipnorm=1.0)},
    "clipped by all": {
        "optimizer": lambda: keras.optimizers.RMSprop(0.1, global_clipnorm=1.0)
    },
    "averaged": {"optimizer": lambda: keras.optimizers.Lamb(0.1, use_ema=True)},
    "scaled": {
        "optimizer": lambda: keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.1)
        ),
        # Whether all gradients are finite is asked; the scale and its counter are kept
        # on the CPU, where nobody waits.
        "a step": 5,
    },
    "metrics": {
        "metrics": lambda: [
            "accuracy",
            keras.metrics.SparseTopKCategoricalAccuracy(2),
            keras.metrics.SparseCategoricalCrossentropy(),
        ]
    },
    "weights": {"fit": {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}},
    "a callback of batches": {
        "fit": {
            "callbacks": lambda: [
                keras.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: None)
            ]
        }
    },
}


def waits(row: dict[str, Any], steps: int, epochs: int) -> int:
    made_of = {
        key: value() if callable(value) else value
        for key, value in {**ITEM, **row}.items()
    }
    fit = {k: v() if callable(v) else v for k, v in made_of["fit"].items()}
    model = made()
    loss = "sparse_categorical_crossentropy"
    model.compile(made_of["optimizer"], loss, metrics=made_of["metrics"])
    model.fit(X, LABELS, verbose=0)  # what is built is built
    x, y = np.repeat(X, steps, 0), np.repeat(LABELS, steps, 0)
    validation = (x, y)
    with Waits() as counted:
        model.fit(
            x,
            y,
            batch_size=40,
            epochs=epochs,
            verbose=0,
            validation_data=validation,
            validation_batch_size=40,
            **fit,
        )
    return counted.count


@pytest.mark.parametrize("name", ROWS)
def test_no_step_waits_for_the_device(name: str) -> None:
    row = {k: v for k, v in ROWS[name].items() if k != "a step"}
    once = waits(row, 2, 1)
    more = waits(row, 12, 1)
    assert more - once <= 10 * ROWS[name].get("a step", 0)
    if "a step" not in ROWS[name]:
        assert waits(row, 2, 2) == 2 * once  # the logs of an epoch


def test_the_counting_counts() -> None:
    class Reads(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            float(logs["loss"])

    row = {"fit": {"callbacks": lambda: [Reads()]}}
    assert waits(row, 12, 1) - waits(row, 2, 1) >= 10


def test_predict_waits_once() -> None:
    model = made()
    model.predict(X, verbose=0)
    with Waits() as counted:
        model.predict(X, batch_size=2, verbose=0)
    assert counted.count == 0
