"""MNIST: handwritten digits. Source: ``keras/src/datasets/mnist.py`` (Keras 3.15)."""

from __future__ import annotations

import numpy as np

from keras2torch.datasets.files import GOOGLE, Split, cached

HASH = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load_data(path: str = "mnist.npz") -> Split:
    """Return ``(x_train, y_train), (x_test, y_test)``, all ``uint8``.

    Images ``(60000, 28, 28)`` and ``(10000, 28, 28)`` from 0 to 255, labels
    ``(60000,)`` and ``(10000,)`` from 0 to 9.

    Parameters
    ----------
    path
        The name of the file in the cache.

    Raises
    ------
    DatasetUnavailable
        If the file is not in the cache and cannot be downloaded.
    """
    with np.load(cached(path, GOOGLE + "mnist.npz", HASH), allow_pickle=False) as f:
        return (f["x_train"], f["y_train"]), (f["x_test"], f["y_test"])
