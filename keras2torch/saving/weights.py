"""``.weights.h5``: written and read as Keras 3 does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from keras2torch.layers.base import Array
from keras2torch.replacing import replacing
from keras2torch.saving.places import Place, places


class Vars(dict[str, Any]):
    """What ``save_own_variables`` writes to: number → array."""


def array_of(value: Any) -> Array:
    """Return a weight as an array in Keras' shape."""
    found = value.numpy() if hasattr(value, "numpy") else value
    if hasattr(found, "detach"):
        found = found.detach().cpu()
    return np.asarray(found)


def write_weights(model: Any, to: Path | BinaryIO, *, optimizer: bool = True) -> None:
    """Write weights, and what the optimizer keeps, to an HDF5 file.

    Parameters
    ----------
    model
        Built.
    to
        A path, or a file in memory.
    optimizer
        Whether to write what the optimizer keeps.
    """
    with h5py.File(to, "w") as file:
        for place in places(model):
            _write(file, place)
        kept = getattr(model, "optimizer", None)
        if optimizer and kept is not None and hasattr(kept, "save_own_variables"):
            store = Vars()
            kept.save_own_variables(store)
            _group(file, "optimizer", str(kept.name), store)


def _write(file: h5py.File, place: Place) -> None:
    store = Vars()
    own = getattr(place.owner, "save_own_variables", None)
    if own is not None:
        own(store)
    else:
        store.update({str(i): v for i, v in enumerate(place.variables)})
    _group(file, place.path, place.name, store)


def _group(file: h5py.File, path: str, name: str, store: Mapping[str, Any]) -> None:
    group = file.create_group(f"{path}/vars" if path else "vars")
    group.attrs["name"] = name
    for key, value in store.items():
        array = array_of(value)
        group[key] = array


def save_weights(
    model: Any, filepath: str | os.PathLike[str], overwrite: bool = True
) -> None:
    """Write the weights of a model to ``NAME.weights.h5``.

    Raises
    ------
    ValueError
        If the name ends otherwise, or the model has no weights yet.
    FileExistsError
        If the file is there and ``overwrite`` is false.
    """
    path = str(filepath)
    if not path.endswith(".weights.h5"):
        raise ValueError(
            f"The filename must end in `.weights.h5`. Received: filepath={path}"
        )
    if not model.built:
        raise ValueError(
            "You are saving a model that has not yet been built. Try building the "
            "model first by calling it on some data or by using `build()`."
        )
    allow(path, overwrite)
    with replacing(path) as beside:
        write_weights(model, beside)


def allow(path: str, overwrite: bool) -> None:
    """Refuse to write over a file.

    Raises
    ------
    FileExistsError
        If it is there and ``overwrite`` is false; Keras asks at the terminal.
    """
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} exists: give overwrite=True to replace it.")
