"""The batches that Keras' fit draws, in a process of its own: ``keras_side.py OUT``."""

from __future__ import annotations

import os
import random
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf
from cases import (
    CASES,
    HELPERS,
    SPLITS,
    VECTORS,
    X,
    Y,
    leaves,
    py_dataset_class,
    ramp,
)
from keras.src.backend.tensorflow.trainer import TFEpochIterator
from keras.src.trainers.data_adapters.array_slicing import train_validation_split


def given(case):
    if case.kind == "generator":
        return ramp(*case.x)
    if case.kind == "py_dataset":
        return py_dataset_class(keras.utils.PyDataset)(case.x)
    if case.kind == "tf_data":
        return tf.data.Dataset.from_tensor_slices((X, Y)).batch(case.x)
    return case.x


def batches(case):
    """Go through epochs as TensorFlowTrainer.fit does."""
    random.seed(5)
    x = given(case)
    iterator = TFEpochIterator(
        x=x,
        y=case.y,
        sample_weight=case.w,
        distribute_strategy=tf.distribute.get_strategy(),
        **case.more,
    )
    iterator.reset()
    # Keras has looked at two batches by now, without the hooks.
    random.seed(6)
    found = {}
    for epoch in range(case.epochs):
        count = 0
        with iterator.catch_stop_iteration():
            for _, _, stream in iterator:
                try:
                    batch = next(stream)
                except StopIteration:
                    # What train_function raises inside its graph.
                    raise tf.errors.OutOfRangeError(None, None, "") from None
                triple = keras.utils.unpack_x_y_sample_weight(batch)
                for part, value in zip("xyw", triple, strict=True):
                    for i, leaf in enumerate(leaves(value)):
                        found[f"{epoch}/{count}/{part}{i}"] = np.asarray(leaf)
                count += 1
        found[f"{epoch}/count"] = np.asarray(count)
    if case.kind == "py_dataset":
        found["calls"] = np.asarray(x.calls)
    return found


def helper(name, args, kwargs):
    made = getattr(keras.utils, name)(*args, **kwargs)
    if name == "timeseries_dataset_from_array":
        made = list(made)
    if name == "split_dataset":
        made = [list(side) for side in made]
    return {str(i): np.asarray(leaf) for i, leaf in enumerate(leaves(made))}


def main():
    found = {}
    for name, case in CASES.items():
        for key, array in batches(case).items():
            found[f"batches|{name}|{key}"] = array
    for name, (function, args, kwargs) in HELPERS.items():
        for key, array in helper(function, args, kwargs).items():
            found[f"helper|{name}|{key}"] = array
    for place, (samples, fraction) in enumerate(SPLITS):
        x = np.arange(samples)
        train, validation = train_validation_split((x, None, x * 2), fraction)
        for side, (a, b, c) in (("train", train), ("validation", validation)):
            assert b is None
            found[f"split|{place}|{side}"] = np.stack([np.asarray(a[:]), c[:]])
    tensor = tf.constant(VECTORS)
    for axis, order in ((-1, 2), (0, 2), (0, 1), (1, 3)):
        found[f"tensor|normalize {axis} {order}|0"] = keras.utils.normalize(
            tensor, axis, order
        )
    classes = tf.constant([[0], [5], [-1], [2]])
    found["tensor|to_categorical|0"] = keras.utils.to_categorical(classes, 4)
    np.savez(sys.argv[1], **found)


if __name__ == "__main__":
    main()
