"""Keras in a process of its own: ``python answering.py OUT TABLE…``.

It makes the calls of the tables and leaves what came out in OUT: arrays, and beside
them what is no array, as JSON.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import calls
import keras
import numpy as np
import tensorflow as tf
from keras import ops


def numpy(value):
    return np.asarray(ops.convert_to_numpy(value))


def gradients(case):
    """Gradients of the weighted sum of all results that have any."""
    given = [tf.constant(a) for a in case.arrays()]
    with tf.GradientTape() as tape:
        tape.watch(given)
        leaves = calls.flat(case.run(ops, *given))
        total = sum(
            tf.reduce_sum(v * tf.cast(calls.weights(v.shape), v.dtype))
            for v in leaves
            if tf.is_tensor(v) and v.dtype.is_floating
        )
    made = tape.gradient(total, given)
    return [None if g is None else np.asarray(tf.convert_to_tensor(g)) for g in made]


def answered(case):
    found = {}
    tensors = [tf.constant(a) for a in case.arrays()]
    try:
        found["eager"] = calls.eager(case, ops, tensors, numpy)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:600]}
    if case.symbolic and tensors:
        try:
            found["symbolic"] = calls.symbolic(case, keras, numpy)
        except Exception as error:
            found["symbolic_error"] = f"{type(error).__name__}: {error}"[:600]
    if case.gradient and any(t.dtype.is_floating for t in tensors):
        try:
            found["gradients"] = gradients(case)
        except Exception as error:
            found["gradient_error"] = f"{type(error).__name__}: {error}"[:600]
    return found


def signatures():
    """The arguments of every operation, in their order, with their defaults."""
    homes = {"": ops, "nn.": ops.nn, "linalg.": ops.linalg, "image.": ops.image}
    return {
        f"{home}{name}": [[p.name, str(p.kind), repr(p.default)] for p in taken]
        for home, module in homes.items()
        for name, thing in vars(module).items()
        if name[0] != "_" and callable(thing)
        for taken in [inspect.signature(thing).parameters.values()]
    }


def main(out, *tables):
    arrays, rest = {}, {}

    def plain(value):
        if isinstance(value, np.ndarray):
            key = str(len(arrays))
            wide = value.astype("float32") if value.dtype.name == "bfloat16" else value
            arrays[key] = wide
            return {"$": key}
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        return value

    for table in tables:
        for case in importlib.import_module(table).CASES:
            key = f"{table}/{case.name}"
            assert key not in rest, key
            rest[key] = plain(answered(case))
    rest["signatures"] = signatures()
    np.savez(out, **arrays)
    with open(out + ".json", "w") as file:
        json.dump(rest, file)


main(*sys.argv[1:])
