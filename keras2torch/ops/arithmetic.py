"""Operations on two tensors, entry by entry: arithmetic, comparison, logic.

Source: ``keras/src/ops/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.ops.base import operation
from keras2torch.ops.promotion import promoted, tensor


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


@operation("FloorDivide", "x1 x2")
def floor_divide(x1: Any, x2: Any) -> Any:
    """``x1 // x2``, rounded down."""
    return torch.floor_divide(*promoted(x1, x2))


@operation("Mod", "x1 x2")
def mod(x1: Any, x2: Any) -> Any:
    """``x1 % x2``, of the sign of ``x2``."""
    x, y = promoted(x1, x2)
    if x.dtype is torch.bool:
        x, y = x.to(torch.int32), y.to(torch.int32)
    return torch.remainder(x, y)


@operation("Power", "x1 x2")
def power(x1: Any, x2: Any) -> Any:
    """``x1 ** x2``."""
    return torch.pow(*promoted(x1, x2))


@operation("Negative")
def negative(x: Any) -> Any:
    """``-x``."""
    return torch.neg(tensor(x))


@operation("Absolute")
def absolute(x: Any) -> Any:
    """``|x|``."""
    x = tensor(x)
    return x if x.dtype is torch.bool else torch.abs(x)


abs = absolute  # as Keras calls it


@operation("Less", "x1 x2")
def less(x1: Any, x2: Any) -> Any:
    """``x1 < x2``."""
    return torch.lt(*promoted(x1, x2))


@operation("LessEqual", "x1 x2")
def less_equal(x1: Any, x2: Any) -> Any:
    """``x1 <= x2``."""
    return torch.le(*promoted(x1, x2))


@operation("Greater", "x1 x2")
def greater(x1: Any, x2: Any) -> Any:
    """``x1 > x2``."""
    return torch.gt(*promoted(x1, x2))


@operation("GreaterEqual", "x1 x2")
def greater_equal(x1: Any, x2: Any) -> Any:
    """``x1 >= x2``."""
    return torch.ge(*promoted(x1, x2))


@operation("Equal", "x1 x2")
def equal(x1: Any, x2: Any) -> Any:
    """``x1 == x2``."""
    return torch.eq(*promoted(x1, x2))


@operation("NotEqual", "x1 x2")
def not_equal(x1: Any, x2: Any) -> Any:
    """``x1 != x2``."""
    return torch.ne(*promoted(x1, x2))


@operation("LogicalAnd", "x1 x2")
def logical_and(x1: Any, x2: Any) -> Any:
    """Whether both are true."""
    return torch.logical_and(tensor(x1), tensor(x2))


@operation("LogicalOr", "x1 x2")
def logical_or(x1: Any, x2: Any) -> Any:
    """Whether one of them is true."""
    return torch.logical_or(tensor(x1), tensor(x2))


@operation("LogicalXor", "x1 x2")
def logical_xor(x1: Any, x2: Any) -> Any:
    """Whether exactly one of them is true."""
    return torch.logical_xor(tensor(x1), tensor(x2))


@operation("LogicalNot")
def logical_not(x: Any) -> Any:
    """Whether it is false."""
    return torch.logical_not(tensor(x))
