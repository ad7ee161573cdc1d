"""Every public name of Keras, in a process of its own: ``keras_side.py OUT``.

OUT is JSON: name without ``keras.`` → its parameters in order, or None for what has
none.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import types

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras

# What users call on objects, and what they override.
WITH_METHODS = (
    "Layer Model Sequential Variable KerasTensor Initializer Loss Metric Optimizer "
    "Regularizer callbacks.Callback callbacks.History constraints.Constraint "
    "optimizers.schedules.LearningRateSchedule random.SeedGenerator utils.PyDataset "
    "utils.Progbar export.ExportArchive distillation.Distiller layers.Normalization "
    "layers.Discretization layers.StringLookup layers.TextVectorization layers.RNN "
    "layers.Wrapper"
).split()


def walk(module, prefix, found):
    for name in sorted(vars(module)):
        thing = getattr(module, name)
        if name.startswith("_"):
            continue
        if isinstance(thing, types.ModuleType):
            if thing.__name__.startswith("keras.") and "src" not in thing.__name__:
                walk(thing, f"{prefix}{name}.", found)
        else:
            found[f"{prefix}{name}"] = parameters(thing)


def parameters(thing):
    if not callable(thing):
        return None
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return None
    return [
        p.name
        for p in signature.parameters.values()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]


def methods(name):
    thing = keras
    for part in name.split("."):
        thing = getattr(thing, part)
    found = {}
    for method in dir(thing):
        static = inspect.getattr_static(thing, method)
        if not method.startswith("_") and not inherited(thing, method):
            real = isinstance(static, (property, types.MemberDescriptorType))
            found[f"{name}.{method}"] = (
                None if real else parameters(getattr(thing, method))
            )
    return found


def inherited(thing, method):
    """Whether it is no name of Keras' but of TensorFlow beneath it."""
    return not any(
        method in vars(base)
        and base.__module__.startswith("keras.")
        and not base.__module__.startswith("keras.src.backend.tensorflow")
        for base in thing.__mro__
    )


def main():
    found = {}
    walk(keras, "", found)
    for name in WITH_METHODS:
        found |= methods(name)
    with open(sys.argv[1], "w") as out:
        json.dump(found, out)


if __name__ == "__main__":
    main()
