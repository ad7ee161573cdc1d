"""Operations of linear algebra."""

from __future__ import annotations

import math
import re
import string
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of
from keras2torch.reading.rules.shaping import moved


def matmul(
    c: OperationCall,
    x1: Any,
    x2: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
) -> ir.Value:
    """Multiply matrices; axes before the last two are of many."""
    x, y = _wide(c, c.promoted(x1, x2))
    if transpose_a or adjoint_a:
        x = _swapped(c, x)
    if transpose_b or adjoint_b:
        y = _swapped(c, y)
    return c.matmul(x, y)


def _wide(c: OperationCall, xs: list[ir.Value]) -> list[ir.Value]:
    """Products of int8 are int32 in Keras."""
    small = not c.tensorflow and all(dtype_of(x) == "int8" for x in xs)
    return [c.cast(x, "int32") for x in xs] if small else xs


def _swapped(c: OperationCall, x: ir.Value) -> ir.Value:
    rank = c.rank(x)
    return c.transpose(x, [*range(rank - 2), rank - 1, rank - 2])


def dot(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """Sum over the last axis of one and the last but one of the other."""
    x, y = c.promoted(x1, x2)
    if not c.rank(x) or not c.rank(y):
        return c.mul(x, y)
    return _contracted(c, x, y, [-1], [-2 if c.rank(y) > 1 else -1])


def inner(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """Sum over the last axes."""
    x, y = c.promoted(x1, x2)
    if not c.rank(x) or not c.rank(y):
        return c.mul(x, y)
    return _contracted(c, x, y, [-1], [-1])


def vdot(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """Sum over the products of all entries."""
    x, y = c.promoted(x1, x2)
    product = c.mul(c.reshape(x, [-1]), c.reshape(y, [-1]))
    return c.reduce("ReduceSum", product)


def outer(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """Return the products of every entry with every other."""
    x, y = c.promoted(x1, x2)
    return c.mul(c.reshape(x, [-1, 1]), c.reshape(y, [-1]))


def tensordot(c: OperationCall, x1: Any, x2: Any, axes: Any = 2) -> ir.Value:
    """Sum over some axes of both."""
    x, y = c.promoted(x1, x2)
    if type(axes) is int:
        left = list(range(c.rank(x) - axes, c.rank(x)))
        return _contracted(c, x, y, left, list(range(axes)))
    if hasattr(axes, "tolist"):
        axes = axes.tolist()
    left, right = (a if isinstance(a, list) else [a] for a in axes)
    return _contracted(c, x, y, left, right)


def _contracted(
    c: OperationCall, x: ir.Value, y: ir.Value, left: list[int], right: list[int]
) -> ir.Value:
    left, right = c.axes(left, c.rank(x)), c.axes(right, c.rank(y))
    whole = len(left) == 1 and left == [c.rank(x) - 1]
    if whole and c.rank(y) == 2 and c.rank(x) > 1 and right == [0]:
        return c.matmul(x, y)
    letters = iter(string.ascii_lowercase)
    first = [next(letters) for _ in range(c.rank(x))]
    second = [next(letters) for _ in range(c.rank(y))]
    for a, b in zip(left, right, strict=True):
        second[b] = first[a]
    gone = {first[a] for a in left}
    kept = [n for n in first + second if n not in gone]
    equation = f"{''.join(first)},{''.join(second)}->{''.join(kept)}"
    return _einsum(c, equation, [x, y])


def einsum(c: OperationCall, *operands: Any, subscripts: str | None = None) -> ir.Value:
    """Sum over the letters that are not in the result."""
    terms = list(operands)
    if subscripts is None and terms and isinstance(terms[0], str):
        subscripts = terms.pop(0)
    if subscripts is None or not terms:
        c.refuse("the file does not say which tensors it multiplies")
    return _einsum(c, subscripts.replace(" ", ""), _wide(c, c.promoted(*terms)))


def _einsum(c: OperationCall, equation: str, xs: list[ir.Value]) -> ir.Value:
    before, arrow, after = equation.partition("->")
    terms = before.split(",")
    if len(terms) != len(xs) or not re.fullmatch(
        r"[A-Za-z.,]*(->[A-Za-z.]*)?", equation
    ):
        c.refuse(f"the equation {equation!r}")
    spare = [ch for ch in string.ascii_uppercase if ch not in equation]
    most = max(
        (
            c.rank(x) - len(t.replace("...", ""))
            for t, x in zip(terms, xs, strict=True)
            if "..." in t
        ),
        default=0,
    )
    dots = "".join(spare[:most])
    sizes: dict[str, int | None] = {}
    for term, x in zip(terms, xs, strict=True):
        count = c.rank(x) - len(term.replace("...", ""))
        letters = term.replace("...", dots[most - count :] if count else "")
        if len(letters) != c.rank(x):
            c.refuse(f"the equation {equation!r} does not fit its tensors")
        for letter, size in zip(letters, shape_of(x), strict=True):
            if sizes.get(letter) in (None, 1):
                sizes[letter] = (
                    size if size != 1 or letter not in sizes else sizes[letter]
                )
    if not arrow:
        once = sorted(ch for ch in set(before) - set(",.") if before.count(ch) == 1)
        after = ("..." if "..." in before else "") + "".join(once)
        equation = f"{before}->{after}"
    shape = tuple(sizes[letter] for letter in after.replace("...", dots))
    return c.operator("Einsum", xs, shape, {"equation": equation})


def cross(
    c: OperationCall,
    x1: Any,
    x2: Any,
    axisa: Any = -1,
    axisb: Any = -1,
    axisc: Any = -1,
    axis: Any = None,
) -> ir.Value:
    """Return the vector that is upright on two."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = c.promoted(x1, x2)
    x, y = moved(c, x, axisa, -1), moved(c, y, axisb, -1)
    sizes = c.known(x, -1), c.known(y, -1)
    (a, b), (p, q) = ([c.item(v, -1, i) for i in (0, 1)] for v in (x, y))
    last = c.sub(c.mul(a, q), c.mul(b, p))
    if sizes == (2, 2):
        return last
    third = [
        c.item(v, -1, 2) if n == 3 else None for v, n in zip((x, y), sizes, strict=True)
    ]
    s, t = third

    def product(u: ir.Value, v: ir.Value | None) -> ir.Value | None:
        return None if v is None else c.mul(u, v)

    def less(u: ir.Value | None, v: ir.Value | None) -> ir.Value:
        if u is None or v is None:
            there = u if u is not None else c.unary("Neg", v) if v is not None else None
            assert there is not None
            return there
        return c.sub(u, v)

    parts = [
        less(product(b, t), product(q, s)),
        less(product(p, s), product(a, t)),
        last,
    ]
    return moved(c, c.concat([c.unsqueeze(v, -1) for v in parts], -1), -1, axisc)


def norm(
    c: OperationCall, x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False
) -> ir.Value:
    """Return the length of vectors or the size of matrices."""
    x = c.floats(c.given(x))
    axes = c.axes(axis, c.rank(x))
    if axis is None and ord is not None and c.rank(x) > 2:
        c.refuse(f"ord={ord!r} of {c.rank(x)} axes")
    if (
        ord is None
        or (ord in ("fro", "euclidean") and len(axes) == 2)
        or (ord == 2 and len(axes) == 1)
    ):
        return c.reduce("ReduceL2", x, axes, keepdims)
    if ord == "euclidean":
        return c.reduce("ReduceL2", x, axes, keepdims)
    infinite = {"inf": math.inf, "-inf": -math.inf, "np.inf": math.inf}
    order = infinite.get(ord, ord) if isinstance(ord, str) else ord
    if not isinstance(order, (int, float)):
        c.refuse(f"ord={ord!r}")
    size = c.unary("Abs", x)
    if len(axes) == 2:
        if order not in (1, -1, math.inf, -math.inf):
            c.refuse(f"ord={ord!r} of matrices")
        row, column = axes
        summed, found = (row, column) if abs(order) == 1 else (column, row)
        total = c.reduce("ReduceSum", size, summed, True)
        name = "ReduceMax" if order > 0 else "ReduceMin"
        best = c.reduce(name, total, found, True)
        return best if keepdims else c.squeeze(best, *axes)
    if math.isinf(order):
        return c.reduce("ReduceMax" if order > 0 else "ReduceMin", size, axes, keepdims)
    if order == 0:
        there = c.cast(c.unary("Not", c.elementwise("Equal", x, 0)), dtype_of(x))
        return c.reduce("ReduceSum", there, axes, keepdims)
    if order == 1:
        return c.reduce("ReduceL1", x, axes, keepdims)
    power = c.constant(order, dtype_of(x))
    total = c.reduce("ReduceSum", c.elementwise("Pow", size, power), axes, keepdims)
    return c.elementwise("Pow", total, c.constant(1 / order, dtype_of(x)))


def determinant(c: OperationCall, x: Any) -> ir.Value:
    """Return the determinants of matrices."""
    x = c.floats(c.given(x))
    return c.operator("Det", [x], shape_of(x)[:-2])


def log_determinant(c: OperationCall, x: Any) -> ir.Value:
    """Return the logarithm of the determinant's size."""
    return c.unary("Log", c.unary("Abs", determinant(c, x)))


def sign_and_log(c: OperationCall, x: Any) -> list[ir.Value]:
    """Return the sign of the determinant and the logarithm of its size."""
    found = determinant(c, x)
    return [c.unary("Sign", found), c.unary("Log", c.unary("Abs", found))]


def distances(c: OperationCall, x: Any, y: Any) -> ir.Value:
    """Return how far every row is from every other."""
    x, y = c.promoted(x, y, fractions=True)
    rest = c.sub(c.unsqueeze(x, -2), c.unsqueeze(y, -3))
    return c.reduce("ReduceL2", rest, -1)


def vandermonde(
    c: OperationCall, x: Any, N: int | None = None, increasing: bool = False
) -> ir.Value:
    """Return the powers of each entry."""
    x = c.given(x)
    count = N if N is not None else c.known(x, 0)
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    kind = dtype_of(x)
    base = c.unsqueeze(c.floats(x), -1)
    return c.cast(c.elementwise("Pow", base, c.constant(powers, dtype_of(base))), kind)


def correlation(c: OperationCall, x: Any) -> ir.Value:
    """Return how far rows go together."""
    x = c.floats(c.given(x))
    rest = c.sub(x, c.reduce("ReduceMean", x, -1, True))
    length = c.reduce("ReduceL2", rest, -1, True)
    unit = c.div(rest, length)
    found = c.matmul(unit, _swapped(c, unit))
    limits = [c.constant(v, dtype_of(x)) for v in (-1, 1)]
    return c.operator("Clip", [found, *limits], shape_of(found))


def band(c: OperationCall, input: Any, num_lower: Any, num_upper: Any) -> ir.Value:
    """Keep what is near the diagonal."""
    x = c.given(input)
    for count, upper in ((num_lower, 1), (num_upper, 0)):
        count = c.number(count, "a number of diagonals")
        if count >= 0:
            number = c.constant(-count if upper else count, "int64")
            x = c.operator("Trilu", [x, number], shape_of(x), {"upper": upper})
    return x


def matvec(c: OperationCall, a: Any, b: Any, transpose_a: bool = False) -> ir.Value:
    """Multiply matrices by vectors."""
    x, y = c.promoted(a, b)
    x = _swapped(c, x) if transpose_a else x
    return c.squeeze(c.matmul(x, c.unsqueeze(y, -1)), -1)


RULES: dict[str, Rule] = {
    "BandPart": band,
    "CDist": distances,
    "Corrcoef": correlation,
    "Cross": cross,
    "Det": determinant,
    "Dot": dot,
    "Einsum": einsum,
    "Inner": inner,
    "Logdet": log_determinant,
    "Matmul": matmul,
    "Matvec": matvec,
    "Norm": norm,
    "Outer": outer,
    "Slogdet": sign_and_log,
    "Tensordot": tensordot,
    "Vander": vandermonde,
    "Vdot": vdot,
}
