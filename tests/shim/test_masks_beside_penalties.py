"""A penalty on what a layer puts out leaves the layer's masks alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import keras2torch as keras
from keras2torch.errors import Keras2TorchError

layers = keras.layers
STEPS = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
STEPS[0, 3:] = STEPS[1, 1] = 0

Make = Callable[[Any, Any], Any]
ROWS: dict[str, Make] = {
    "lstm": lambda x, rule: layers.LSTM(3, activity_regularizer=rule)(x),
    "steps": lambda x, rule: layers.LSTM(
        3, return_sequences=True, activity_regularizer=rule
    )(x),
    "both_ways": lambda x, rule: layers.Bidirectional(
        layers.LSTM(3), activity_regularizer=rule
    )(x),
    "attention": lambda x, rule: layers.Attention(activity_regularizer=rule)([x, x]),
    "heads": lambda x, rule: layers.MultiHeadAttention(2, 2, activity_regularizer=rule)(
        x, x
    ),
    "groups": lambda x, rule: layers.GroupQueryAttention(
        2, 2, 1, activity_regularizer=rule
    )(x, x),
    "mean": lambda x, rule: layers.GlobalAveragePooling1D(activity_regularizer=rule)(x),
    "dense": lambda x, rule: layers.Dense(3, activity_regularizer=rule)(x),
    "masking": lambda x, rule: layers.Masking(1.5, activity_regularizer=rule)(x),
}


def _predicted(make: Make, rule: str | None) -> Any:
    x = keras.Input((5, 4))
    y = make(layers.Masking()(x), rule)
    y = layers.LSTM(2)(y) if len(y.shape) == 3 else y
    model = keras.Model(x, y)
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    return model.predict(STEPS, verbose=0)


@pytest.mark.parametrize("make", ROWS.values(), ids=ROWS)
def test_computes_the_same(make: Make) -> None:
    plain, charged = _predicted(make, None), _predicted(make, "l2")
    np.testing.assert_allclose(charged, plain, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", [layers.Add, layers.Multiply])
def test_a_mask_that_would_be_lost_is_refused(kind: Any) -> None:
    with pytest.raises(Keras2TorchError, match="has no rule"):
        _predicted(lambda x, rule: kind(activity_regularizer=rule)([x, x]), "l2")
