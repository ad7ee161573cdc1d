"""How far two arrays are apart, and what that is called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Verdict = Literal["exact", "close", "different", "unverified"]

#: Largest differences, relative to the largest output: float32 rounds in the seventh
#: digit and sums of thousands of terms lose one more; float64 in the sixteenth.
EXACT = 1e-5
EXACT_FLOAT64 = 1e-9
# Keras computes some gradients in float64 with constants of float32 (the scale of its
# attention).
EXACT_GRADIENT = 1e-7
# A mistake is as large in float64 as in float32. What is smaller by this factor (the
# precisions are 5e8 apart) is rounding, which a chaotic model amplifies as it likes.
_ROUNDING = 1e-6
_SATURATED = 0.1
CLOSE = 1e-3
# Of an output that is zero everywhere there is no relative difference.
_ZERO = 1e-7


@dataclass(frozen=True)
class Difference:
    """The largest difference of a pair of arrays, or of several pairs.

    Attributes
    ----------
    absolute
        The largest difference.
    relative
        The same, by the largest value on the Keras side.
    float64
        The relative one in float64, ``None`` where there is none.
    why
        What makes the two incomparable: another shape, NaN against a number.
    """

    absolute: float = 0.0
    relative: float = 0.0
    float64: float | None = None
    why: str = ""

    @property
    def verdict(self) -> Verdict:
        """Exact, close or different; float64 tells rounding from error."""
        return self.judged(EXACT_FLOAT64)

    def judged(self, exact_float64: float) -> Verdict:
        """Return the verdict with another limit for float64."""
        if self.relative <= EXACT:
            return "exact"
        rounding = max(exact_float64, _ROUNDING * min(self.relative, _SATURATED))
        if self.float64 is not None and self.float64 <= rounding:
            return "exact"
        return "close" if self.relative <= CLOSE else "different"

    def in_float64(self, other: Difference | None) -> Difference:
        """Return this difference with the relative one of a float64 run."""
        return self if other is None else replace(self, float64=other.relative)


def difference(keras: Array, torch: Array) -> Difference:
    """Compare what Keras computes with what PyTorch computes.

    NaN agrees with NaN and an infinity with itself.

    Examples
    --------
    >>> d = difference(np.array([1.0, 4.0]), np.array([1.0, 4.002]))
    >>> round(d.absolute, 6), round(d.relative, 6), d.verdict
    (0.002, 0.0005, 'close')
    """
    if keras.shape != torch.shape:
        why = f"shape {torch.shape} where Keras has {keras.shape}"
        return Difference(math.inf, math.inf, why=why)
    if keras.size == 0:
        return Difference()
    if keras.dtype.kind in "US" or torch.dtype.kind in "US":
        if (keras == torch).all():
            return Difference()
        return Difference(math.inf, math.inf, why="other strings")
    if keras.dtype.kind in "bO" or torch.dtype.kind in "bO":
        keras, torch = keras.astype("int8"), torch.astype("int8")
    kind = "complex128" if keras.dtype.kind == "c" else "float64"
    a, b = keras.astype(kind), torch.astype(kind)
    finite = np.isfinite(a) & np.isfinite(b)
    if not finite.all():
        odd = ~finite
        same = (np.isnan(a) & np.isnan(b)) | (a == b)
        if not same[odd].all():
            why = "NaN or an infinity on one side only"
            return Difference(math.inf, math.inf, why=why)
        a, b = a[finite], b[finite]
        if a.size == 0:
            return Difference()
    largest = float(np.abs(a).max())
    absolute = float(np.abs(a - b).max())
    whole = keras.dtype.kind in "iu" and torch.dtype.kind in "iu"
    if whole and not np.array_equal(keras, torch):
        # The next index is another word, however large both are.
        return Difference(max(absolute, 1.0), math.inf, why="other integers")
    if absolute == 0.0 or (largest == 0.0 and absolute <= _ZERO):
        return Difference(absolute, 0.0)
    return Difference(absolute, absolute / largest if largest else math.inf)


def worst(found: Sequence[Difference]) -> Difference:
    """Return the largest of several differences, in float32 and float64 each."""
    if not found:
        return Difference()
    doubles = [d.float64 for d in found if d.float64 is not None]
    return Difference(
        max(d.absolute for d in found),
        max(d.relative for d in found),
        max(doubles) if len(doubles) == len(found) else None,
        next((d.why for d in found if d.why), ""),
    )


def worst_of_calls(
    keras: Sequence[Sequence[Array]], torch: Sequence[Sequence[Array]]
) -> Difference:
    """Compare the calls of one layer, each a list of outputs.

    Keras numbers the calls of a shared layer as its file does, a program as they run:
    where the straight pairing does not agree, the best one counts.
    """

    def paired(order: Sequence[int]) -> Difference:
        return worst(
            [
                difference(theirs, ours)
                for tensors, t in zip(keras, order, strict=True)
                for theirs, ours in zip(tensors, torch[t], strict=False)
            ]
        )

    straight = paired(range(len(keras)))
    if len(keras) == 1 or len(keras) > 4 or straight.relative <= EXACT:
        return straight
    return min(
        (paired(order) for order in permutations(range(len(keras)))),
        key=lambda d: d.relative,
    )


def has_nonfinite(arrays: Sequence[Array]) -> bool:
    """Whether any value is NaN or an infinity."""
    return any(
        a.dtype.kind in "fc" and a.size > 0 and not np.isfinite(a).all() for a in arrays
    )


def says_little(arrays: Sequence[Array]) -> bool:
    """Whether outputs are constant, saturated at 0, 1 or -1, or not finite.

    Agreement on such outputs proves next to nothing.
    """
    floats = [a for a in arrays if a.dtype.kind == "f" and a.size > 1]
    if not floats or len(floats) < len(arrays):
        return False
    return all(_flat(a) for a in floats)


def _flat(array: Array) -> bool:
    if not np.isfinite(array).any():
        return True
    array = array[np.isfinite(array)]
    spread = float(array.max() - array.min())
    largest = float(np.abs(array).max())
    if spread <= 1e-6 * max(largest, 1e-30):
        return True
    if largest > 1.0 + 1e-6:
        return False
    ends = np.minimum(np.abs(array), np.abs(np.abs(array) - 1.0)) < 1e-6
    return bool(ends.mean() > 0.999)
