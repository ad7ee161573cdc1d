"""Training mode of modules that several models and programs share."""

from __future__ import annotations

import numpy as np
import torch

import keras2torch as keras

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def test_a_model_of_the_same_layers_leaves_no_mode_behind() -> None:
    x = keras.Input((4,))
    normalized = keras.layers.BatchNormalization(momentum=0.5)(x)
    model = keras.Model(x, keras.layers.Dense(2)(normalized))
    features = keras.Model(x, normalized)
    model(X, training=False)
    features(X, training=True)
    before = model.get_weights()
    model(X, training=False)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_frozen_normalization_infers_at_once() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    model(X, training=True)
    model.layers[0].trainable = False
    before = model.get_weights()
    made = model(X, training=True)
    np.testing.assert_array_equal(before[2], model.get_weights()[2])
    # Moments of the batch would make each column's mean 0.
    assert float(made.mean(0).abs().max()) > 0.1
    model.layers[0].trainable = True
    model(X, training=True)
    assert np.abs(before[2] - model.get_weights()[2]).max() > 0


def test_one_layer_called_on_two_shapes_has_one_mode() -> None:
    dropout = keras.layers.Dropout(0.5)
    wide = torch.ones(3, 5)
    dropout(X, training=True)
    dropout(wide, training=False)
    assert (dropout(X, training=True) == 0).any()
    dropout(wide, training=True)
    assert bool((dropout(wide, training=False) == wide).all())
    assert bool((dropout(X, training=False) == X).all())
