"""Operations in functional models: written as text, held, or drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import keras2torch as keras
from keras2torch import layers, ops

RNG = np.random.default_rng(3)


def array(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def test_a_weight_in_an_operation_is_trained() -> None:
    embedding = layers.Embedding(7, 3)
    x = keras.Input((5,), dtype="int32")
    scores = embedding(x) @ ops.transpose(embedding.embeddings)
    model = keras.Model(x, scores)
    words = RNG.integers(0, 7, (4, 5))
    table = embedding.get_weights()[0]
    found = model.predict(words, verbose=0)
    np.testing.assert_allclose(found, table[words] @ table.T, rtol=1e-5, atol=1e-7)

    # d(sum of scores)/d(table) from both places where the table stands.
    model(torch.from_numpy(words)).sum().backward()
    of_words = np.zeros_like(table)
    np.add.at(of_words, words, table.sum(0))
    wanted = of_words + table[words].sum((0, 1))
    gradient = embedding.embeddings.value.grad
    np.testing.assert_allclose(gradient.cpu(), wanted, rtol=1e-4, atol=1e-5)
    assert model.layers[1:] == [embedding]


def test_an_operation_without_a_rule_is_called_as_it_is() -> None:
    x = keras.Input((3, 3))
    q, r = ops.qr(x)
    model = keras.Model(x, [q, r])
    value = array(2, 3, 3)
    found = model.predict(value, verbose=0)
    np.testing.assert_allclose(found[0] @ found[1], value, atol=1e-5)
    assert (q.shape, r.shape) == ((None, 3, 3), (None, 3, 3))
    assert "self.qr" in model.source()


class InOneBatch(layers.Layer):
    """Joins the samples of a batch of six, as nobody else's batch is."""

    def call(self, x):
        rows = ops.reshape(x, [6 * 4, 5])
        return ops.reshape(rows - ops.mean(rows, axis=0), [-1, 4, 5])


def test_a_call_that_counts_on_its_batch_is_drawn() -> None:
    x = keras.Input((4, 5))
    y = InOneBatch()(x)
    assert y.shape[1:] == (4, 5)
    model = keras.Model(x, layers.Dense(2)(y))
    value = array(6, 4, 5)
    kernel, bias = model.get_weights()
    wanted = (value - value.reshape(24, 5).mean(0)) @ kernel + bias
    found = model.predict(value, batch_size=6, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


class Broken(layers.Layer):
    def call(self, x):
        return ops.matmul(x, np.ones((9, 9), "float32"))


def test_a_call_that_cannot_be_drawn_says_why() -> None:
    with pytest.raises(ValueError, match=r"'broken'.*\(None, 5\)"):
        Broken(name="broken")(keras.Input((5,)))


@pytest.mark.parametrize(
    "apply",
    [
        lambda w, a: w * a,
        lambda w, a: a * w,
        lambda w, a: a - w,
        lambda w, a: w / a,
        lambda w, a: 2 - w,
        lambda w, a: w % a,
        lambda w, a: w // 1 + w,
        lambda w, a: w @ a.T,
        lambda w, a: a.T @ w,
        lambda w, a: (w > a) * 1.0,
        lambda w, a: 2.0**w,
        lambda w, a: abs(-w)[1:],
    ],
)
def test_weights_beside_arrays(apply) -> None:
    layer = layers.Dense(4)
    layer.build((None, 3))
    beside = np.abs(array(3, 4)) + 0.5
    found = apply(layer.kernel, beside)
    assert isinstance(found, torch.Tensor)
    wanted = apply(layer.kernel.numpy(), beside)
    np.testing.assert_allclose(found.detach().cpu(), wanted, rtol=1e-5, atol=1e-6)
