"""Linear algebra: what ``keras.ops.linalg`` lists.

Source: ``keras/src/ops/linalg.py`` and ``keras/src/backend/tensorflow/linalg.py``
(3.15).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import torch

from keras2torch import tree
from keras2torch.ops.base import all_axes, operation
from keras2torch.ops.promotion import floats, tensor, tensors


def _matrix(x: Any, *, square: bool = False) -> torch.Tensor:
    """Return a tensor of matrices along its last axes."""
    x = tensor(x)
    if x.ndim < 2:
        raise ValueError(
            "Expected input to have rank >= 2. "
            f"Received input with shape {tuple(x.shape)}."
        )
    if square and x.shape[-1] != x.shape[-2]:
        raise ValueError(
            "Expected a square matrix. "
            f"Received non-square input with shape {tuple(x.shape)}"
        )
    found: torch.Tensor = x
    return found


@operation("Cholesky")
def cholesky(x: Any, upper: bool = False) -> Any:
    """Triangular matrix that, times its transpose, is ``x``; lower unless told."""
    x = _matrix(x, square=True)
    try:
        return torch.linalg.cholesky(x, upper=upper)
    except RuntimeError as error:
        raise ValueError(f"Cholesky decomposition failed: {error}") from error


@operation("CholeskyInverse")
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """Inverse of the matrix whose Cholesky factor ``x`` is."""
    x = _matrix(x, square=True)
    one = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    inverse = torch.linalg.solve_triangular(x, one.expand_as(x), upper=upper)
    return inverse @ inverse.mT if upper else inverse.mT @ inverse


@operation("Det")
def det(x: Any) -> Any:
    """Determinants."""
    return torch.linalg.det(_matrix(x, square=True))


@operation("Eig", gives=tuple)
def eig(x: Any) -> Any:
    """Eigenvalues and eigenvectors, which are complex."""
    return tuple(torch.linalg.eig(_matrix(x, square=True)))


@operation("Eigh", gives=tuple)
def eigh(x: Any) -> Any:
    """Eigenvalues, in ascending order, and eigenvectors of symmetric matrices."""
    return tuple(torch.linalg.eigh(_matrix(x, square=True)))


@operation("Inv")
def inv(x: Any) -> Any:
    """Inverse matrices."""
    return torch.linalg.inv(_matrix(x, square=True))


@operation("LuFactor", gives=tuple)
def lu_factor(x: Any) -> Any:
    """Both triangular factors in one matrix, and for each row of ``x`` its place."""
    x = _matrix(x, square=True)
    factors, pivots = torch.linalg.lu_factor(x)
    rows = torch.lu_unpack(factors, pivots, unpack_data=False)[0]
    return factors, rows.argmax(-1).to(torch.int32)


@operation("Qr", gives=tuple)
def qr(x: Any, mode: str = "reduced") -> Any:
    """Orthogonal and upper triangular factor; ``mode="complete"``: square ``q``."""
    if mode not in ("reduced", "complete"):
        raise ValueError(
            "`mode` argument value not supported. "
            "Expected one of {'reduced', 'complete'}. "
            f"Received: mode={mode}"
        )
    return tuple(torch.linalg.qr(_matrix(x), mode=mode))


@operation("SVD")
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values, between the unitary matrices ``u`` and ``vh`` if wanted.

    Parameters
    ----------
    x
        Matrices along the last axes.
    full_matrices
        Whether ``u`` and ``vh`` are square.
    compute_uv
        Whether they are wanted at all.
    """
    x = _matrix(x)
    if not compute_uv:
        return torch.linalg.svdvals(x)
    return tuple(torch.linalg.svd(x, full_matrices=full_matrices))


@operation("MatrixRank")
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """How many singular values are above a tolerance."""
    x = _matrix(x)
    found = (
        torch.linalg.matrix_rank(x)
        if tol is None
        else torch.linalg.matrix_rank(x, atol=tol, rtol=0.0)
    )
    return found.to(torch.int32)


@operation("Pinv")
def pinv(x: Any, rcond: Any = None) -> Any:
    """Pseudo-inverse; singular values below ``rcond`` of the largest count as 0."""
    x = _matrix(x)
    if rcond is None:
        rcond = 10 * max(x.shape[-2:]) * torch.finfo(x.dtype).eps
    return torch.linalg.pinv(x, rtol=rcond)


