"""Tensors of one dtype, the one that Keras would compute in.

Source: ``keras/src/backend/tensorflow/numpy.py`` (3.15), which asks ``result_type``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from keras2torch.models.context import default_device
from keras2torch.reading.promotion import result_type
from keras2torch.tensors import as_tensor, torch_dtype

_PLACED = (torch.Tensor,)


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
    if not isinstance(value, _PLACED) and isinstance(found, torch.Tensor):
        found = found.to(default_device())
    return found if dtype is None else found.to(torch_dtype(dtype))


def kind(value: Any) -> str:
    """Return the dtype that promotion sees: Python's numbers are weak.

    Examples
    --------
    >>> kind(2), kind(torch.zeros(1))
    ('int', 'float32')
    """
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return "int" if isinstance(value, int) else "float"
    return str(tensor(value).dtype).removeprefix("torch.")


def promoted(*values: Any, fractions: bool = False) -> list[torch.Tensor]:
    """Return tensors of the dtype that all of them have together.

    Parameters
    ----------
    values
        Tensors, weights, arrays, numbers.
    fractions
        Whether the result has fractions, whatever goes in.
    """
    found = [v if kind_is_weak(v) else tensor(v) for v in values]
    kinds = [kind(v) for v in found]
    if len(set(kinds)) == 1 and not kind_is_weak(found[0]) and not fractions:
        return found
    dtype = torch_dtype(result_type(*kinds, *(["float"] if fractions else [])))
    device = next((v.device for v in found if isinstance(v, torch.Tensor)), None)
    return [
        v.to(dtype)
        if isinstance(v, torch.Tensor)
        else torch.tensor(v, dtype=dtype, device=device or default_device())
        for v in found
    ]


def kind_is_weak(value: Any) -> bool:
    """Whether a value is a number of Python's and takes the dtype of others."""
    numbers = isinstance(value, (int, float))
    return numbers and not isinstance(value, (bool, np.generic))
