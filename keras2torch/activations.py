"""Keras' activation functions on torch tensors.

Any of them takes a tensor, array, number or list, and the symbolic tensor of a model
that is being drawn: there it becomes a layer. Softmax and sigmoid leave what went
into them on the result as ``_keras_logits``, which the cross-entropies take instead of
the probabilities, as Keras does on TensorFlow.

Source: ``keras/src/activations`` (3.15).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import isfunction, signature
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from typing_extensions import ParamSpec

from keras2torch import serialization
from keras2torch.program.helpers import activation as helpers
from keras2torch.tensors import as_floating, as_tensor

Axis = int | tuple[int, ...] | list[int] | None
P = ParamSpec("P")
R = TypeVar("R")

# Where arguments other than the defaults have a layer to go to, in a symbolic call.
_LAYERS = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "softmax": "Softmax",
}


def _symbolic(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function be written into a model that is being drawn."""

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if args and isinstance(args[0], torch.Tensor):
            return function(*args, **kwargs)
        from keras2torch.models.symbolic import is_symbolic

        if not is_symbolic(args, kwargs):
            return function(*args, **kwargs)
        given = signature(function).bind(*args, **kwargs)
        given.apply_defaults()
        return cast(R, _written_down(function, **given.arguments))

    return called


def _written_down(function: Callable[..., Any], x: Any, **arguments: Any) -> Any:
    """Return the symbolic tensor that a layer gives, or an operation if none does."""
    from keras2torch import layers
    from keras2torch.models.naming import auto_name

    name = function.__name__
    taken = signature(function).parameters
    changed = {k: v for k, v in arguments.items() if v != taken[k].default}
    if not changed:
        return layers.Activation(name, name=auto_name(name))(x)
    if name not in _LAYERS:
        from keras2torch import ops

        return getattr(ops, name)(x, **arguments)
    made = getattr(layers, _LAYERS[name])(**changed, name=auto_name(name))
    return made(x)


def linear(x: Any) -> Any:
    """Return ``x`` itself."""
    return x


