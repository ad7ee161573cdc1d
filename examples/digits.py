"""The data of the digits examples: 8 x 8 images that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 7
MODEL = Path(__file__).with_name("digits_cnn.h5")


def load() -> list[np.ndarray]:
    """Return train images, test images, train labels, test labels; images are NHWC."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16.0).astype("float32").reshape(-1, 8, 8, 1)
    return train_test_split(
        images, labels, test_size=0.25, random_state=SEED, stratify=labels
    )
