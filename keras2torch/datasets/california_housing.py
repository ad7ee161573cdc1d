"""California house prices. Source: ``keras/src/datasets/california_housing.py``."""

from __future__ import annotations

from keras2torch.datasets import housing
from keras2torch.datasets.files import Split

HASH = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Split:
    """Return ``(x_train, y_train), (x_test, y_test)``: 8 columns, prices in dollars.

    Parameters
    ----------
    version
        ``"large"``: 20 640 rows. ``"small"``: the first 600.
    path
        The name of the file in the cache.
    test_split
        Which part is for testing.
    seed
        Of the order.

    Raises
    ------
    ValueError
        For another ``version``, and a ``test_split`` below 0 or of 1 and more.
    DatasetUnavailable
        If the file is not in the cache and cannot be downloaded.
    """
    if version not in ("small", "large"):
        raise ValueError(f'version is "small" or "large", not {version!r}.')
    rows = 600 if version == "small" else None
    return housing.split(path, "california_housing.npz", HASH, test_split, seed, rows)
