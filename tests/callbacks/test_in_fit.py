"""The callbacks in the shim's own `fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keras2torch as keras
from tests.callbacks.driver import Interrupted

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 5)).astype("float32")
Y = (X.sum(1) > 0).astype("float32")


def made(use_ema: bool = False) -> Any:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    optimizer = keras.optimizers.Adam(0.01, use_ema=use_ema)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


class InterruptAt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 3:
            raise Interrupted


@pytest.mark.parametrize("use_ema", [False, True])
def test_an_interrupted_fit_ends_as_the_unbroken_one(
    use_ema: bool, tmp_path: Path
) -> None:
    def fit(model: Any, *callbacks: Any) -> Any:
        given = [keras.callbacks.SwapEMAWeights()] * use_ema + list(callbacks)
        return model.fit(
            X, Y, epochs=6, validation_split=0.2, verbose=0, callbacks=given
        )

    unbroken = made(use_ema)
    expected = fit(unbroken).history
    broken = made(use_ema)
    with pytest.raises(Interrupted):
        fit(broken, keras.callbacks.BackupAndRestore(tmp_path), InterruptAt())
    resumed = made(use_ema)  # its layers have other names
    keras.utils.set_random_seed(77)
    found = fit(resumed, keras.callbacks.BackupAndRestore(tmp_path)).history
    for a, b in zip(resumed.get_weights(), unbroken.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert found == {name: values[3:] for name, values in expected.items()}


def test_the_best_weights_come_back() -> None:
    """By a metric whose class says which way is better."""
    model, kept = made(), []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    stop = keras.callbacks.EarlyStopping(
        "val_accuracy", patience=2, restore_best_weights=True
    )
    history = model.fit(
        X, Y, epochs=30, validation_split=0.2, verbose=0, callbacks=[keep, stop]
    )
    values = history.history["val_accuracy"]
    assert len(values) < 30
    best = int(np.argmax(values))
    assert stop.best_epoch == best
    for a, b in zip(model.get_weights(), kept[best], strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_printed_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    model = made()
    model.fit(X, Y, epochs=2, verbose="auto")
    out = capsys.readouterr().out
    assert [line.split(" - ")[0] for line in out.splitlines()] == [
        "Epoch 1/2",
        "3/3",
        "Epoch 2/2",
        "3/3",
    ]
    model.evaluate(X, Y, verbose=1)
    assert capsys.readouterr().out.startswith("3/3 " + "━" * 20)
    model.predict(X, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_batch_that_is_no_number_ends_training() -> None:
    model = made()
    history = model.fit(
        np.where(np.arange(90)[:, None] == 70, np.nan, X),
        Y,
        batch_size=30,
        shuffle=False,
        epochs=4,
        verbose=0,
        callbacks=[keras.callbacks.TerminateOnNaN()],
    )
    assert history.epoch == [0]
