"""What Keras computes, in a process of its own: ``python keras_side.py JOB OUT``.

JOB is JSON: a list of ``{"do": …}``; the arrays of the n-th go to OUT as ``n/…``.
"""

from __future__ import annotations

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from keras_models import MODELS


def library(job):
    return tf_keras if job.get("keras") == "tf_keras" else keras


def arrays(job):
    return [np.asarray(job[k], dtype=job.get(f"{k}_dtype", "float32")) for k in "tp"]


def loss(job):
    y_true, y_pred = arrays(job)
    made = library(job).losses.get(job["config"])
    value = made(y_true, y_pred)
    return {"value": np.mean(np.asarray(value))}


def metric(job):
    y_true, y_pred = arrays(job)
    lib = library(job)
    made = lib.metrics.get(job["config"])
    if not isinstance(made, lib.metrics.Metric):
        made = lib.metrics.MeanMetricWrapper(made)
    for start in range(0, len(y_true), job["batch"]):
        part = slice(start, start + job["batch"])
        made.update_state(y_true[part], y_pred[part])
    return {"value": np.asarray(made.result())}


def optimizer(job):
    lib = library(job)
    config = job["config"]
    if lib is tf_keras:
        home = lib.optimizers.legacy if job["legacy"] else lib.optimizers
        made = getattr(home, config["class_name"]).from_config(config["config"])
    elif config["class_name"] == "Lamb":  # Keras 3.15 does not find it by name
        made = lib.optimizers.Lamb(**config["config"])
    else:
        made = lib.optimizers.deserialize(config)
    make = keras.Variable if lib is keras else tf.Variable
    weights = [make(np.asarray(w, "float32")) for w in job["weights"]]
    for gradients in job["gradients"]:
        given = [tf.constant(np.asarray(g, "float32")) for g in gradients]
        made.apply_gradients(zip(given, weights, strict=True))
    return {f"w{i}": np.asarray(w) for i, w in enumerate(weights)}


def schedule(job):
    made = library(job).optimizers.schedules.deserialize(job["config"])
    return {"rates": np.asarray([float(made(step)) for step in job["steps"]])}


def fit(job):
    """Build or load a model, fit it without shuffling, and keep files and losses."""
    lib = library(job)
    lib.utils.set_random_seed(0)
    data = np.load(job["data"])
    model = MODELS[job["model"]](lib)
    model.compile(**compile_arguments(lib, job["compile"]))
    x = [data[k] for k in sorted(data) if k.startswith("x")]
    y = [data[k] for k in sorted(data) if k.startswith("y")]
    x, y = (v[0] if len(v) == 1 else v for v in (x, y))
    if job.get("scale"):
        model.set_weights([w * job["scale"] for w in model.get_weights()])
    model.save(job["save"])
    # tf_keras settles on saving what "accuracy" is, whatever the targets will be.
    model.compile(**compile_arguments(lib, job["compile"]))
    history = model.fit(
        x,
        y,
        batch_size=job["batch"],
        epochs=job["epochs"],
        shuffle=False,
        verbose=0,
        validation_data=(x, y),
    )
    return {k: np.asarray(v) for k, v in history.history.items()}


def compile_arguments(lib, given):
    found = dict(given)
    if isinstance(found.get("optimizer"), dict):
        found["optimizer"] = lib.optimizers.deserialize(found["optimizer"])
    if isinstance(found.get("loss"), dict) and "class_name" in found["loss"]:
        found["loss"] = lib.losses.deserialize(found["loss"])
    return found


def sgd(job):
    """Twenty plain steps on mean squared error, from the weights that are saved."""
    data = np.load(job["data"])
    keras.utils.set_random_seed(0)
    model = MODELS[job["model"]](keras)
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            w + 0.05 * rng.normal(size=w.shape).astype(w.dtype)
            for w in model.get_weights()
        ]
    )
    for variable in model.variables:
        # A running variance may not be below 0, a seed is no weight.
        if "variance" in variable.path:
            variable.assign(np.abs(variable.numpy()) + 0.5)
    model.save(job["save"])
    x, y = data["x"], data["y"]
    losses = []

    @tf.function
    def step(a, b):
        with tf.GradientTape() as tape:
            error = tf.reduce_mean(tf.square(model(a, training=True) - b))
            value = tf.add_n([error, *model.losses])
        variables = [v.value for v in model.trainable_variables]
        for v, g in zip(variables, tape.gradient(value, variables), strict=True):
            v.assign_sub(job["lr"] * tf.convert_to_tensor(g))
        return value

    size = job["batch"]
    for k in range(job["steps"]):
        part = slice(k * size, (k + 1) * size)
        losses.append(float(step(x[part], y[part])))
    return {"losses": np.asarray(losses)}


def main():
    with open(sys.argv[1]) as file:
        jobs = json.load(file)
    found = {}
    for n, job in enumerate(jobs):
        do = {f.__name__: f for f in (loss, metric, optimizer, schedule, fit, sgd)}
        for name, array in do[job["do"]](job).items():
            found[f"{n}/{name}"] = array
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
