"""``InputLayer`` as Keras 3 and Keras 2 call it."""

from typing import Any

import numpy as np
import pytest

import keras2torch as keras
from keras2torch import layers


@pytest.mark.parametrize(
    "arguments",
    [
        {"shape": (8,)},
        {"batch_shape": (None, 8)},
        {"shape": (8,), "batch_size": 5},
        {"input_shape": (8,)},
        {"batch_input_shape": (None, 8)},
    ],
)
def test_says_what_comes_in(arguments: dict[str, Any]) -> None:
    first = layers.InputLayer(**arguments, name="given")
    model = keras.Sequential([first, layers.Dense(3)])
    assert model.input_shape[1:] == (8,)
    assert model.inputs[0].name == "given"
    assert model.predict(np.ones((5, 8)), verbose=0).shape == (5, 3)


def test_wants_a_shape() -> None:
    with pytest.raises(ValueError, match="wants a shape"):
        layers.InputLayer()
