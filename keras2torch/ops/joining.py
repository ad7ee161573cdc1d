"""Several tensors to one, one to several.

Source: ``keras/src/ops/numpy.py`` and ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from keras2torch.ops import specs
from keras2torch.ops.base import one_axis, operation
from keras2torch.ops.promotion import converted, promoted, tensor, tensors
from keras2torch.ops.shaping import sizes


# ---------------------------------------------------------------------------- to one
@operation("Concatenate", "xs")
def concatenate(xs: Any, axis: int = 0) -> Any:
    """Return tensors one after the other along an axis."""
    found = converted(*xs)
    return torch.cat(found, one_axis(axis, found[0].ndim))


@operation("Append", "x1 x2")
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """Return ``x2`` behind ``x1``; all values in a row if no axis is given."""
    x, y = converted(x1, x2)
    if axis is None:
        return torch.cat([x.reshape(-1), y.reshape(-1)])
    return torch.cat([x, y], one_axis(axis, x.ndim))


@operation("Stack")
def stack(x: Any, axis: int = 0) -> Any:
    """Return tensors of one shape along a new axis."""
    found = promoted(*x)
    return torch.stack(found, one_axis(axis, found[0].ndim + 1))


@operation("Hstack", "xs")
def hstack(xs: Any) -> Any:
    """Return tensors one after the other along the second axis, of rows the first."""
    found = promoted(*xs)
    return torch.cat(found, 0 if found[0].ndim == 1 else 1)


@operation("Vstack", "xs")
def vstack(xs: Any) -> Any:
    """Return tensors one after the other along the first axis."""
    return torch.cat(promoted(*xs))


@operation("Dstack", "xs")
def dstack(xs: Any) -> Any:
    """Return tensors one after the other along the third axis."""
    return torch.dstack(converted(*xs))


@operation("Meshgrid", "x", gives=list)
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """Return the coordinates of a grid, a tensor for each axis.

    Parameters
    ----------
    *x
        The coordinates along each axis.
    indexing
        ``"xy"``: the first axis goes along the second one of the results. ``"ij"``.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(
            "Valid values for `indexing` are 'xy' and 'ij', but received "
            f"indexing={indexing!r}."
        )
    rows = [t.reshape(-1) for t in tensors(*x)]
    order = list(range(len(rows)))
    if indexing == "xy" and len(rows) > 1:
        order[:2] = [1, 0]
    shape = [rows[i].numel() for i in order]
    return [
        row.reshape([-1 if a == i else 1 for a in order]).expand(shape).clone()
        for i, row in enumerate(rows)
    ]


# ------------------------------------------------------------------------- to several
@operation("Split", gives=list, spec=specs.parts)
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> Any:
    """Return parts along an axis.

    Parameters
    ----------
    x
        A tensor.
    indices_or_sections
        How many equal parts, or where the parts begin, the first one aside.
    axis
        Along which.
    """
    x = tensor(x)
    place = one_axis(axis, x.ndim)
    if not isinstance(indices_or_sections, int):
        return list(torch.tensor_split(x, sizes(indices_or_sections), place))
    if x.shape[place] % indices_or_sections:
        raise ValueError(
            "`x` size on given `axis` must be divisible by `indices_or_sections` when "
            f"`indices_or_sections` is an int. But received {x.shape[place]} and "
            f"{indices_or_sections}."
        )
    return list(torch.tensor_split(x, indices_or_sections, place))


@operation("ArraySplit", gives=list, spec=specs.nearly_equal_parts)
def array_split(x: Any, indices_or_sections: int, axis: int = 0) -> Any:
    """Return so many parts, the first ones by one larger if it does not come out."""
    if not isinstance(indices_or_sections, int):
        raise TypeError(
            "Argument `indices_or_sections` must be of type `int`. Received: "
            f"indices_or_sections={indices_or_sections}"
        )
    if indices_or_sections <= 0:
        raise ValueError(
            "Argument `indices_or_sections` must be a positive integer. Received: "
            f"indices_or_sections={indices_or_sections}"
        )
    if not isinstance(axis, int):
        raise TypeError(f"Argument `axis` must be of type `int`. Received: {axis}")
    x = tensor(x)
    return list(torch.tensor_split(x, indices_or_sections, one_axis(axis, x.ndim)))


@operation("Hsplit", gives=list, spec=specs.second_parts)
def hsplit(x: Any, indices_or_sections: int | Sequence[int]) -> Any:
    """Return parts along the second axis, of a row along the first."""
    x = tensor(x)
    return split(x, indices_or_sections, axis=0 if x.ndim == 1 else 1)


@operation("Vsplit", gives=list, spec=specs.parts)
def vsplit(x: Any, indices_or_sections: int | Sequence[int]) -> Any:
    """Return parts along the first axis."""
    return split(x, indices_or_sections, axis=0)


@operation("Dsplit", gives=list, spec=specs.third_parts)
def dsplit(x: Any, indices_or_sections: int | Sequence[int]) -> Any:
    """Return parts along the third axis."""
    return split(x, indices_or_sections, axis=2)
