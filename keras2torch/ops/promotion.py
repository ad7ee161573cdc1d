"""Tensors of one dtype, the one that Keras would compute in.

Source: ``keras/src/backend/tensorflow/numpy.py`` (3.15), which asks ``result_type``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from keras2torch.models.context import default_device
from keras2torch.models.naming import floatx
from keras2torch.reading.promotion import is_float, result_type
from keras2torch.tensors import as_tensor, torch_dtype

# What is counted in 32 bits (keras/src/backend/tensorflow/numpy.py, sum).
_SMALL = {
    torch.bool: torch.int32,
    torch.int8: torch.int32,
    torch.int16: torch.int32,
    torch.uint8: torch.uint32,
    torch.uint16: torch.uint32,
}


_named = cache(torch_dtype)
_name = cache(lambda dtype: str(dtype).removeprefix("torch."))


def tensor(value: Any, dtype: Any = None) -> Any:
    """Return a tensor, what was none on the default device.

    Parameters
    ----------
    value
        A tensor, weight, array, number or list of them.
    dtype
        What it is cast to, its own unless given.
    """
    found = as_tensor(value)
    if not isinstance(value, torch.Tensor) and isinstance(found, torch.Tensor):
        found = found.to(_device_within(value))
    return found if dtype is None else found.to(torch_dtype(dtype))


def tensors(*values: Any) -> list[Any]:
    """Return tensors on one device, that of those which were tensors before."""
    device = next((v.device for v in values if isinstance(v, torch.Tensor)), None)
    if all(isinstance(v, torch.Tensor) for v in values):
        return list(values)
    found = [tensor(v) for v in values]
    if device is None:
        return found
    return [
        f if isinstance(v, torch.Tensor) else f.to(device)
        for f, v in zip(found, values, strict=True)
    ]


def kind(value: Any) -> str:
    """Return the dtype that promotion sees: Python's numbers are weak.

    Examples
    --------
    >>> kind(2), kind(torch.zeros(1))
    ('int', 'float32')
    """
    if is_weak(value):
        return "int" if isinstance(value, int) else "float"
    if isinstance(value, bool):
        return "bool"
    dtype = getattr(value, "dtype", None)
    return _name(dtype if isinstance(dtype, torch.dtype) else tensor(value).dtype)


def is_weak(value: Any) -> bool:
    """Whether a value is a number of Python's and takes the dtype of others."""
    numbers = isinstance(value, (int, float))
    return numbers and not isinstance(value, (bool, np.generic))


def common_dtype(*kinds: str) -> torch.dtype:
    """Return the dtype that values of these have together.

    Parameters
    ----------
    kinds
        Names of dtypes; ``"int"`` and ``"float"`` are weak.
    """
    return _named(result_type(*kinds, floatx=floatx()))


def promoted(*values: Any, fractions: bool = False) -> list[torch.Tensor]:
    """Return tensors of the dtype that all of them have together.

    Parameters
    ----------
    values
        Tensors, weights, arrays, numbers; numbers of Python's are weak.
    fractions
        Whether the result has fractions, whatever goes in.
    """
    kept = _of_one_dtype(values)
    if kept is not None and (not fractions or kept[0].is_floating_point()):
        return kept
    strong = tensors(*[v for v in values if not is_weak(v)])
    kinds = [kind(v) for v in strong]
    if len(strong) == len(values) and len(set(kinds)) == 1 and not fractions:
        return strong
    kinds += [kind(v) for v in values if is_weak(v)]
    dtype = common_dtype(*kinds, *(["float"] if fractions else []))
    device = strong[0].device if strong else default_device()
    left = iter(strong)
    return [
        torch.tensor(v, dtype=dtype, device=device)
        if is_weak(v)
        else next(left).to(dtype)
        for v in values
    ]


def converted(*values: Any, fractions: bool = False) -> list[torch.Tensor]:
    """Return tensors of one dtype, where Keras makes tensors of numbers first.

    Parameters
    ----------
    values
        Tensors, weights, arrays, numbers; a number of Python's is int32 or floatx.
    fractions
        Whether the result has fractions, whatever goes in.
    """
    return promoted(*tensors(*values), fractions=fractions)


def _of_one_dtype(values: Any) -> list[torch.Tensor] | None:
    """Return tensors that need no promotion: most do not."""
    first = getattr(values[0], "dtype", None)
    if all(isinstance(v, torch.Tensor) and v.dtype is first for v in values):
        return list(values)
    return None


def floats(x: Any) -> torch.Tensor:
    """Return a tensor with fractions; integers become the floating dtype in force."""
    found: torch.Tensor = tensor(x)
    if is_float(str(found.dtype)) or found.is_complex():
        return found
    return found.to(torch.get_default_dtype())


def counted(x: Any) -> torch.Tensor:
    """Return a tensor whose entries can be added: what is small, in 32 bits."""
    found: torch.Tensor = tensor(x)
    return found.to(_SMALL.get(found.dtype, found.dtype))


def no_bool(x: torch.Tensor) -> torch.Tensor:
    """Return a tensor of numbers: int32 of booleans."""
    return x.to(torch.int32) if x.dtype is torch.bool else x


def in_double(*tensors: torch.Tensor) -> list[torch.Tensor]:
    """Return tensors of float64 in place of integers, which no product is made of."""
    return [
        t if t.is_floating_point() or t.is_complex() else t.to(torch.float64)
        for t in tensors
    ]


def _device_within(value: Any) -> torch.device:
    """Return where the tensors in a list are, or where tensors are made."""
    if isinstance(value, (list, tuple)):
        for v in value:
            if isinstance(v, torch.Tensor):
                return v.device
    return default_device()
