"""A user's Keras session: ``python live_session.py keras|tf_keras FOLDER``.

Its classes are those of ``__main__``. It converts what it built, and writes what came
of it and of the session as JSON.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np
import tensorflow as tf

if sys.argv[1] == "keras":
    import keras
else:
    import tf_keras as keras

folder = Path(sys.argv[2])
layers = keras.layers
rng = np.random.default_rng(0)


class Block(layers.Layer):
    def __init__(self, filters: int) -> None:
        super().__init__()
        self.filters = filters
        self.conv = layers.Conv2D(filters, 3, padding="same")
        self.bn = layers.BatchNormalization()
        self.drop = layers.Dropout(0.4)

    def build(self, shape) -> None:
        self.gamma = self.add_weight(name="gamma", shape=(self.filters,))
        self.calls = self.add_weight(
            name="calls", shape=(), initializer="zeros", trainable=False
        )
        super().build(shape)

    def call(self, x, training=False):
        self.calls.assign_add(1.0)
        h = tf.nn.relu(self.bn(self.conv(x), training=training))
        return self.drop(h, training=training) * self.gamma + x[..., :1]


class Net(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.stem = layers.Conv2D(8, 3, padding="same")
        self.blocks = [Block(8), Block(8)]
        self.head = layers.Dense(5)

    def call(self, x, training=False):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(tf.reduce_mean(x, [1, 2]))


def shake(model) -> None:
    for weight in model.weights:
        shape = tuple(weight.shape)
        positive = "variance" in weight.name
        made = rng.uniform(0.2, 1.0, shape) if positive else rng.normal(0, 0.3, shape)
        weight.assign(made.astype("float32"))


def plain():
    x = given = keras.Input((17, 15, 3), name="image")
    x = layers.Conv2D(8, 3, name="stem")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Flatten(name="flat")(x)
    return keras.Model(given, layers.Dense(4, name="a")(x), name="plain")


def mixed():
    factor = 2.0
    x = given = keras.Input((17, 15, 3), name="image")
    x = layers.Conv2D(8, 3, name="stem")(x)
    x = Block(8)(x)
    x = layers.Lambda(lambda t: tf.abs(t) * factor + 0.5, name="scaled")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(given, layers.Dense(4, name="a")(x), name="mixed")


def subclassed():
    net = Net()
    net(np.zeros((2, 17, 15, 3), "float32"))
    return net


def draws() -> list[float]:
    return [float(tf.random.normal([])), float(np.random.rand()), random.random()]


def seed() -> None:
    tf.random.set_seed(5)
    np.random.seed(3)
    random.seed(2)
    draws()


def array(value) -> np.ndarray:
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


found = {}
for make in (plain, mixed, subclassed):
    model = make()
    shake(model)
    data = rng.normal(size=(3, 17, 15, 3)).astype("float32")
    output = array(model(data, training=False))
    before = [array(w).copy() for w in model.weights]
    seed()
    drawn = draws()
    seed()
    import keras2torch

    conversion = keras2torch.convert(model)
    after = draws()
    name = make.__name__
    conversion.save(folder / name)
    np.savez(folder / f"{name}.npz", data=data, output=output)
    if make is plain:
        model.save(folder / "plain.keras")
    report = conversion.report
    found[name] = {
        "verdict": report.verdict,
        "reason": report.reason,
        "parameters": report.parameters,
        "missing": report.gradients.missing,
        "compared": report.gradients.compared,
        "source": conversion.source,
        "random_state": drawn == after,
        "weights": all(
            np.array_equal(a, array(b))
            for a, b in zip(before, model.weights, strict=True)
        ),
        "calls": ["call" in vars(part) for part in [model, *model._flatten_layers()]],
        "floatx": keras.backend.floatx(),
        "torch": "torch" in sys.modules,
        "trained": sum(array(w).size for w in model.trainable_weights),
    }
(folder / "found.json").write_text(json.dumps(found))
