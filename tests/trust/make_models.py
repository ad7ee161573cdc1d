"""Makes models with the classes of keras_layers.py (runs in a Keras process).

Usage: ``python make_models.py FOLDER``, where FOLDER holds keras_layers.py.
"""

import sys
from pathlib import Path

import numpy as np

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))

from keras_layers import (  # noqa: E402
    Gated,
    InstanceNormalization,
    MaskedMax,
    keras,
    l1_distance,
)

layers = keras.layers


def images():
    """Normalized in several ways, one layer in a model inside, one used twice."""
    x = inputs = keras.Input((9, 7, 3))
    x = layers.Conv2D(5, 3, padding="same")(x)
    twice = InstanceNormalization(axis=-1, name="norm")
    x = layers.Activation("relu")(twice(x))
    x = layers.Activation("tanh")(twice(x))
    inner_in = keras.Input((9, 7, 5))
    y = layers.Conv2D(4, 3)(inner_in)
    y = InstanceNormalization(axis=3, center=False, name="inner_norm")(y)
    y = layers.BatchNormalization()(y)
    y = InstanceNormalization(axis=-1, scale=False, name="inner_shift")(y)
    x = keras.Model(inner_in, y, name="inner")(x)
    x = InstanceNormalization(epsilon=0.01, name="all")(x)
    x = InstanceNormalization(axis=-1, name="frozen", trainable=False)(x)
    x = layers.Activation("relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(2)(x), name="images")


def gated():
    """A layer that holds layers, with two inputs and two outputs."""
    a, b = keras.Input((6,), name="a"), keras.Input((3,), name="b")
    x, y = Gated(5, name="gated")([a, b])
    outputs = layers.Dense(2)(layers.Concatenate()([layers.Activation("relu")(x), y]))
    return keras.Model([a, b], outputs, name="gated_model")


def tokens():
    """A mask reaches the layer, and does not go on."""
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(20, 6, mask_zero=True)(inputs)
    x = MaskedMax(name="longest")(x)
    return keras.Model(inputs, layers.Dense(3)(x), name="tokens")


def siamese():
    """A Lambda, which is replaced by its layer's name."""
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    dense = layers.Dense(4, activation="tanh")
    shape = {"output_shape": (4,)} if hasattr(keras, "ops") else {}
    x = layers.Lambda(l1_distance, name="distance", **shape)([dense(a), dense(b)])
    return keras.Model([a, b], layers.Dense(1)(x), name="siamese")


random = np.random.default_rng(5)
for make in (images, gated, tokens, siamese):
    keras.backend.clear_session()
    model = make()
    model.set_weights(
        [
            random.uniform(0.2, 1.5, w.shape).astype("float32")
            * random.choice([-1, 1] if w.ndim > 1 else [1], w.shape)
            for w in model.get_weights()
        ]
    )
    model.save(folder / f"{make.__name__}.h5")
    model.save(folder / f"{make.__name__}.keras")
