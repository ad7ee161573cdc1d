"""Weights that Keras 3.10 and later split over several files (``max_shard_size``).

``model.weights.json`` says which file has which variables; the files lie beside it.
They are put together in memory, as one ``.weights.h5``.
"""

from __future__ import annotations

import io
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py

from keras2torch.errors import UnusableFile
from keras2torch.reading import hdf5, text


def is_map(value: Any) -> bool:
    """Whether this is such a map."""
    return isinstance(value, dict) and isinstance(value.get("weight_map"), dict)


def joined(path: Path) -> hdf5.Place:
    """Return one HDF5 file of all shards that a map names.

    Raises
    ------
    UnusableFile
        If it is no such map, or a shard is missing or not beside it.
    """
    value = text.from_json(path.read_bytes(), str(path))
    if not is_map(value):
        raise UnusableFile(
            f"{path} holds no weights: give the HDF5 file that "
            "`model.save_weights` wrote."
        )
    names: dict[str, None] = {}
    for one in value["weight_map"].values():
        names |= dict.fromkeys(one if isinstance(one, list) else [one])
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as whole:
        for name in names:
            _add(whole, _beside(path, name))
    data = buffer.getvalue()
    return hdf5.Place(str(path), path, lambda: io.BytesIO(data))


def _beside(path: Path, name: Any) -> Path:
    """Return a shard's path; its name comes from a file and must be a name only."""
    if not isinstance(name, str) or Path(name).name != name or "\\" in name:
        raise UnusableFile(f"{path} names {name!r} as a shard, which is refused.")
    found = path.with_name(name)
    if not found.is_file():
        raise UnusableFile(
            f"{path} names the shard {name!r}, which is not beside it: put all files "
            "that `model.save_weights` wrote into one folder."
        )
    return found


def _add(whole: h5py.File, shard: Path) -> None:
    with ExitStack() as stack:
        root = stack.enter_context(hdf5.Place(str(shard), shard).opened())
        for path, group in hdf5.groups_with_vars(root):
            here = whole.require_group(f"{path}/vars" if path else "vars")
            for name in group:
                if name not in here:
                    made = here.create_dataset(name, data=hdf5.array(group, name)())
                    if "dtype" in group[name].attrs:
                        made.attrs["dtype"] = group[name].attrs["dtype"]
