"""Diagonals and triangles of matrices.

Source: ``keras/src/ops/numpy.py`` and ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.models.context import default_device
from keras2torch.ops.base import one_axis, operation
from keras2torch.ops.promotion import common_dtype, counted, kind, tensor
from keras2torch.tensors import torch_dtype


def _whole(name: str, value: Any) -> int:
    """Return an integer, of a tensor as well."""
    floating = isinstance(value, float) or (
        isinstance(value, torch.Tensor) and value.is_floating_point()
    )
    if floating:
        raise TypeError(f"Argument `{name}` must be an integer or an integer tensor.")
    return int(value)


def eye(N: Any, M: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    """Return a matrix with ones on a diagonal.

    Parameters
    ----------
    N, M
        Rows, and columns if there are not as many.
    k
        Which diagonal: 0 the main one, those above are positive.
    dtype
        The floating dtype in force unless given.
    """
    rows = _whole("N", N)
    columns = rows if M is None else _whole("M", M)
    place = torch.arange(rows, device=default_device())[:, None] + int(k)
    at = torch.arange(columns, device=default_device())
    return (place == at).to(torch_dtype(dtype))


def identity(n: Any, dtype: Any = None) -> Any:
    """Return a square matrix with ones on its diagonal."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Return a matrix with ones on and below a diagonal.

    Parameters
    ----------
    N, M
        Rows, and columns if there are not as many.
    k
        Which diagonal.
    dtype
        The floating dtype in force unless given.
    """
    ones = torch.ones(N, N if M is None else M, device=default_device())
    return torch.tril(ones, k).to(torch_dtype(dtype))


@operation("Tril")
def tril(x: Any, k: Any = 0) -> Any:
    """Return matrices with zeros above a diagonal."""
    return torch.tril(tensor(x), int(k))


@operation("Triu")
def triu(x: Any, k: Any = 0) -> Any:
    """Return matrices with zeros below a diagonal."""
    return torch.triu(tensor(x), int(k))


@operation("Diag")
def diag(x: Any, k: int = 0) -> Any:
    """Return a row as the diagonal of a matrix, a matrix' diagonal as a row."""
    x = tensor(x)
    if x.ndim not in (1, 2):
        raise ValueError(f"`x` must be 1d or 2d. Received: x.shape={tuple(x.shape)}")
    return torch.diag(x, k)


@operation("Diagflat")
def diagflat(x: Any, k: int = 0) -> Any:
    """Return a matrix with all values on a diagonal."""
    return torch.diagflat(tensor(x), k)


@operation("Diagonal")
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return a diagonal of two axes, as the last axis."""
    x = tensor(x)
    _check_plane(axis1, axis2, x.ndim)
    return torch.diagonal(x, offset, axis1, axis2)


@operation("Trace")
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sum of a diagonal of two axes."""
    x = counted(x)
    _check_plane(axis1, axis2, x.ndim)
    row = torch.diagonal(x, offset, axis1, axis2)
    return row.sum(-1, dtype=None if x.is_floating_point() else torch.int64).to(x.dtype)


def _check_plane(axis1: int, axis2: int, rank: int) -> None:
    if one_axis(axis1, rank) == one_axis(axis2, rank):
        raise ValueError(
            "`axis1` and `axis2` cannot be the same. Received: "
            f"axis1={axis1}, axis2={axis2}"
        )


@operation("Vander")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the powers of each value of a row.

    Parameters
    ----------
    x
        A row.
    N
        How many powers, as many as values unless given.
    increasing
        Whether the 0th comes first.
    """
    x = tensor(x)
    if x.ndim != 1:
        raise ValueError(
            "Input tensor must be 1-dimensional. Received: input.shape="
            f"{tuple(x.shape)}"
        )
    if N is not None and not isinstance(N, int):
        raise TypeError(
            f"Argument `N` must be of type `int`. Received: N={N} of type {type(N)}"
        )
    if N is not None and N < 0:
        raise ValueError(f"Argument 'N' must be nonnegative. Received: N={N}")
    if not isinstance(increasing, bool):
        raise TypeError(
            "Argument `increasing` must be of type `bool`. Received: increasing="
            f"{increasing} of type {type(increasing)}"
        )
    wide = x.to(common_dtype(kind(x), "float32"))
    powers = torch.arange(x.numel() if N is None else N, device=x.device)
    if not increasing:
        powers = powers.flip(0)
    return (wide[:, None] ** powers.to(wide.dtype)).to(x.dtype)
