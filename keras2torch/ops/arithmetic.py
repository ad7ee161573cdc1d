"""Operations on two tensors, entry by entry: arithmetic, comparison, logic, bits.

Source: ``keras/src/ops/numpy.py`` and ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.ops import specs
from keras2torch.ops.base import operation
from keras2torch.ops.promotion import (
    converted,
    is_weak,
    no_bool,
    promoted,
    tensor,
    tensors,
)


@operation("Add", "x1 x2")
def add(x1: Any, x2: Any) -> Any:
    """``x1 + x2``."""
    return torch.add(*promoted(x1, x2))


@operation("Subtract", "x1 x2")
def subtract(x1: Any, x2: Any) -> Any:
    """``x1 - x2``."""
    return torch.sub(*promoted(x1, x2))


@operation("Multiply", "x1 x2")
def multiply(x1: Any, x2: Any) -> Any:
    """``x1 * x2``."""
    return torch.mul(*promoted(x1, x2))


@operation("TrueDivide", "x1 x2")
def true_divide(x1: Any, x2: Any) -> Any:
    """``x1 / x2``, with fractions."""
    return torch.true_divide(*promoted(x1, x2, fractions=True))


@operation("Divide", "x1 x2")
def divide(x1: Any, x2: Any) -> Any:
    """``x1 / x2``, with fractions."""
    return torch.true_divide(*promoted(x1, x2, fractions=True))


@operation("DivideNoNan", "x1 x2")
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """``x1 / x2``, 0 where ``x2`` is 0; the gradient is 0 there, too."""
    x, y = promoted(x1, x2, fractions=True)
    nothing = y == 0
    found = x / torch.where(nothing, torch.ones_like(y), y)
    return torch.where(nothing, torch.zeros_like(found), found)


@operation("FloorDivide", "x1 x2")
def floor_divide(x1: Any, x2: Any) -> Any:
    """``x1 // x2``, rounded down."""
    return torch.div(*promoted(x1, x2), rounding_mode="floor")


@operation("Mod", "x1 x2")
def mod(x1: Any, x2: Any) -> Any:
    """``x1 % x2``, of the sign of ``x2``."""
    return torch.remainder(*map(no_bool, converted(x1, x2)))


@operation("Fmod", "x1 x2")
def fmod(x1: Any, x2: Any) -> Any:
    """Return what is left of a division rounded to 0, of the sign of ``x1``."""
    return torch.fmod(*map(no_bool, converted(x1, x2)))


@operation("Power", "x1 x2")
def power(x1: Any, x2: Any) -> Any:
    """``x1 ** x2``."""
    x, y = promoted(x1, x2)
    whole = not (y.is_floating_point() or y.is_complex() or y.is_meta)
    if whole and (y < 0).any():
        raise ValueError("Integers to negative integer powers are not allowed.")
    return torch.pow(x, y)


@operation("Maximum", "x1 x2")
def maximum(x1: Any, x2: Any) -> Any:
    """Return the larger one; of equal ones ``x1`` has the gradient."""
    x, y = promoted(x1, x2)
    if is_weak(x2) and x2 == x2:
        return torch.where(x < y, y, x)  # of NaN there is NaN, too
    return torch.where((x >= y) | torch.isnan(x), x, y)


@operation("Minimum", "x1 x2")
def minimum(x1: Any, x2: Any) -> Any:
    """Return the smaller one; of equal ones ``x1`` has the gradient."""
    x, y = promoted(x1, x2)
    if is_weak(x2) and x2 == x2:
        return torch.where(x > y, y, x)  # of NaN there is NaN, too
    return torch.where((x <= y) | torch.isnan(x), x, y)


@operation("Fmax", "x1 x2")
def fmax(x1: Any, x2: Any) -> Any:
    """Return the larger one, the other one where one is NaN."""
    return torch.fmax(*promoted(x1, x2))


@operation("Fmin", "x1 x2")
def fmin(x1: Any, x2: Any) -> Any:
    """Return the smaller one, the other one where one is NaN."""
    return torch.fmin(*promoted(x1, x2))


@operation("Arctan2", "x1 x2", spec=specs.entries_with_fractions)
def arctan2(x1: Any, x2: Any) -> Any:
    """Return the angle of the point ``(x2, x1)``."""
    return torch.atan2(*converted(x1, x2, fractions=True))


@operation("Hypot", "x1 x2")
def hypot(x1: Any, x2: Any) -> Any:
    """``sqrt(x1 ** 2 + x2 ** 2)``, without overflow on the way."""
    return torch.hypot(*_precise(x1, x2))


@operation("Heaviside", "x1 x2")
def heaviside(x1: Any, x2: Any) -> Any:
    """Return 0 for what is negative, 1 for what is positive, ``x2`` for 0."""
    x, y = _precise(x1, x2)
    step = torch.where(x > 0, torch.ones_like(x), y)
    return torch.where(x < 0, torch.zeros_like(x), step)


@operation("Logaddexp", "x1 x2")
def logaddexp(x1: Any, x2: Any) -> Any:
    """``log(exp(x1) + exp(x2))``."""
    return torch.logaddexp(*converted(x1, x2, fractions=True))


@operation("Logaddexp2", "x1 x2")
def logaddexp2(x1: Any, x2: Any) -> Any:
    """``log2(2 ** x1 + 2 ** x2)``."""
    return torch.logaddexp2(*converted(x1, x2, fractions=True))


@operation("Ldexp", "x1 x2")
def ldexp(x1: Any, x2: Any) -> Any:
    """``x1 * 2 ** x2``; ``x2`` are integers."""
    x, y = tensors(x1, x2)
    if y.is_floating_point() or y.dtype is torch.bool:
        raise TypeError(
            f"ldexp exponent must be an integer type. Received: x2 dtype={y.dtype}"
        )
    return torch.ldexp(*converted(x, y, fractions=True))


