"""Other shapes of the same values.

Source: ``keras/src/ops/numpy.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras2torch.ops.base import operation
from keras2torch.ops.promotion import tensor


@operation("Reshape")
def reshape(x: Any, newshape: int | Sequence[Any]) -> Any:
    """The same values in another shape; one size may be -1."""
    sizes = (newshape,) if isinstance(newshape, int) else tuple(newshape)
    return tensor(x).reshape([-1 if n is None else int(n) for n in sizes])


@operation("Squeeze")
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Without axes of size 1: all of them, or those that are named."""
    x = tensor(x)
    if axis is None:
        return x.squeeze()
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for a in axes:
        if x.shape[a] != 1:
            raise ValueError(
                f"Cannot squeeze axis={a} of a tensor of shape {tuple(x.shape)}: its "
                "size is not 1."
            )
    return x.squeeze(axes)


@operation("GetItem", "x key")
def get_item(x: Any, key: Any) -> Any:
    """``x[key]``."""
    x = tensor(x)
    return x[key]


@operation("Round")
def round(x: Any, decimals: int = 0) -> Any:  # as Keras calls it
    """To the nearest number of so many decimals; halves to the even one."""
    x = tensor(x)
    return x.round(decimals=decimals) if x.is_floating_point() else x
