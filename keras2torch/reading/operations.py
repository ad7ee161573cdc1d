"""Operations between layers: ``x * 2 + y``, ``ops.mean(x)``, ``tf.concat([x, y], -1)``.

Keras 3 writes them into the config as ``keras.src.ops`` classes, tf.keras as
``TFOpLambda`` with the name of a TensorFlow function. Both become, where a Keras layer
computes the same, that layer, and else operators of standard ONNX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.dialect import GraphBuilder, dtype_of, shape_of
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import Shape, from_config
from keras2torch.reading import compositions
from keras2torch.reading.tensorflow_names import TENSORFLOW
from keras2torch.reading.topology import Constant, LayerSpec, flat

_BINARY = {
    "Add": "Add",
    "Divide": "Div",
    "Maximum": "Max",
    "Minimum": "Min",
    "Multiply": "Mul",
    "Power": "Pow",
    "Subtract": "Sub",
    "TrueDivide": "Div",
}
# Keras layers of the same name and meaning for tensors of one rank.
_MERGES = frozenset({"Add", "Maximum", "Minimum", "Multiply", "Subtract"})
_UNARY = {
    "Absolute": "Abs",
    "Ceil": "Ceil",
    "Cos": "Cos",
    "Exp": "Exp",
    "Floor": "Floor",
    "Log": "Log",
    "Negative": "Neg",
    "Reciprocal": "Reciprocal",
    "Sign": "Sign",
    "Sin": "Sin",
    "Sqrt": "Sqrt",
}
_LOGICAL = {"LogicalAnd": "And", "LogicalOr": "Or"}
_ACTIVATIONS = {
    "Elu": "elu",
    "HardSigmoid": "hard_sigmoid",
    "LogSoftmax": "log_softmax",
    "Relu": "relu",
    "Relu6": "relu6",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
_REDUCED = {
    "Max": "ReduceMax",
    "Mean": "ReduceMean",
    "Min": "ReduceMin",
    "Sum": "ReduceSum",
}
_FAR = 2**62
Value = Any


@dataclass
class OperationCall:
    """One call of an operation."""

    b: GraphBuilder
    spec: LayerSpec
    args: list[Any]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """Its class in Keras 3, whatever the file calls it."""
        return _name(self.spec)

    def argument(self, position: int, name: str) -> Any:
        """Return an argument given by position or name."""
        if position < len(self.args):
            return self.args[position]
        return self.options.get(name)

    @property
    def x(self) -> ir.Value:
        """The first argument, which is a tensor."""
        value = self.argument(0, "x")
        if not isinstance(value, ir.Value):
            raise self.unsupported("it is not called with a tensor")
        return value

    def unsupported(self, why: str) -> UnsupportedLayer:
        """Return the error that names the operation."""
        return UnsupportedLayer(
            f"operation {self.spec.name!r} ({self.spec.kind}): {why}"
        )

    def layer(self, kind: str, config: dict[str, Any], *xs: ir.Value) -> ir.Value:
        """Call a Keras layer in its place; masks end here, as with an operation."""
        made = from_config(kind, {"name": self.spec.name} | config)
        value = self.b.call(made, xs, masks=[None] * len(xs))[0]
        self.b.stands_for_operation(value)
        return value

    def operator(
        self,
        op_type: str,
        xs: list[ir.Value],
        shape: Shape,
        attributes: Mapping[str, Any] | None = None,
        dtype: str | None = None,
    ) -> ir.Value:
        """Add an operator of standard ONNX."""
        made = [
            ir.AttrInt64s(k, v) if isinstance(v, list) else ir.AttrInt64(k, v)
            for k, v in (attributes or {}).items()
        ]
        kind = dtype or dtype_of(xs[0])
        name = f"{self.spec.name}/{op_type.lower()}"
        return self.b.operator(op_type, xs, name, shape, kind, made)

    def constant(self, value: Any, dtype: str) -> ir.Value:
        """Add a constant."""
        array: npt.NDArray[Any] = np.asarray(value, dtype=dtype)
        return self.b.constant(array, f"{self.spec.name}/constant")

    def broadcast(self, shapes: list[Shape]) -> Shape:
        """Return the shape of what is computed entry by entry."""
        return _broadcast(self, shapes)

    def reduction(self, x: ir.Value, name: str, *, keepdims: bool = False) -> ir.Value:
        """Reduce a tensor along the axes that the call names."""
        return _reduction(self, x, name, keepdims=keepdims)

    def transpose(self, x: ir.Value, axes: list[int]) -> ir.Value:
        """Permute the axes of a tensor."""
        return _transposed(self, x, axes)


def known(spec: LayerSpec) -> bool:
    """Whether there is a rule for an operation."""
    return _name(spec) in _RULES


def _name(spec: LayerSpec) -> str:
    if spec.kind.startswith("ops."):
        return spec.kind[4:]
    return TENSORFLOW.get(str(spec.config.get("function")), ("", {}))[0]


def is_operation(kind: str) -> bool:
    """Whether a class stands for an operation and not for a layer."""
    return kind.startswith("ops.") or kind in ("TFOpLambda", "SlicingOpLambda")


def said(spec: LayerSpec) -> str:
    """Return what an operation is called in messages."""
    if spec.kind.startswith("ops."):
        return f"keras.{spec.kind}"
    return f"tf.{spec.config.get('function')}"


def call(
    b: GraphBuilder, spec: LayerSpec, args: list[Any], kwargs: Mapping[str, Any]
) -> list[ir.Value]:
    """Call an operation on tensors and constants."""
    renamed = TENSORFLOW.get(str(spec.config.get("function")), ("", {}))[1]
    # A TFOpLambda has the arguments of a layer; what the function takes is in the call.
    options = {} if "function" in spec.config else dict(spec.config)
    options.pop("name", None)
    options |= {renamed.get(k, k): v for k, v in kwargs.items() if k != "name"}
    plain = [v.value if isinstance(v, Constant) else v for v in args]
    options = {k: v.value if isinstance(v, Constant) else v for k, v in options.items()}
    value = _RULES[_name(spec)](OperationCall(b, spec, plain, options))
    b.name_operator(value, spec.name)
    return [value]


# ------------------------------------------------------------------------- rules
def _binary(c: OperationCall) -> ir.Value:
    name = _name(c.spec)
    operands = [c.argument(0, "x"), c.argument(1, "y")]
    tensors = [v for v in operands if isinstance(v, ir.Value)]
    if not tensors:
        raise c.unsupported("it is called without tensors")
    shapes = [shape_of(t) for t in tensors]
    if len(tensors) == 2 and name in _MERGES and len({len(s) for s in shapes}) == 1:
        return c.layer(name, {}, *tensors)
    dtype = dtype_of(tensors[0])
    whole = dtype.startswith(("int", "uint"))
    if whole and any(_fractional(v) for v in operands):
        raise c.unsupported("integers meet fractions")
    xs = [v if isinstance(v, ir.Value) else c.constant(v, dtype) for v in operands]
    return c.operator(_BINARY[name], xs, _broadcast(c, [shape_of(x) for x in xs]))


def _fractional(value: Any) -> bool:
    if isinstance(value, ir.Value):
        return dtype_of(value).startswith("float")
    return any(isinstance(v, float) for v in flat(value))


def _broadcast(c: OperationCall, shapes: list[Shape]) -> Shape:
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    found: list[int | None] = []
    for sizes in zip(*padded, strict=True):
        rest = [n for n in sizes if n != 1]
        if len({n for n in rest if n is not None}) > 1:
            raise c.unsupported(f"the shapes {shapes} do not fit")
        known_sizes = [n for n in rest if n is not None]
        found.append(known_sizes[0] if known_sizes else (None if rest else 1))
    return tuple(found)


def _unary(c: OperationCall) -> ir.Value:
    return c.operator(_UNARY[_name(c.spec)], [c.x], shape_of(c.x))


def _square(c: OperationCall) -> ir.Value:
    return c.operator("Mul", [c.x, c.x], shape_of(c.x))


def _activation(c: OperationCall) -> ir.Value:
    name = _name(c.spec)
    axis = c.argument(1, "axis") if "oftmax" in name else None
    if axis not in (None, -1, len(shape_of(c.x)) - 1):
        return c.layer("Softmax", {"axis": axis}, c.x)
    return c.layer("Activation", {"activation": _ACTIVATIONS[name]}, c.x)


def _relu(c: OperationCall) -> ir.Value:
    keys = ("negative_slope", "max_value", "threshold")
    return c.layer("ReLU", {k: c.options.get(k) for k in keys}, c.x)


def _gelu(c: OperationCall) -> ir.Value:
    if c.argument(1, "approximate"):
        raise c.unsupported("the tanh form has no rule")
    return c.layer("Activation", {"activation": "gelu"}, c.x)


def _concatenate(c: OperationCall) -> ir.Value:
    xs = flat(c.argument(0, "xs") or c.argument(0, "values"))
    if not all(isinstance(x, ir.Value) for x in xs):
        raise c.unsupported("it is called with constants")
    axis = c.argument(1, "axis")
    return c.layer("Concatenate", {"axis": -1 if axis is None else axis}, *xs)


def _stack(c: OperationCall) -> ir.Value:
    xs = flat(c.argument(0, "x") or c.argument(0, "values"))
    axis = c.argument(1, "axis") or 0
    if not all(isinstance(x, ir.Value) for x in xs):
        raise c.unsupported("it is called with constants")
    parts = [_unsqueezed(c, x, axis) for x in xs]
    shape = list(shape_of(parts[0]))
    shape[axis] = len(parts)
    return c.operator("Concat", parts, tuple(shape), {"axis": axis})


def _unsqueezed(c: OperationCall, x: ir.Value, axis: int) -> ir.Value:
    shape = list(shape_of(x))
    axis = axis + len(shape) + 1 if axis < 0 else axis
    shape.insert(axis, 1)
    return c.operator("Unsqueeze", [x, c.constant([axis], "int64")], tuple(shape))


def _expand(c: OperationCall) -> ir.Value:
    axis = c.argument(1, "axis")
    if type(axis) is not int:
        raise c.unsupported(f"axis={axis!r}")
    return _unsqueezed(c, c.x, axis)


def _squeeze(c: OperationCall) -> ir.Value:
    shape = shape_of(c.x)
    axis = c.argument(1, "axis")
    wanted = axis if isinstance(axis, list) else [axis]
    if not all(type(a) is int for a in wanted):
        raise c.unsupported(f"axis={axis!r}")
    gone = sorted(a % len(shape) for a in wanted)
    kept = tuple(n for i, n in enumerate(shape) if i not in gone)
    return c.operator("Squeeze", [c.x, c.constant(gone, "int64")], kept)


def _reshape(c: OperationCall) -> ir.Value:
    shape, new = shape_of(c.x), c.argument(1, "newshape")
    if not isinstance(new, list) or not all(type(n) is int for n in new):
        raise c.unsupported(f"newshape={new!r}")
    rest, target = shape[1:], new[1:]
    size = int(np.prod([n for n in rest if n is not None], dtype=np.int64))
    same = None not in rest and -1 not in target and size == int(np.prod(target))
    if new and new[0] in (-1, shape[0]) and target and same:
        return c.layer("Reshape", {"target_shape": target}, c.x)
    made = tuple(None if n == -1 else n for n in new)
    return c.operator("Reshape", [c.x, c.constant(new, "int64")], made)


def _transpose(c: OperationCall) -> ir.Value:
    axes = c.argument(1, "axes") or list(range(len(shape_of(c.x))))[::-1]
    if axes[0] == 0 and len(axes) > 1:
        return c.layer("Permute", {"dims": axes[1:]}, c.x)
    return _transposed(c, c.x, axes)


def _transposed(c: OperationCall, x: ir.Value, axes: list[int]) -> ir.Value:
    shape = shape_of(x)
    return c.operator("Transpose", [x], tuple(shape[a] for a in axes), {"perm": axes})


def _matmul(c: OperationCall) -> ir.Value:
    x, y = c.x, c.argument(1, "y")
    if not isinstance(y, ir.Value):
        raise c.unsupported("it is called with a constant")
    if len(shape_of(x)) < 2 or len(shape_of(x)) != len(shape_of(y)):
        raise c.unsupported("factors of different rank")
    rank = len(shape_of(x))
    swapped = [*range(rank - 2), rank - 1, rank - 2]
    if c.options.get("transpose_a") or c.options.get("adjoint_a"):
        x = _transposed(c, x, swapped)
    if c.options.get("transpose_b") or c.options.get("adjoint_b"):
        y = _transposed(c, y, swapped)
    left, right = shape_of(x), shape_of(y)
    outer = _broadcast(c, [left[:-2], right[:-2]])
    return c.operator("MatMul", [x, y], (*outer, left[-2], right[-1]))


def _reduced(c: OperationCall) -> ir.Value:
    return _reduction(c, c.x, _name(c.spec))


def _reduction(
    c: OperationCall, x: ir.Value, name: str, *, keepdims: bool = False
) -> ir.Value:
    shape = shape_of(x)
    axis = c.argument(1, "axis")
    axes = list(range(len(shape))) if axis is None else flat(axis)
    axes = [a % len(shape) for a in axes]
    keep = keepdims or bool(c.argument(2, "keepdims"))
    made = [1 if i in axes else n for i, n in enumerate(shape)]
    if not keep:
        made = [n for i, n in enumerate(shape) if i not in axes]
    xs = [x, c.constant(axes, "int64")]
    return c.operator(_REDUCED[name], xs, tuple(made), {"keepdims": int(keep)})


def _not_equal(c: OperationCall) -> ir.Value:
    y = c.argument(1, "y")
    other = y if isinstance(y, ir.Value) else c.constant(y, dtype_of(c.x))
    shape = _broadcast(c, [shape_of(c.x), shape_of(other)])
    same = c.operator("Equal", [c.x, other], shape, dtype="bool")
    return c.operator("Not", [same], shape)


def _logical(c: OperationCall) -> ir.Value:
    y = c.argument(1, "y")
    if not isinstance(y, ir.Value):
        raise c.unsupported("it is called with a constant")
    shape = _broadcast(c, [shape_of(c.x), shape_of(y)])
    return c.operator(_LOGICAL[_name(c.spec)], [c.x, y], shape)


def _all_or_any(c: OperationCall) -> ir.Value:
    """Reduce as integers: ONNX reduces no booleans in this opset."""
    shape, x = shape_of(c.x), c.x
    to = int(ir.DataType.INT32)
    number = c.operator("Cast", [x], shape, {"to": to}, "int32")
    name = "Min" if _name(c.spec) == "All" else "Max"
    reduced = _reduction(c, number, name)
    to = int(ir.DataType.BOOL)
    return c.operator("Cast", [reduced], shape_of(reduced), {"to": to}, "bool")


def _cast(c: OperationCall) -> ir.Value:
    dtype = str(c.argument(1, "dtype"))
    try:
        to = ir.DataType.from_numpy(np.dtype(dtype))
    except TypeError:
        raise c.unsupported(f"dtype={dtype!r}") from None
    return c.operator("Cast", [c.x], shape_of(c.x), {"to": int(to)}, dtype)


def _clip(c: OperationCall) -> ir.Value:
    ends = [c.argument(1, "x_min"), c.argument(2, "x_max")]
    limits = [c.constant(v, dtype_of(c.x)) for v in ends]
    return c.operator("Clip", [c.x, *limits], shape_of(c.x))


def _item(c: OperationCall) -> ir.Value:
    key = c.argument(1, "key")
    keys = list(key) if isinstance(key, list) else [key]
    shape = list(shape_of(c.x))
    dots = [i for i, k in enumerate(keys) if _is_ellipsis(k)]
    if dots:
        missing = len(shape) - sum(k is not None and not _is_ellipsis(k) for k in keys)
        keys[dots[0] : dots[0] + 1] = [{"start": None}] * missing
    starts, ends, axes, steps, gone = [], [], [], [], []
    new = _new_axes(keys)
    keys = [k for k in keys if k is not None]
    for axis, k in enumerate(keys):
        if type(k) is int:
            start, stop, step = k, (k + 1 if k != -1 else _FAR), 1
            gone.append(axis)
        else:
            start, stop, step = _slice(c, k)
        if (start, stop, step) == (0, _FAR, 1):
            continue
        if step < 0:
            raise c.unsupported("a negative step")
        starts.append(start)
        ends.append(stop)
        axes.append(axis)
        steps.append(step)
        size = shape[axis]
        if axis in gone:
            shape[axis] = 1
        elif size is not None:
            shape[axis] = len(range(*slice(start, stop, step).indices(size)))
        elif start or stop != _FAR or step != 1:
            shape[axis] = None
    x = c.x
    if axes:
        parts = [c.constant(v, "int64") for v in (starts, ends, axes, steps)]
        x = c.operator("Slice", [x, *parts], tuple(shape))
    if gone:
        kept = tuple(n for i, n in enumerate(shape) if i not in gone)
        x = c.operator("Squeeze", [x, c.constant(gone, "int64")], kept)
    for axis in new:
        x = _unsqueezed(c, x, axis)
    return x


def _new_axes(keys: list[Any]) -> list[int]:
    """Return where in the result the axes are that ``None`` adds."""
    kept = [k for k in keys if type(k) is not int]
    return [i for i, k in enumerate(kept) if k is None]


def _is_ellipsis(key: Any) -> bool:
    return key == "..." or (
        isinstance(key, dict) and key.get("class_name") == "__ellipsis__"
    )


def _slice(c: OperationCall, key: Any) -> tuple[int, int, int]:
    if isinstance(key, dict) and key.get("class_name") == "__slice__":
        key = key.get("config")
    if not isinstance(key, dict):
        raise c.unsupported(f"the index {key!r}")
    parts = [key.get(k) for k in ("start", "stop", "step")]
    if not all(p is None or type(p) is int for p in parts):
        raise c.unsupported(f"the index {key!r}")
    start, stop, step = parts
    return start or 0, _FAR if stop is None else stop, step or 1


_RULES: dict[str, Callable[[OperationCall], ir.Value]] = {
    **dict.fromkeys(_BINARY, _binary),
    **dict.fromkeys(_UNARY, _unary),
    **dict.fromkeys(_ACTIVATIONS, _activation),
    **dict.fromkeys(_LOGICAL, _logical),
    **dict.fromkeys(_REDUCED, _reduced),
    **compositions.RULES,
    "All": _all_or_any,
    "Any": _all_or_any,
    "Cast": _cast,
    "Clip": _clip,
    "Concatenate": _concatenate,
    "ExpandDims": _expand,
    "Gelu": _gelu,
    "GetItem": _item,
    "Matmul": _matmul,
    "NotEqual": _not_equal,
    "ReLU": _relu,
    "Reshape": _reshape,
    "Square": _square,
    "Squeeze": _squeeze,
    "Stack": _stack,
    "Transpose": _transpose,
}
