"""Class numbers as one-hot rows, and vectors of length one.

Keras 3.15: utils/numerical_utils.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Return one-hot rows of class numbers, classes on a new last axis.

    Parameters
    ----------
    x
        Class numbers of any shape; a last axis of 1 is dropped. Fractions are cut off.
    num_classes
        How many classes; the largest number + 1 if not given.

    Returns
    -------
    array
        float64 in numpy, where a negative number counts from the last class. Of a torch
        tensor a float32 tensor, where a number that is no class is a row of zeros.

    Raises
    ------
    ValueError
        If an array has a class number outside the classes.
    """
    if isinstance(x, torch.Tensor):
        return _one_hot(x, num_classes)
    classes = np.array(x, dtype="int64")
    shape = classes.shape
    if len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    classes = classes.reshape(-1)
    if not num_classes:
        if not classes.size:
            raise ValueError("x has no class number, and num_classes is not given.")
        num_classes = int(classes.max()) + 1
    least, most = (classes.min(), classes.max()) if classes.size else (0, 0)
    if least < -num_classes or most >= num_classes:
        raise ValueError(
            f"x has class numbers from {least} to {most}, which are not all among "
            f"{num_classes} classes."
        )
    rows = np.zeros((classes.size, num_classes))
    rows[np.arange(classes.size), classes] = 1
    return rows.reshape((*shape, num_classes))


def normalize(x: Any, axis: int = -1, order: float = 2) -> Any:
    """Return ``x`` with vectors of norm 1 along an axis; vectors of zeros stay.

    Parameters
    ----------
    x
        A numpy array, or a torch tensor or list, which give a tensor.
    axis
        The axis of the vectors. For an array 0 means the last axis, as in Keras, whose
        code says ``axis or -1``; the norms are those along axis 0 all the same.
    order
        The order of the norm: 2 is the Euclidean one.
    """
    if not isinstance(x, np.ndarray):
        return _normalized(torch.as_tensor(x), axis, order)
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    return x / np.expand_dims(norms, axis or -1)


def _one_hot(x: torch.Tensor, num_classes: int | None) -> torch.Tensor:
    if x.ndim > 1 and x.shape[-1] == 1:
        x = x.squeeze(-1)
    if num_classes is None:
        raise ValueError("to_categorical of a tensor needs num_classes.")
    return (x.long().unsqueeze(-1) == torch.arange(num_classes, device=x.device)).to(
        torch.get_default_dtype()
    )


def _normalized(x: torch.Tensor, axis: int, order: float) -> torch.Tensor:
    if not x.is_floating_point():
        x = x.to(torch.get_default_dtype())
    if x.ndim == 0:
        x = x[None]
    if order == 2:
        # As Keras: not a division by the root, and no factor above 1 / epsilon.
        squares = x.square().sum(axis, keepdim=True)
        return x * squares.rsqrt().clamp_max(1e7)
    norms: torch.Tensor = torch.linalg.vector_norm(x, order, axis, keepdim=True)
    return x / norms.clamp_min(1e-7)
