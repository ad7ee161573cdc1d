"""Makes the models with random weights and statistics (runs in a Keras process).

Usage: ``python make.py keras|tf_keras FOLDER [NAME …]``: writes, for every case of
``cases.py`` that this Keras can have, its files, ``NAME.npz`` with inputs and what
Keras computes for them, and beside them the Python files of ``users/``, which are the
custom objects. What is recorded is what the *loaded* file computes.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
import tensorflow as tf
from cases import BOTH, CASES, USERS, Case, Feed

KERAS, FOLDER, NAMES = sys.argv[1], Path(sys.argv[2]) / sys.argv[1], sys.argv[3:]
keras: Any = importlib.import_module(KERAS)
logging.disable(logging.WARNING)  # of HDF5 and of models that are not compiled
warnings.simplefilter("ignore")
BATCH = 3


def copy_users() -> None:
    """Write the users' files; under tf_keras they import that."""
    # Keras 3 and tf_keras each have models that the other's ops cannot express.
    alone = {case.file: case.keras for case in CASES if case.keras != BOTH}
    both = {case.file for case in CASES if case.keras == BOTH}
    for file in sorted(USERS.glob("*.py")):
        if file.stem not in both and KERAS not in alone[file.stem]:
            continue
        text = file.read_text(encoding="utf-8")
        if KERAS == "tf_keras":
            text = re.sub(
                r"^import keras$", "import tf_keras as keras", text, flags=re.M
            )
            text = re.sub(
                r"^from keras import", "from tf_keras import", text, flags=re.M
            )
        (FOLDER / file.name).write_text(text, encoding="utf-8")


def redraw(model: Any, rng: np.random.Generator) -> None:
    """Give every weight and statistic a value that is not its initial one."""
    for variable in model.weights:
        shape = tuple(variable.shape)
        name = getattr(variable, "path", variable.name)
        if np.asarray(variable).dtype.kind != "f":  # a seed generator's state
            continue
        if "variance" in name:
            value = rng.uniform(0.5, 2.0, shape)
        elif "gamma" in name or name.rstrip(":0").endswith(("scale", "gain")):
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) < 2:
            value = rng.normal(0.0, 0.3, shape)
        else:
            value = rng.normal(0.0, 1.5 / np.sqrt(np.prod(shape[:-1])), shape)
            if "embedding" in name:
                value = rng.normal(0.0, 0.7, shape)
        variable.assign(np.asarray(value, "float32"))


def draw(feed: Feed, rng: np.random.Generator) -> np.ndarray:
    shape = (BATCH, *feed.shape)
    if feed.vocabulary is None:
        return rng.normal(0.0, 1.0, shape).astype("float32")
    drawn = rng.integers(1, feed.vocabulary, shape).astype("int32")
    if drawn.ndim == 2 and drawn.shape[1] > 4:  # padding at the end, of each another
        for row, steps in enumerate(rng.integers(2, drawn.shape[1] + 1, BATCH)):
            drawn[row, steps:] = 0
    return drawn


def structured(case: Case, rng: np.random.Generator) -> Any:
    if isinstance(case.feeds, Feed):
        return draw(case.feeds, rng)
    if isinstance(case.feeds, list):
        return [draw(feed, rng) for feed in case.feeds]
    return {name: draw(feed, rng) for name, feed in case.feeds.items()}


def named(structure: Any, side: str) -> dict[str, np.ndarray]:
    """``i/0`` … for one or several, ``i/NAME`` for those in a dict."""
    if isinstance(structure, dict):
        pairs = list(structure.items())
    elif isinstance(structure, (list, tuple)):
        pairs = list(enumerate(structure))
    else:
        pairs = [(0, structure)]
    return {f"{side}/{key}": np.asarray(value) for key, value in pairs}


def signature(inputs: Any) -> Any:
    spec = keras.InputSpec
    return tf.nest.map_structure(
        lambda a: spec(shape=(None, *a.shape[1:]), dtype=str(a.dtype)), inputs
    )


def record(case: Case, model: Any) -> None:
    """Save the model in its forms, load it, and record what the loaded one computes."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    inputs = structured(case, rng)
    model(inputs, training=False)
    redraw(model, rng)
    custom = {
        name: value
        for name, value in vars(sys.modules[case.file]).items()
        if callable(value) and not name.startswith("_")
    }
    computed = model(inputs, training=False)
    for form in case.forms_of(KERAS):
        path = FOLDER / (case.name + {"keras": ".keras", "h5": ".h5"}.get(form, ""))
        if form == "export":
            given = inputs if isinstance(inputs, (dict, list)) else [inputs]
            wanted = signature(given)
            if isinstance(inputs, list):
                wanted = [wanted]
            model.export(str(path), verbose=False, input_signature=wanted)
            continue
        if form == "folder":
            model.save(str(path), save_format="tf")
            continue
        model.save(str(path))
        load = keras.models.load_model
        loaded = load(path, custom_objects=custom, compile=False, safe_mode=False)
        again = loaded(inputs, training=False)
        both = map(tf.nest.flatten, (computed, again))
        for one, other in zip(*both, strict=True):
            if not case.random:
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        assert len(loaded.trainable_weights) == len(model.trainable_weights)
    arrays = named(inputs, "i")
    if not case.random:
        arrays |= named(computed, "o")
        assert all(np.isfinite(a).all() for a in arrays.values()), "not finite"
    count = {
        "trainable": sum(int(np.prod(w.shape)) for w in model.trainable_weights),
        "total": sum(int(np.prod(w.shape)) for w in model.weights),
    }
    (FOLDER / f"{case.name}.json").write_text(json.dumps(count))
    np.savez(FOLDER / f"{case.name}.npz", **arrays)


def record_module(case: Case, module: tf.Module, function: Any) -> None:
    """Save a module without Keras by its signature."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    inputs = structured(case, rng)
    tf.saved_model.save(module, str(FOLDER / case.name), signatures=function)
    outputs = function(**{k: tf.constant(v) for k, v in inputs.items()})
    variables = module.variables
    count = {
        "trainable": sum(int(np.prod(v.shape)) for v in module.trainable_variables),
        "total": sum(int(np.prod(v.shape)) for v in variables),
    }
    (FOLDER / f"{case.name}.json").write_text(json.dumps(count))
    np.savez(FOLDER / f"{case.name}.npz", **named(inputs, "i"), **named(outputs, "o"))


def main() -> None:
    """Make what is asked for; a model that fails is named and the others are made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    copy_users()
    sys.path.insert(0, str(FOLDER))
    failed = []
    for case in CASES:
        if KERAS not in case.keras or (NAMES and case.name not in NAMES):
            continue
        try:
            made = getattr(importlib.import_module(case.file), case.name)()
            if case.forms == ("module",):
                record_module(case, *made)
            else:
                record(case, made)
        except Exception as error:
            failed.append(case.name)
            text = " ".join(str(error).split())
            print(
                f"{case.name}: {type(error).__name__}: {text[-900:]}", file=sys.stderr
            )
    if failed:
        raise SystemExit(f"{KERAS} could not make {', '.join(failed)}")


if __name__ == "__main__":
    main()
