"""A data set in two. Keras 3.15: ``split_dataset`` in utils/dataset_utils.py."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Subset, TensorDataset

from keras2torch.data.dataset import Dataset
from keras2torch.data.tensors import is_array, to_tensor


def split_dataset(
    dataset: Any,
    left_size: int | float | None = None,
    right_size: int | float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Split a data set into a left and a right one.

    Parameters
    ----------
    dataset
        An array, a list or tuple of arrays of one length, a ``Dataset`` that ends, or
        a torch Dataset.
    left_size, right_size
        A fraction or a number of samples; one of them may be absent.
    shuffle, seed
        Whether to shuffle before, in the order that Keras on TensorFlow draws.
    preferred_backend
        ``"torch"``: two torch Datasets of samples come back, as for a torch Dataset;
        else two data sets with the methods of tf.data's.

    Raises
    ------
    TypeError
        If the data set or a size is of another kind.
    ValueError
        If sizes are absent or do not fit, or lengths differ.
    """
    in_torch = preferred_backend == "torch" or (
        isinstance(dataset, TorchDataset) and preferred_backend is None
    )
    if isinstance(dataset, Dataset):
        dataset = list(dataset)
        if not dataset:
            raise ValueError("the data set that is to be split has no element.")
    elif isinstance(dataset, (list, tuple)):
        tensors = [to_tensor(a, f"dataset[{i}]") for i, a in enumerate(dataset)]
        if not tensors or len({len(t) for t in tensors}) > 1:
            shapes = ", ".join(str(tuple(t.shape)) for t in tensors)
            raise ValueError(
                f"dataset needs arrays of one length, not of shapes {shapes or '()'}."
            )
        dataset = TensorDataset(*tensors)
    elif is_array(dataset):
        dataset = TensorDataset(to_tensor(dataset, "dataset"))
    elif not isinstance(dataset, TorchDataset) or not hasattr(dataset, "__len__"):
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
    sides = (order[:left], order[-right:])
    if in_torch:
        return Subset(dataset, sides[0]), Subset(dataset, sides[1])
    return _taken(dataset, sides[0]), _taken(dataset, sides[1])


def _taken(samples: Any, at: list[int]) -> Dataset:
    """Return the data set of some samples; of a single array the arrays themselves."""
    bare = isinstance(samples, TensorDataset) and len(samples.tensors) == 1

    def made() -> Iterator[Any]:
        return (samples[i][0] if bare else samples[i] for i in at)

    return Dataset(made, len(at))


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
