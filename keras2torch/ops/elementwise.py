"""Functions of one tensor, entry by entry.

Source: ``keras/src/ops/numpy.py`` and ``keras/src/backend/tensorflow/numpy.py`` (3.15).
"""

from __future__ import annotations

import math
from typing import Any

import torch

from keras2torch.ops.base import operation
from keras2torch.ops.promotion import floats, no_bool, tensor


def _precise(x: Any) -> torch.Tensor:
    """Return a tensor with fractions; those of int64 are float64."""
    x = tensor(x)
    return x.to(torch.float64) if x.dtype is torch.int64 else floats(x)


# ---------------------------------------------------------------- powers and logarithms
@operation("Exp")
def exp(x: Any) -> Any:
    """``e ** x``."""
    return torch.exp(floats(x))


@operation("Exp2")
def exp2(x: Any) -> Any:
    """``2 ** x``."""
    return torch.exp2(floats(x))


@operation("Expm1")
def expm1(x: Any) -> Any:
    """``e ** x - 1``, precise where ``x`` is small."""
    return torch.expm1(floats(x))


@operation("Log")
def log(x: Any) -> Any:
    """Return the natural logarithm."""
    return torch.log(floats(x))


@operation("Log10")
def log10(x: Any) -> Any:
    """Return the logarithm to base 10."""
    return torch.log10(floats(x))


@operation("Log1p")
def log1p(x: Any) -> Any:
    """``log(1 + x)``, precise where ``x`` is small."""
    return torch.log1p(floats(x))


@operation("Log2")
def log2(x: Any) -> Any:
    """Return the logarithm to base 2."""
    return torch.log2(floats(x))


@operation("Sqrt")
def sqrt(x: Any) -> Any:
    """Return the square root."""
    return torch.sqrt(floats(x))


@operation("Cbrt")
def cbrt(x: Any) -> Any:
    """Return the cube root, of the sign of ``x``."""
    x = _precise(x)
    return torch.sign(x) * torch.pow(torch.abs(x), 1 / 3)


@operation("Square")
def square(x: Any) -> Any:
    """``x * x``."""
    return torch.square(no_bool(tensor(x)))


@operation("Reciprocal")
def reciprocal(x: Any) -> Any:
    """``1 / x``; of integers, without what is left."""
    x = tensor(x)
    if x.is_floating_point() or x.is_complex():
        return torch.reciprocal(x)
    return torch.div(torch.ones_like(x), x, rounding_mode="trunc")


# ------------------------------------------------------------------------ trigonometry
@operation("Sin")
def sin(x: Any) -> Any:
    """Return the sine."""
    return torch.sin(floats(x))


@operation("Cos")
def cos(x: Any) -> Any:
    """Return the cosine."""
    return torch.cos(floats(x))


@operation("Tan")
def tan(x: Any) -> Any:
    """Return the tangent."""
    return torch.tan(floats(x))


@operation("Sinh")
def sinh(x: Any) -> Any:
    """Return the hyperbolic sine."""
    return torch.sinh(floats(x))


@operation("Cosh")
def cosh(x: Any) -> Any:
    """Return the hyperbolic cosine."""
    return torch.cosh(floats(x))


@operation("Tanh")
def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    return torch.tanh(floats(x))


@operation("Arcsin")
def arcsin(x: Any) -> Any:
    """Return the angle of this sine."""
    return torch.asin(floats(x))


@operation("Arccos")
def arccos(x: Any) -> Any:
    """Return the angle of this cosine."""
    return torch.acos(floats(x))


@operation("Arctan")
def arctan(x: Any) -> Any:
    """Return the angle of this tangent."""
    return torch.atan(floats(x))


@operation("Arcsinh")
def arcsinh(x: Any) -> Any:
    """Return what has this hyperbolic sine."""
    return torch.asinh(floats(x))


@operation("Arccosh")
def arccosh(x: Any) -> Any:
    """Return what has this hyperbolic cosine."""
    return torch.acosh(floats(x))


@operation("Arctanh")
def arctanh(x: Any) -> Any:
    """Return what has this hyperbolic tangent."""
    return torch.atanh(floats(x))


@operation("Sinc")
def sinc(x: Any) -> Any:
    """``sin(pi x) / (pi x)``, 1 at 0."""
    return torch.sinc(floats(x))


@operation("Deg2rad")
def deg2rad(x: Any) -> Any:
    """Return an angle in radians."""
    return _precise(x) * (math.pi / 180)


@operation("Rad2deg")
def rad2deg(x: Any) -> Any:
    """Return an angle in degrees."""
    return _precise(x) * (180 / math.pi)


@operation("I0")
def i0(x: Any) -> Any:
    """Return the modified Bessel function of the first kind, of order 0."""
    return torch.special.i0(_precise(x))


# ---------------------------------------------------------------------- sign, rounding
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


