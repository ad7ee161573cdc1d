"""CIFAR-10: small photographs. Source: ``keras/src/datasets/cifar10.py`` (3.15)."""

from __future__ import annotations

import numpy as np

from keras2torch.datasets.cifar import batches
from keras2torch.datasets.files import Split

HASH = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
FOLDER = "cifar-10-batches-py"


def load_data() -> Split:
    """Return ``(x_train, y_train), (x_test, y_test)``, all ``uint8``.

    Images ``(50000, 32, 32, 3)`` and ``(10000, 32, 32, 3)`` from 0 to 255, labels
    ``(50000, 1)`` and ``(10000, 1)`` from 0 to 9 (airplane, automobile, bird, cat,
    deer, dog, frog, horse, ship, truck).

    Raises
    ------
    DatasetUnavailable
        If the archive is not in the cache and cannot be downloaded.
    """
    names = [f"{FOLDER}/data_batch_{i}" for i in range(1, 6)]
    *train, (x_test, y_test) = batches(
        f"{FOLDER}-target",
        "cifar-10-python.tar.gz",
        HASH,
        [*names, f"{FOLDER}/test_batch"],
        "labels",
    )
    x_train = np.concatenate([x for x, _ in train])
    y_train = np.concatenate([y for _, y in train])
    return (
        (x_train, y_train.astype("uint8").reshape(-1, 1)),
        (x_test, np.asarray(y_test, "uint8").reshape(-1, 1)),
    )
