"""Activation functions, softmax, and losses that stand in a graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.dialect import DOMAIN
from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of

_ACTIVATIONS = {
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "HardTanh": "hard_tanh",
    "LogSigmoid": "log_sigmoid",
    "Relu": "relu",
    "Relu6": "relu6",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "SparsePlus": "sparse_plus",
    "SparseSigmoid": "sparse_sigmoid",
    "Tanh": "tanh",
    "TanhShrink": "tanh_shrink",
}
_EPSILON = 1e-7


def activation(c: OperationCall, x: Any) -> ir.Value:
    """Apply an activation that the Keras layer has by name."""
    if c.kind in ("Relu", "Relu6") and not c.is_float(x):
        above = c.elementwise("Max", c.given(x), 0)
        return above if c.kind == "Relu" else c.elementwise("Min", above, 6)
    return c.layer("Activation", {"activation": _ACTIVATIONS[c.kind]}, c.floats(x))


def relu(
    c: OperationCall,
    x: Any,
    negative_slope: float | None = 0.0,
    max_value: float | None = None,
    threshold: float | None = 0.0,
) -> ir.Value:
    """ReLU with a slope, an end and a threshold."""
    config = {
        "negative_slope": negative_slope or 0.0,
        "max_value": max_value,
        "threshold": threshold or 0.0,
    }
    return c.layer("ReLU", config, c.floats(x))


def leaky(c: OperationCall, x: Any, negative_slope: float | None = 0.2) -> ir.Value:
    """Leaky ReLU; the slope is 0.2 if none is given, not the layer's 0.3."""
    slope = 0.2 if negative_slope is None else negative_slope
    return c.layer("LeakyReLU", {"negative_slope": slope}, c.floats(x))


def elu(c: OperationCall, x: Any, alpha: float = 1.0) -> ir.Value:
    """``alpha * (exp(x) - 1)`` below zero."""
    if alpha == 1:
        return c.layer("Activation", {"activation": "elu"}, c.floats(x))
    return c.layer("ELU", {"alpha": alpha}, c.floats(x))


def celu(c: OperationCall, x: Any, alpha: float = 1.0) -> ir.Value:
    """``alpha * (exp(x / alpha) - 1)`` below zero."""
    if alpha == 1:
        return c.layer("Activation", {"activation": "celu"}, c.floats(x))
    return c.unary("Celu", c.floats(x), alpha=float(alpha))


def gelu(c: OperationCall, x: Any, approximate: bool = True) -> ir.Value:
    """GELU; by tanh unless the call says otherwise."""
    if not approximate:
        return c.layer("Activation", {"activation": "gelu"}, c.floats(x))
    return c.unary("Gelu", c.floats(x), approximate="tanh")


def exact_gelu(c: OperationCall, x: Any, approximate: bool = False) -> ir.Value:
    """TensorFlow's GELU, which is exact unless the call says otherwise."""
    return gelu(c, x, approximate)


def silu(c: OperationCall, x: Any, beta: float = 1.0) -> ir.Value:
    """``x * sigmoid(beta * x)``."""
    if beta == 1:
        return c.layer("Activation", {"activation": "silu"}, c.floats(x))
    x = c.floats(x)
    return c.mul(x, c.unary("Sigmoid", c.mul(x, beta)))


def shrink(c: OperationCall, x: Any, threshold: float = 0.5) -> ir.Value:
    """Nothing near zero; ``SoftShrink`` also moves the rest towards it."""
    bias = threshold if c.kind == "SoftShrink" else 0.0
    return c.unary("Shrink", c.floats(x), lambd=float(threshold), bias=float(bias))


def threshold(
    c: OperationCall, x: Any, threshold: float, default_value: float
) -> ir.Value:
    """Another value where the threshold is not exceeded."""
    x = c.floats(x)
    return c.where(c.elementwise("Greater", x, threshold), x, default_value)


def squareplus(c: OperationCall, x: Any, b: float = 4) -> ir.Value:
    """``(x + sqrt(x ** 2 + b)) / 2``."""
    x = c.floats(x)
    root = c.unary("Sqrt", c.add(c.mul(x, x), b))
    return c.div(c.add(x, root), 2)


def glu(c: OperationCall, x: Any, axis: Any = -1) -> ir.Value:
    """One half, weighted by the other."""
    x = c.given(x)
    at = c.axis(axis, c.rank(x))
    half = c.known(x, at) // 2
    return c.mul(c.slice(x, at, 0, half), c.unary("Sigmoid", c.slice(x, at, half)))


def softmax(c: OperationCall, x: Any, axis: Any = -1) -> ir.Value:
    """Shares of one, along one axis or several, or their logarithms."""
    x = c.floats(x)
    if axis is None:  # all of them in Keras, the last one in TensorFlow
        axis = -1 if c.tensorflow else list(range(c.rank(x)))
    axes = c.axes(axis, c.rank(x))
    if len(axes) > 1:
        left = [i for i in range(c.rank(x)) if i not in axes]
        order = [*left, *axes]
        sizes = c.sizes(c.transpose(x, order))
        flat = c.reshape(c.transpose(x, order), [*sizes[: len(left)], -1])
        name = c.kind if c.kind == "Softmax" else "LogSoftmax"
        shares = c.operator(name, [flat], shape_of(flat), {"axis": -1})
        return c.transpose(c.reshape(shares, sizes), np.argsort(order).tolist())
    last = axes == [c.rank(x) - 1]
    if last:
        name = "softmax" if c.kind == "Softmax" else "log_softmax"
        return c.layer("Activation", {"activation": name}, x)
    if c.kind == "Softmax":
        return c.layer("Softmax", {"axis": axes[0]}, x)
    return c.operator("LogSoftmax", [x], shape_of(x), {"axis": axes[0]})