@operation("Fabs")
def fabs(x: Any) -> Any:
    """``|x|``, with fractions."""
    x = tensor(x)
    if x.is_complex():
        raise TypeError(
            f"fabs does not support complex inputs. Received: x.dtype={x.dtype}"
        )
    return torch.abs(floats(x))


@operation("Sign")
def sign(x: Any) -> Any:
    """Return -1, 0 or 1; of a complex number, the one of length 1 in its direction."""
    return torch.sgn(tensor(x))


@operation("Signbit")
def signbit(x: Any) -> Any:
    """Whether it is negative; -0.0 is."""
    return torch.signbit(tensor(x))


@operation("Ceil")
def ceil(x: Any) -> Any:
    """Return the next whole number above."""
    return torch.ceil(floats(x))


@operation("Floor")
def floor(x: Any) -> Any:
    """Return the next whole number below."""
    return torch.floor(floats(x))


@operation("Trunc")
def trunc(x: Any) -> Any:
    """Return the next whole number towards 0."""
    x = tensor(x)
    return torch.trunc(x) if x.is_floating_point() else x


@operation("Round")
def round(x: Any, decimals: int = 0) -> Any:  # as Keras calls it
    """Return the nearest number of so many decimals; halves go to the even one."""
    x = tensor(x)
    if decimals == 0:
        return torch.round(x) if x.is_floating_point() else x
    if not x.is_floating_point() and decimals > 0:
        return x
    factor = torch.tensor(10.0**decimals, dtype=floats(x).dtype, device=x.device)
    return (torch.round(x * factor) / factor).to(x.dtype)


@operation("Clip")
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Return the nearest number between two."""
    x = no_bool(tensor(x))
    if x_min is None or x_max is None:
        raise ValueError("clip takes both ends: x_min and x_max. Received: None")
    ends = [tensor(v).to(x.device) for v in (x_min, x_max)]
    low, high = (v.to(x.dtype) for v in ends)
    if not x.is_floating_point() and any(v.is_floating_point() for v in ends):
        raise TypeError(
            f"clip: integers of {x.dtype} take no ends with fractions. Received: "
            f"x_min={x_min}, x_max={x_max}"
        )
    return torch.clamp(x, low, high)


@operation("NanToNum")
def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """Return numbers in place of what is none."""
    return torch.nan_to_num(tensor(x), nan=nan, posinf=posinf, neginf=neginf)


# ----------------------------------------------------------------------------- complex
@operation("Real")
def real(x: Any) -> Any:
    """Return the real part."""
    return torch.real(tensor(x))


@operation("Imag")
def imag(x: Any) -> Any:
    """Return the imaginary part, 0 of what has none."""
    x = tensor(x)
    return torch.imag(x) if x.is_complex() else torch.zeros_like(x)


@operation("Conjugate")
def conjugate(x: Any) -> Any:
    """Return the number with the other imaginary part."""
    return torch.conj(tensor(x)).resolve_conj()


conj = conjugate


@operation("Angle")
def angle(x: Any) -> Any:
    """Return the angle in the complex plane."""
    return torch.angle(floats(x))


# ------------------------------------------------------------------- what a number is
@operation("Isfinite")
def isfinite(x: Any) -> Any:
    """Whether it is a number."""
    return torch.isfinite(tensor(x))


@operation("Isinf")
def isinf(x: Any) -> Any:
    """Whether it is infinite."""
    return torch.isinf(tensor(x))


@operation("Isnan")
def isnan(x: Any) -> Any:
    """Whether it is NaN."""
    return torch.isnan(tensor(x))


@operation("Isneginf")
def isneginf(x: Any) -> Any:
    """Whether it is negative infinity."""
    return torch.isneginf(tensor(x))


@operation("Isposinf")
def isposinf(x: Any) -> Any:
    """Whether it is positive infinity."""
    return torch.isposinf(tensor(x))


@operation("Isreal")
def isreal(x: Any) -> Any:
    """Whether it has no imaginary part."""
    return torch.isreal(tensor(x))


@operation("LogicalNot")
def logical_not(x: Any) -> Any:
    """Whether it is false."""
    return torch.logical_not(tensor(x))


@operation("Copy")
def copy(x: Any) -> Any:
    """Return the same values, of their own."""
    return tensor(x).clone()


@operation("View")
def view(x: Any, dtype: Any = None) -> Any:
    """Return the same bytes as another dtype.

    Parameters
    ----------
    x
        A tensor.
    dtype
        One of another size makes the last axis longer or shorter.
    """
    from keras2torch.tensors import torch_dtype

    x = tensor(x)
    wanted = x.dtype if dtype is None else torch_dtype(dtype)
    old, new = x.element_size(), wanted.itemsize
    last = x.shape[-1] if x.ndim else -1
    if old != new and (last == -1 or last * old % new):
        raise ValueError(
            f"Cannot view array of shape {tuple(x.shape)} and dtype {x.dtype} as dtype "
            f"{wanted}: its bytes are no multiple of {new}."
        )
    return x.contiguous().view(wanted)
