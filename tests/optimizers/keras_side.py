"""What Keras' optimizers do, in a process of its own: ``python keras_side.py FOLDER``.

FOLDER has ``rows.json`` (a list of optimizers) and ``arrays.npz`` (weights, and the
gradients of every step); ``out.npz`` and ``out.json`` come.
"""

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


class Warm(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that a user writes."""

    def __init__(self, top):
        self.top = top

    def __call__(self, step):
        step = keras.ops.cast(step, "float32") + 1.0
        return self.top * keras.ops.minimum(step**-0.5, step * 0.2)


class Largest(keras.constraints.Constraint):
    def __init__(self, limit):
        self.limit = limit

    def __call__(self, w):
        return keras.ops.clip(w, -self.limit, self.limit)


class Own(keras.optimizers.Optimizer):
    """An optimizer that a user writes."""

    def build(self, variables):
        super().build(variables)
        self.kept = self.add_optimizer_variables(variables, "kept")

    def update_step(self, gradient, variable, learning_rate):
        kept = self.kept[self._get_variable_index(variable)]
        norm = keras.ops.sqrt(keras.ops.sum(keras.ops.square(gradient)))
        self.assign(kept, 0.5 * kept + gradient / (norm + 0.001))
        self.assign_sub(variable, learning_rate * kept)


def rate(given):
    if not isinstance(given, dict):
        return given
    if given["class_name"] == "Warm":
        return Warm(**given["config"])
    made = getattr(keras.optimizers.schedules, given["class_name"])
    return made(**given["config"])


def optimizer(row):
    options = dict(row["options"])
    if "learning_rate" in options:
        options["learning_rate"] = rate(options["learning_rate"])
    if row["class_name"] == "LossScaleOptimizer":
        return keras.optimizers.LossScaleOptimizer(optimizer(row["inner"]), **options)
    if row["class_name"] == "MultiOptimizer":
        made = {k: optimizer(v) for k, v in row["map"].items()}
        mapped = keras.optimizers.OptimizerMap(optimizer(row["default"]), made)
        return keras.optimizers.MultiOptimizer(mapped, **options)
    kind = row["class_name"]
    return (Own if kind == "Own" else getattr(keras.optimizers, kind))(**options)


def signatures():
    found = {}
    for home in (keras.optimizers, keras.optimizers.schedules):
        for name, made in vars(home).items():
            if inspect.isclass(made):
                parameters = inspect.signature(made.__init__).parameters.values()
                found[name] = [
                    [p.name, p.kind.name, repr(p.default)] for p in parameters
                ]
    return found


def main(folder):
    warnings.simplefilter("ignore")
    with open(os.path.join(folder, "rows.json")) as file:
        job = json.load(file)
    arrays = np.load(os.path.join(folder, "arrays.npz"))
    out, about = {}, []
    for number, row in enumerate(job["rows"]):
        made = optimizer(row)
        weights = [keras.Variable(arrays[f"w/{n}"], name=n) for n in job["names"]]
        if row.get("constraint"):
            for w in weights:
                w.constraint = Largest(row["constraint"])
        if row.get("exclude"):
            by_name = dict(zip(job["names"], weights, strict=True))
            made.exclude_from_weight_decay(
                var_list=[by_name[n] for n in row["exclude"].get("var_list", ())],
                var_names=row["exclude"].get("var_names"),
            )
        for step in range(job["steps"]):
            factor = row.get("gradient", 1.0)
            grads = [
                arrays[f"g/{step}/{n}"] * np.float32(factor)
                if f"g/{step}/{n}" in arrays
                else None
                for n in job["names"]
            ]
            made.apply_gradients(zip(grads, weights, strict=True))
        for n, w in zip(job["names"], weights, strict=True):
            out[f"{number}/w/{n}"] = np.asarray(w)
        kept = list(made.variables)
        for i, v in enumerate(kept):
            out[f"{number}/v/{i}"] = np.asarray(v)
        if made.__class__.__name__ != "MultiOptimizer":
            made.finalize_variable_values(weights)
        for n, w in zip(job["names"], weights, strict=True):
            out[f"{number}/f/{n}"] = np.asarray(w)
        custom = row["class_name"] == "Own" or "Warm" in json.dumps(row)
        written = None if custom else keras.optimizers.serialize(made)
        about.append({"kept": [v.name for v in kept], "written": written})
    schedules = []
    for given in job["schedules"]:
        made = rate(given)
        schedules.append([float(made(step)) for step in range(job["until"])])
    out["schedules"] = np.asarray(schedules)
    np.savez(os.path.join(folder, "out.npz"), **out)
    with open(os.path.join(folder, "out.json"), "w") as file:
        json.dump({"rows": about, "signatures": signatures()}, file)


if __name__ == "__main__":
    main(sys.argv[1])
