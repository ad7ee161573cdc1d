"""CIFAR-100: small photographs. Source: ``keras/src/datasets/cifar100.py`` (3.15)."""

from __future__ import annotations

import numpy as np

from keras2torch.datasets.cifar import batches
from keras2torch.datasets.files import Split

HASH = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"


def load_data(label_mode: str = "fine") -> Split:
    """Return ``(x_train, y_train), (x_test, y_test)``.

    Images ``(50000, 32, 32, 3)`` and ``(10000, 32, 32, 3)``, ``uint8`` from 0 to 255,
    labels ``(50000, 1)`` and ``(10000, 1)``, ``int64`` as in Keras.

    Parameters
    ----------
    label_mode
        ``"fine"``: 100 classes. ``"coarse"``: the 20 groups that they make.

    Raises
    ------
    ValueError
        For another ``label_mode``.
    DatasetUnavailable
        If the archive is not in the cache and cannot be downloaded.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'label_mode is "fine" or "coarse", not {label_mode!r}.')
    (x_train, y_train), (x_test, y_test) = batches(
        "cifar-100-python-target",
        "cifar-100-python.tar.gz",
        HASH,
        ["cifar-100-python/train", "cifar-100-python/test"],
        f"{label_mode}_labels",
    )
    return (
        (x_train, np.reshape(y_train, (-1, 1))),
        (x_test, np.reshape(y_test, (-1, 1))),
    )
