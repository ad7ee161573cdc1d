"""Files of data sets: found in Keras' cache, or downloaded into it and checked.

Source: ``keras/src/utils/file_utils.py`` (Keras 3.15).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.request
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from keras2torch.callbacks.printing import redraws
from keras2torch.errors import Keras2TorchError

GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

Array: TypeAlias = npt.NDArray[np.generic]
Split: TypeAlias = tuple[tuple[Array, Array], tuple[Array, Array]]


class DatasetUnavailable(Keras2TorchError, OSError):
    """A data set is not in the cache and could not be downloaded, or is damaged."""


def home() -> Path:
    """Return Keras' folder: ``$KERAS_HOME``, else ``~/.keras``."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def cached(
    name: str, origin: str, file_hash: str | None = None, folder: str = "datasets"
) -> Path:
    """Return the path of a file in the cache; download it if it is not there.

    Parameters
    ----------
    name
        What the file is called in the cache.
    origin
        Its address.
    file_hash
        Its SHA-256 (64 digits) or MD5 (32). It is asked for each time.
    folder
        The folder in Keras' home.

    Raises
    ------
    DatasetUnavailable
        If it cannot be downloaded, or is not the file that the hash was taken of.
    ValueError
        If the name has a folder in it, as in Keras.
    """
    if Path(name).name != name:
        raise ValueError(
            f"{name!r} is not the name of a file: set KERAS_HOME to choose the folder."
        )
    there = home() / folder / name
    if there.exists():
        if matches(there, file_hash):
            return there
        print(f"{there} is not the file expected by its hash: downloading it again.")
    target = writable(home()) / folder / name
    if target != there and target.exists() and matches(target, file_hash):
        return target
    download(origin, target, file_hash)
    return target


def writable(folder: Path) -> Path:
    """Return the folder, or as in Keras one among temporary files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fits = os.access(folder, os.W_OK)
    except OSError:
        fits = False
    return folder if fits else Path(tempfile.gettempdir()) / ".keras"


def matches(path: Path, file_hash: str | None) -> bool:
    """Whether a file has a hash; it has if there is none to compare."""
    if file_hash is None:
        return True
    # MD5 is what Keras has for two lists of words: JSON, which runs nothing.
    found = (
        hashlib.sha256() if len(file_hash) == 64 else hashlib.md5(usedforsecurity=False)
    )
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest() == file_hash


def download(origin: str, target: Path, file_hash: str | None) -> None:
    """Write beside the target, check, and move into place: no half file is left."""
    from rich.progress import wrap_file

    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                with urllib.request.urlopen(origin, timeout=60) as answer:
                    size = int(answer.headers.get("Content-Length") or 0)
                    with wrap_file(
                        answer, size, description=target.name, disable=not redraws()
                    ) as shown:
                        shutil.copyfileobj(shown, file)
            except OSError as error:
                reason = getattr(error, "reason", None) or error
                raise DatasetUnavailable(
                    f"{origin} cannot be downloaded ({reason}): connect to the "
                    f"network, or put the file at {target}."
                ) from error
        if not matches(part, file_hash):
            raise DatasetUnavailable(
                f"what {origin} sent is not the file expected (hash {file_hash}): "
                "the download was cut short, or the file has changed."
            )
        # mkstemp makes files that only their owner reads; others share the cache.
        part.chmod(0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
