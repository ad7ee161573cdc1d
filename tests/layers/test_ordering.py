"""C order, whatever order an array comes in."""

from __future__ import annotations

import numpy as np
import pytest

from keras2torch.layers.ordering import in_order

SHAPES = [
    ((), ()),
    ((5,), (0,)),
    ((0, 40, 3), (2, 1, 0)),
    ((300, 200), (1, 0)),
    ((129, 257), (1, 0)),
    ((3, 3, 64, 128), (3, 2, 0, 1)),
    ((1, 1, 130, 150), (3, 2, 0, 1)),
    ((7, 9, 11, 40), (3, 0, 1, 2)),
    ((17, 5, 300), (2, 0, 1)),
    ((64, 64, 64), (0, 2, 1)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
@pytest.mark.parametrize(("shape", "order"), SHAPES)
def test_the_numbers_stay(
    shape: tuple[int, ...], order: tuple[int, ...], dtype: str
) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    view = array.transpose(order)
    made = in_order(view)
    assert made.flags.c_contiguous
    assert made.dtype == view.dtype
    assert made.shape == view.shape
    assert made.tolist() == view.tolist()
    assert in_order(made) is made
