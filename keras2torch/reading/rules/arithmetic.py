"""Operations entry by entry on two tensors or more: arithmetic, comparison, logic."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of

_BINARY = {
    "Add": "Add",
    "Maximum": "Max",
    "Minimum": "Min",
    "Multiply": "Mul",
    "Subtract": "Sub",
}
# Keras layers of the same name and meaning for tensors of one rank.
_MERGES = frozenset({"Add", "Maximum", "Minimum", "Multiply", "Subtract"})
_COMPARED = {
    "Equal": "Equal",
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
    "Less": "Less",
    "LessEqual": "LessOrEqual",
}
_LOGICAL = {"LogicalAnd": "And", "LogicalOr": "Or", "LogicalXor": "Xor"}
_BITWISE = {
    "BitwiseAnd": "BitwiseAnd",
    "BitwiseOr": "BitwiseOr",
    "BitwiseXor": "BitwiseXor",
}


def _number_first(c: OperationCall, x: Any, y: Any) -> tuple[Any, Any]:
    """Constants alone are no operation of a graph."""
    if not any(isinstance(v, (ir.Value, list)) for v in (x, y)):
        c.refuse("it is called without tensors")
    return x, y


def binary(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """Add, subtract, multiply, or take the larger or smaller."""
    _number_first(c, x1, x2)
    if isinstance(x1, ir.Value) and isinstance(x2, ir.Value) and c.kind in _MERGES:
        same = len(shape_of(x1)) == len(shape_of(x2)) > 1
        if same and dtype_of(x1) == dtype_of(x2) and c.is_float(x1):
            return c.layer(c.kind, {}, x1, x2)
    xs = c.promoted(x1, x2)
    if dtype_of(xs[0]) == "bool":
        c.refuse("TensorFlow has no arithmetic on booleans")
    return c.elementwise(_BINARY[c.kind], *xs)


def number_if_any(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """Return the larger or smaller; of a number and NaN the number."""
    x, y = c.promoted(x1, x2)
    found = c.elementwise("Max" if c.kind == "Fmax" else "Min", x, y)
    if not c.is_float(x):
        return found
    if not isinstance(x1, (int, float)):
        found = c.where(c.unary("IsNaN", x), y, found)
    if not isinstance(x2, (int, float)):
        found = c.where(c.unary("IsNaN", y), x, found)
    return found


def power(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``x1 ** x2``; squares are products."""
    _number_first(c, x1, x2)
    xs = c.promoted(x1, x2)
    return c.elementwise("Pow", *xs)


