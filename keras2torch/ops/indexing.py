"""Entries by their places, and by a condition.

Source: ``keras/src/ops/numpy.py`` and ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from keras2torch.ops import specs
from keras2torch.ops.base import one_axis, operation
from keras2torch.ops.promotion import is_weak, kind, promoted, tensor, tensors
from keras2torch.ops.shaping import sizes
from keras2torch.tensors import torch_dtype


def _places(indices: Any, size: int, device: torch.device) -> torch.Tensor:
    """Return places counted from 0; negative ones count from the end."""
    found = tensor(indices).to(device)
    if found.is_floating_point():
        raise TypeError(f"indices are integers. Received: dtype={found.dtype}")
    found = found.to(torch.int64)
    return torch.where(found < 0, found + size, found)


@operation("GetItem", "x key", spec=specs.picked)
def get_item(x: Any, key: Any) -> Any:
    """``x[key]``."""
    x = tensor(x)
    whole = [_index(k) for k in (key if isinstance(key, tuple) else (key,))]
    if not any(isinstance(k, slice) and k.step not in (None, 1) for k in whole):
        return x[tuple(whole)]
    axis = 0
    for at, k in enumerate(whole):
        if k is Ellipsis:
            axis = x.ndim - sum(map(_axes_taken, whole[at + 1 :]))
            continue
        # torch takes no steps backwards.
        if isinstance(k, slice) and k.step is not None and int(k.step) < 0:
            there = list(range(*k.indices(x.shape[axis])))
            x = x.index_select(
                axis, torch.tensor(there, dtype=torch.int64).to(x.device)
            )
            whole[at] = slice(None)
        axis += _axes_taken(k)
    return x[tuple(whole)]


def _index(key: Any) -> Any:
    return torch.from_numpy(key) if isinstance(key, np.ndarray) else key


def _axes_taken(key: Any) -> int:
    """Return how many axes of a tensor a part of a key is about."""
    if key is None or key is Ellipsis:
        return 0
    mask = isinstance(key, torch.Tensor) and key.dtype is torch.bool
    return int(key.ndim) if mask else 1


@operation("Take", "x indices")
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return the entries at these places of an axis.

    Parameters
    ----------
    x
        A tensor.
    indices
        Integers in any shape, which comes in place of the axis.
    axis
        Along which; that of all values in a row unless given.
    """
    x = tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = one_axis(axis, x.ndim)
    places = _places(indices, x.shape[axis], x.device)
    found = x.index_select(axis, places.reshape(-1))
    return found.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


@operation("TakeAlongAxis", "x indices")
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return for each row of an axis the entries at places of its own.

    Parameters
    ----------
    x
        A tensor.
    indices
        Integers of as many axes.
    axis
        Along which; that of all values in a row unless given.
    """
    x = tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
        if tensor(indices).ndim != 1:
            raise ValueError(
                "`indices` must be 1D if axis=None. Received: indices.shape="
                f"{tuple(tensor(indices).shape)}"
            )
    axis = one_axis(axis, x.ndim)
    return torch.take_along_dim(x, _places(indices, x.shape[axis], x.device), axis)


@operation("Where", "condition x1 x2", spec=specs.chosen)
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Return ``x1`` where a condition holds, ``x2`` elsewhere; or where it holds.

    Parameters
    ----------
    condition
        What is not 0 is true.
    x1, x2
        Tensors or numbers; both or none.
    """
    if (x1 is None) != (x2 is None):
        raise ValueError(
            "`x1` and `x2` either both should be `None` or both should have non-None "
            "value."
        )
    if x1 is None:
        return nonzero(condition)
    x, y = promoted(x1, x2)
    [holds] = tensors(condition)
    device = next(
        (v.device for v in (x1, x2, condition) if isinstance(v, torch.Tensor)), x.device
    )
    return torch.where(holds.to(device, torch.bool), x.to(device), y.to(device))


@operation("Nonzero", gives=tuple, spec=specs.places)
def nonzero(x: Any) -> Any:
    """Return where values are not 0: the places along each axis, as int32."""
    x = tensor(x)
    return [p.to(torch.int32) for p in torch.nonzero(x, as_tuple=True)[: x.ndim]]


def _as_numpy_promotes(*values: Any) -> list[torch.Tensor]:
    """Return tensors of numpy's common dtype: float64 of int32 and float32."""
    kinds = [v if is_weak(v) else kind(v) for v in values]
    if "bfloat16" in kinds:
        return promoted(*values)
    common = np.result_type(
        *[np.dtype(k) if isinstance(k, str) else k for k in kinds]
    ).name
    return [t.to(torch_dtype(common)) for t in tensors(*values)]


@operation("Select", "condlist choicelist default")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Return the choice of the first condition that holds.

    Parameters
    ----------
    condlist, choicelist
        Conditions, and what comes where one holds.
    default
        What comes where none does.
    """
    if not isinstance(condlist, (list, tuple)) or not isinstance(
        choicelist, (list, tuple)
    ):
        raise ValueError(
            "condlist and choicelist must be lists. Received: type(condlist) = "
            f"{type(condlist)}, type(choicelist) = {type(choicelist)}"
        )
    if not condlist or len(condlist) != len(choicelist):
        raise ValueError(
            "condlist and choicelist must not be empty and be of one length. Received: "
            f"{len(condlist)} and {len(choicelist)}"
        )
    *choices, found = _as_numpy_promotes(*choicelist, default)
    for holds, choice in reversed(list(zip(condlist, choices, strict=True))):
        found = torch.where(tensor(holds).to(found.device, torch.bool), choice, found)
    return found


@operation("UnravelIndex", "indices", gives=list)
def unravel_index(indices: Any, shape: Any) -> Any:
    """Return the places along each axis of places in a row of all values."""
    if None in tuple(shape):
        raise ValueError(
            f"`shape` argument cannot contain `None`. Received: shape={shape}"
        )
    left = tensor(indices)
    found = []
    for size in reversed(sizes(shape)):
        found.append(torch.remainder(left, size))
        left = torch.div(left, size, rounding_mode="floor")
    return tuple(reversed(found))
