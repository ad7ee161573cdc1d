"""Arrays that Keras' files keep as pickles: ragged rows of words, and CIFAR's batches.

Source: ``keras/src/datasets/npz_utils.py`` (Keras 3.15), which reads them so too.
"""

from __future__ import annotations

import io

# A pickle is read here only after its file's SHA-256 was found to be the published
# one, and then by a reader that knows three names of numpy and no other.
import pickle  # noqa: TID251
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from keras2torch.datasets.files import Array, DatasetUnavailable

_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    # Named by numpy 1 and 2, and taken from an array: its home is private.
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}


class _Arrays(pickle.Unpickler):
    """Builds numbers, strings, lists, dictionaries and numpy's arrays; runs nothing."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise DatasetUnavailable(
                f"the data set names {module}.{name}, which no array needs: it is "
                "refused, delete the file and download it again."
            ) from None


def unpickled(file: IO[bytes], encoding: str = "ASCII") -> Any:
    """Return what a pickle of arrays holds.

    Raises
    ------
    DatasetUnavailable
        If it names anything but numpy's arrays.
    """
    return _Arrays(file, encoding=encoding).load()


def npz(path: Path) -> dict[str, Array]:
    """Return the arrays of an ``.npz`` file, those of Python objects too."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            data = io.BytesIO(archive.read(member))
            version = np.lib.format.read_magic(data)
            header: Any = (
                np.lib.format.read_array_header_1_0
                if version[0] == 1
                else np.lib.format.read_array_header_2_0
            )
            _, _, dtype = header(data)
            if dtype.hasobject:
                array = unpickled(data)
            else:
                data.seek(0)
                array = np.lib.format.read_array(data, allow_pickle=False)
            found[member.removesuffix(".npy")] = array
    return found
