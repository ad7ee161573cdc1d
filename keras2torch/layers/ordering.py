"""Arrays brought into C order, which is most of what becomes of a weight."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# So many numbers of each row are copied at once. Keras' kernels have a power of two of
# output channels, mostly: what follows one another in torch's order then lies in few
# places of the processor's caches, and more of it would not stay there.
_AT_ONCE = 16
_SMALL = 1 << 16


def in_order(array: Array) -> Array:
    """Return an array in C order; where it has that already, itself.

    numpy's own copy of a transposed array takes up to seven times as long.
    """
    turned = array.ndim > 1 and array.strides[0] == array.itemsize
    if not turned or array.nbytes < _SMALL or array.flags.c_contiguous:
        # Not ascontiguousarray: it gives a scalar an axis.
        return np.asarray(array, order="C")
    made = np.empty(array.shape, array.dtype)
    step = max(1, _AT_ONCE // math.prod(array.shape[2:]))
    for start in range(0, array.shape[1], step):
        made[:, start : start + step] = array[:, start : start + step]
    return made