@operation("Nextafter", "x1 x2", spec=specs.entries_with_fractions)
def nextafter(x1: Any, x2: Any) -> Any:
    """Return the next number of float64 after ``x1`` towards ``x2``, as Keras does."""
    x, y = converted(x1, x2, fractions=True)
    return torch.nextafter(x.to(torch.float64), y.to(torch.float64)).to(x.dtype)


@operation("Gcd", "x1 x2", spec=specs.entries)
def gcd(x1: Any, x2: Any) -> Any:
    """Return the greatest common divisor."""
    return torch.gcd(*_integers("gcd", x1, x2))


@operation("Lcm", "x1 x2", spec=specs.entries)
def lcm(x1: Any, x2: Any) -> Any:
    """Return the least common multiple."""
    return torch.lcm(*_integers("lcm", x1, x2))


# -------------------------------------------------------------------------- comparison
@operation("Less", "x1 x2")
def less(x1: Any, x2: Any) -> Any:
    """``x1 < x2``."""
    return torch.lt(*converted(x1, x2))


@operation("LessEqual", "x1 x2")
def less_equal(x1: Any, x2: Any) -> Any:
    """``x1 <= x2``."""
    return torch.le(*converted(x1, x2))


@operation("Greater", "x1 x2")
def greater(x1: Any, x2: Any) -> Any:
    """``x1 > x2``."""
    return torch.gt(*converted(x1, x2))


@operation("GreaterEqual", "x1 x2")
def greater_equal(x1: Any, x2: Any) -> Any:
    """``x1 >= x2``."""
    return torch.ge(*converted(x1, x2))


@operation("Equal", "x1 x2")
def equal(x1: Any, x2: Any) -> Any:
    """``x1 == x2``."""
    return torch.eq(*converted(x1, x2))


@operation("NotEqual", "x1 x2")
def not_equal(x1: Any, x2: Any) -> Any:
    """``x1 != x2``."""
    return torch.ne(*converted(x1, x2))


@operation("Isclose", "x1 x2 rtol atol")
def isclose(
    x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether ``|x1 - x2| <= atol + rtol * |x2|``; integers must be equal."""
    x, y = converted(x1, x2)
    if not x.is_floating_point():
        return x == y
    near = torch.abs(x - y) <= atol + rtol * torch.abs(y)
    return near | (torch.isnan(x) & torch.isnan(y)) if equal_nan else near


@operation("AllClose", "x1 x2")
def allclose(
    x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether all are close; what is infinite must be equal."""
    x, y = converted(x1, x2)
    if not x.is_floating_point():
        return (x == y).all()
    return torch.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan).all()


# ------------------------------------------------------------------------ logic, bits
@operation("LogicalAnd", "x1 x2")
def logical_and(x1: Any, x2: Any) -> Any:
    """Whether both are true."""
    return torch.logical_and(*tensors(x1, x2))


@operation("LogicalOr", "x1 x2")
def logical_or(x1: Any, x2: Any) -> Any:
    """Whether one of them is true."""
    return torch.logical_or(*tensors(x1, x2))


@operation("LogicalXor", "x1 x2")
def logical_xor(x1: Any, x2: Any) -> Any:
    """Whether exactly one of them is true."""
    return torch.logical_xor(*tensors(x1, x2))


@operation("BitwiseAnd", "x y")
def bitwise_and(x: Any, y: Any) -> Any:
    """``x & y``."""
    return torch.bitwise_and(*converted(x, y))


@operation("BitwiseOr", "x y")
def bitwise_or(x: Any, y: Any) -> Any:
    """``x | y``."""
    return torch.bitwise_or(*converted(x, y))


@operation("BitwiseXor", "x y")
def bitwise_xor(x: Any, y: Any) -> Any:
    """``x ^ y``."""
    return torch.bitwise_xor(*converted(x, y))


@operation("BitwiseInvert")
def bitwise_invert(x: Any) -> Any:
    """``~x``."""
    return torch.bitwise_not(tensor(x))


@operation("BitwiseNot")
def bitwise_not(x: Any) -> Any:
    """``~x``."""
    return torch.bitwise_not(tensor(x))


@operation("BitwiseLeftShift", "x y")
def bitwise_left_shift(x: Any, y: Any) -> Any:
    """``x << y``."""
    return torch.bitwise_left_shift(*promoted(x, y))


@operation("LeftShift", "x y")
def left_shift(x: Any, y: Any) -> Any:
    """``x << y``."""
    return torch.bitwise_left_shift(*promoted(x, y))


@operation("BitwiseRightShift", "x y")
def bitwise_right_shift(x: Any, y: Any) -> Any:
    """``x >> y``."""
    return torch.bitwise_right_shift(*promoted(x, y))


@operation("RightShift", "x y")
def right_shift(x: Any, y: Any) -> Any:
    """``x >> y``."""
    return torch.bitwise_right_shift(*promoted(x, y))


def _precise(*values: Any) -> list[torch.Tensor]:
    """Return tensors with fractions; those of int64 are float64."""
    found = converted(*values)
    if found[0].is_floating_point():
        return found
    wide = found[0].dtype is torch.int64
    return [t.to(torch.float64 if wide else torch.get_default_dtype()) for t in found]


def _integers(name: str, *values: Any) -> list[torch.Tensor]:
    found = converted(*values)
    if found[0].is_floating_point() or found[0].dtype is torch.bool:
        raise TypeError(
            f"Arguments to {name} must be integers. Received: "
            f"{' and '.join(str(t.dtype) for t in tensors(*values))}"
        )
    return found
