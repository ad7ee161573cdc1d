"""Classes of a user's own over Keras' layers."""

from __future__ import annotations

import numpy as np

import keras2torch as keras
from keras2torch import layers, ops

X = np.random.default_rng(8).normal(size=(4, 3)).astype("float32")


class OnesToBegin(layers.Dense):
    def build(self, input_shape):
        super().build(input_shape)
        self.kernel.assign(np.ones(self.kernel.shape))
        self.seen = input_shape


class Scaled(layers.Dense):
    """The weight has the name that weights of other layers have, too."""

    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs):
        return 2 * super().call(inputs) * self.scale


class Pruned(layers.Dense):
    def build(self, input_shape):
        super().build(input_shape)
        kept = np.arange(np.prod(self.kernel.shape)).reshape(self.kernel.shape) % 2
        self.kept = self.add_weight(
            shape=self.kernel.shape, initializer="zeros", trainable=False, name="kept"
        )
        self.kept.assign(kept)

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel * self.kept) + self.bias


def in_model(layer):
    return keras.Sequential([keras.Input((3,)), layer])


def test_build_alone_is_overridden() -> None:
    for layer in (OnesToBegin(2), OnesToBegin(2)):
        model = in_model(layer)
        wanted = np.repeat(X.sum(1, keepdims=True), 2, 1)
        np.testing.assert_allclose(model.predict(X, verbose=0), wanted, rtol=1e-5)
        assert layer.seen == (None, 3)
    eager = OnesToBegin(2)
    np.testing.assert_allclose(eager(X).detach().cpu(), wanted, rtol=1e-5)


def test_call_and_build_are_overridden() -> None:
    layer = Scaled(2)
    model = in_model(layer)
    kernel, bias, scale = model.get_weights()
    assert scale.shape == ()
    assert [w.name for w in layer.weights] == ["kernel", "bias", "scale"]
    wanted = 2 * (X @ kernel + bias)
    np.testing.assert_allclose(model.predict(X, verbose=0), wanted, rtol=1e-5)


def test_a_weight_beside_the_kernel_masks_it() -> None:
    model = in_model(Pruned(2))
    model.compile("sgd", "mse")
    kernel, bias, kept = model.get_weights()
    before = X @ (kernel * kept) + bias
    np.testing.assert_allclose(model.predict(X, verbose=0), before, atol=1e-6)
    model.fit(X, X[:, :2], verbose=0)
    moved = model.get_weights()[0] - kernel
    assert (moved[kept == 0] == 0).all()
    assert (moved[kept == 1] != 0).all()


class Around(layers.Layer):
    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(7, 3, weights=[table])
        self.dense = layers.Dense(3, weights=[np.eye(3), np.ones(3)])

    def call(self, inputs):
        return self.dense(self.embedding(inputs))


def test_weights_that_a_layer_within_is_given() -> None:
    table = np.random.default_rng(9).normal(size=(7, 3)).astype("float32")
    words = np.array([[0, 6], [3, 1]])
    x = keras.Input((2,), dtype="int32")
    model = keras.Model(x, Around(table)(x))
    found = model.predict(words, verbose=0)
    np.testing.assert_allclose(found, table[words] + 1, rtol=1e-5)


def test_a_sequence_begins_with_zeros() -> None:
    states = {
        "LSTM": layers.LSTM(5),
        "GRU": layers.GRU(5),
        "RNN": layers.RNN([layers.LSTMCell(5), layers.SimpleRNNCell(2)]),
    }
    shapes = {
        k: [tuple(s.shape) for s in v.get_initial_state(3)] for k, v in states.items()
    }
    assert shapes["LSTM"] == [(3, 5), (3, 5)]
    assert shapes["GRU"] == [(3, 5)]
    x = np.ones((3, 4, 2), "float32")
    layer = states["GRU"]
    told = layer(x, initial_state=layer.get_initial_state(3))
    np.testing.assert_array_equal(told.detach().cpu(), layer(x).detach().cpu())
