"""What the objects of a model keep, as a ``.weights.h5`` of Keras 3 has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from keras2torch.layers.base import Array
from keras2torch.saving.places import Place, places


class Vars(dict[str, Any]):
    """What ``save_own_variables`` writes to: number → array."""


def array_of(value: Any) -> Array:
    """Return a weight as an array in Keras' shape."""
    found = value.numpy() if hasattr(value, "numpy") else value
    if hasattr(found, "detach"):
        found = found.detach().cpu()
    return np.asarray(found)


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
    if kept is not None and hasattr(kept, "save_own_variables"):
        store = Vars()
        kept.save_own_variables(store)
        arrays = {k: array_of(v) for k, v in store.items()}
        yield Entry("optimizer", str(kept.name), arrays)


def _arrays(place: Place) -> dict[str, Array]:
    store = Vars()
    own = getattr(place.owner, "save_own_variables", None)
    if own is not None:
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
