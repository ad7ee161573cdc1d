"""Weights in several files: ``NAME.weights.json`` says which file has what.

Source: ``ShardedH5IOStore`` in ``keras/src/saving/saving_lib.py`` (Keras 3.15).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from keras2torch.replacing import replacing
from keras2torch.saving.entries import Entry, write_weights

Shard = list[Entry]


def write_shards(path: Path, kept: Iterable[Entry], most: int) -> None:
    """Write what objects keep to files of a size at most, and the map beside them.

    Parameters
    ----------
    path
        Of the map; ``NAME_00000.weights.h5`` and so on lie beside it.
    kept
        What to write, in order.
    most
        Bytes of arrays in one file.

    Raises
    ------
    ValueError
        If one array is larger.
    """
    if path.suffix != ".json":
        other = path.with_suffix(".json")
        warnings.warn(
            "Saving sharded weights requires `*.json` as the extension. The original "
            f"path: {path} will be renamed to {other}.",
            stacklevel=4,
        )
        path = other
    stem = path.stem.replace(".weights", "")
    total = 0
    homes: dict[str, list[str]] = {}
    with ExitStack() as stack:
        # Nothing takes its place before everything is written.
        beside = stack.enter_context(replacing(path))
        for number, shard in enumerate(_shards(kept, most)):
            name = f"{stem}_{number:05}.weights.h5"
            write_weights(stack.enter_context(replacing(path.with_name(name))), shard)
            for entry in shard:
                total += sum(a.nbytes for a in entry.arrays.values())
                if entry.arrays:
                    homes.setdefault(f"/{entry.group}", []).append(name)
        told: dict[str, Any] = {
            group: names[0] if len(names) == 1 else names
            for group, names in homes.items()
        }
        about = {"metadata": {"total_size": total}, "weight_map": told}
        beside.write_text(json.dumps(about, indent=4), encoding="utf-8")


def _shards(kept: Iterable[Entry], most: int) -> Iterator[Shard]:
    """Divide what objects keep, and an object's arrays, into parts of a size."""
    shard: Shard = []
    size = 0
    for entry in kept:
        here = Entry(entry.path, entry.name, {})
        shard.append(here)
        for key, array in entry.arrays.items():
            if array.nbytes > most:
                raise ValueError(
                    f"The size of {key} of {entry.path!r} is {array.nbytes} bytes, "
                    f"which exceeds the maximum shard size of {most} bytes. You can "
                    "increase the `max_shard_size` parameter to accommodate the size."
                )
            if size + array.nbytes > most:
                yield shard
                here, size = Entry(entry.path, entry.name, {}), 0
                shard = [here]
            here.arrays[key] = array
            size += array.nbytes
    yield shard
