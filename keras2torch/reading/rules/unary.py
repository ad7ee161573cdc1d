"""Operations on one tensor, entry by entry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.dialect import DOMAIN, STOP
from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of

# ONNX operators of the same meaning; integers become fractions first.
_FLOATS = {
    "Arccos": "Acos",
    "Arccosh": "Acosh",
    "Arcsin": "Asin",
    "Arcsinh": "Asinh",
    "Arctan": "Atan",
    "Arctanh": "Atanh",
    "Ceil": "Ceil",
    "Cos": "Cos",
    "Cosh": "Cosh",
    "Erf": "Erf",
    "Exp": "Exp",
    "Fabs": "Abs",
    "Floor": "Floor",
    "Log": "Log",
    "Reciprocal": "Reciprocal",
    "Sin": "Sin",
    "Sinh": "Sinh",
    "Sqrt": "Sqrt",
    "Tan": "Tan",
}
_ANY = {
    "Abs": "Abs",
    "Absolute": "Abs",
    "Negative": "Neg",
    "Sign": "Sign",
}
_SCALED = {
    "Deg2rad": math.pi / 180,
    "Rad2deg": 180 / math.pi,
}
_LOGARITHMS = {"Log10": math.log(10), "Log2": math.log(2)}


def floats(c: OperationCall, x: Any) -> ir.Value:
    """Apply an ONNX operator to numbers with fractions."""
    return c.unary(_FLOATS[c.kind], c.floats(x))


def numbers(c: OperationCall, x: Any) -> ir.Value:
    """Apply an ONNX operator to numbers of any dtype."""
    value = c.tensor(x)
    if dtype_of(value) == "bool":
        if _ANY[c.kind] != "Abs":
            c.refuse("it is called with booleans")
        return value
    return c.unary(_ANY[c.kind], value)


def square(c: OperationCall, x: Any) -> ir.Value:
    """``x * x``."""
    x = c.tensor(x)
    x = c.cast(x, "int32") if dtype_of(x) == "bool" else x
    return c.mul(x, x)


def reciprocal_root(c: OperationCall, x: Any) -> ir.Value:
    """``1 / sqrt(x)``."""
    return c.unary("Reciprocal", c.unary("Sqrt", c.floats(x)))


def _precise(c: OperationCall, x: Any) -> ir.Value:
    """Return numbers with fractions, float64 of int64 (Keras, deg2rad and cbrt)."""
    return c.cast(x, "float64") if c.dtype(x) == "int64" else c.floats(x)


def scaled(c: OperationCall, x: Any) -> ir.Value:
    """Multiply by a constant."""
    return c.mul(_precise(c, x), _SCALED[c.kind])


def logarithm(c: OperationCall, x: Any) -> ir.Value:
    """Take the logarithm to another base."""
    return c.div(c.unary("Log", c.floats(x)), _LOGARITHMS[c.kind])


def log1p(c: OperationCall, x: Any) -> ir.Value:
    """``log(1 + x)``."""
    return c.unary("Log", c.add(c.floats(x), 1))


def expm1(c: OperationCall, x: Any) -> ir.Value:
    """``exp(x) - 1``."""
    return c.sub(c.unary("Exp", c.floats(x)), 1)


def exp2(c: OperationCall, x: Any) -> ir.Value:
    """``2 ** x``."""
    x = c.floats(x)
    return c.elementwise("Pow", c.constant(2, dtype_of(x)), x)


def cube_root(c: OperationCall, x: Any) -> ir.Value:
    """Take the cube root, of negative numbers too."""
    x = _precise(c, x)
    third = c.constant(1 / 3, dtype_of(x))
    root = c.elementwise("Pow", c.unary("Abs", x), third)
    return c.mul(c.unary("Sign", x), root)


def erfc(c: OperationCall, x: Any) -> ir.Value:
    """``1 - erf(x)``."""
    return c.sub(1, c.unary("Erf", c.floats(x)))


def sinc(c: OperationCall, x: Any) -> ir.Value:
    """``sin(pi x) / (pi x)``, and 1 at zero."""
    angle = c.mul(c.floats(x), math.pi)
    zero = c.elementwise("Equal", angle, 0)
    safe = c.where(zero, 1, angle)
    return c.where(zero, 1, c.div(c.unary("Sin", safe), safe))


def rounded(c: OperationCall, x: Any, decimals: int = 0) -> ir.Value:
    """Round, halves to the even number."""
    value = c.tensor(x)
    kind = dtype_of(value)
    if not c.is_float(value):
        if decimals >= 0:
            return value
        value = c.cast(value, "float32")
    if decimals:
        factor = float(10**decimals)
        value = c.div(c.unary("Round", c.mul(value, factor)), factor)
        return c.cast(value, kind)
    return c.unary("Round", value)


def truncated(c: OperationCall, x: Any) -> ir.Value:
    """Drop the fraction."""
    value = c.tensor(x)
    if not c.is_float(value):
        return value
    below = c.elementwise("Less", value, 0)
    return c.where(below, c.unary("Ceil", value), c.unary("Floor", value))


def is_nan(c: OperationCall, x: Any) -> ir.Value:
    """Whether an entry is no number."""
    return c.unary("IsNaN", c.floats(x))


def is_infinite(c: OperationCall, x: Any) -> ir.Value:
    """Whether an entry is infinite, of one sign or of both."""
    ends = {
        "Isneginf": {"detect_positive": 0},
        "Isposinf": {"detect_negative": 0},
    }
    return c.unary("IsInf", c.floats(x), **ends.get(c.kind, {}))


def is_finite(c: OperationCall, x: Any) -> ir.Value:
    """Whether an entry is a finite number."""
    x = c.floats(x)
    odd = c.elementwise("Or", c.unary("IsNaN", x), c.unary("IsInf", x))
    return c.unary("Not", odd)


def is_real(c: OperationCall, x: Any) -> ir.Value:
    """Whether an entry has no imaginary part: always."""
    return c.cast(c.expand(c.constant([True], "bool"), c.sizes(c.given(x))), "bool")


def sign_bit(c: OperationCall, x: Any) -> ir.Value:
    """Whether an entry is negative, -0.0 among them."""
    x = c.tensor(x)
    if dtype_of(x) == "bool":
        x = c.cast(x, "int32")
    below = c.elementwise("Less", x, 0)
    if not c.is_float(x):
        return below
    # 1 / -0.0 is minus infinity.
    zero = c.elementwise("Equal", x, 0)
    inverse = c.elementwise("Less", c.unary("Reciprocal", x), 0)
    return c.elementwise("Or", below, c.elementwise("And", zero, inverse))


def nan_to_num(
    c: OperationCall,
    x: Any,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> ir.Value:
    """Put numbers in place of what is none."""
    value = c.tensor(x)
    if not c.is_float(value):
        return value
    ends = np.finfo(dtype_of(value))
    most = float(ends.max) if posinf is None else posinf
    least = float(ends.min) if neginf is None else neginf
    value = c.where(c.unary("IsNaN", value), nan, value)
    value = c.where(c.unary("IsInf", value, detect_negative=0), most, value)
    return c.where(c.unary("IsInf", value, detect_positive=0), least, value)


def same(c: OperationCall, x: Any) -> ir.Value:
    """Hand on what comes."""
    return c.tensor(x)


def stopped(c: OperationCall, variable: Any) -> ir.Value:
    """Hand on what comes, and no gradient back."""
    x = c.tensor(variable)
    [value] = c.b.operators(
        STOP, [x], f"{c.title}/stopped", [(shape_of(x), dtype_of(x))], domain=DOMAIN
    )
    c.made.add(value)
    return value


def nothing_imaginary(c: OperationCall, x: Any) -> ir.Value:
    """Return zeros: the tensors of a graph are real."""
    return c.filled(c.sizes(c.given(x)), 0, dtype_of(x))


def angle(c: OperationCall, x: Any) -> ir.Value:
    """Return 0 of a positive number, pi of a negative one."""
    x = c.floats(x)
    return c.where(c.elementwise("Less", x, 0), math.pi, c.mul(x, 0))


def cast(c: OperationCall, x: Any, dtype: Any = None) -> ir.Value:
    """Convert to another dtype; fractions are cut off."""
    x = c.tensor(x)
    if not isinstance(dtype, (str, type(None))):
        c.refuse(f"dtype={dtype!r}")
    return c.cast(x, dtype) if dtype else x


# Up to where every whole number is one of these floats.
_WHOLE = {"float16": 2**11, "bfloat16": 2**8}


def saturated(c: OperationCall, x: Any, dtype: str) -> ir.Value:
    """Convert to a smaller dtype; what is too large for it becomes its largest."""
    x = c.tensor(x)
    if (kind := dtype_of(x)) in ("bool", dtype):
        return c.cast(x, dtype)
    both = [_ends(kind), _ends(dtype)]
    low, high = max(e[0] for e in both), min(e[1] for e in both)
    if "int" in dtype and c.is_float(x) and high > _WHOLE.get(kind, 2**24):
        c.refuse(f"the ends of {dtype!r} are no {kind}")
    limits = [c.constant(e, kind) for e in (low, high)]
    return c.cast(c.operator("Clip", [x, *limits], shape_of(x)), dtype)


def _ends(dtype: str) -> tuple[Any, Any]:
    """Return the least and the largest value of a dtype."""
    if dtype == "bool":
        return 0, 1
    if "int" in dtype:
        return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    most = 2.0**128 - 2.0**120 if dtype == "bfloat16" else float(np.finfo(dtype).max)
    return -most, most


RULES: dict[str, Rule] = {
    **dict.fromkeys(_FLOATS, floats),
    **dict.fromkeys(_ANY, numbers),
    **dict.fromkeys(_SCALED, scaled),
    **dict.fromkeys(_LOGARITHMS, logarithm),
    **dict.fromkeys(("Isinf", "Isneginf", "Isposinf"), is_infinite),
    **dict.fromkeys(("Conj", "Conjugate", "Copy", "Real"), same),
    "Angle": angle,
    "Array": cast,
    "Cast": cast,
    "Cbrt": cube_root,
    "ConvertToTensor": cast,
    "Erfc": erfc,
    "Exp2": exp2,
    "Expm1": expm1,
    "Imag": nothing_imaginary,
    "Isfinite": is_finite,
    "Isnan": is_nan,
    "Isreal": is_real,
    "Log1p": log1p,
    "NanToNum": nan_to_num,
    "Round": rounded,
    "Rsqrt": reciprocal_root,
    "SaturateCast": saturated,
    "Signbit": sign_bit,
    "Sinc": sinc,
    "Square": square,
    "StopGradient": stopped,
    "Trunc": truncated,
}
