"""Activations as operations: those of :mod:`keras2torch.activations`.

Their arguments are fewer and their defaults at times others than those of the
functions of ``keras.activations``. Source: ``keras/src/ops/nn.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

from keras2torch import activations
from keras2torch.ops.base import operation
from keras2torch.ops.promotion import tensor


@operation("Relu")
def relu(x: Any) -> Any:
    """``x`` above 0, else 0."""
    return activations.relu(tensor(x))


@operation("Relu6")
def relu6(x: Any) -> Any:
    """``x`` above 0, but at most 6."""
    return activations.relu6(tensor(x))


@operation("Sigmoid")
def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``."""
    return activations.sigmoid(tensor(x))


@operation("SparseSigmoid")
def sparse_sigmoid(x: Any) -> Any:
    """0 up to -1, 1 from 1 on, ``(x + 1) / 2`` between."""
    return activations.sparse_sigmoid(tensor(x))


@operation("Softplus")
def softplus(x: Any) -> Any:
    """``log(exp(x) + 1)``."""
    return activations.softplus(tensor(x))


@operation("Softsign")
def softsign(x: Any) -> Any:
    """``x / (|x| + 1)``."""
    return activations.softsign(tensor(x))


@operation("SoftShrink")
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """``x`` moved towards 0 by the threshold, and 0 within it."""
    return activations.soft_shrink(tensor(x), threshold)


@operation("SparsePlus")
def sparse_plus(x: Any) -> Any:
    """0 up to -1, ``x`` from 1 on, ``(x + 1)² / 4`` between."""
    return activations.sparse_plus(tensor(x))


@operation("Silu")
def silu(x: Any) -> Any:
    """``x * sigmoid(x)``."""
    return activations.silu(tensor(x))


@operation("Squareplus")
def squareplus(x: Any, b: float = 4) -> Any:
    """``(x + sqrt(x² + b)) / 2``."""
    return activations.squareplus(tensor(x), b)


@operation("LogSigmoid")
def log_sigmoid(x: Any) -> Any:
    """``log(sigmoid(x))``."""
    return activations.log_sigmoid(tensor(x))


@operation("LeakyRelu")
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """``x`` above 0, ``negative_slope * x`` below."""
    return activations.leaky_relu(tensor(x), negative_slope)


@operation("HardSigmoid")
def hard_sigmoid(x: Any) -> Any:
    """``relu6(x + 3) / 6``."""
    return activations.hard_sigmoid(tensor(x))


@operation("HardSilu")
def hard_silu(x: Any) -> Any:
    """``x * hard_sigmoid(x)``."""
    return activations.hard_silu(tensor(x))


@operation("Elu")
def elu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below."""
    return activations.elu(tensor(x), alpha)


@operation("Selu")
def selu(x: Any) -> Any:
    """Scaled elu that keeps mean and variance."""
    return activations.selu(tensor(x))


@operation("Gelu")
def gelu(x: Any, approximate: bool = True) -> Any:
    """``x`` times the normal distribution function at ``x``, by tanh unless told."""
    return activations.gelu(tensor(x), approximate)


@operation("Celu")
def celu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` above 0, ``alpha * (exp(x / alpha) - 1)`` below."""
    return activations.celu(tensor(x), alpha)


@operation("Glu")
def glu(x: Any, axis: int = -1) -> Any:
    """First half of an axis times the sigmoid of the second."""
    return activations.glu(tensor(x), axis)


@operation("TanhShrink")
def tanh_shrink(x: Any) -> Any:
    """``x - tanh(x)``."""
    return activations.tanh_shrink(tensor(x))


@operation("HardTanh")
def hard_tanh(x: Any) -> Any:
    """``x`` cut to [-1, 1]."""
    return activations.hard_tanh(tensor(x))


@operation("HardShrink")
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """``x``, but 0 within the threshold."""
    return activations.hard_shrink(tensor(x), threshold)


@operation("Threshold")
def threshold(x: Any, threshold: Any, default_value: Any) -> Any:
    """``x`` where it is above the threshold, else the default value."""
    return activations.threshold(tensor(x), threshold, default_value)


@operation("Softmax")
def softmax(x: Any, axis: Any = -1) -> Any:
    """Exponentials that sum to 1 along an axis, several, or all (``None``)."""
    return activations.softmax(tensor(x), axis)


@operation("LogSoftmax")
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """Logarithm of softmax."""
    return activations.log_softmax(tensor(x), axis)


@operation("Sparsemax")
def sparsemax(x: Any, axis: int = -1) -> Any:
    """Projection onto the probabilities, many of which become 0."""
    return activations.sparsemax(tensor(x), axis)


swish, hard_swish = silu, hard_silu

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]
