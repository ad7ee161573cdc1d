"""A training in a process of its own, to be killed.

``python killed_fit.py FOLDER FREQUENCY OUT [FROM HOW]`` fits with a backup in FOLDER
and writes the weights to OUT. It kills itself with SIGKILL at step FROM, in the midst
of the epoch; HOW "writing" kills it while that step's backup is being written.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import numpy as np

import keras2torch as keras

N, BATCH, EPOCHS = 70, 10, 5


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 6)).astype("float32")
    return x, (x.sum(1) > 0).astype("float32")


def model() -> Any:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    made = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.4),
            layers.BatchNormalization(),
            layers.GaussianNoise(0.1),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    rate = keras.optimizers.schedules.ExponentialDecay(0.02, 7, 0.8)
    made.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
    return made


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Killed(keras.callbacks.Callback):
    """Dies after a step; before the backup of that step, if it is asked before it."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.steps = at, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        if self.steps == self.at:
            die()


def die_while_writing(after: int) -> None:
    """Die when the file of the backup is written in part."""
    from keras2torch.callbacks import state

    written, save = [], state.save_file

    def half(tensors: Any, path: Any, **options: Any) -> None:
        save(tensors, path, **options)
        written.append(path)
        if len(written) > after:
            with open(path, "r+b") as file:
                file.truncate(os.path.getsize(path) // 2)
            die()

    state.save_file = half


def main() -> None:
    folder, frequency, out, *rest = sys.argv[1:]
    x, y = data()
    save_freq: Any = "epoch" if frequency == "epoch" else int(frequency)
    callbacks: list[Any] = [keras.callbacks.BackupAndRestore(folder, save_freq)]
    if rest:
        at, how = int(rest[0]), rest[1]
        if how == "writing":
            die_while_writing(at)
        else:
            callbacks.append(Killed(at))
    made = model()
    history = made.fit(
        x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=callbacks
    )
    np.savez(out, *made.get_weights(), loss=history.history["loss"])


if __name__ == "__main__":
    main()
