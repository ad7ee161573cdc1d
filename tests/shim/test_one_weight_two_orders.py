"""A layer whose weights two programs want with other axes: by itself, in a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import keras2torch as keras
from keras2torch import layers

X = np.random.default_rng(5).normal(1.0, 2.0, (6, 5, 7, 3)).astype("float32")
NORMED = (X - X.mean((0, 1, 2))) / X.std((0, 1, 2))


def convolved(layer):
    """A model with the layer before a convolution, and one that ends there."""
    x = keras.Input((5, 7, 3))
    y = layer(x)
    return keras.Model(x, layers.Conv2D(2, 3)(y)), keras.Model(x, y)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("called", [False, True])
def test_adapted_before_the_model(nested, called) -> None:
    layer = layers.Normalization()
    layer.adapt(X)
    outer = keras.Sequential([layer, layers.RandomFlip()]) if nested else layer
    if called:
        outer(X, **({"training": False} if nested else {}))
    model, part = convolved(outer)
    model(X)
    np.testing.assert_allclose(part.predict(X, verbose=0), NORMED, atol=1e-4)
    # What is learned anew is seen by all.
    layer.adapt(2 * X)
    wanted = (X - 2 * X.mean((0, 1, 2))) / 2 / X.std((0, 1, 2))
    np.testing.assert_allclose(part.predict(X, verbose=0), wanted, atol=1e-4)
    assert len(model.state_dict()) == 4


def test_trained_in_either_place() -> None:
    layer = layers.PReLU(alpha_initializer="uniform")
    layer(X)
    model, part = convolved(layer)
    model.compile("sgd", "mse")
    before = layer.get_weights()[0]
    model.fit(X, np.zeros((6, 3, 5, 2)), verbose=0)
    alpha = layer.get_weights()[0]
    assert np.abs(alpha - before).max() > 0
    wanted = np.where(X > 0, X, X * alpha)
    np.testing.assert_allclose(part.predict(X, verbose=0), wanted, rtol=1e-5)
    np.testing.assert_allclose(layer(X).detach().cpu(), wanted, rtol=1e-5)
    model.to(torch.float64)
    assert layer.get_weights()[0].dtype == np.float64
    assert part(X).dtype is torch.float64


def test_by_itself_after_the_model() -> None:
    layer = layers.LayerNormalization()
    model, part = convolved(layer)
    model(X)
    layer.set_weights([np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, -0.5])])
    np.testing.assert_allclose(
        layer(X).detach().cpu(), part(X).detach().cpu(), atol=1e-5
    )
