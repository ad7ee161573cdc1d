"""Operations along axes: sums, means, extremes, order, and what adds up on the way."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import onnx_ir as ir

from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of

_SMALL = {
    "bool": "int32",
    "int8": "int32",
    "int16": "int32",
    "uint8": "uint32",
    "uint16": "uint32",
}
_EXTREMES = {
    "Amax": "ReduceMax",
    "Amin": "ReduceMin",
    "Max": "ReduceMax",
    "Min": "ReduceMin",
}


def extreme(
    c: OperationCall,
    x: Any,
    axis: Any = None,
    keepdims: Any = False,
    initial: Any = None,
) -> ir.Value:
    """Return the largest or smallest."""
    found = c.reduce(_EXTREMES[c.kind], c.given(x), axis, keepdims)
    if initial is None:
        return found
    op = "Max" if "Max" in _EXTREMES[c.kind] else "Min"
    return c.elementwise(op, found, initial)


def summed(
    c: OperationCall,
    x: Any,
    axis: Any = None,
    keepdims: Any = False,
    dtype: str | None = None,
) -> ir.Value:
    """Return the sum or product; small integers are counted in 32 bits."""
    x = c.given(x)
    kind = dtype or _SMALL.get(dtype_of(x), dtype_of(x))
    if c.tensorflow and dtype_of(x) != "bool":
        kind = dtype_of(x)
    name = "ReduceProd" if "rod" in c.kind else "ReduceSum"
    return c.reduce(name, c.cast(x, kind), axis, keepdims)


def mean(c: OperationCall, x: Any, axis: Any = None, keepdims: Any = False) -> ir.Value:
    """Return the mean."""
    x = c.given(x)
    if c.tensorflow and not c.is_float(x):
        c.refuse("the mean of integers is an integer in TensorFlow")
    return c.reduce("ReduceMean", c.floats(x), axis, keepdims)


def variance(
    c: OperationCall, x: Any, axis: Any = None, keepdims: Any = False
) -> ir.Value:
    """Return the mean square of what is left without the mean; its root for ``Std``."""
    x = c.floats(x)
    rest = c.sub(x, c.reduce("ReduceMean", x, axis, True))
    found = c.reduce("ReduceMean", c.mul(rest, rest), axis, keepdims)
    return c.unary("Sqrt", found) if c.kind.endswith("td") else found


def moments(
    c: OperationCall,
    x: Any,
    axes: Any,
    keepdims: Any = False,
    synchronized: bool = False,
) -> list[ir.Value]:
    """Return mean and variance."""
    x = c.floats(x)
    middle = c.reduce("ReduceMean", x, axes, True)
    rest = c.sub(x, middle)
    spread = c.reduce("ReduceMean", c.mul(rest, rest), axes, keepdims)
    return [middle if keepdims else c.reduce("ReduceMean", x, axes), spread]


def all_or_any(
    c: OperationCall, x: Any, axis: Any = None, keepdims: Any = False
) -> ir.Value:
    """Whether all entries, or any, are not zero."""
    name = "ReduceMin" if c.kind == "All" else "ReduceMax"
    return c.reduce(name, c.cast(c.given(x), "bool"), axis, keepdims)


def count_nonzero(
    c: OperationCall,
    x: Any,
    axis: Any = None,
    keepdims: Any = False,
    dtype: str = "int32",
) -> ir.Value:
    """Count what is not zero."""
    there = c.cast(c.cast(c.given(x), "bool"), dtype)
    return c.reduce("ReduceSum", there, axis, keepdims)


def average(
    c: OperationCall, x: Any, weights: Any = None, axis: Any = None
) -> ir.Value:
    """Return the mean, weighted if there are weights."""
    if weights is None:
        return c.reduce("ReduceMean", c.floats(x), axis)
    x, weights = c.promoted(x, weights, fractions=True)
    if c.rank(weights) != c.rank(x):
        place = c.axis(axis, c.rank(x))
        others = [i for i in range(c.rank(x)) if i != place]
        weights = c.unsqueeze(weights, *others)
        total = c.reduce("ReduceSum", weights, [place])
        total = c.squeeze(total) if c.rank(total) else total
        total = c.reshape(total, []) if c.rank(total) else total
    else:
        total = c.reduce("ReduceSum", weights, axis)
    return c.div(c.reduce("ReduceSum", c.mul(x, weights), axis), total)


def peak_to_peak(
    c: OperationCall, x: Any, axis: Any = None, keepdims: Any = False
) -> ir.Value:
    """Return the difference of the largest and the smallest."""
    ends = [c.reduce(n, c.given(x), axis, keepdims) for n in ("ReduceMax", "ReduceMin")]
    return c.sub(*ends)


def logsumexp(
    c: OperationCall, x: Any, axis: Any = None, keepdims: Any = False
) -> ir.Value:
    """``log(sum(exp(x)))``, without overflow on the way."""
    return c.reduce("ReduceLogSumExp", c.floats(x), axis, keepdims)


def place_of_extreme(
    c: OperationCall,
    x: Any,
    axis: Any = None,
    keepdims: Any = False,
    dtype: str = "int32",
) -> ir.Value:
    """Return where the largest or smallest is, the first if there are several."""
    x = c.given(x)
    rank = c.rank(x)
    if dtype_of(x) == "bool":
        x = c.cast(x, "int32")
    name = "ArgMin" if c.kind.lower().endswith("min") else "ArgMax"
    if axis is None:
        flat = c.reshape(x, [-1])
        found = c.operator(name, [flat], (), {"axis": 0, "keepdims": 0}, "int64")
        if keepdims:
            found = c.reshape(found, [1] * rank)
        return c.cast(found, dtype)
    at = c.axis(axis, rank)
    shape = list(shape_of(x))
    shape[at : at + 1] = [1] if keepdims else []
    attributes = {"axis": at, "keepdims": int(bool(keepdims))}
    return c.cast(c.operator(name, [x], tuple(shape), attributes, "int64"), dtype)


# ------------------------------------------------------------------------ in order
def sort(
    c: OperationCall, x: Any, axis: Any = -1, direction: str = "ASCENDING"
) -> ir.Value:
    """Put in order, the smallest first."""
    x = c.given(x)
    if axis is None:
        x, axis = c.reshape(x, [-1]), 0
    largest = direction == "DESCENDING"
    kind = dtype_of(x)
    x = c.cast(x, "int32") if kind == "bool" else x
    return c.cast(c.ordered(x, c.size(x, axis), axis, largest=largest)[0], kind)


def argsort(
    c: OperationCall,
    x: Any,
    axis: Any = -1,
    direction: str = "ASCENDING",
    stable: bool = False,
) -> ir.Value:
    """Return the places in order, the smallest first."""
    x = c.given(x)
    if axis is None:
        x, axis = c.reshape(x, [-1]), 0
    if dtype_of(x) == "bool":
        x = c.cast(x, "int32")
    largest = direction == "DESCENDING"
    return c.cast(c.ordered(x, c.size(x, axis), axis, largest=largest)[1], "int32")


def top_k(
    c: OperationCall, x: Any, k: Any = 1, sorted: bool = True, index_type: str = "int32"
) -> list[ir.Value]:
    """Return the k largest of the last axis, and their places."""
    values, places = c.ordered(c.given(x), k, -1, largest=True)
    return [values, c.cast(places, index_type)]


def in_top_k(
    c: OperationCall, targets: Any, predictions: Any, k: Any = None
) -> ir.Value:
    """Whether the target is among the k largest: fewer than k are larger."""
    scores = c.given(predictions)
    rows = c.unsqueeze(c.cast(c.given(targets), "int64"), -1)
    own = c.operator(
        "GatherElements", [scores, rows], shape_of(rows), {"axis": 1}, dtype_of(scores)
    )
    larger = c.cast(c.elementwise("Greater", scores, own), "int32")
    place = c.reduce("ReduceSum", larger, -1)
    return c.elementwise("Less", place, c.number(k, "k"))


def quantile(
    c: OperationCall,
    x: Any,
    q: Any = 0.5,
    axis: Any = None,
    method: str = "linear",
    keepdims: Any = False,
) -> ir.Value:
    """Return what a share of the entries is below."""
    x = c.floats(c.given(x))
    if hasattr(q, "tolist"):
        q = q.tolist()
    if isinstance(q, ir.Value) or (
        isinstance(q, list) and any(isinstance(v, (list, ir.Value)) for v in q)
    ):
        c.refuse("the shares are computed")
    shares = q if isinstance(q, list) else [q]
    gone = sorted(c.axes(axis, c.rank(x)))
    left = [i for i in range(c.rank(x)) if i not in gone]
    count = math.prod(c.known(x, i) for i in gone)
    kept = c.sizes(x)
    flat = c.reshape(c.transpose(x, [*left, *gone]), [*(kept[i] for i in left), count])
    ranked = c.ordered(flat, count, -1, largest=False)[0]
    last = c.item(ranked, -1, count - 1)  # NaN if any is
    found = []
    for share in shares:
        at = (count - 1) * (share / 100 if c.kind == "Percentile" else share)
        low, high = math.floor(at), math.ceil(at)
        ends = [c.item(ranked, -1, i) for i in dict.fromkeys((low, high))]
        if method == "lower" or len(ends) == 1:
            value = ends[0]
        elif method == "higher":
            value = ends[1]
        elif method == "nearest":
            value = ends[round(at) - low]
        elif method == "midpoint":
            value = c.mul(c.add(*ends), 0.5)
        elif method == "linear":
            part = at - low
            value = c.add(c.mul(ends[0], 1 - part), c.mul(ends[1], part))
        else:
            c.refuse(f"method={method!r}")
        value = c.where(c.unary("IsNaN", last), last, value)
        found.append(c.unsqueeze(value, *gone) if keepdims else value)
    if not isinstance(q, list):
        return found[0]
    return c.concat([c.unsqueeze(v, 0) for v in found], 0)


# ----------------------------------------------------------------------- on the way
def _run_along(
    c: OperationCall, x: Any, axis: Any, dtype: str | None
) -> tuple[ir.Value, int]:
    """Return numbers and the axis to go along; without one, all in a row."""
    x = c.given(x)
    x = c.cast(x, dtype or ("int32" if dtype_of(x) == "bool" else dtype_of(x)))
    if axis is None:
        return c.reshape(x, [-1]), 0
    return x, c.axis(axis, c.rank(x))


def cumsum(
    c: OperationCall,
    x: Any,
    axis: Any = None,
    dtype: str | None = None,
    exclusive: bool = False,
    reverse: bool = False,
) -> ir.Value:
    """Add up along an axis."""
    x, place = _run_along(c, x, axis, dtype)
    at = c.constant(place, "int64")
    options = {"exclusive": int(exclusive), "reverse": int(reverse)}
    return c.operator("CumSum", [x, at], shape_of(x), options)


def cumprod(
    c: OperationCall,
    x: Any,
    axis: Any = None,
    dtype: str | None = None,
    exclusive: bool = False,
    reverse: bool = False,
) -> ir.Value:
    """Multiply along an axis, in as many steps as the size has bits."""
    x, at = _run_along(c, x, axis, dtype)
    if exclusive:
        c.refuse("an exclusive product")
    if reverse:
        x = c.flip(x, at)
    size, shift = c.known(x, at), 1
    while shift < size:
        ones = c.filled(
            [shift if i == at else n for i, n in enumerate(c.sizes(x))], 1, dtype_of(x)
        )
        earlier = c.concat([ones, c.slice(x, at, 0, size - shift)], at)
        x = c.mul(x, earlier)
        shift *= 2
    return c.flip(x, at) if reverse else x


def difference(c: OperationCall, a: Any, n: int = 1, axis: Any = -1) -> ir.Value:
    """Return what each entry adds to the one before."""
    x = c.given(a)
    for _ in range(c.number(n, "n")):
        after, before = c.slice(x, axis, 1), c.slice(x, axis, 0, -1)
        if dtype_of(x) == "bool":
            x = c.unary("Not", c.elementwise("Equal", after, before))
        else:
            x = c.sub(after, before)
    return x


def trapezoid(
    c: OperationCall, y: Any, x: Any = None, dx: float = 1.0, axis: Any = -1
) -> ir.Value:
    """Return the area under the line through the points."""
    heights = c.floats(c.given(y))
    at = c.axis(axis, c.rank(heights))
    middle = c.mul(c.add(c.slice(heights, at, 1), c.slice(heights, at, 0, -1)), 0.5)
    if x is None:
        return c.reduce("ReduceSum", c.mul(middle, dx), at)
    width = difference(c, c.tensor(x, dtype_of(heights)), axis=axis)
    if c.rank(width) != c.rank(middle) and at != c.rank(middle) - 1:
        width = c.unsqueeze(width, *range(1, c.rank(middle) - at))
    return c.reduce("ReduceSum", c.mul(middle, width), at)


# --------------------------------------------------------------------- without NaN
def _without_nan(
    c: OperationCall, x: Any, *, rule: Rule, instead: float, **options: Any
) -> ir.Value:
    x = c.given(x)
    if c.is_float(x):
        x = c.where(c.unary("IsNaN", x), instead, x)
    kind, c.kind = c.kind, c.kind.removeprefix("Nan").capitalize()
    found: ir.Value = rule(c, x, **options)
    c.kind = kind
    return found


def _nan_reduced(rule: Rule, instead: float) -> Rule:
    def skipping(
        c: OperationCall, x: Any, axis: Any = None, keepdims: Any = False
    ) -> ir.Value:
        found = _without_nan(
            c, x, rule=rule, instead=instead, axis=axis, keepdims=keepdims
        )
        if not c.is_float(x) or not math.isinf(instead):
            return found
        if c.kind.startswith("Nanarg"):
            alone = c.cast(c.unary("IsNaN", x), "bool")
            none = c.reduce("ReduceMin", alone, axis, keepdims)
            return c.where(none, -1, found)
        none = c.reduce("ReduceMin", c.unary("IsNaN", x), axis, keepdims)
        return c.where(none, math.nan, found)

    return skipping


def _nan_cumulated(rule: Rule, instead: float) -> Rule:
    def skipping(
        c: OperationCall, x: Any, axis: Any = None, dtype: str | None = None
    ) -> ir.Value:
        return _without_nan(c, x, rule=rule, instead=instead, axis=axis, dtype=dtype)

    return skipping


def nan_mean(
    c: OperationCall, x: Any, axis: Any = None, keepdims: Any = False
) -> ir.Value:
    """Return the mean of the numbers; the root of their mean square for ``Nanstd``."""
    x = c.floats(c.given(x))
    missing = c.unary("IsNaN", x)
    count = c.cast(c.unary("Not", missing), dtype_of(x))

    def averaged(values: ir.Value, keep: Any) -> ir.Value:
        there = c.where(missing, 0, values)
        total = c.reduce("ReduceSum", there, axis, keep)
        return c.div(total, c.reduce("ReduceSum", count, axis, keep))

    if c.kind == "Nanmean":
        return averaged(x, keepdims)
    rest = c.sub(x, averaged(x, True))
    found = averaged(c.mul(rest, rest), keepdims)
    return c.unary("Sqrt", found) if c.kind == "Nanstd" else found


RULES: dict[str, Rule] = {
    **dict.fromkeys(_EXTREMES, extreme),
    "All": all_or_any,
    "Any": all_or_any,
    "Argmax": place_of_extreme,
    "Argmin": place_of_extreme,
    "Argsort": argsort,
    "Average": average,
    "CountNonzero": count_nonzero,
    "Cumprod": cumprod,
    "Cumsum": cumsum,
    "Diff": difference,
    "InTopK": in_top_k,
    "Logsumexp": logsumexp,
    "Mean": mean,
    "Median": partial(quantile, q=0.5),
    "Moments": moments,
    "Nanargmax": _nan_reduced(place_of_extreme, -math.inf),
    "Nanargmin": _nan_reduced(place_of_extreme, math.inf),
    "Nancumprod": _nan_cumulated(cumprod, 1),
    "Nancumsum": _nan_cumulated(cumsum, 0),
    "Nanmax": _nan_reduced(extreme, -math.inf),
    "Nanmean": nan_mean,
    "Nanmin": _nan_reduced(extreme, math.inf),
    "Nanprod": _nan_reduced(summed, 1),
    "Nanstd": nan_mean,
    "Nansum": _nan_reduced(summed, 0),
    "Nanvar": nan_mean,
    "Percentile": quantile,
    "Prod": summed,
    "Ptp": peak_to_peak,
    "Quantile": quantile,
    "Sort": sort,
    "Std": variance,
    "Sum": summed,
    "TopK": top_k,
    "Trapezoid": trapezoid,
    "Var": variance,
}
