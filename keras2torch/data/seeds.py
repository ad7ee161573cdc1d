"""One seed for everything that draws. Keras 3.15: utils/rng_utils.py."""

from __future__ import annotations

import random

import numpy as np
import torch

_given: int | None = None


def set_random_seed(seed: int) -> None:
    """Seed Python, numpy and torch (all devices).

    The numbers drawn are torch's, not those of TensorFlow with the same seed.

    Raises
    ------
    ValueError
        If the seed is no integer.
    """
    global _given
    if not isinstance(seed, int):
        raise ValueError(f"a seed is an integer, not {seed!r}.")
    _given = seed
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def get_random_seed() -> int | None:
    """Return the seed that ``set_random_seed`` was given, ``None`` before."""
    return _given
