"""Boston house prices. Source: ``keras/src/datasets/boston_housing.py`` (Keras 3.15).

Its authors let a column assume that segregation sets prices; Keras offers
:mod:`keras2torch.datasets.california_housing` in its place.
"""

from __future__ import annotations

from keras2torch.datasets import housing
from keras2torch.datasets.files import Split

HASH = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Split:
    """Return ``(x_train, y_train), (x_test, y_test)``, all ``float64``.

    13 columns of 506 rows, and prices in thousands of dollars.

    Parameters
    ----------
    path
        The name of the file in the cache.
    test_split
        Which part is for testing.
    seed
        Of the order.

    Raises
    ------
    ValueError
        For a ``test_split`` below 0 or of 1 and more.
    DatasetUnavailable
        If the file is not in the cache and cannot be downloaded.
    """
    return housing.split(path, "boston_housing.npz", HASH, test_split, seed)
