"""What CIFAR-10 and CIFAR-100 share: batches of pickled arrays in a tar archive.

Source: ``keras/src/datasets/cifar.py`` (Keras 3.15). Keras unpacks the archive beside
itself; here its members are read where they are, so that nothing is extracted.
"""

from __future__ import annotations

import io

# Members are read in memory; no name in the archive becomes a path.
import tarfile  # noqa: TID251
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras2torch.datasets.files import Array, cached
from keras2torch.datasets.objects import unpickled

TORONTO = "https://www.cs.toronto.edu/~kriz/"


def batches(
    target: str, archive: str, file_hash: str, members: Sequence[str], labels: str
) -> list[tuple[Array, list[int]]]:
    """Return images (channels last) and labels of each member of the archive.

    Parameters
    ----------
    target
        The folder into which Keras extracts; the archive lies beside it.
    archive
        Its name at its origin.
    file_hash
        Its SHA-256.
    members
        The batches, by path in the archive.
    labels
        ``"labels"``, ``"fine_labels"`` or ``"coarse_labels"``.
    """
    found = []
    path = cached(f"{target}_archive", TORONTO + archive, file_hash)
    with tarfile.open(path) as opened:
        for member in members:
            file = opened.extractfile(member)
            assert file is not None
            batch: dict[bytes, Any] = unpickled(io.BytesIO(file.read()), "bytes")
            images = np.reshape(batch[b"data"], (-1, 3, 32, 32))
            found.append((images.transpose(0, 2, 3, 1), batch[labels.encode()]))
    return found