@_symbolic
def relu(
    x: Any,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> torch.Tensor:
    """Rectifier.

    Parameters
    ----------
    x
        Any shape; integers stay integers.
    negative_slope
        Slope below the threshold: ``negative_slope * (x - threshold)``.
    max_value
        The largest result; ``None`` for no limit.
    threshold
        What is not above it is cut to 0.
    """
    x = as_tensor(x)
    if not threshold and max_value is None:
        return F.leaky_relu(x, negative_slope) if negative_slope else F.relu(x)
    if not threshold and max_value == 6:
        above = relu6(x)
    else:
        above = torch.where(x > threshold, x, 0) if threshold else F.relu(x)
        if max_value is not None:
            above = _clipped(above, 0.0, max_value)
    if not negative_slope:
        return above
    return above - negative_slope * F.relu(threshold - x)


@_symbolic
def leaky_relu(x: Any, negative_slope: float = 0.2) -> torch.Tensor:
    """``x`` above 0, ``negative_slope * x`` below; torch's slope would be 0.01."""
    return F.leaky_relu(as_floating(x), negative_slope)


@_symbolic
def relu6(x: Any) -> torch.Tensor:
    """Rectifier that ends at 6."""
    x = as_tensor(x)
    if isinstance(x, torch.Tensor) and not x.is_floating_point():
        return x.clamp(0, 6)  # F.relu6 knows no integers
    return F.relu6(x)


@_symbolic
def softmax(x: Any, axis: Axis = -1) -> torch.Tensor:
    """Exponentials that sum to 1.

    Parameters
    ----------
    x
        Any shape.
    axis
        The axis or axes that the sum runs over; ``None`` for all.
    """
    x = as_floating(x)
    if isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warnings.warn(
            f"softmax over axis {axis} of shape {tuple(x.shape)} is always 1: that "
            "axis has size 1. Did you mean sigmoid?",
            stacklevel=2,
        )
    return _with_logits(_along(F.softmax, x, axis), x)


@_symbolic
def log_softmax(x: Any, axis: Axis = -1) -> torch.Tensor:
    """Logarithm of softmax.

    Parameters
    ----------
    x
        Any shape.
    axis
        The axis or axes that the sum runs over; ``None`` for all.
    """
    return _along(F.log_softmax, as_floating(x), axis)


@_symbolic
def elu(x: Any, alpha: float = 1.0) -> torch.Tensor:
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below."""
    return F.elu(as_floating(x), alpha)


@_symbolic
def selu(x: Any) -> torch.Tensor:
    """Scaled elu that keeps mean and variance."""
    return F.selu(as_floating(x))


@_symbolic
def celu(x: Any, alpha: float = 1.0) -> torch.Tensor:
    """``x`` above 0, ``alpha * (exp(x / alpha) - 1)`` below."""
    return F.celu(as_floating(x), alpha)


@_symbolic
def softplus(x: Any) -> torch.Tensor:
    """``log(exp(x) + 1)``."""
    return F.softplus(as_floating(x))


@_symbolic
def softsign(x: Any) -> torch.Tensor:
    """``x / (|x| + 1)``."""
    return F.softsign(as_floating(x))


@_symbolic
def soft_shrink(x: Any, threshold: float = 0.5) -> torch.Tensor:
    """``x`` moved towards 0 by the threshold, and 0 within it."""
    return F.softshrink(as_floating(x), threshold)


@_symbolic
def hard_shrink(x: Any, threshold: float = 0.5) -> torch.Tensor:
    """``x``, but 0 within the threshold."""
    return F.hardshrink(as_floating(x), threshold)


@_symbolic
def sparse_plus(x: Any) -> torch.Tensor:
    """0 up to -1, ``x`` from 1 on, ``(x + 1)² / 4`` between."""
    return helpers.sparse_plus(as_floating(x))


@_symbolic
def silu(x: Any) -> torch.Tensor:
    """``x * sigmoid(x)``, also known as swish."""
    return F.silu(as_floating(x))


@_symbolic
def squareplus(x: Any, b: float = 4) -> torch.Tensor:
    """``(x + sqrt(x² + b)) / 2``."""
    x = as_floating(x)
    smooth: torch.Tensor = (x + torch.sqrt(x * x + b)) / 2
    return smooth


@_symbolic
def gelu(x: Any, approximate: bool = False) -> torch.Tensor:
    """``x`` times the normal distribution function at ``x``.

    Parameters
    ----------
    x
        Any shape.
    approximate
        By tanh; ``keras.ops.gelu`` does so unless told.
    """
    return F.gelu(as_floating(x), approximate="tanh" if approximate else "none")


@_symbolic
def glu(x: Any, axis: int = -1) -> torch.Tensor:
    """First half of an axis times the sigmoid of the second.

    Raises
    ------
    ValueError
        If the axis has an odd size.
    """
    x = as_floating(x)
    if x.shape[axis] % 2:
        raise ValueError(
            f"glu halves axis {axis}, which has the odd size {x.shape[axis]}."
        )
    return F.glu(x, axis)


@_symbolic
def tanh(x: Any) -> torch.Tensor:
    """Hyperbolic tangent."""
    return torch.tanh(as_floating(x))


@_symbolic
def tanh_shrink(x: Any) -> torch.Tensor:
    """``x - tanh(x)``."""
    return F.tanhshrink(as_floating(x))


@_symbolic
def hard_tanh(x: Any) -> torch.Tensor:
    """``x`` cut to [-1, 1]."""
    return _clipped(as_floating(x), -1.0, 1.0)


@_symbolic
def threshold(x: Any, threshold: Any, default_value: Any) -> torch.Tensor:
    """``x`` where it is above the threshold, else the default value."""
    x = as_tensor(x)
    return torch.where(x > threshold, x, default_value)


@_symbolic
def sigmoid(x: Any) -> torch.Tensor:
    """``1 / (1 + exp(-x))``."""
    x = as_floating(x)
    return _with_logits(torch.sigmoid(x), x)


@_symbolic
def exponential(x: Any) -> torch.Tensor:
    """``exp(x)``."""
    return torch.exp(as_floating(x))


@_symbolic
def hard_sigmoid(x: Any) -> torch.Tensor:
    """``relu6(x + 3) / 6``; Keras 2 had ``clip(0.2 x + 0.5, 0, 1)``."""
    return F.hardsigmoid(as_floating(x))


@_symbolic
def hard_silu(x: Any) -> torch.Tensor:
    """``x * hard_sigmoid(x)``, also known as hard_swish."""
    return F.hardswish(as_floating(x))


@_symbolic
def log_sigmoid(x: Any) -> torch.Tensor:
    """``log(sigmoid(x))``."""
    return F.logsigmoid(as_floating(x))


@_symbolic
def sparse_sigmoid(x: Any) -> torch.Tensor:
    """0 up to -1, 1 from 1 on, ``(x + 1) / 2`` between."""
    x = as_floating(x)
    return torch.where(x.abs() < 1, 0.5 * (x + 1), (x > 0).to(x.dtype))


@_symbolic
def mish(x: Any) -> torch.Tensor:
    """``x * tanh(softplus(x))``."""
    return F.mish(as_floating(x))


@_symbolic
def sparsemax(x: Any, axis: int = -1) -> torch.Tensor:
    """Projection onto the probabilities, many of which become 0."""
    return helpers.sparsemax(as_floating(x), dim=axis)


swish, hard_swish = silu, hard_silu


def _clipped(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """Cut to an interval; the gradient is 1 at its ends, as in TensorFlow.

    That of torch.clamp there depends on its version: 1 in 2.4, 0 in 2.15.
    """
    return torch.where(x < low, low, torch.where(x > high, high, x))


def _along(
    function: Callable[..., torch.Tensor], x: torch.Tensor, axis: Axis
) -> torch.Tensor:
    """Apply a function of one axis to several, taken as one, or to all."""
    if isinstance(axis, int):
        return function(x, dim=axis)
    axes = tuple(range(x.ndim)) if axis is None else tuple(a % x.ndim for a in axis)
    order = [a for a in range(x.ndim) if a not in axes] + list(axes)
    moved = x.permute(order)
    whole = function(moved.flatten(x.ndim - len(axes)), dim=-1)
    back = sorted(range(x.ndim), key=order.__getitem__)
    return whole.reshape(moved.shape).permute(back)


def _with_logits(result: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    result._keras_logits = logits  # type: ignore[attr-defined]
    return result


_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
_OBJECTS = serialization.offer(
    "keras.activations", _FUNCTIONS, swish=silu, hard_swish=hard_silu
)


def get(identifier: Any) -> Callable[..., Any]:
    """Return the activation that an identifier stands for.

    Parameters
    ----------
    identifier
        ``None`` for linear, a name, a config, or a function, layer or ``nn.Module``,
        which is given back.

    Raises
    ------
    ValueError
        If it stands for none.
    """
    if identifier is None:
        return linear
    found: Callable[..., Any] = serialization.resolve(
        identifier, "activation", _OBJECTS
    )
    return found


def serialize(activation: Any) -> Any:
    """Return the name of a built-in activation, the config of another.

    Raises
    ------
    TypeError
        For what has neither a name nor ``get_config``, an ``nn.Module`` for instance.
    """
    if isfunction(activation) and activation in _FUNCTIONS:
        return activation.__name__
    return serialization.serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the activation of a config or name."""
    return serialization.deserialize_keras_object(
        config, custom_objects, module_objects=_OBJECTS, kind="activation"
    )


__all__ = [
    "deserialize",
    "get",
    "hard_swish",
    "serialize",
    "swish",
    *sorted(f.__name__ for f in _FUNCTIONS),
]
