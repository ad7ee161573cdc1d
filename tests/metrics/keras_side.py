"""What Keras' metrics give, in a process of its own: ``keras_side.py JOBS DATA OUT``.

JOBS is JSON: a list of rows; DATA and OUT are npz. Of the n-th row OUT has ``n/plain``
and ``n/<weights>``: the results after each batch, one below the other, or why Keras
refuses.
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
from both_sides import SHAPES, signature
from keras import ops
from keras.src import backend
from keras.src.trainers import compile_utils


class Matches(keras.metrics.Metric):
    """What a user writes; the twin of the one in test_metrics.py."""

    def __init__(self, name="matches", scale=2.0, **kwargs):
        super().__init__(name=name, **kwargs)
        self.scale = scale
        self.hits = self.add_variable(shape=(), initializer="zeros", name="hits")
        self.by_class = self.add_weight(shape=(5,), initializer="ones", name="by_class")
        self.inner = keras.metrics.Mean(name="inner")

    def update_state(self, y_true, y_pred, sample_weight=None):
        hit = ops.cast(ops.equal(y_true, ops.argmax(y_pred, -1)), self.dtype)
        if sample_weight is not None:
            hit = hit * ops.cast(sample_weight, self.dtype)
        self.hits.assign(self.hits + ops.sum(hit))
        self.by_class.assign_add(ops.sum(y_pred, axis=0))
        self.inner.update_state(hit)

    def result(self):
        whole = ops.sum(self.by_class)
        return ops.stack([self.hits * self.scale, whole - 1, self.inner.result()])


def batches(array, sizes):
    return (
        [None] * len(sizes) if array is None else np.split(array, np.cumsum(sizes)[:-1])
    )


def results(metric, row, data, weights):
    found = []
    get = lambda name: None if name is None else data[name]  # noqa: E731
    parts = [get(row["t"]), get(row.get("p")), get(weights), get(row.get("mask"))]
    for t, p, w, mask in zip(*(batches(a, row["sizes"]) for a in parts), strict=True):
        given = [t] if p is None else [t, tf.convert_to_tensor(p)]
        if mask is not None:
            backend.set_keras_mask(given[-1], tf.convert_to_tensor(mask))
        metric.update_state(*given, sample_weight=w)
        found.append(np.asarray(metric.result()))
    return np.stack(found)


def made(row):
    if row["class"] == "Matches":
        return Matches(**row["config"])
    if row["class"] == "MeanMetricWrapper":
        config = dict(row["config"])
        where = keras.metrics if hasattr(keras.metrics, config["fn"]) else keras.losses
        return keras.metrics.MeanMetricWrapper(
            getattr(where, config.pop("fn")), **config
        )
    return getattr(keras.metrics, row["class"])(**row["config"])


def main():
    with open(sys.argv[1]) as file:
        rows = json.load(file)
    data = dict(np.load(sys.argv[2]))
    found = {}
    for n, row in enumerate(rows):
        keras.utils.clear_session(free_memory=False)
        metric = made(row)
        if row["class"] != "Matches":
            config = keras.metrics.serialize(metric)
            found[f"{n}/config"] = np.array(json.dumps(config, default=str))
        for weights in [None, *row["weights"]]:
            metric.reset_state()
            try:
                values = results(metric, row, data, weights)
            except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
                values = np.array(f"{row['class']}: {error}"[:300])
            found[f"{n}/{weights or 'plain'}"] = values
        names = [[v.name, list(v.shape), v.dtype] for v in metric.variables]
        found[f"{n}/variables"] = np.array(json.dumps(names))
        found[f"{n}/direction"] = np.array(str(getattr(metric, "_direction", None)))
    for shapes in SHAPES:
        y_true, y_pred = (np.zeros(shape) for shape in shapes)
        metric = compile_utils.get_metric("accuracy", y_true, y_pred)
        loss = compile_utils.get_loss("crossentropy", y_true, y_pred)
        which = np.array([type(metric).__name__, loss.fn.__name__])
        found[f"{shapes[0]}/{shapes[1]}"] = which
    public = {n: v for n, v in vars(keras.metrics).items() if n[0] != "_"}
    written = {n: signature(v) for n, v in public.items()}
    found["signatures"] = np.array(json.dumps(written))
    names = [n for n in dir(keras.metrics) if not n.startswith("__")]
    found["names"] = np.array(json.dumps(names))
    objects = keras.src.metrics.ALL_OBJECTS_DICT
    spelt = {k: v.__name__ for k, v in objects.items()}
    found["spelt"] = np.array(json.dumps(spelt))
    np.savez(sys.argv[3], **found)


if __name__ == "__main__":
    main()
