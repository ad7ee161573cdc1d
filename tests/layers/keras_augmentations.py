"""What Keras makes of images in training: ``python keras_augmentations.py ROWS OUT``.

``ROWS`` is JSON: for each row the library, the layer's class and arguments, the shape
and seed of its images, and what is drawn, in Keras' order. A number from 0 to 1 that
is drawn lies that far between the bounds that Keras asks for.
"""

from __future__ import annotations

import json
import os
import random
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from keras.src.backend.tensorflow import random as drawing

DRAWN = []


def shaped(values, shape):
    shape = [int(n) for n in shape]
    return np.full(shape, values) if values.size == 1 else values.reshape(shape)


def drawn(shape=(), minval=0.0, maxval=1.0, dtype=None, seed=None):
    values = np.asarray(DRAWN.pop(0), "float32")
    values = shaped(values, shape)
    values = minval + values * (maxval - minval)
    return tf.cast(values, dtype or "float32")


def whole(shape, minval=0, maxval=1, dtype="int32", seed=None):
    values = shaped(np.asarray(DRAWN.pop(0)), shape)
    assert minval <= values.min()
    assert values.max() < maxval
    return tf.cast(values, dtype or "int32")


def given(*args, **kwargs):
    return tf.cast(np.asarray(DRAWN.pop(0)), kwargs.get("dtype") or "float32")


def noise(shape, **kwargs):
    # Drawn twice with one seed: the same numbers.
    return tf.cast(np.asarray(DRAWN[0]).reshape(shape), "float32")


def order(x, axis=0, seed=None):
    return tf.gather(x, np.asarray(DRAWN.pop(0)))


drawing.uniform = drawn
drawing.randint = whole
drawing.beta = drawing.gamma = given
drawing.shuffle = order
random.choice = lambda options: options[DRAWN.pop(0)]
tf.random.stateless_normal = noise


def images_of(row):
    made = np.random.default_rng(row["seed"]).uniform(0, 255, row["shape"])
    return made.astype("float32")


def main():
    with open(sys.argv[1]) as file:
        rows = json.load(file)
    found = {}
    for row in rows:
        library = keras if row["library"] == "keras" else tf_keras
        made = getattr(library.layers, row["layer"])(**row["arguments"])
        DRAWN[:] = row["drawn"]
        if library is tf_keras:
            made._random_generator.random_uniform = drawn
        found[row["name"]] = np.asarray(made(images_of(row), training=True))
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