def sparsemax(c: OperationCall, x: Any, axis: Any = -1) -> ir.Value:
    """Shares of one, many of them zero."""
    x = c.floats(x)
    at = c.axis(axis, c.rank(x))
    if at == c.rank(x) - 1:
        return c.layer("Activation", {"activation": "sparsemax"}, x)
    order = [*(i for i in range(c.rank(x)) if i != at), at]
    last = c.layer("Activation", {"activation": "sparsemax"}, c.transpose(x, order))
    return c.transpose(last, np.argsort(order).tolist())


# --------------------------------------------------------------------------- losses
def _limited(c: OperationCall, x: ir.Value) -> ir.Value:
    ends = [c.constant(v, dtype_of(x)) for v in (_EPSILON, 1 - _EPSILON)]
    return c.operator("Clip", [x, *ends], shape_of(x))


def _prediction(
    c: OperationCall, output: Any, from_logits: bool
) -> tuple[ir.Value, bool]:
    """Return what a cross-entropy is taken of: what went into the last activation.

    Keras on TensorFlow does so (backend/tensorflow/nn.py, _get_logits).
    """
    p = c.floats(output)
    node = p.producer()
    if node is None or not node.inputs or (logits := node.inputs[0]) is None:
        return p, from_logits
    name = node.op_type
    if node.domain == DOMAIN and name == "Activation":
        name = node.attributes["activation"].as_string().capitalize()
    if name in ("Sigmoid", "Softmax") and node.domain in ("", DOMAIN):
        return logits, True
    return p, from_logits


def binary_crossentropy(
    c: OperationCall, target: Any, output: Any, from_logits: bool = False
) -> ir.Value:
    """Return the cross-entropy of each entry."""
    y, (p, from_logits) = c.tensor(target), _prediction(c, output, from_logits)
    y = c.cast(y, dtype_of(p))
    if from_logits:
        return c.sub(c.unary("Softplus", p), c.mul(p, y))
    p = _limited(c, p)
    there = c.mul(y, c.unary("Log", p))
    other = c.mul(c.sub(1, y), c.unary("Log", c.sub(1, p)))
    return c.unary("Neg", c.add(there, other))


def categorical_crossentropy(
    c: OperationCall,
    target: Any,
    output: Any,
    from_logits: bool = False,
    axis: Any = -1,
) -> ir.Value:
    """Return the cross-entropy of each row."""
    p, from_logits = _prediction(c, output, from_logits)
    y = c.tensor(target, dtype_of(p))
    at = c.axis(axis, c.rank(p))
    if from_logits:
        scores = c.operator("LogSoftmax", [p], shape_of(p), {"axis": at})
    else:
        p = c.div(p, c.reduce("ReduceSum", p, at, True))
        scores = c.unary("Log", _limited(c, p))
    return c.unary("Neg", c.reduce("ReduceSum", c.mul(y, scores), at))


def sparse_categorical_crossentropy(
    c: OperationCall,
    target: Any,
    output: Any,
    from_logits: bool = False,
    axis: Any = -1,
) -> ir.Value:
    """Return the cross-entropy of each row, whose class is given by number."""
    p, from_logits = _prediction(c, output, from_logits)
    y = c.cast(c.given(target), "int64")
    if c.rank(y) == c.rank(p):
        y = c.squeeze(y, -1)
    # The kernel takes logits, and normalises the clipped logarithms again.
    scores = p if from_logits else c.unary("Log", _limited(c, p))
    scores = c.operator("LogSoftmax", [scores], shape_of(p), {"axis": -1})
    places = c.unsqueeze(y, -1)
    options = {"axis": c.rank(p) - 1}
    own = c.operator("GatherElements", [scores, places], shape_of(places), options)
    return c.unary("Neg", c.squeeze(own, -1))


def signal_to_noise(c: OperationCall, x1: Any, x2: Any, max_val: float) -> ir.Value:
    """Return the peak signal-to-noise ratio."""
    rest = c.sub(*c.promoted(x1, x2))
    error = c.reduce("ReduceMean", c.mul(rest, rest))
    scale = 10 / math.log(10)
    return c.sub(20 * math.log10(max_val), c.mul(c.unary("Log", error), scale))


RULES: dict[str, Rule] = {
    **dict.fromkeys(_ACTIVATIONS, activation),
    "BinaryCrossentropy": binary_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy,
    "Celu": celu,
    "Elu": elu,
    "ExactGelu": exact_gelu,
    "Gelu": gelu,
    "Glu": glu,
    "HardShrink": shrink,
    "LeakyRelu": leaky,
    "LogSoftmax": softmax,
    "PSNR": signal_to_noise,
    "ReLU": relu,
    "Silu": silu,
    "SoftShrink": shrink,
    "Softmax": softmax,
    "SparseCategoricalCrossentropy": sparse_categorical_crossentropy,
    "Sparsemax": sparsemax,
    "Squareplus": squareplus,
    "Threshold": threshold,
}
