"""What Keras gives for the small parts of its API, in a process of its own.

``python keras_side.py JOB OUT``: JOB is JSON, a list of ``{"do": …}``; the arrays of
the n-th go to OUT as ``n/…``, what is no array to the file beside it, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from inspect import Parameter, signature

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf


def made(job):
    """Return what ``get`` gives, or an instance with these arguments."""
    home = getattr(keras, job["module"])
    if "config" in job:
        return getattr(home, job["name"])(**job["config"])
    return home.get(job["name"])


def applied(job):
    """A function of a tensor: its values, and the gradient of their weighted sum."""
    x = tf.constant(np.asarray(job["x"]), job.get("dtype", "float32"))
    function = made(job)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.convert_to_tensor(function(x, **job.get("arguments", {})))
        total = tf.reduce_sum(y * weights(y)) if y.dtype.is_floating else None
    found = {"value": np.asarray(y), "dtype": y.dtype.name}
    if total is not None and x.dtype.is_floating:
        gradient = tape.gradient(total, x)
        if gradient is not None:
            found["gradient"] = np.asarray(gradient)
    return found


def tuple_axis(job):
    x = tf.constant(np.asarray(job["x"], "float32"))
    return {"value": keras.activations.softmax(x, axis=tuple(job["axis"])).numpy()}


def weights(y):
    """Another factor for each element, so that none cancels."""
    n = int(np.prod(y.shape))
    return tf.cast(tf.reshape(tf.cos(tf.range(n, dtype="float64")), y.shape), y.dtype)


def initial(job):
    return {"value": np.asarray(made(job)(tuple(job["shape"]), job.get("dtype")))}


def statistics(job):
    values = np.asarray(made(job)(tuple(job["shape"]), job["dtype"])).astype("float64")
    at = [0.05, 0.25, 0.5, 0.75, 0.95]
    return {
        "mean": float(values.mean()),
        "deviation": float(values.std()),
        "at": at,
        "quantiles": np.quantile(values, at).tolist(),
        "lowest": float(values.min()),
        "highest": float(values.max()),
    }


def fans(job):
    from keras.src.initializers.random_initializers import compute_fans

    return {"fans": compute_fans(job["shape"])}


def config(job):
    home = getattr(keras, job["module"])
    return {"config": home.serialize(made(job))}


def names(job):
    """Every spelling that a module takes, and every name that it exports."""
    inner, outer = (getattr(home, job["module"]) for home in (keras.src, keras))
    objects = getattr(inner, "ALL_OBJECTS_DICT", {})
    return {
        "spellings": sorted(objects),
        "exported": sorted(n for n in dir(outer) if n[0] != "_"),
        "signatures": {
            n: [
                [p.name, plain(p.default)] for p in signature(thing).parameters.values()
            ]
            for n, thing in vars(outer).items()
            if callable(thing)
        },
    }


def plain(default):
    return "required" if default is Parameter.empty else default


def same_twice(job):
    """Whether one initializer gives the same values at its second call."""
    seed = job["seed"]
    if job.get("generator"):
        seed = keras.random.SeedGenerator(seed)
    one = keras.initializers.RandomNormal(seed=seed)
    first = one((8,)).numpy()
    return {"same": bool((first == one((8,)).numpy()).all())}


def refused(job):
    try:
        result = made(job)
        if "call" in job:
            result(*job["call"])
    except ValueError:
        return {"refused": True}
    return {"refused": False}


DO = {
    f.__name__: f
    for f in (
        applied,
        config,
        fans,
        initial,
        names,
        refused,
        same_twice,
        statistics,
        tuple_axis,
    )
}


def main():
    with open(sys.argv[1]) as file:
        jobs = json.load(file)
    arrays, others = {}, []
    for n, job in enumerate(jobs):
        found = DO[job["do"]](job)
        for name, value in found.items():
            if isinstance(value, np.ndarray):
                arrays[f"{n}/{name}"] = value
        others.append({k: v for k, v in found.items() if f"{n}/{k}" not in arrays})
    np.savez(sys.argv[2], **arrays)
    with open(sys.argv[2] + ".json", "w") as file:
        json.dump(others, file)


if __name__ == "__main__":
    main()
