"""What Keras 3.15 has: the public names, and which of them are one object.

``python keras_side.py OUT`` writes JSON: ``names`` maps each to its kind, ``same``
lists groups of names for one object, ``methods`` the attributes of the classes that
scripts call methods on.
"""

from __future__ import annotations

import json
import os
import sys
import types

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import keras._tf_keras.keras as tf_keras
import tensorflow as tf

CLASSES = {
    "Model": keras.Model,
    "Sequential": keras.Sequential,
    "Layer": keras.layers.Layer,
    "Optimizer": keras.optimizers.Optimizer,
    "Loss": keras.losses.Loss,
    "Metric": keras.metrics.Metric,
    "Callback": keras.callbacks.Callback,
    "PyDataset": keras.utils.PyDataset,
    "LearningRateSchedule": keras.optimizers.schedules.LearningRateSchedule,
    "Initializer": keras.initializers.Initializer,
    "Regularizer": keras.regularizers.Regularizer,
    "Constraint": keras.constraints.Constraint,
    "DTypePolicy": keras.DTypePolicy,
    "SeedGenerator": keras.random.SeedGenerator,
    "FeatureSpace": keras.utils.FeatureSpace,
    "ExportArchive": keras.export.ExportArchive,
    "tf.GradientTape": tf.GradientTape,
    "tf.data.Dataset": tf.data.Dataset,
}


def walk(module, path, names, objects):
    for name in dir(module):
        value = getattr(module, name)
        if name.startswith("_") or name == "src":
            continue
        full = f"{path}.{name}" if path else name
        if isinstance(value, types.ModuleType):
            if value.__name__.startswith("keras."):
                walk(value, full, names, objects)
            continue
        names[full] = "class" if isinstance(value, type) else "function"
        objects.setdefault(id(value), set()).add(full)


def main():
    names, objects = {}, {}
    walk(keras, "", names, objects)
    walk(tf_keras, "", names, objects)
    found = {
        "names": names,
        "same": [sorted(group) for group in objects.values() if len(group) > 1],
        "methods": {
            k: [n for n in dir(c) if not n.startswith("_") or n in ("__call__",)]
            for k, c in CLASSES.items()
        },
    }
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
