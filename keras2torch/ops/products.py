"""Products of vectors, matrices and tensors.

Source: ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.ops import specs
from keras2torch.ops.base import all_axes, operation
from keras2torch.ops.promotion import converted, floats, in_double, tensor, tensors


@operation("Matmul", "x1 x2")
def matmul(x1: Any, x2: Any) -> Any:
    """``x1 @ x2``; that of two matrices of int8 is int32."""
    x, y = tensors(x1, x2)
    small = {x.dtype, y.dtype} == {torch.int8} and 1 not in (x.ndim, y.ndim)
    x, y = converted(x, y)
    kind = torch.int32 if small else x.dtype
    return torch.matmul(*in_double(x, y)).to(kind)


@operation("Dot", "x1 x2")
def dot(x1: Any, x2: Any) -> Any:
    """Return sums over the last axis of ``x1`` and the last but one of ``x2``."""
    x, y = converted(x1, x2)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return _summed(x, y, ([-1], [-1 if y.ndim == 1 else -2]))


@operation("Inner", "x1 x2")
def inner(x1: Any, x2: Any) -> Any:
    """Return sums over the last axes."""
    x, y = converted(x1, x2)
    return x * y if x.ndim == 0 or y.ndim == 0 else _summed(x, y, ([-1], [-1]))


@operation("Vdot", "x1 x2")
def vdot(x1: Any, x2: Any) -> Any:
    """Return the sum of the products of all values."""
    x, y = converted(x1, x2)
    return _summed(x.reshape(-1), y.reshape(-1), ([0], [0]))


@operation("Outer", "x1 x2")
def outer(x1: Any, x2: Any) -> Any:
    """Return the products of each value of ``x1`` and each of ``x2``."""
    x, y = converted(x1, x2)
    return x.reshape(-1, 1) * y.reshape(-1)


@operation("Tensordot", "x1 x2")
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Return sums over axes of both.

    Parameters
    ----------
    x1, x2
        Tensors.
    axes
        How many: the last of ``x1``, the first of ``x2``; or the axes of each.
    """
    x, y = converted(x1, x2)
    if isinstance(axes, int):
        return _summed(x, y, axes)
    first, second = axes.tolist() if hasattr(axes, "tolist") else axes
    return _summed(
        x, y, (list(all_axes(first, x.ndim)), list(all_axes(second, y.ndim)))
    )


def _summed(x: torch.Tensor, y: torch.Tensor, axes: Any) -> torch.Tensor:
    wide, other = in_double(x, y)
    found: torch.Tensor = torch.tensordot(wide, other, dims=axes)
    return found.to(x.dtype)


@operation("Einsum", "operands")
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Return the sum of products that subscripts describe.

    Parameters
    ----------
    subscripts
        ``"ij,jk->ik"``.
    *operands
        Tensors.
    **kwargs
        How TensorFlow is to go about it; torch decides that itself.
    """
    given = tensors(*operands)
    small = {t.dtype for t in given} == {torch.int8}
    found = converted(*given)
    kind = torch.int32 if small else found[0].dtype
    return torch.einsum(subscripts, *in_double(*found)).to(kind)


@operation("Kron", "x1 x2")
def kron(x1: Any, x2: Any) -> Any:
    """Return ``x1`` with ``x2`` times each of its entries in their place."""
    return torch.kron(*converted(x1, x2))


@operation("Cross", "x1 x2", spec=specs.crossed)
def cross(
    x1: Any,
    x2: Any,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Any:
    """Return vectors that are perpendicular to two others.

    Parameters
    ----------
    x1, x2
        Vectors of 2 or 3 entries; of two of 2 entries the third of the product.
    axisa, axisb, axisc
        Along which the vectors of ``x1``, of ``x2`` and of the result are.
    axis
        All three.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = converted(x1, x2)
    x, y = x.movedim(axisa, -1), y.movedim(axisb, -1)
    for vectors in (x, y):
        if vectors.shape[-1] not in (2, 3):
            raise ValueError(
                "cross: vectors have 2 or 3 entries. Received: x1.shape="
                f"{tuple(x.shape)}, x2.shape={tuple(y.shape)}"
            )
    flat = x.shape[-1] == y.shape[-1] == 2
    x, y = (torch.nn.functional.pad(t, (0, 3 - t.shape[-1])) for t in (x, y))
    found = torch.linalg.cross(*torch.broadcast_tensors(x, y))
    return found[..., 2] if flat else found.movedim(-1, axisc)


@operation("Correlate", "x1 x2")
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Return the sums of products of a row and another one moved along it.

    Parameters
    ----------
    x1, x2
        Rows.
    mode
        ``"valid"``: where they overlap wholly; ``"full"``: at all; ``"same"``.
    """
    if mode not in ("full", "same", "valid"):
        raise ValueError(
            f"Invalid mode: '{mode}'. Mode must be one of: 'full', 'same', 'valid'."
        )
    x, y = converted(x1, x2)
    if x.dtype is torch.int64:
        x, y = x.double(), y.double()
    elif not x.is_floating_point():
        x, y = x.float(), y.float()
    whole = 0 if mode == "valid" else y.numel() - 1
    padded = torch.nn.functional.pad(x, (whole, whole))
    found = torch.nn.functional.conv1d(padded[None, None], y[None, None])[0, 0]
    if mode != "same":
        return found
    wanted = max(x.numel(), y.numel())
    start = (found.numel() - wanted) // 2
    return found[start : start + wanted]


@operation("Corrcoef")
def corrcoef(x: Any) -> Any:
    """Return how the rows are correlated, from -1 to 1."""
    x = tensor(x)
    x = x.double() if x.dtype is torch.int64 else floats(x)
    if x.ndim == 0:
        return torch.tensor(torch.nan, device=x.device)
    return torch.corrcoef(x)


@operation("Slogdet", gives=tuple)
def slogdet(x: Any) -> Any:
    """Return the sign of the determinant and the logarithm of its size."""
    sign, size = torch.linalg.slogdet(tensor(x))
    return sign, size
