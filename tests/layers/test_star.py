"""`from keras2torch.layers import *` brings what `from keras.layers import *` does."""

from __future__ import annotations

from typing import Any

import keras2torch.layers
from keras2torch.layers.definitions import REGISTRY


def test_a_star_brings_every_layer_and_function() -> None:
    names: dict[str, Any] = {}
    exec("from keras2torch.layers import *", names)
    assert names.keys() - {"__builtins__"} == set(keras2torch.layers.__all__)
    assert {"Dense", "Input", "Lambda", "Layer", "add", "concatenate"} <= names.keys()
    assert REGISTRY.keys() - {"Functional", "Sequential"} <= names.keys()
    # Models are no layers, as in Keras, whose star leaves a script's own alone.
    assert "Sequential" not in names
    assert names["Dense"](3, activation="relu").units == 3
