"""Class numbers as vectors of zeros and ones.

Source: ``keras/src/ops/nn.py`` and ``keras/src/backend/tensorflow/nn.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.ops.base import operation
from keras2torch.ops.promotion import tensor
from keras2torch.tensors import torch_dtype


def _dense(sparse: bool) -> None:
    if sparse:
        raise ValueError("`sparse=True` is not supported: tensors here are dense.")


@operation("OneHot")
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """Return 1 in the place of each class number, else 0; a number beyond has no 1.

    Parameters
    ----------
    x
        Class numbers of any shape.
    num_classes
        How many classes there are.
    axis
        Where the axis of the classes is put in.
    dtype
        Of the result; the floating dtype in force unless given.
    sparse
        Not supported when true.
    """
    _dense(sparse)
    numbers = tensor(x).long()
    at = axis + numbers.ndim + 1 if axis < 0 else axis
    classes = torch.arange(num_classes, device=numbers.device)
    shape = [-1 if a == at else 1 for a in range(numbers.ndim + 1)]
    found = numbers.unsqueeze(at) == classes.reshape(shape)
    return found.to(torch_dtype(dtype))


@operation("MultiHot", "inputs")
def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Any:
    """Return 1 for each class among the numbers of a sample, else 0.

    Parameters
    ----------
    inputs
        Class numbers: a vector, or (batch, numbers, …).
    num_classes
        How many classes there are; also known as ``num_tokens``.
    axis
        Where the axis of the classes is put in.
    dtype
        Of the result; the floating dtype in force unless given.
    sparse
        Not supported when true.
    kwargs
        ``num_tokens``.
    """
    _dense(sparse)
    classes = kwargs.pop("num_tokens", None) if num_classes is None else num_classes
    if classes is None:
        raise ValueError("Argument `num_classes` must be specified.")
    numbers = tensor(inputs)
    ones = one_hot(numbers, classes, axis=axis, dtype="bool")
    return ones.any(1 if numbers.ndim > 1 else 0).to(torch_dtype(dtype))


__all__ = ["multi_hot", "one_hot"]
