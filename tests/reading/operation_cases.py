"""Operations between layers, each as a function of a namespace and of tensors.

A Keras process and the tests both read this table: it imports neither Keras nor torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

F = "float32"
I = "int32"  # noqa: E741


@dataclass(frozen=True)
class Case:
    """An operation.

    Attributes
    ----------
    made
        ``ops, x, y … →`` tensor or tensors.
    shapes
        Of the inputs, without the batch, or with it where ``whole``.
    dtypes
        Of the inputs; ``int32`` draws 0 to 4, ``bool`` a coin, ``positive`` and
        ``unit`` numbers above 0 and from -1 to 1.
    whole
        The batch of two is known.
    """

    made: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...] = ((3, 5),)
    dtypes: tuple[str, ...] = (F,)
    whole: bool = False


def inputs(name: str, case: Case) -> list[Any]:
    """Return what a case is tried with."""
    rng = np.random.default_rng(sum(map(ord, name)))
    found = []
    for i, shape in enumerate(case.shapes):
        size = shape if case.whole else (2, *shape)
        kind = case.dtypes[min(i, len(case.dtypes) - 1)]
        if kind == "positive":
            array = rng.uniform(0.2, 3, size).astype(F)
        elif kind == "unit":
            array = rng.uniform(-0.95, 0.95, size).astype(F)
        elif kind == "bool":
            array = rng.uniform(size=size) < 0.5
        elif "int" in kind:
            array = rng.integers(0, 5, size).astype(kind)
        elif kind == "odd":
            array = rng.normal(size=size).astype(F)
            array.flat[::4], array.flat[1::7], array.flat[2::9] = (
                np.nan,
                np.inf,
                -np.inf,
            )
        elif kind == "holes":
            array = rng.normal(size=size).astype(F)
            array.flat[::4] = np.nan
        else:
            array = rng.normal(size=size).astype(kind)
        found.append(array)
    return found


def dtype_of(kind: str) -> str:
    """Return the dtype of an input."""
    return F if kind in ("positive", "unit", "odd", "holes") else kind


def one(made: Callable[..., Any], *dtypes: str) -> Case:
    """An operation on one tensor."""
    return Case(made, dtypes=dtypes or (F,))


def two(
    made: Callable[..., Any], *dtypes: str, second: tuple[int, ...] = (3, 5)
) -> Case:
    """An operation on two tensors."""
    return Case(made, ((3, 5), second), dtypes or (F,))


def named(name: str) -> Callable[..., Any]:
    """Call an operation by its name."""
    return lambda ops, *xs: getattr(ops, name)(*xs)


def along(name: str, **options: Any) -> Callable[..., Any]:
    """Call an operation with options."""
    return lambda ops, *xs: getattr(ops, name)(*xs, **options)


IMAGE = ((7, 9, 3),)
