"""Callbacks that change what is trained."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from parity.recording import Arrays, curves, floats, start, train, weights
from parity.table import add, case

X, Y = floats(1, 24, 4), floats(2, 24, 2)
# Far from the training data: its loss rises again, and callbacks have work.
VX, VY = floats(3, 9, 4), floats(4, 9, 2)


def model_for(keras: Any, rate: Any = 0.2, **compile: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(6, activation="tanh"), layers.Dense(2)]
    )
    start(model)
    model.compile(keras.optimizers.SGD(rate, momentum=0.8), "mse", **compile)
    return model


Make = Callable[[Any], list[Any]]


def one(make: Make, epochs: int = 8, rate: float = 0.2) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        model = model_for(keras, rate, metrics=["mae"])
        used = make(keras)
        found = train(
            model,
            X,
            Y,
            batch_size=7,
            epochs=epochs,
            validation_data=(VX, VY),
            callbacks=used,
        )
        found["rate"] = float(model.optimizer.learning_rate)
        if hasattr(used[0], "stopped_epoch"):
            found["stopped"] = used[0].stopped_epoch
        return found

    return run


TABLE: dict[str, Make] = {
    "stopping": lambda k: [k.callbacks.EarlyStopping(patience=1)],
    "stopping-restore": lambda k: [
        k.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    ],
    "stopping-restore-at-end": lambda k: [
        k.callbacks.EarlyStopping(patience=50, restore_best_weights=True)
    ],
    "stopping-min-delta": lambda k: [
        k.callbacks.EarlyStopping("loss", min_delta=0.1, patience=1)
    ],
    "stopping-baseline": lambda k: [
        k.callbacks.EarlyStopping(
            "val_mae", baseline=0.2, patience=3, restore_best_weights=True
        )
    ],
    "stopping-start-from": lambda k: [
        k.callbacks.EarlyStopping(
            start_from_epoch=3, patience=1, restore_best_weights=True
        )
    ],
    "stopping-max": lambda k: [
        k.callbacks.EarlyStopping("val_mae", mode="max", patience=1)
    ],
    "plateau": lambda k: [
        k.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_lr=0.01)
    ],
    "plateau-cooldown": lambda k: [
        k.callbacks.ReduceLROnPlateau(
            "loss", factor=0.3, patience=1, min_delta=0.2, cooldown=2
        )
    ],
    "plateau-max": lambda k: [
        k.callbacks.ReduceLROnPlateau("val_mae", mode="max", factor=0.5, patience=2)
    ],
    "schedule": lambda k: [
        k.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)
    ],
    "schedule-of-epoch": lambda k: [
        k.callbacks.LearningRateScheduler(lambda epoch: 0.2 / (1 + epoch))
    ],
    "two-together": lambda k: [
        k.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True),
        k.callbacks.ReduceLROnPlateau("val_loss", factor=0.2, patience=1),
    ],
    "lambda": lambda k: [
        k.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: None)
    ],
}

for name, make in TABLE.items():
    add(f"callbacks/{name}", one(make))


@case("callbacks/terminate-on-nan")
def terminate(keras: Any) -> Arrays:
    model = model_for(keras)
    x = X.copy()
    x[10] = np.nan
    history = model.fit(
        x,
        Y,
        batch_size=7,
        epochs=4,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.TerminateOnNaN()],
    )
    return {**curves(history), "epochs": len(history.epoch)}


@case("callbacks/swap-ema-weights")
def swap_ema(keras: Any) -> Arrays:
    model = model_for(keras)
    model.compile(
        keras.optimizers.SGD(0.2, use_ema=True, ema_momentum=0.8),
        "mse",
    )
    return train(
        model,
        X,
        Y,
        batch_size=7,
        epochs=3,
        validation_data=(VX, VY),
        callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=False)],
    )


@case("callbacks/swap-ema-weights-on-epoch")
def swap_ema_epoch(keras: Any) -> Arrays:
    model = model_for(keras)
    model.compile(
        keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.8),
        "mse",
    )
    return train(
        model,
        X,
        Y,
        batch_size=7,
        epochs=3,
        callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)],
    )


def checkpoint(**settings: Any) -> Callable[[Any], Arrays]:
    def run(keras: Any) -> Arrays:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "best.weights.h5")
            model = model_for(keras)
            keeping = keras.callbacks.ModelCheckpoint(
                path, save_weights_only=True, **settings
            )
            found = train(
                model,
                X,
                Y,
                batch_size=7,
                epochs=6,
                validation_data=(VX, VY),
                callbacks=[keeping],
            )
            model.load_weights(path)
            found |= {f"loaded/{k}": v for k, v in weights(model).items()}
            return found | {"best": float(keeping.best or 0.0)}

    return run


add("callbacks/checkpoint-best", checkpoint(save_best_only=True))
add("callbacks/checkpoint-last", checkpoint(save_best_only=False))
add(
    "callbacks/checkpoint-train-loss",
    checkpoint(save_best_only=True, monitor="loss", initial_value_threshold=0.9),
)


@case("callbacks/checkpoint-names")
def checkpoint_names(keras: Any) -> Arrays:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "{epoch:02d}-{val_loss:.2f}.weights.h5")
        keeping = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
        model = model_for(keras)
        train(model, X, Y, batch_size=7, validation_data=(VX, VY), callbacks=[keeping])
        return {"names": sorted(os.listdir(folder))}


@case("callbacks/csv")
def csv(keras: Any) -> Arrays:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log.csv")
        model = model_for(keras, metrics=["mae"])
        train(
            model,
            X,
            Y,
            batch_size=7,
            epochs=3,
            validation_data=(VX, VY),
            callbacks=[keras.callbacks.CSVLogger(path)],
        )
        with open(path) as file:
            first, *rest = file.read().splitlines()
        return {
            "columns": first.split(","),
            "values": [[float(v) for v in line.split(",")] for line in rest],
        }


def recorder(keras: Any) -> Any:
    class Recorder(keras.callbacks.Callback):
        """What is called, in order, and with which logs."""

        def __init__(self) -> None:
            super().__init__()
            self.calls: list[str] = []
            self.losses: list[float] = []

        def note(self, name: str, logs: dict[str, Any] | None) -> None:
            self.calls.append(f"{name}({','.join(sorted(logs or {}))})")

        def on_train_begin(self, logs: Any = None) -> None:
            self.note("train_begin", logs)

        def on_train_end(self, logs: Any = None) -> None:
            self.note("train_end", logs)

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.note(f"epoch_begin {epoch}", logs)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.note(f"epoch_end {epoch}", logs)

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.note(f"train_batch_begin {batch}", logs)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.note(f"train_batch_end {batch}", logs)
            self.losses.append(float(logs["loss"]))

        def on_test_begin(self, logs: Any = None) -> None:
            self.note("test_begin", logs)

        def on_test_end(self, logs: Any = None) -> None:
            self.note("test_end", logs)

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            self.note(f"test_batch_end {batch}", logs)

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            self.note(f"predict_batch_end {batch}", logs)

    return Recorder()


@case("callbacks/order-of-calls")
def order(keras: Any) -> Arrays:
    model = model_for(keras, metrics=["mae"])
    noted = recorder(keras)
    train(
        model,
        X,
        Y,
        batch_size=10,
        validation_data=(VX, VY),
        validation_batch_size=5,
        callbacks=[noted],
    )
    model.evaluate(VX, VY, verbose=0, callbacks=[noted])
    model.predict(VX, batch_size=5, verbose=0, callbacks=[noted])
    # Per batch Keras gives the average since the epoch began.
    return {"calls": noted.calls, "losses": noted.losses}


@case("callbacks/params-and-model")
def params(keras: Any) -> Arrays:
    class Looking(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.seen = sorted(f"{k}={v}" for k, v in self.params.items())

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.stop_training = True

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.rate = float(self.model.optimizer.learning_rate)

    looking = Looking()
    model = model_for(keras)
    found = train(model, X, Y, batch_size=10, epochs=5, callbacks=[looking])
    return found | {"params": looking.seen, "rate": looking.rate}


@case("callbacks/rate-by-own-callback")
def own_rate(keras: Any) -> Arrays:
    class Warmup(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.02 * (batch + 1)

    return train(model_for(keras), X, Y, batch_size=7, callbacks=[Warmup()])


@case("callbacks/freeze-between-fits")
def refit(keras: Any) -> Arrays:
    # Without compiling again, moments and iterations go on.
    model = model_for(keras)
    first = train(model, X, Y, batch_size=7)
    second = train(model, X, Y, batch_size=7)
    return {f"1/{k}": v for k, v in first.items()} | second