# --------------------------------------------------------------------- equations
def _equations(a: Any, b: Any) -> tuple[torch.Tensor, torch.Tensor, bool]:
    """Return both sides, and whether the right one is of vectors."""
    left, right = tensors(a, b)
    left = _matrix(left, square=True)
    if right.ndim < 1:
        raise ValueError("Expected input to have rank >= 1: `b` is a number.")
    vectors = right.ndim == left.ndim - 1
    right = right.unsqueeze(-1) if vectors else right
    if left.shape[-2] != right.shape[-2]:
        raise ValueError(
            "Incompatible shapes between `a` and `b`. "
            "Expected `a.shape[-2] == b.shape[-2]`. "
            f"Received: a.shape={tuple(left.shape)}, b.shape={tuple(right.shape)}"
        )
    return left, right, vectors


@operation("Solve", "a b")
def solve(a: Any, b: Any) -> Any:
    """``x`` with ``a @ x == b``."""
    left, right, vectors = _equations(a, b)
    found = torch.linalg.solve(left, right)
    return found.squeeze(-1) if vectors else found


@operation("SolveTriangular", "a b")
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """``x`` with ``a @ x == b``, where ``a`` is triangular, upper unless told."""
    left, right, vectors = _equations(a, b)
    found = torch.linalg.solve_triangular(left, right, upper=not lower)
    return found.squeeze(-1) if vectors else found


@operation("Lstsq", "a b")
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Return the ``x`` with the least squares of ``a @ x - b``, the shortest of them.

    Parameters
    ----------
    a
        A matrix.
    b
        A vector or matrix with as many rows.
    rcond
        Singular values below this share of the largest count as 0.
    """
    left, right = tensors(a, b)
    if left.ndim != 2 or right.ndim not in (1, 2):
        raise TypeError(
            "lstsq wants a matrix, and a vector or a matrix: not of shapes "
            f"{tuple(left.shape)} and {tuple(right.shape)}."
        )
    if len(left) != len(right):
        raise ValueError("Leading dimensions of input arrays must match")
    eps = torch.finfo(left.dtype).eps
    if rcond is None:
        rcond = eps * max(left.shape)
    rcond = eps if rcond < 0 else rcond
    u, s, vh = torch.linalg.svd(left, full_matrices=False)
    kept = s >= rcond * s[0]
    inverse = torch.where(kept, 1 / torch.where(kept, s, 1), 0)[:, None]
    columns = right[:, None] if right.ndim == 1 else right
    found = vh.mH @ (inverse * (u.mH @ columns))
    return found.reshape(-1) if right.ndim == 1 else found


# ------------------------------------------------------------------------- norms
@operation("Norm")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Norm of vectors or matrices.

    Parameters
    ----------
    x
        Any shape.
    ord
        ``None`` for the root of the sum of squares; a number or ±inf of a vector;
        ``"fro"``, ``"nuc"``, ±1, ±2 or ±inf of a matrix.
    axis
        One axis of vectors or two of matrices; ``None`` for all.
    keepdims
        Whether they stay, with size 1.
    """
    x = floats(x)
    axes = all_axes(axis, x.ndim)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise ValueError(f"Invalid axis values. Received: axis={axes}")
    if ord not in (None, "fro", "nuc", inf, -inf, 1, -1, 2, -2):
        raise ValueError(f"Invalid `ord` argument for matrix norm. Received: ord={ord}")
    if ord is None or ord == "fro":
        return (x * x.conj()).sum(axes, keepdim=keepdims).sqrt()
    return torch.linalg.matrix_norm(x, ord, axes, keepdims)


def _vector_norm(x: torch.Tensor, ord: Any, axis: int, keepdims: bool) -> Any:
    if isinstance(ord, str):
        raise ValueError(f"Invalid `ord` argument for vector norm. Received: ord={ord}")
    if ord is None or ord == 2:
        return (x * x.conj()).sum(axis, keepdim=keepdims).sqrt()
    return torch.linalg.vector_norm(x, ord, axis, keepdims)


# ------------------------------------------------------------------- derivatives
@operation("JVP", "fun primals tangents", gives=tuple)
def jvp(
    fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False
) -> Any:
    """Return a function's result and its derivative in a direction.

    Parameters
    ----------
    fun
        Takes the primals.
    primals, tangents
        Where, and in which direction: tuples of tensors.
    has_aux
        Whether ``fun`` returns a second thing, which is handed on.
    """
    at = tuple(tree.map_structure(tensor, list(primals)))
    along = tuple(
        tree.map_structure(lambda t, p: tensor(t).to(p), list(tangents), list(at))
    )
    return torch.func.jvp(fun, at, along, has_aux=has_aux)


__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "solve",
    "solve_triangular",
    "svd",
]
