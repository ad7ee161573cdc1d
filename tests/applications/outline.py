"""Writes architectures of ``keras.applications`` without numbers (in a Keras process).

Usage: ``python outline.py FOLDER``: takes names, one to a line, from standard input,
and prints a line of JSON when a file is written.

Nothing is drawn and nothing computed: the weights are datasets that have their place in
the file and are never written. So the largest model, of 1.4 GB, is made in a second
with all names and shapes, and where the file system keeps holes it takes no room.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["KERAS_BACKEND"] = "tensorflow"

import h5py
import keras


def outline(name: str, file: Path) -> None:
    """Write a model as ``model.save`` writes an ``.h5`` file, but for the numbers."""
    with keras.StatelessScope(initialize_variables=False):
        model = getattr(keras.applications, name)(weights=None)
    with h5py.File(file, "w") as target:
        target.attrs["keras_version"] = keras.__version__
        target.attrs["backend"] = "tensorflow"
        target.attrs["model_config"] = model.to_json()
        weights = target.create_group("model_weights")
        weights.attrs["layer_names"] = [layer.name for layer in model.layers]
        for layer in model.layers:
            _outline_layer(layer, weights.create_group(layer.name))


def _outline_layer(layer: Any, group: h5py.Group) -> None:
    unwritten = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    unwritten.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    unwritten.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    held = [*layer.trainable_weights, *layer.non_trainable_weights]
    group.attrs["weight_names"] = [weight.path for weight in held]
    for weight in held:
        group.create_dataset(weight.path, weight.shape, weight.dtype, dcpl=unwritten)


def main() -> None:
    """Write what is asked for."""
    folder = Path(sys.argv[1])
    for name in (line.strip() for line in sys.stdin):
        outline(name, folder / f"{name}.h5")
        print(json.dumps({"name": name}), flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
