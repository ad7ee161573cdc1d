"""Scripts whose own code hands torch's tensors to TensorFlow: one sentence says it."""

from __future__ import annotations

from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import keras2torch as keras
from keras2torch.errors import Keras2TorchError

X, Y = np.ones((6, 3), "float32"), np.ones((6, 1), "float32")


def refused(*given: Any) -> Any:
    raise TypeError("Cannot convert the tensor to a TensorFlow DType.")


class Tape:
    gradient = watch = refused

    def __enter__(self) -> Tape:
        return self

    def __exit__(self, *error: object) -> None:
        pass


# As a function of a module of TensorFlow's; the package itself is not imported here.
square = FunctionType(refused.__code__, globals() | {"__name__": "tensorflow.math"})
EagerTensor = type("EagerTensor", (), {"__module__": "tensorflow.python"})
tf = SimpleNamespace(GradientTape=Tape, square=square, relu=lambda x: EagerTensor())


def dense() -> Any:
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])


class Taped(keras.Model):
    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        tape.gradient(loss, self.trainable_variables)


class Relu(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        return tf.relu(x)


def test_a_step_with_a_tape() -> None:
    x = keras.Input((3,))
    model = Taped(x, keras.layers.Dense(1)(x))
    model.compile("sgd", "mse")
    with pytest.raises(Keras2TorchError, match=r"train_step\(\) .*loss\.backward\(\)"):
        model.fit(X, Y, verbose=0)


def test_a_loss_of_its_functions() -> None:
    model = dense()
    model.compile("sgd", lambda a, b: tf.square(a - b))
    with pytest.raises(Keras2TorchError, match=r"<lambda>\(\) .*keras\.ops"):
        model.fit(X, Y, verbose=0)


def test_a_layer_that_returns_its_tensors() -> None:
    with pytest.raises(ValueError, match=r"'relu' \(Relu\) returns a tensor of Tens"):
        Relu(name="relu")(keras.Input((3,)))


def test_other_errors_stay_what_they_are() -> None:
    model = dense()
    model.compile("sgd", lambda a, b: refused())
    with pytest.raises(TypeError, match="Cannot convert"):
        model.fit(X, Y, verbose=0)
