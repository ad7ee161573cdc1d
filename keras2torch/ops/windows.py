"""Windows, as rows of numbers.

Source: ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.models.context import default_device


def bartlett(x: Any) -> Any:
    """Return the triangular window of so many entries, zero at its ends."""
    return torch.bartlett_window(int(x), periodic=False, device=default_device())


def blackman(x: Any) -> Any:
    """Return Blackman's window of so many entries."""
    return torch.blackman_window(int(x), periodic=False, device=default_device())


def hamming(x: Any) -> Any:
    """Return Hamming's window of so many entries."""
    return torch.hamming_window(
        int(x), periodic=False, dtype=torch.float32, device=default_device()
    )


def hanning(x: Any) -> Any:
    """Return Hann's window of so many entries."""
    return torch.hann_window(
        int(x), periodic=False, dtype=torch.float32, device=default_device()
    )


def kaiser(x: Any, beta: Any) -> Any:
    """Return Kaiser's window of so many entries.

    Parameters
    ----------
    x
        How many.
    beta
        How steep.
    """
    return torch.kaiser_window(
        int(x),
        periodic=False,
        beta=float(beta),
        dtype=torch.float32,
        device=default_device(),
    )
