"""Make SavedModels, and what TensorFlow itself computes for them.

Run as a script, in a process of its own: ``python make_saved_models.py FOLDER``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import tensorflow as tf
import tf_keras

folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
expected: dict[str, np.ndarray] = {}


def shake(model) -> None:
    for weight in model.weights:
        shape = tuple(weight.shape)
        positive = "variance" in weight.name
        made = rng.uniform(0.2, 1.0, shape) if positive else rng.normal(0, 0.3, shape)
        weight.assign(made.astype("float32"))


def count(weights) -> int:
    return sum(int(np.prod(tuple(w.shape))) for w in weights)


def keep(name: str, inputs: list, outputs: list, trained: int, total: int) -> None:
    for k, value in enumerate(inputs):
        expected[f"{name}/i{k}"] = value
    for k, value in enumerate(outputs):
        expected[f"{name}/o{k}"] = np.asarray(value)
    expected[f"{name}/count"] = np.array([trained, total])


def images(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


def exported() -> None:
    layers = keras.layers
    x = given = keras.Input((17, 15, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3, strides=2, name="dw")(x)
    x = layers.Conv2D(6, 3, strides=2, padding="same", name="c2")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(7, activation="relu", name="fc")(x)
    a = layers.Dense(4, name="a")(x)
    b = layers.Dense(1, activation="sigmoid", name="b")(x)
    model = keras.Model(given, {"a": a, "b": b})
    model.get_layer("c2").trainable = False
    shake(model)
    model.export(folder / "exported", verbose=False)
    data = images(3, 17, 15, 3)
    made = model(data, training=False)
    trained, total = count(model.trainable_weights), count(model.weights)
    keep("exported", [data], [made["a"], made["b"]], trained, total)


class Half(tf.Module):
    def __init__(self, size: int, units: int, name: str) -> None:
        super().__init__(name=name)
        self.w = tf.Variable(images(size, units), name="w")
        self.b = tf.Variable(images(units), name="b")
        self.scale = tf.Variable(2.0, trainable=False, name="scale")

    @tf.function
    def __call__(self, x):
        return tf.nn.relu(x @ self.w + self.b) * self.scale


class Whole(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Half(6, 5, "encoder")
        self.head = Half(5, 4, "head")
        self.calls = tf.Variable(0, trainable=False, name="calls")

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 6), tf.float32, name="x"),
            tf.TensorSpec((None, 4), tf.float32, name="y"),
        ]
    )
    def __call__(self, x, y):
        self.calls.assign_add(1)
        h = self.encoder(x)
        return {"mean": tf.reduce_mean(h, -1), "out": self.head(h) + y}


def modules() -> None:
    module = Whole()
    tf.saved_model.save(module, str(folder / "module"), signatures=module.__call__)
    concrete = module.__call__.get_concrete_function()
    both = {"first": concrete, "second": concrete}
    tf.saved_model.save(module, str(folder / "two"), signatures=both)
    x, y = images(3, 6), images(3, 4)
    made = module(tf.constant(x), tf.constant(y))
    # The counter is no part of what is computed.
    counted = [v for v in module.variables if v is not module.calls]
    trained, total = count(module.trainable_variables), count(counted)
    keep("module", [x, y], [made["mean"], made["out"]], trained, total)


class Block(tf_keras.layers.Layer):
    def __init__(self, filters: int, **options) -> None:
        super().__init__(**options)
        self.filters = filters
        self.conv = tf_keras.layers.Conv2D(filters, 3, padding="same")
        self.bn = tf_keras.layers.BatchNormalization()

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}

    def build(self, shape) -> None:
        self.gamma = self.add_weight(name="gamma", shape=(self.filters,))
        super().build(shape)

    def call(self, x, training=False):
        h = tf.nn.relu(self.bn(self.conv(x), training=training))
        return h * self.gamma + x[..., :1]


class Net(tf_keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.stem = tf_keras.layers.Conv2D(8, 3, padding="same")
        self.blocks = [Block(8), Block(8)]
        self.head = tf_keras.layers.Dense(5)

    def call(self, x, training=False):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(tf.reduce_mean(x, [1, 2]))


def of_keras2() -> None:
    layers = tf_keras.layers
    x = given = tf_keras.Input((17, 15, 3))
    x = layers.Conv2D(8, 3, name="stem")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(7, activation="relu", name="fc")(x)
    plain = tf_keras.Model(given, layers.Dense(4, name="a")(x))
    plain.get_layer("stem").trainable = False
    x = given = tf_keras.Input((17, 15, 3))
    x = layers.Conv2D(8, 3, name="stem")(x)
    x = Block(8, name="block")(x)
    x = layers.Lambda(lambda t: tf.abs(t) * 2.0 + 0.5, name="doubled")(x)
    x = layers.GlobalAveragePooling2D()(x)
    custom = tf_keras.Model(given, layers.Dense(4, name="a")(x))
    net = Net()
    net(images(2, 17, 15, 3))
    for name, model in (("plain", plain), ("custom", custom), ("net", net)):
        shake(model)
        model.save(folder / name, save_format="tf")
        data = images(3, 17, 15, 3)
        trained, total = count(model.trainable_weights), count(model.weights)
        keep(name, [data], [model(data, training=False)], trained, total)


def recurrent() -> None:
    given = keras.Input((9,), dtype="int32")
    x = keras.layers.Embedding(20, 6)(given)
    model = keras.Model(given, keras.layers.LSTM(5)(x))
    model.export(folder / "recurrent", verbose=False)


exported()
recurrent()
modules()
of_keras2()
np.savez(folder / "expected.npz", **expected)
