"""Fashion-MNIST: clothes. Source: ``keras/src/datasets/fashion_mnist.py`` (3.15)."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from keras2torch.datasets.files import GOOGLE, Array, Split, cached

FOLDER = str(Path("datasets") / "fashion-mnist")


def _bytes(name: str, header: int) -> Array:
    # Keras has no hashes for these; they are numbers behind a header.
    with gzip.open(cached(name, GOOGLE + name, folder=FOLDER), "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


def load_data() -> Split:
    """Return ``(x_train, y_train), (x_test, y_test)``, all ``uint8``.

    Images ``(60000, 28, 28)`` and ``(10000, 28, 28)`` from 0 to 255, labels
    ``(60000,)`` and ``(10000,)`` from 0 to 9 (T-shirt, trouser, pullover, dress, coat,
    sandal, shirt, sneaker, bag, ankle boot).

    Raises
    ------
    DatasetUnavailable
        If a file is not in the cache and cannot be downloaded.
    """
    y_train = _bytes("train-labels-idx1-ubyte.gz", 8)
    x_train = _bytes("train-images-idx3-ubyte.gz", 16).reshape(len(y_train), 28, 28)
    y_test = _bytes("t10k-labels-idx1-ubyte.gz", 8)
    x_test = _bytes("t10k-images-idx3-ubyte.gz", 16).reshape(len(y_test), 28, 28)
    return (x_train, y_train), (x_test, y_test)
