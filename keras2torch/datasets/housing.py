"""What the two housing data sets share: a table, shuffled and split.

Source: ``keras/src/datasets/{boston,california}_housing.py`` (Keras 3.15).
"""

from __future__ import annotations

import numpy as np

from keras2torch.datasets.files import GOOGLE, Split, cached


def split(
    path: str,
    origin: str,
    file_hash: str,
    test_split: float,
    seed: int,
    rows: int | None = None,
) -> Split:
    """Return ``(x_train, y_train), (x_test, y_test)`` of the first ``rows`` rows."""
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split is from 0 to below 1, not {test_split}.")
    file = cached(path, GOOGLE + origin, file_hash)
    with np.load(file, allow_pickle=False) as arrays:
        x, y = arrays["x"][:rows], arrays["y"][:rows]
    order = np.random.RandomState(seed).permutation(len(x))
    train, test = np.split(order, [int(len(x) * (1 - test_split))])
    return (x[train], y[train]), (x[test], y[test])
