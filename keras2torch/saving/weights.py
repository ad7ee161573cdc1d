"""``save_weights``: ``.weights.h5``, or several of them.

Source: ``keras/src/saving/saving_api.py`` (Keras 3.15).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras2torch.distribution.writing import by_one
from keras2torch.replacing import replacing
from keras2torch.saving import sharding
from keras2torch.saving.entries import entries, write_weights


@by_one
def save_weights(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
    *,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:
    """Write the weights of a model to ``NAME.weights.h5``, or to several files.

    Parameters
    ----------
    model
        Built.
    filepath
        ``NAME.weights.h5``; with a ``max_shard_size`` ``NAME.weights.json``, which
        says what is in which of the files beside it.
    overwrite
        Whether a file may be replaced; if not, it is asked for at the terminal.
    max_shard_size
        Of each file, in GiB.
    objects_to_skip
        Layers that are left out.

    Raises
    ------
    ValueError
        If the name ends otherwise, the model has no weights yet, or a weight is
        larger than ``max_shard_size``.
    FileExistsError
        If the file is there, ``overwrite`` is false and there is nobody to ask.
    """
    path = str(filepath)
    if max_shard_size is None and not path.endswith(".weights.h5"):
        raise ValueError(
            f"The filename must end in `.weights.h5`. Received: filepath={path}"
        )
    if max_shard_size is not None and not path.endswith(("weights.h5", "weights.json")):
        raise ValueError(
            "The filename must end in `.weights.json` when `max_shard_size` is "
            f"specified. Received: filepath={path}"
        )
    if not allowed(path, overwrite):
        return
    if not model.built:
        raise ValueError(
            "You are saving a model that has not yet been built. Try building the "
            "model first by calling it on some data or by using `build()`."
        )
    kept = entries(model, skipped=objects_to_skip or ())
    if max_shard_size is not None:
        sharding.write_shards(Path(path), kept, int(max_shard_size * 2**30))
        return
    with replacing(path) as beside:
        write_weights(beside, kept)


def allowed(path: str, overwrite: bool) -> bool:
    """Whether a file may be written; where one is, the user may be asked.

    Raises
    ------
    FileExistsError
        If it is there, ``overwrite`` is false and nobody sits at the terminal.
    """
    if overwrite or not os.path.exists(path):
        return True
    if not sys.stdin.isatty():
        raise FileExistsError(f"{path} exists: give overwrite=True to replace it.")
    answer = input(f"[WARNING] {path} already exists - overwrite? [y/n]")
    while (answer := answer.strip().lower()) not in ("y", "n"):
        answer = input('Enter "y" (overwrite) or "n" (cancel).')
    return answer == "y"
