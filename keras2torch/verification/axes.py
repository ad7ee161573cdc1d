"""Arrays between Keras' axes and PyTorch's, by the layout that a tensor carries."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.layers.definitions import Layout

Array = npt.NDArray[Any]


def to_torch(array: Array, layout: Layout) -> Array:
    """Return an array in Keras' axes as PyTorch has it."""
    order = layout.feature_order()
    if order is not None:
        array = array[..., order]
    if array.ndim == len(layout.axes):
        array = array.transpose(layout.axes)
    # A copy, not ascontiguousarray: with a single channel that leaves strides which
    # torch takes for channels last (oneDNN's convolution then crashes going backward).
    return np.array(array, order="C")


def to_keras(array: Array, layout: Layout) -> Array:
    """Return an array in PyTorch's axes as Keras has it.

    Examples
    --------
    >>> image = np.zeros((1, 3, 8, 9))
    >>> to_keras(image, Layout((0, 3, 1, 2))).shape
    (1, 8, 9, 3)
    """
    if array.ndim == len(layout.axes):
        array = array.transpose(np.argsort(layout.axes))
    order = layout.feature_order()
    if order is not None and array.shape[-1] == len(order):
        # Position i of the last axis holds Keras' feature order[i].
        array = array[..., np.argsort(order)]
    return np.ascontiguousarray(array)
