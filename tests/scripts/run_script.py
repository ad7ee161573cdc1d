"""Run a Keras script, its imports changed: ``run_script.py SCRIPT LIBRARY OUT``.

``LIBRARY`` is ``keras`` or ``keras2torch``, in a process of its own. Data is made up,
weights are drawn by numpy, Dropout drops nothing, batches keep their order and a
few epochs are enough; then two libraries must find the same losses. What ``fit``,
``evaluate`` and ``predict`` returned to the script goes to OUT as JSON.

``fit`` sees at most the first samples of arrays and the first steps of a dataset.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import io
import json
import os
import random
import re
import sys
import time
from pathlib import Path
from unittest.mock import MagicMock

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["MPLBACKEND"] = "Agg"

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import stand_ins

EPOCHS = 3
SAMPLES = 200
STEPS = 8
SHOWN = 2000
DROPPING = ("Dropout", "SpatialDropout1D", "SpatialDropout2D")
SHOWING = (
    "matplotlib", "matplotlib.pyplot", "matplotlib.image", "IPython",
    "IPython.display", "ipywidgets", "imageio",
)  # fmt: skip


# ------------------------------------------------------------------------ imports
def rewritten(text: str, library: str) -> str:
    """The script with its import lines, and nothing else, changed to a library."""
    rules = (
        (r"import tensorflow as tf", "pass"),
        (r"(?:from tensorflow )?import keras", f"import {library} as keras"),
        (
            r"from (?:tensorflow\.)?keras((?:\.\w+)*) import (.+)",
            rf"from {library}\1 import \2",
        ),
    )
    lines = text.split("\n")
    for n, line in enumerate(lines):
        for pattern, new in rules:
            if found := re.fullmatch(rf"(\s*){pattern}(\s*)", line):
                start, end = found.group(1), len(line.rstrip())
                lines[n] = start + re.sub(pattern, new, line[len(start) : end])
                break
    return "\n".join(lines)


# ------------------------------------------------------------------------ the model
def drawn(weights):
    """Other weights of the same shapes, the same for every library."""
    rng = np.random.RandomState(0)
    found = []
    for w in weights:
        noise = rng.normal(0, 1, w.shape)
        if w.ndim > 1:
            # As he_normal: the last axis is what comes out.
            new = noise * np.sqrt(2 / np.prod(w.shape[:-1]))
        elif not np.isin(w, (0, 1)).all():
            new = w  # learnt from data by `adapt`
        else:
            # Scales and variances begin at 1 and stay positive, the others at 0.
            new = np.abs(1 + 0.1 * noise) if np.all(w == 1) else 0.1 * noise
        found.append(new.astype(w.dtype))
    return found


class Recorder:
    """Stands between a script and a model's methods."""

    def __init__(self, model_class):
        self.calls = []
        self.inside = False
        self.known = []
        for name in ("fit", "evaluate", "predict"):
            setattr(model_class, name, self.around(name, getattr(model_class, name)))

    def around(self, name, method):
        taken = inspect.signature(method)

        def call(model, *arguments, **named):
            # fit calls evaluate for its validation data.
            if self.inside:
                return method(model, *arguments, **named)
            given = taken.bind(model, *arguments, **named).arguments
            given |= given.pop("kwargs", {})
            given.pop("self")
            if name == "fit":
                self.first_weights(model, given.get("x"))
                given["epochs"] = min(EPOCHS, given.get("epochs", 1))
                given["shuffle"] = False
                shorten(given)
            given["verbose"] = 0
            self.inside = True
            start = time.perf_counter()
            try:
                found = method(model, **given)
            finally:
                self.inside = False
            seconds = time.perf_counter() - start
            self.calls.append({"call": name, "seconds": seconds, "value": told(found)})
            return found

        return call

    def first_weights(self, model, x):
        """Draw a model's weights before its first ``fit``."""
        if all(model is not other for other in self.known):
            self.known.append(model)
            if not model.weights and hasattr(x, "shape"):
                model(x[:2])  # it has none before it has seen data
            model.set_weights(drawn(model.get_weights()))


def shorten(given):
    """Keep the first samples of arrays, the first steps of what has steps."""
    x = given.get("x")
    if hasattr(x, "shape") or isinstance(x, (list, tuple, dict)):
        for key in ("x", "y", "sample_weight"):
            given[key] = first(given.get(key))
        held_out = given.get("validation_data")
        if isinstance(held_out, (list, tuple)):
            given["validation_data"] = tuple(first(v) for v in held_out)
    elif x is not None:
        given["steps_per_epoch"] = min(STEPS, given.get("steps_per_epoch") or STEPS)
        if given.get("validation_data") is not None:
            given["validation_steps"] = STEPS


def first(value):
    """The first samples of an array, or of each in a list or dict."""
    if isinstance(value, dict):
        return {k: first(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and value and hasattr(value[0], "shape"):
        return type(value)(first(v) for v in value)
    return value if value is None else value[:SAMPLES]


def told(found):
    """A history, a list of scalars, or the beginning of an array, as JSON."""
    if hasattr(found, "history"):
        return {k: [float(v) for v in values] for k, values in found.history.items()}
    if isinstance(found, dict):
        found = [found[k] for k in sorted(found)]
    if isinstance(found, (list, tuple)) and any(np.ndim(v) for v in found):
        found = np.concatenate([np.ravel(v) for v in found])
    array = np.asarray(found, dtype="float64")
    return {"shape": list(array.shape), "values": array.reshape(-1)[:SHOWN].tolist()}


def prepared(library):
    """Put the stand-ins in the library's and the data packages' places."""
    keras = importlib.import_module(library)
    layers = importlib.import_module(f"{library}.layers")
    for name, load_data in stand_ins.DATASETS.items():
        importlib.import_module(f"{library}.datasets.{name}").load_data = load_data
    for name in DROPPING:
        still(layers, name)
    importlib.import_module(f"{library}.utils")
    keras.utils.get_file = stand_ins.get_file
    keras.utils.plot_model = lambda *_, **__: None
    np.loadtxt = stand_ins.engines
    if importlib.util.find_spec("pandas") is not None:
        import pandas as pd

        read_csv = pd.read_csv
        pd.read_csv = lambda path, *rest, **named: (
            stand_ins.machines(path)
            if str(path).startswith("http")
            else read_csv(path, *rest, **named)
        )
    for name in SHOWING:
        if missing(name.partition(".")[0]):
            sys.modules[name] = MagicMock(version_info=(9, 0))  # matplotlib asks
    return keras


def missing(package):
    """Whether a package is not installed, or was replaced already."""
    known = sys.modules.get(package)
    return isinstance(known, MagicMock) or (
        known is None and importlib.util.find_spec(package) is None
    )


def still(layers, name):
    """Have a layer that drops values drop none."""
    real = getattr(layers, name)
    setattr(layers, name, lambda rate=0, *rest, **named: real(0.0, *rest, **named))


def main():
    script, library, out = sys.argv[1:]
    keras = prepared(library)
    recorder = Recorder(keras.Model)
    text = rewritten(Path(script).read_text(encoding="utf-8"), library)
    np.random.seed(0)
    random.seed(0)
    keras.utils.set_random_seed(0)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(
            compile(text, script, "exec"),
            {"__name__": "__main__", "open": stand_ins.opened},
        )
    Path(out).write_text(json.dumps(recorder.calls))


if __name__ == "__main__":
    main()
