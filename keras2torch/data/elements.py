"""Elements of a data set: made of arrays, stacked, padded, given to a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from keras2torch import tree
from keras2torch.data.tensors import is_pandas, to_numpy
from keras2torch.data.words import Words, is_text


def as_tensor(value: Any) -> Any:
    """Return a tensor of the dtype of an array; strings as what stands for one.

    Python's own floats are of the default dtype, as tf.data has them.
    """
    if isinstance(value, (torch.Tensor, Words)):
        return value
    if isinstance(value, float):
        return torch.tensor(value)
    if isinstance(value, int) and not isinstance(value, bool):
        fits = -(2**31) <= value < 2**31
        return torch.tensor(value, dtype=torch.int32 if fits else torch.int64)
    if isinstance(value, (str, bytes)):
        return Words(np.asarray(value, dtype=object))
    # A column of a table is a row of numbers here, as for TensorFlow.
    array = np.asarray(value.to_numpy()) if is_pandas(value) else to_numpy(value)
    if is_text(array):
        return Words(array)
    if array.dtype == object:
        raise ValueError("a data set is made of numbers or strings, not of objects.")
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)
    return torch.from_numpy(np.array(array))


def tensors(value: Any) -> Any:
    """Return a structure in tensors: a list is one tensor, as in TensorFlow."""
    if isinstance(value, list):
        return _listed(value)
    if isinstance(value, tuple):
        return tree.like(value, [tensors(v) for v in value])
    if isinstance(value, Mapping):
        return {k: tensors(v) for k, v in value.items()}
    return value if value is None else as_tensor(value)


def _listed(values: list[Any]) -> Any:
    first: Any = values
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, (torch.Tensor, Words)):
        return stacked(
            [tensors(list(v) if isinstance(v, tuple) else v) for v in values]
        )
    made = as_tensor(np.asarray(values))
    if type(first) is float:
        return made.to(torch.get_default_dtype())
    return made.to(torch.int32) if type(first) is int else made


def row(columns: Any, at: int | list[int]) -> Any:
    """Return one row of each tensor of a structure, or several."""
    # A copy: what torch writes in place must not be written into the data.
    return tree.map_structure(lambda column: column[at].clone(), columns)


def called(function: Callable[..., Any], element: Any) -> Any:
    """Return what a function makes of an element, without gradients."""
    from keras2torch.models.context import outside

    # Not part of a model's call, even while a model asks for its next batch.
    with torch.no_grad(), outside():
        made = function(*element) if isinstance(element, tuple) else function(element)
        return made if hasattr(made, "element_spec") else tensors(made)


def stacked(parts: Sequence[Any]) -> Any:
    """Return elements as one, with a new first axis."""

    def stack(*leaves: Any) -> Any:
        if isinstance(leaves[0], Words):
            return Words(np.stack([leaf.array for leaf in leaves]))
        shapes = {tuple(leaf.shape) for leaf in leaves}
        if len(shapes) > 1:
            raise ValueError(
                "batch() needs elements of one shape, and they have the shapes "
                f"{', '.join(map(str, sorted(shapes)))}: use padded_batch()."
            )
        return torch.stack(leaves)

    return tree.map_structure(stack, *parts)


def padded(parts: Sequence[Any], shapes: Any, values: Any) -> Any:
    """Return elements of several sizes as one, padded behind along each axis."""
    first = parts[0]

    def spread(given: Any) -> list[Any]:
        """Return one setting for each leaf."""
        count = len(tree.flatten(first))
        if given is None or not isinstance(first, (tuple, dict)):
            return [given] * count
        if isinstance(given, dict):
            return [given[k] for k in tree.keys(given)]
        return list(given) if isinstance(given, (list, tuple)) else [given] * count

    leaves = zip(*[tree.flatten(p) for p in parts], strict=True)
    made = [
        _padded(list(column), shape, value)
        for column, shape, value in zip(
            leaves, spread(shapes), spread(values), strict=True
        )
    ]
    return tree.pack(first, made)


def _padded(column: list[Any], shape: Any, value: Any) -> Any:
    if isinstance(column[0], Words):
        if column[0].ndim:
            raise ValueError("padded_batch() pads numbers, not strings.")
        return stacked(column)
    largest = [max(sizes) for sizes in zip(*[t.shape for t in column], strict=True)]
    if shape is not None:
        wanted = [
            n if s in (None, -1) else int(s)
            for n, s in zip(largest, shape, strict=True)
        ]
        if any(n > w for n, w in zip(largest, wanted, strict=True)):
            raise ValueError(
                f"padded_shapes={tuple(shape)} is smaller than an element of shape "
                f"{tuple(largest)}."
            )
        largest = wanted
    rows = []
    for tensor in column:
        missing = [n - m for n, m in zip(largest, tensor.shape, strict=True)]
        widths = [w for m in reversed(missing) for w in (0, m)]
        rows.append(F.pad(tensor, widths, value=0 if value is None else value))
    return torch.stack(rows)


def as_numpy(leaf: Any) -> Any:
    """Return a leaf as a numpy array or scalar."""
    if isinstance(leaf, Words):
        return leaf.numpy()
    return leaf.detach().cpu().numpy() if isinstance(leaf, torch.Tensor) else leaf
