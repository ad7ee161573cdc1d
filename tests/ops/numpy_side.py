"""What Keras gives for calls of its operations, in a process of its own.

``python numpy_side.py JOB OUT``: JOB is JSON, a list of ``{"do": …, "call": …}``; the
arrays of the n-th go to OUT as ``n/…``, the rest to the file beside it as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from inspect import Parameter, signature
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
sys.path.insert(0, str(Path(__file__).parent))

import keras
import numpy as np
import tensorflow as tf
from drawn import FLOATS, Drawn, structure


def evaluated(text, made):
    home = {n: getattr(keras.ops, n) for n in dir(keras.ops) if n[0] != "_"}
    return eval(text, home | {"s_": np.s_} | Drawn(text, made).names())


def described(result):
    """Return what came out: its structure, its dtypes, its arrays."""
    found = {"structure": structure(result), "dtypes": []}
    for i, leaf in enumerate(tf.nest.flatten(result)):
        if isinstance(leaf, (bool, int, float)):
            found["dtypes"].append(type(leaf).__name__)
        else:
            found["dtypes"].append(tf.as_dtype(leaf.dtype).name)
        found[f"value{i}"] = np.asarray(leaf)
    return found


def eager(job):
    return described(evaluated(job["call"], lambda a, letter: tf.constant(a)))


def drawn(job):
    """Call it on symbolic tensors: what goes in, and what comes out."""
    inputs, arrays = [], []

    def made(array, letter):
        if job["constants"] and inputs:
            return array
        shape = [None if i in job["unknown"] else n for i, n in enumerate(array.shape)]
        inputs.append(keras.Input(batch_shape=shape, dtype=array.dtype.name))
        arrays.append(array)
        return inputs[-1]

    return inputs, arrays, evaluated(job["call"], made)


def spec(job):
    """The shapes and dtypes of symbolic tensors."""
    outputs = drawn(job)[2]
    flat = tf.nest.flatten(outputs)
    return {
        "structure": structure(outputs),
        "shapes": [list(t.shape) for t in flat],
        "symbolic_dtypes": [t.dtype for t in flat],
    }


def symbolic(job):
    """A model of the call, called: the shapes and dtypes, and the values."""
    inputs, arrays, outputs = drawn(job)
    return spec(job) | described(keras.Model(inputs, outputs)(arrays))


def loaded(job):
    """What a model from a file gives for the tensors of a call."""
    arrays = []
    evaluated(job["call"], lambda a, letter: arrays.append(a) or tf.constant(a))
    return described(keras.models.load_model(job["path"])(arrays))


def gradient(job):
    """The gradient of a weighted sum of what comes out, in float64."""
    taken = []

    def made(array, letter):
        if letter not in FLOATS:
            return tf.constant(array)
        taken.append(tf.Variable(array.astype("float64")))
        return tf.convert_to_tensor(taken[-1])

    with tf.GradientTape() as tape:
        result = evaluated(job["call"], made)
        total = 0.0
        for leaf in tf.nest.flatten(result):
            if tf.is_tensor(leaf) and leaf.dtype.is_floating:
                n = int(np.prod(leaf.shape))
                factors = tf.reshape(tf.cos(tf.range(n, dtype="float64")), leaf.shape)
                total += tf.reduce_sum(tf.cast(leaf, "float64") * factors)
    found = tape.gradient(total, taken) if tf.is_tensor(total) else []
    return {
        f"gradient{i}": tf.convert_to_tensor(g).numpy()
        for i, g in enumerate(found)
        if g is not None
    }


def names(job):
    """Every name of a namespace with its arguments."""
    home = keras.ops
    for part in job["namespace"].split("."):
        home = getattr(home, part) if part else home
    return {
        "signatures": {
            n: [
                [p.name, p.kind.name, plain(p.default)]
                for p in signature(thing).parameters.values()
            ]
            for n, thing in vars(home).items()
            if n[0] != "_" and callable(thing)
        }
    }


def plain(default):
    return "required" if default is Parameter.empty else repr(default)


DO = {f.__name__: f for f in (eager, spec, symbolic, loaded, gradient, names)}


def main():
    jobs = json.loads(Path(sys.argv[1]).read_text())
    arrays, others = {}, []
    for n, job in enumerate(jobs):
        try:
            found = DO[job["do"]](job)
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        for name, value in found.items():
            if isinstance(value, np.ndarray):
                if value.dtype.name == "bfloat16":
                    value = value.astype("float32")
                arrays[f"{n}/{name}"] = value
        others.append({k: v for k, v in found.items() if f"{n}/{k}" not in arrays})
    np.savez(sys.argv[2], **arrays)
    Path(sys.argv[2] + ".json").write_text(json.dumps(others))


if __name__ == "__main__":
    main()
