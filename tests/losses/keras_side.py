"""Keras' values and gradients, in its own process: ``python keras_side.py OUT``."""

from __future__ import annotations

import inspect
import json
import os
import sys
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf
from cases import LOSSES, cases, cotangent
from keras.src import backend

warnings.simplefilter("ignore")


def computed(case):
    loss = getattr(keras.losses, case.loss.name)(
        **case.loss.arguments, reduction=case.reduction
    )
    x = tf.constant(case.y_pred)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x
        if case.loss.activation:
            y = getattr(keras.ops, case.loss.activation)(x)
        elif case.mask is not None:
            y = tf.identity(x)
        if case.mask is not None:
            backend.set_keras_mask(y, tf.constant(case.mask))
        value = loss(case.y_true, y, case.weight)
        total = tf.reduce_sum(value * cotangent(tuple(value.shape)))
    return value, tape.gradient(total, x)


def main():
    found = {}
    for i, loss in enumerate(LOSSES):
        for j, case in enumerate(cases(loss)):
            try:
                value, gradient = computed(case)
            except (ValueError, tf.errors.InvalidArgumentError):
                continue
            found[f"{i}/{j}/value"] = value.numpy()
            if gradient is not None:
                found[f"{i}/{j}/gradient"] = gradient.numpy()
    configs = {
        name: keras.losses.serialize(getattr(keras.losses, name)())
        for name in sorted({loss.name for loss in LOSSES})
    }
    names = [n for n in dir(keras._tf_keras.keras.losses) if n[0] != "_"]
    signatures = {
        name: [
            [p.name, repr(p.default)]
            for p in inspect.signature(getattr(keras.losses, name)).parameters.values()
        ]
        for name in dir(keras.losses)
        if name[0] != "_" and name not in ("get", "serialize", "deserialize")
    }
    np.savez(
        sys.argv[1],
        names=names,
        configs=json.dumps(configs),
        signatures=json.dumps(signatures),
        **found,
    )


if __name__ == "__main__":
    main()
