"""Two answers to one case, compared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# What is smaller than this counts as this: a bias that training leaves at 1e-9 is
# rounding on both sides.
SMALLEST = 1e-3


def difference(expected: np.ndarray, found: np.ndarray) -> float:
    """The largest difference, relative to the largest number expected."""
    if expected.shape != found.shape:
        return np.inf
    if not (
        np.issubdtype(expected.dtype, np.number) or expected.dtype == np.bool_
    ) or not (np.issubdtype(found.dtype, np.number) or found.dtype == np.bool_):
        return 0.0 if (expected == found).all() else np.inf
    a, b = expected.astype("float64"), found.astype("float64")
    finite = np.isfinite(a)
    if (finite != np.isfinite(b)).any():
        return np.inf
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return np.inf
    if not finite.any():
        return 0.0
    scale = max(float(np.abs(a[finite]).max()), SMALLEST)
    return float(np.abs(a[finite] - b[finite]).max()) / scale


def complaints(
    expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], rtol: float
) -> list[str]:
    """One line for every result that is missing, too many, or different."""
    lines = [f"{k}: not in keras2torch" for k in expected if k not in found]
    lines += [f"{k}: not in Keras" for k in found if k not in expected]
    for name in (k for k in expected if k in found):
        a, b = expected[name], found[name]
        if (apart := difference(a, b)) > rtol:
            lines.append(
                f"{name}: {apart:.1e} apart; Keras {excerpt(a)}, ours {excerpt(b)}"
            )
    return lines


def excerpt(array: np.ndarray) -> str:
    with np.printoptions(precision=7, threshold=6, edgeitems=3):
        text = str(array.reshape(-1)[:6])
    return f"{list(array.shape)} {text}"
