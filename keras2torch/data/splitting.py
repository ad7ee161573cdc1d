"""A data set in two. Keras 3.15: ``split_dataset`` in utils/dataset_utils.py."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from torch.utils.data import Dataset, Subset, TensorDataset

from keras2torch.data.tensors import is_array, to_tensor


def split_dataset(
    dataset: Any,
    left_size: int | float | None = None,
    right_size: int | float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Subset[Any], Subset[Any]]:
    """Split a data set into a left and a right one.

    Parameters
    ----------
    dataset
        An array, a list or tuple of arrays of one length, or a torch Dataset.
    left_size, right_size
        A fraction or a number of samples; one of them may be absent.
    shuffle, seed
        Whether to shuffle before, in the order that Keras on TensorFlow draws.
    preferred_backend
        Keras' argument; the result is always two torch Datasets of samples.

    Raises
    ------
    TypeError
        If the data set or a size is of another kind.
    ValueError
        If sizes are absent or do not fit, or lengths differ.
    """
    del preferred_backend
    if isinstance(dataset, (list, tuple)):
        tensors = [to_tensor(a, f"dataset[{i}]") for i, a in enumerate(dataset)]
        if not tensors or len({len(t) for t in tensors}) > 1:
            shapes = ", ".join(str(tuple(t.shape)) for t in tensors)
            raise ValueError(
                f"dataset needs arrays of one length, not of shapes {shapes or '()'}."
            )
        dataset = TensorDataset(*tensors)
    elif is_array(dataset):
        dataset = TensorDataset(to_tensor(dataset, "dataset"))
    elif not isinstance(dataset, Dataset) or not hasattr(dataset, "__len__"):
        raise TypeError(
            "dataset is an array, a list of arrays or a torch Dataset with a length, "
            f"not a {type(dataset).__name__}."
        )
    total = len(dataset)
    if left_size is None and right_size is None:
        raise ValueError("one of left_size and right_size is needed.")
    left = _samples("left_size", left_size, total)
    right = _samples("right_size", right_size, total)
    if left is None:
        left = total - (right or 0)
    if right is None:
        right = total - left
    if left + right > total:
        raise ValueError(
            f"left_size={left_size} and right_size={right_size} are more than the "
            f"{total} samples."
        )
    if left < 1 or right < 1:
        raise ValueError(
            f"left_size={left_size} and right_size={right_size} of {total} samples "
            f"leave the {'left' if left < 1 else 'right'} side empty."
        )
    order = list(range(total))
    if shuffle:
        random.Random(random.randint(0, 10**6) if seed is None else seed).shuffle(order)
    return Subset(dataset, order[:left]), Subset(dataset, order[-right:])


def _samples(name: str, size: int | float | None, total: int) -> int | None:
    if size is None:
        return None
    if isinstance(size, (int, np.integer)) and not isinstance(size, bool):
        if not 0 < size < total:
            raise ValueError(f"{name}={size} is not between 0 and {total} samples.")
        return int(size)
    if isinstance(size, float):
        if not 0 < size < 1:
            raise ValueError(f"{name}={size} is not a fraction between 0 and 1.")
        return round(size * total)
    raise TypeError(f"{name} is an integer or a float, not a {type(size).__name__}.")
