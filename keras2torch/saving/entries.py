"""What the objects of a model keep, as a ``.weights.h5`` of Keras 3 has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
import torch

from keras2torch.layers.base import Array
from keras2torch.models.layer import Layer
from keras2torch.optimizers.kept import Kept
from keras2torch.saving.places import Place, of_optimizer, places
from keras2torch.tensors import to_array

_USUAL_SAVE = Layer.save_own_variables


class Vars(dict[str, Any]):
    """What ``save_own_variables`` writes to: number → array."""


def array_of(value: Any) -> Array:
    """Return a weight as an array in Keras' shape."""
    if isinstance(value, torch.Tensor) and type(value).numpy is torch.Tensor.numpy:
        return np.asarray(to_array(value))
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


@dataclass(frozen=True)
class Entry:
    """What one object keeps: the group ``path/vars`` of a file.

    Attributes
    ----------
    path
        ``""`` for the model itself, ``"layers/dense"``.
    name
        Of the object.
    arrays
        Number, or a user's own key, → array.
    """

    path: str
    name: str
    arrays: dict[str, Array]

    @property
    def group(self) -> str:
        """Where its arrays are."""
        return f"{self.path}/vars" if self.path else "vars"


def entries(
    model: Any, *, optimizer: bool = True, skipped: Iterable[Any] = ()
) -> Iterator[Entry]:
    """Yield what each object of a model keeps, in the order of Keras' files.

    Parameters
    ----------
    model
        Built.
    optimizer
        Whether what the optimizer keeps is one of them.
    skipped
        Objects that are left out, with what is in them.
    """
    skipped = list(skipped)
    for place in places(model, skipped):
        yield Entry(place.path, place.name, _arrays(place))
    kept = getattr(model, "optimizer", None)
    if not optimizer or any(kept is s for s in skipped):
        return
    if isinstance(kept, Kept):
        for place in of_optimizer(kept, "optimizer"):
            yield Entry(place.path, place.name, _arrays(place))


def _arrays(place: Place) -> dict[str, Array]:
    store = Vars()
    own = getattr(place.owner, "save_own_variables", None)
    if own is not None and getattr(own, "__func__", None) is not _USUAL_SAVE:
        own(store)
    else:
        store.update({str(i): v for i, v in enumerate(place.variables)})
    return {key: array_of(value) for key, value in store.items()}


def write_weights(to: Path | BinaryIO, kept: Iterable[Entry]) -> None:
    """Write what objects keep to an HDF5 file: a path, or a file in memory."""
    with h5py.File(to, "w") as file:
        for entry in kept:
            group = file.create_group(entry.group)
            group.attrs["name"] = entry.name
            for key, array in entry.arrays.items():
                group[key] = array
                if array.dtype.name == "bfloat16":  # to HDF5 it is two bytes
                    group[key].attrs["dtype"] = "bfloat16"
