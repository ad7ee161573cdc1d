"""Operations between layers that are several ONNX operators, or choose between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from keras2torch.dialect import dtype_of, shape_of

if TYPE_CHECKING:
    from keras2torch.reading.operations import OperationCall

_COMPARED = {
    "Equal": "Equal",
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
    "Less": "Less",
    "LessEqual": "LessOrEqual",
}
_FILLED = {"OnesLike": 1, "ZerosLike": 0}


def _operands(c: OperationCall, *values: Any) -> list[ir.Value]:
    """Return tensors; a constant gets the dtype of the first tensor beside it."""
    tensors = [v for v in values if isinstance(v, ir.Value)]
    if not tensors:
        raise c.unsupported("it is called without tensors")
    dtype = dtype_of(tensors[0])
    found = [v if isinstance(v, ir.Value) else c.constant(v, dtype) for v in values]
    if len({dtype_of(v) for v in found}) > 1:
        raise c.unsupported("its arguments have different dtypes")
    return found


def compared(c: OperationCall) -> ir.Value:
    """``x > y``."""
    xs = _operands(c, c.argument(0, "x"), c.argument(1, "y"))
    shape = c.broadcast([shape_of(x) for x in xs])
    return c.operator(_COMPARED[c.name], xs, shape, dtype="bool")


def where(c: OperationCall) -> ir.Value:
    """``x`` where the condition holds, else ``y``."""
    condition = c.argument(0, "condition")
    if not isinstance(condition, ir.Value) or dtype_of(condition) != "bool":
        raise c.unsupported("its condition is no tensor of booleans")
    xs = _operands(c, c.argument(1, "x1"), c.argument(2, "x2"))
    shape = c.broadcast([shape_of(v) for v in (condition, *xs)])
    return c.operator("Where", [condition, *xs], shape, dtype=dtype_of(xs[0]))


def filled(c: OperationCall) -> ir.Value:
    """Ones or zeros, as many as in a tensor."""
    dtype = c.argument(1, "dtype") or dtype_of(c.x)
    if not isinstance(dtype, str):
        raise c.unsupported(f"dtype={dtype!r}")
    shape = c.operator("Shape", [c.x], (len(shape_of(c.x)),), dtype="int64")
    value = ir.Tensor(np.asarray([_FILLED[c.name]], dtype))
    attribute = ir.AttrTensor("value", value)
    made = shape_of(c.x), dtype, [attribute]
    return c.b.operator("ConstantOfShape", [shape], f"{c.spec.name}/filled", *made)


def variance(c: OperationCall) -> ir.Value:
    """The mean square of what is left without the mean; its root for ``Std``."""
    mean = c.reduction(c.x, "Mean", keepdims=True)
    rest = c.operator("Sub", [c.x, mean], shape_of(c.x))
    square = c.operator("Mul", [rest, rest], shape_of(c.x))
    found = c.reduction(square, "Mean")
    if c.name == "Var":
        return found
    return c.operator("Sqrt", [found], shape_of(found))


def reciprocal_root(c: OperationCall) -> ir.Value:
    """``1 / sqrt(x)``."""
    root = c.operator("Sqrt", [c.x], shape_of(c.x))
    return c.operator("Reciprocal", [root], shape_of(c.x))


def unit_length(c: OperationCall) -> ir.Value:
    """TensorFlow's ``l2_normalize``: ``x / sqrt(max(sum(x ** 2), epsilon))``."""
    square = c.operator("Mul", [c.x, c.x], shape_of(c.x))
    total = c.reduction(square, "Sum", keepdims=True)
    epsilon = c.argument(2, "epsilon")
    least = c.constant(1e-12 if epsilon is None else epsilon, dtype_of(c.x))
    total = c.operator("Max", [total, least], shape_of(total))
    root = c.operator("Sqrt", [total], shape_of(total))
    return c.operator("Div", [c.x, root], shape_of(c.x))


def leaky(c: OperationCall) -> ir.Value:
    """Leaky ReLU; the slope is 0.2 if none is given, not the layer's 0.3."""
    slope = c.argument(1, "negative_slope")
    return c.layer(
        "LeakyReLU", {"negative_slope": 0.2 if slope is None else slope}, c.x
    )


def swapped(c: OperationCall) -> ir.Value:
    """Two axes change places."""
    rank = len(shape_of(c.x))
    one, other = c.argument(1, "axis1"), c.argument(2, "axis2")
    if type(one) is not int or type(other) is not int:
        raise c.unsupported(f"axes {one!r} and {other!r}")
    axes = list(range(rank))
    axes[one % rank], axes[other % rank] = axes[other % rank], axes[one % rank]
    return c.transpose(c.x, axes)


RULES: dict[str, Callable[[OperationCall], ir.Value]] = {
    **dict.fromkeys(_COMPARED, compared),
    **dict.fromkeys(_FILLED, filled),
    "L2Normalize": unit_length,
    "LeakyRelu": leaky,
    "Rsqrt": reciprocal_root,
    "Std": variance,
    "Swapaxes": swapped,
    "Var": variance,
    "Where": where,
}