def divide(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``x1 / x2``, with fractions."""
    _number_first(c, x1, x2)
    if c.tensorflow:
        return tensorflow_divide(c, x1, x2)
    return c.elementwise("Div", *c.promoted(x1, x2, fractions=True))


def tensorflow_divide(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """TensorFlow divides int32 and int64 in float64, smaller integers in float32."""
    xs = c.promoted(x1, x2)
    kind = dtype_of(xs[0])
    if not c.is_float(xs[0]):
        kind = "float64" if kind in ("int32", "int64", "uint32") else "float32"
        xs = [c.cast(x, kind) for x in xs]
    return c.elementwise("Div", *xs)


def divide_no_nan(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``x1 / x2``, and 0 where ``x2`` is."""
    x, y = c.promoted(x1, x2, fractions=True)
    nothing = c.elementwise("Equal", y, 0)
    safe = c.where(nothing, 1, y)
    return c.where(nothing, 0, c.div(x, safe))


def _floored(c: OperationCall, x: ir.Value, y: ir.Value) -> ir.Value:
    if c.is_float(x):
        return c.unary("Floor", c.div(x, y))
    rest = c.elementwise("Mod", x, y)
    return c.div(c.sub(x, rest), y)


def floor_divide(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``x1 // x2``, rounded down."""
    return _floored(c, *c.promoted(x1, x2))


def mod(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``x1 % x2``, of the sign of ``x2``."""
    x, y = c.promoted(x1, x2)
    if dtype_of(x) == "bool":
        x, y = c.cast(x, "int32"), c.cast(y, "int32")
    if not c.is_float(x):
        return c.elementwise("Mod", x, y)
    rest = c.elementwise("Mod", x, y, fmod=1)
    signs = c.elementwise(
        "Xor", c.elementwise("Less", rest, 0), c.elementwise("Less", y, 0)
    )
    there = c.unary("Not", c.elementwise("Equal", rest, 0))
    return c.where(c.elementwise("And", there, signs), c.add(rest, y), rest)


def fmod(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """What is left of ``x1``, of its own sign."""
    xs = c.promoted(x1, x2)
    if dtype_of(xs[0]) == "bool":
        xs = [c.cast(x, "int32") for x in xs]
    return c.elementwise("Mod", *xs, fmod=1)


def arctan2(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """Return the angle of the point (x2, x1)."""
    if not all(isinstance(v, ir.Value) for v in (x1, x2)):
        c.refuse("a side of the angle is a constant")
    y, x = c.promoted(x1, x2, fractions=True)
    angle = c.unary("Atan", c.div(y, x))
    pi = np.pi
    turned = c.where(c.elementwise("Less", y, 0), c.add(angle, -pi), c.add(angle, pi))
    half = c.mul(c.unary("Sign", y), pi / 2)
    upright = c.where(c.elementwise("Equal", x, 0), half, angle)
    return c.where(c.elementwise("Less", x, 0), turned, upright)


def hypot(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """Return the length of the vector (x1, x2), without overflow on the way."""
    x, y = (c.unary("Abs", v) for v in c.promoted(x1, x2, fractions=True))
    most, least = c.elementwise("Max", x, y), c.elementwise("Min", x, y)
    safe = c.where(c.elementwise("Equal", most, 0), 1, most)
    part = c.div(least, safe)
    return c.mul(most, c.unary("Sqrt", c.add(c.mul(part, part), 1)))


def logaddexp(c: OperationCall, x1: Any, x2: Any, base: float = np.e) -> ir.Value:
    """``log(exp(x1) + exp(x2))``."""
    x, y = c.promoted(x1, x2, fractions=True)
    scale = float(np.log(base))
    far = c.mul(c.unary("Abs", c.sub(x, y)), -scale)
    added = c.unary("Softplus", far)
    if scale != 1:
        added = c.mul(added, 1 / scale)
    return c.add(c.elementwise("Max", x, y), added)


def heaviside(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """0 below zero, 1 above, ``x2`` at it."""
    x, y = c.promoted(x1, x2, fractions=c.dtype(x1) in ("bool", "int"))
    if not c.is_float(x):
        x, y = c.cast(x, "float32"), c.cast(y, "float32")
    positive = c.cast(c.elementwise("Greater", x, 0), dtype_of(x))
    return c.where(c.elementwise("Equal", x, 0), y, positive)


def ldexp(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``x1 * 2 ** x2``."""
    x = c.floats(x1)
    two = c.constant(2, dtype_of(x))
    return c.mul(x, c.elementwise("Pow", two, c.tensor(x2, dtype_of(x))))


def squared_difference(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``(x1 - x2) ** 2``."""
    rest = c.elementwise("Sub", *c.promoted(x1, x2))
    return c.mul(rest, rest)


def compared(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``x1 > x2``."""
    _number_first(c, x1, x2)
    xs = c.promoted(x1, x2)
    if dtype_of(xs[0]) == "bool" and c.kind != "Equal":
        xs = [c.cast(x, "int32") for x in xs]
    return c.elementwise(_COMPARED[c.kind], *xs)


def not_equal(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``x1 != x2``."""
    _number_first(c, x1, x2)
    return c.unary("Not", c.elementwise("Equal", *c.promoted(x1, x2)))


def logical(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """``x1 and x2``; what is not zero is true."""
    return c.elementwise(_LOGICAL[c.kind], c.tensor(x1, "bool"), c.tensor(x2, "bool"))


def logical_not(c: OperationCall, x: Any) -> ir.Value:
    """``not x``."""
    return c.unary("Not", c.tensor(x, "bool"))


def bitwise(c: OperationCall, x: Any, y: Any) -> ir.Value:
    """Bit by bit; of booleans it is logic."""
    xs = c.promoted(x, y)
    if dtype_of(xs[0]) == "bool":
        return c.elementwise(c.kind.removeprefix("Bitwise"), *xs)
    return c.elementwise(_BITWISE[c.kind], *xs)


def bitwise_not(c: OperationCall, x: Any) -> ir.Value:
    """Turn every bit around."""
    x = c.tensor(x)
    return c.unary("Not" if dtype_of(x) == "bool" else "BitwiseNot", x)


def shift(c: OperationCall, x: Any, y: Any) -> ir.Value:
    """Move the bits, as ``x * 2 ** y`` and ``x // 2 ** y``."""
    x, y = c.promoted(x, y)
    factor = c.elementwise("Pow", c.constant(2, dtype_of(x)), y)
    if "Left" in c.kind:
        return c.mul(x, factor)
    return _floored(c, x, factor)


def isclose(
    c: OperationCall,
    x1: Any,
    x2: Any,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> ir.Value:
    """Whether ``abs(x1 - x2) <= atol + rtol * abs(x2)``."""
    x, y = c.promoted(x1, x2)
    if not c.is_float(x):
        return c.elementwise("Equal", x, y)
    far = c.unary("Abs", c.sub(x, y))
    near = c.elementwise(
        "LessOrEqual", far, c.add(c.mul(c.unary("Abs", y), rtol), atol)
    )
    if not equal_nan:
        return near
    both = c.elementwise("And", c.unary("IsNaN", x), c.unary("IsNaN", y))
    return c.elementwise("Or", near, both)


def allclose(
    c: OperationCall,
    x1: Any,
    x2: Any,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> ir.Value:
    """Whether all are close."""
    return c.reduce("ReduceMin", isclose(c, x1, x2, rtol, atol, equal_nan))


def where(c: OperationCall, condition: Any, x1: Any = None, x2: Any = None) -> ir.Value:
    """``x1`` where the condition holds, else ``x2``."""
    if x1 is None or x2 is None:
        c.refuse("where without values finds places, whose number is not known")
    xs = c.promoted(x1, x2)
    return c.where(c.tensor(condition, "bool"), *xs)


def select(
    c: OperationCall, condlist: list[Any], choicelist: list[Any], default: Any = 0
) -> ir.Value:
    """Return the first choice whose condition holds."""
    given = [*choicelist, default]
    if "bfloat16" in map(c.dtype, given):
        c.refuse("numpy has no bfloat16")
    # Keras calls TensorFlow's numpy: int32 and float32 are float64 together.
    weak = (int, float)
    kinds = [v if type(v) in weak else np.dtype(c.dtype(v)) for v in given]
    *choices, rest = (c.tensor(v, np.result_type(*kinds).name) for v in given)
    for condition, choice in reversed(list(zip(condlist, choices, strict=True))):
        rest = c.where(c.tensor(condition, "bool"), choice, rest)
    return rest


def isin(
    c: OperationCall,
    x1: Any,
    x2: Any,
    assume_unique: bool = False,
    invert: bool = False,
) -> ir.Value:
    """Whether an entry is anywhere in ``x2``."""
    x, y = c.promoted(x1, x2)
    same = c.elementwise("Equal", c.unsqueeze(x, -1), c.reshape(y, [-1]))
    found = c.reduce("ReduceMax", same, -1)
    return c.unary("Not", found) if invert else found


def clip(c: OperationCall, x: Any, x_min: Any, x_max: Any) -> ir.Value:
    """Limit to a range."""
    x = c.tensor(x)
    if dtype_of(x) == "bool":
        x = c.cast(x, "int32")
    ends = [x_min, x_max]
    if all(isinstance(e, (int, float)) for e in ends):
        limits = [c.constant(e, dtype_of(x)) for e in ends]
        return c.operator("Clip", [x, *limits], shape_of(x))
    low, high = (c.tensor(e, dtype_of(x)) for e in ends)
    return c.elementwise("Max", c.elementwise("Min", x, high), low)


def add_many(c: OperationCall, xs: Any) -> ir.Value:
    """Return the sum of a list of tensors."""
    values = xs if isinstance(xs, list) else [xs]
    tensors = [v for v in values if isinstance(v, ir.Value)]
    if len(tensors) == len(values) > 1 and len(shape_of(tensors[0])) > 1:
        return c.layer("Add", {}, *tensors)
    total = c.tensor(values[0])
    for value in values[1:]:
        total = c.add(total, value)
    return total


def kronecker(c: OperationCall, x1: Any, x2: Any) -> ir.Value:
    """Return the Kronecker product: every entry of one by all of the other."""
    x, y = c.promoted(x1, x2)
    rank = max(c.rank(x), c.rank(y))
    left, right = (
        [1] * (rank - c.rank(v)) + [c.known(v, i) for i in range(c.rank(v))]
        for v in (x, y)
    )
    apart = c.mul(
        c.reshape(x, [n for size in left for n in (size, 1)]),
        c.reshape(y, [n for size in right for n in (1, size)]),
    )
    return c.reshape(apart, [a * b for a, b in zip(left, right, strict=True)])


RULES: dict[str, Rule] = {
    **dict.fromkeys(_BINARY, binary),
    **dict.fromkeys(_COMPARED, compared),
    **dict.fromkeys(_LOGICAL, logical),
    **dict.fromkeys(_BITWISE, bitwise),
    **dict.fromkeys(
        ("BitwiseLeftShift", "LeftShift", "BitwiseRightShift", "RightShift"), shift
    ),
    "AddMany": add_many,
    "AllClose": allclose,
    "Arctan2": arctan2,
    "BitwiseInvert": bitwise_not,
    "BitwiseNot": bitwise_not,
    "Clip": clip,
    "Divide": divide,
    "DivideNoNan": divide_no_nan,
    "FloorDivide": floor_divide,
    "Fmax": number_if_any,
    "Fmin": number_if_any,
    "Fmod": fmod,
    "Heaviside": heaviside,
    "Hypot": hypot,
    "IsIn": isin,
    "Isclose": isclose,
    "Kron": kronecker,
    "Ldexp": ldexp,
    "Logaddexp": logaddexp,
    "Logaddexp2": partial(logaddexp, base=2.0),
    "LogicalNot": logical_not,
    "Mod": mod,
    "NotEqual": not_equal,
    "Power": power,
    "Select": select,
    "SquaredDifference": squared_difference,
    "TrueDivide": divide,
    "Where": where,
}
