"""Arithmetic on graph values: each method adds a standard ONNX operator.

Shapes and dtypes go along, so that a rule about an operation of Keras reads like the
formula that it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.dialect import GraphBuilder, dtype_of, shape_of
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import Shape
from keras2torch.reading.promotion import is_float, result_type, with_fractions

FAR = 2**62
# What a rule may be given where Keras takes a tensor.
Operand = Any
Size = int | ir.Value
_BOOLEAN = frozenset(
    "Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor Not IsNaN IsInf".split()
)
_ONNX_DTYPES = {
    "bool": ir.DataType.BOOL,
    "bfloat16": ir.DataType.BFLOAT16,
    "float16": ir.DataType.FLOAT16,
    "float32": ir.DataType.FLOAT,
    "float64": ir.DataType.DOUBLE,
    "int8": ir.DataType.INT8,
    "int16": ir.DataType.INT16,
    "int32": ir.DataType.INT32,
    "int64": ir.DataType.INT64,
    "uint8": ir.DataType.UINT8,
    "uint32": ir.DataType.UINT32,
}


class Expressions:
    """Adds operators to a graph.

    Parameters
    ----------
    b
        The graph.
    name
        Of what the operators stand for.
    """

    def __init__(self, b: GraphBuilder, name: str) -> None:
        self.b = b
        self.title = name
        self.made: set[ir.Value] = set()
        # TensorFlow gives a list the dtype of the tensor beside it, Keras does not.
        self.weak_lists = False

    def unsupported(self, why: str) -> UnsupportedLayer:
        """Return the error that names the operation."""
        return UnsupportedLayer(f"operation {self.title!r}: {why}")

    def refuse(self, why: str) -> NoReturn:
        """End: there is no rule for these arguments."""
        raise self.unsupported(why)

    # -- values
    def operator(
        self,
        op_type: str,
        xs: Sequence[ir.Value],
        shape: Shape,
        attributes: Mapping[str, Any] | None = None,
        dtype: str | None = None,
    ) -> ir.Value:
        """Add an operator of standard ONNX."""
        return self.operators(
            op_type, xs, [(shape, dtype or dtype_of(xs[0]))], attributes
        )[0]

    def operators(
        self,
        op_type: str,
        xs: Sequence[ir.Value],
        outputs: Sequence[tuple[Shape, str]],
        attributes: Mapping[str, Any] | None = None,
    ) -> list[ir.Value]:
        """Add an operator that may have several outputs."""
        made = [_attribute(k, v) for k, v in (attributes or {}).items()]
        name = f"{self.title}/{op_type.lower()}"
        values = self.b.operators(op_type, xs, name, outputs, made)
        self.made.update(values)
        return values

    def constant(self, value: Any, dtype: str) -> ir.Value:
        """Add a constant."""
        array: npt.NDArray[Any] = np.asarray(value)
        found = array.astype(dtype)
        cut = array.dtype.kind == "f" and found.dtype.kind in "iu"
        if cut and not np.array_equal(found, array):
            self.refuse("integers meet fractions")
        return self.b.constant(found, f"{self.title}/constant")

    def dtype(self, value: Operand) -> str:
        """Return a dtype; ``"int"`` or ``"float"`` of a Python number."""
        if isinstance(value, ir.Value):
            return dtype_of(value)
        if isinstance(value, (bool, np.bool_)):
            return "bool"
        if isinstance(value, (int, float)):
            return "int" if isinstance(value, int) else "float"
        array = np.asarray(value)
        if isinstance(value, list):
            kinds = {"b": "bool", "i": "int32", "f": "float32"}
            if array.dtype.kind not in kinds:
                self.refuse(f"it is called with {value!r}")
            kind = kinds[array.dtype.kind]
            return kind if not self.weak_lists else kind.removesuffix("32")
        return str(array.dtype)

    def tensor(self, value: Operand, dtype: str | None = None) -> ir.Value:
        """Return a tensor: a constant becomes one, another dtype is cast."""
        if isinstance(value, ir.Value):
            return self.cast(value, dtype) if dtype else value
        if isinstance(value, list) and any(
            isinstance(v, ir.Value) for v in _leaves(value)
        ):
            parts = [self.tensor(v, dtype) for v in value]
            return self.concat([self.unsqueeze(p, 0) for p in parts], 0)
        return self.constant(value, dtype or result_type(self.dtype(value)))

    def promoted(self, *values: Operand, fractions: bool = False) -> list[ir.Value]:
        """Return tensors of one dtype, as Keras promotes; at least one is a tensor."""
        dtypes = [self.dtype(v) for v in values]
        try:
            dtype = (with_fractions if fractions else result_type)(*dtypes)
        except ValueError as error:
            self.refuse(str(error))
        return [self.tensor(v, dtype) for v in values]

    def floats(self, x: Operand) -> ir.Value:
        """Return a tensor that has fractions."""
        return self.tensor(x, with_fractions(self.dtype(x)))

    def is_float(self, x: Operand) -> bool:
        """Whether a value has fractions."""
        return is_float(self.dtype(x))

    def cast(self, x: ir.Value, dtype: str) -> ir.Value:
        """Convert the entries."""
        if dtype_of(x) == dtype:
            return x
        if dtype not in _ONNX_DTYPES:
            self.refuse(f"dtype {dtype!r}")
        to = int(_ONNX_DTYPES[dtype])
        return self.operator("Cast", [x], shape_of(x), {"to": to}, dtype)

    # -- entry by entry
    def elementwise(
        self, op_type: str, *values: Operand, **attributes: Any
    ) -> ir.Value:
        """Add an operator with broadcasting; numbers take the tensors' dtype."""
        there = [v for v in values if isinstance(v, ir.Value)]
        xs = [
            v if isinstance(v, ir.Value) else self.constant(v, dtype_of(there[-1]))
            for v in values
        ]
        dtype = "bool" if op_type in _BOOLEAN else dtype_of(xs[-1])
        shape = self.broadcast([shape_of(x) for x in xs])
        return self.operator(op_type, xs, shape, attributes, dtype)

    def add(self, x: Operand, y: Operand) -> ir.Value:
        """``x + y``."""
        return self.elementwise("Add", x, y)

    def sub(self, x: Operand, y: Operand) -> ir.Value:
        """``x - y``."""
        return self.elementwise("Sub", x, y)

    def mul(self, x: Operand, y: Operand) -> ir.Value:
        """``x * y``."""
        return self.elementwise("Mul", x, y)

    def div(self, x: Operand, y: Operand) -> ir.Value:
        """``x / y``."""
        return self.elementwise("Div", x, y)

    def unary(self, op_type: str, x: ir.Value, **attributes: Any) -> ir.Value:
        """Add an operator on one tensor."""
        return self.elementwise(op_type, x, **attributes)

    def where(self, condition: ir.Value, x: Operand, y: Operand) -> ir.Value:
        """``x`` where the condition holds, else ``y``."""
        return self.elementwise("Where", condition, x, y)

    def broadcast(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of what is computed entry by entry."""
        rank = max(map(len, shapes))
        padded = [(1,) * (rank - len(s)) + s for s in shapes]
        found: list[int | None] = []
        for sizes in zip(*padded, strict=True):
            rest = [n for n in sizes if n != 1]
            known = [n for n in rest if n is not None]
            if len(set(known)) > 1:
                self.refuse(f"the shapes {list(shapes)} do not fit")
            found.append(known[0] if known else (None if rest else 1))
        return tuple(found)

    # -- axes
    def axis(self, axis: Any, rank: int) -> int:
        """Return an axis counted from the front."""
        if type(axis) is not int or not -rank <= axis < rank:
            self.refuse(f"axis {axis!r} of {rank}")
        return axis % rank if rank else 0

    def axes(self, axes: Any, rank: int) -> list[int]:
        """Return axes counted from the front; all without any."""
        if axes is None:
            return list(range(rank))
        if isinstance(axes, np.ndarray):
            axes = axes.tolist()
        return [
            self.axis(a, rank) for a in (axes if isinstance(axes, list) else [axes])
        ]

    def reduce(
        self, op_type: str, x: ir.Value, axes: Any = None, keepdims: Any = False
    ) -> ir.Value:
        """Reduce along axes."""
        shape = shape_of(x)
        gone = self.axes(axes, len(shape))
        if not gone:
            return x
        made = [1 if i in gone else n for i, n in enumerate(shape)]
        if not keepdims:
            made = [n for i, n in enumerate(shape) if i not in gone]
        xs = [x, self.constant(gone, "int64")]
        return self.operator(
            op_type, xs, tuple(made), {"keepdims": int(bool(keepdims))}
        )

    def unsqueeze(self, x: ir.Value, *axes: int) -> ir.Value:
        """Add axes of size 1, each counted in the result."""
        shape = list(shape_of(x))
        places = sorted(self.axis(a, len(shape) + len(axes)) for a in axes)
        for place in places:
            shape.insert(place, 1)
        return self.operator(
            "Unsqueeze", [x, self.constant(places, "int64")], tuple(shape)
        )

    def squeeze(self, x: ir.Value, *axes: int) -> ir.Value:
        """Drop axes of size 1."""
        gone = sorted(self.axes(list(axes), len(shape_of(x))))
        kept = tuple(n for i, n in enumerate(shape_of(x)) if i not in gone)
        return self.operator("Squeeze", [x, self.constant(gone, "int64")], kept)

    def transpose(self, x: ir.Value, axes: Sequence[int]) -> ir.Value:
        """Permute the axes."""
        order = list(axes)
        if order == list(range(len(order))):
            return x
        shape = tuple(shape_of(x)[a] for a in order)
        return self.operator("Transpose", [x], shape, {"perm": order})

    def concat(self, xs: Sequence[ir.Value], axis: int) -> ir.Value:
        """One behind the other."""
        shape = list(shape_of(xs[0]))
        axis = self.axis(axis, len(shape))
        sizes = [shape_of(x)[axis] for x in xs]
        known = [n for n in sizes if n is not None]
        shape[axis] = sum(known) if len(known) == len(sizes) else None
        for i in range(len(shape)):
            if i != axis and shape[i] is None:
                there = [shape_of(x)[i] for x in xs]
                shape[i] = next((n for n in there if n is not None), None)
        return self.operator("Concat", xs, tuple(shape), {"axis": axis})

    def slice(
        self,
        x: ir.Value,
        axis: int,
        start: int,
        stop: int = FAR,
        step: int = 1,
        count: int | None = None,
    ) -> ir.Value:
        """Take a part along an axis, by Python's rules.

        ``count`` is how long it is, for an axis of which only the caller knows.
        """
        shape = list(shape_of(x))
        axis = self.axis(axis, len(shape))
        size = shape[axis]
        if size is not None:
            end = None if step < 0 and stop <= -FAR else stop
            shape[axis] = len(range(*slice(start, end, step).indices(size)))
        elif (start, stop, step) != (0, FAR, 1):
            shape[axis] = count
        parts = [self.constant([v], "int64") for v in (start, stop, axis, step)]
        return self.operator("Slice", [x, *parts], tuple(shape))

    def item(self, x: ir.Value, axis: int, at: int) -> ir.Value:
        """Take one entry along an axis, which goes."""
        part = self.slice(x, axis, at, FAR if at == -1 else at + 1)
        return self.operator(
            "Squeeze",
            [part, self.constant([self.axis(axis, len(shape_of(x)))], "int64")],
            tuple(
                n
                for i, n in enumerate(shape_of(x))
                if i != self.axis(axis, len(shape_of(x)))
            ),
        )

    def flip(self, x: ir.Value, axis: int) -> ir.Value:
        """Turn an axis around."""
        axis = self.axis(axis, len(shape_of(x)))
        parts = [self.constant([v], "int64") for v in (-1, -FAR, axis, -1)]
        return self.operator("Slice", [x, *parts], shape_of(x))

    # -- sizes
    def size(self, x: ir.Value, axis: int) -> Size:
        """Return a size: a number, or one entry of the shape where it is unknown."""
        axis = self.axis(axis, len(shape_of(x)))
        known = shape_of(x)[axis]
        if known is not None:
            return known
        ends = {"start": axis, "end": axis + 1}
        return self.operator("Shape", [x], (1,), ends, "int64")

    def sizes(self, x: ir.Value) -> list[Size]:
        """Return all sizes."""
        return [self.size(x, i) for i in range(len(shape_of(x)))]

    def shape(self, x: ir.Value) -> ir.Value:
        """Return the shape as a tensor."""
        return self.operator("Shape", [x], (len(shape_of(x)),), dtype="int64")

    def vector(self, sizes: Sequence[Size]) -> ir.Value:
        """Return sizes as one tensor of integers."""
        if all(isinstance(n, int) for n in sizes):
            return self.constant(list(sizes), "int64")
        return self.concat([self._entry(n) for n in sizes], 0)

    def _entry(self, size: Size) -> ir.Value:
        if isinstance(size, int):
            return self.constant([size], "int64")
        size = self.cast(size, "int64")
        return size if len(shape_of(size)) else self.unsqueeze(size, 0)

    def reshape(self, x: ir.Value, sizes: Sequence[Size]) -> ir.Value:
        """Read the entries in another shape; one size may be -1."""
        static = tuple(n if isinstance(n, int) else None for n in sizes)
        computed = [i for i, n in enumerate(sizes) if not isinstance(n, int)]
        target = list(sizes)
        if -1 in sizes:
            known = shape_of(x)
            rest = [n for n in static if n != -1]
            entries = [n for n in known if n is not None]
            there = [n for n in rest if n is not None]
            made = None
            if len(entries) == len(known) and len(there) == len(rest) and 0 not in rest:
                made = math.prod(entries) // math.prod(there)
            static = tuple(made if n == -1 else n for n in static)
        elif len(computed) == 1:
            target[computed[0]] = -1
        return self.operator("Reshape", [x, self.vector(target)], static)

    def expand(self, x: ir.Value, sizes: Sequence[Size]) -> ir.Value:
        """Repeat axes of size 1."""
        static = tuple(n if isinstance(n, int) else None for n in sizes)
        shape = self.broadcast([shape_of(x), static])
        return self.operator("Expand", [x, self.vector(sizes)], shape)

    def filled(self, sizes: Sequence[Size], value: Any, dtype: str) -> ir.Value:
        """Return a tensor of one number."""
        static = tuple(n if isinstance(n, int) else None for n in sizes)
        held = ir.Tensor(np.asarray([value]).astype(dtype))
        attributes = {"value": held}
        vector = self.vector(sizes)
        return self.operator("ConstantOfShape", [vector], static, attributes, dtype)

    def span(self, size: Size, dtype: str = "int64") -> ir.Value:
        """Return ``0, 1, 2, …``, so many."""
        if isinstance(size, int):
            return self.constant(np.arange(size), dtype)
        end = self.cast(size, dtype)
        if len(shape_of(end)):
            end = self.squeeze(end, 0)
        zero, one = self.constant(0, dtype), self.constant(1, dtype)
        return self.operator("Range", [zero, end, one], (None,))

    # -- more than entries
    def matmul(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Multiply matrices, as ``numpy.matmul`` does."""
        left, right = shape_of(x), shape_of(y)
        if not left or not right:
            self.refuse("a factor has no axes")
        outer = (
            self.broadcast([left[:-2], right[:-2]]) if left[:-2] + right[:-2] else ()
        )
        shape = outer + left[-2:-1] + (right[-1:] if len(right) > 1 else ())
        return self.operator("MatMul", [x, y], shape)

    def gather(self, x: ir.Value, indices: ir.Value, axis: int) -> ir.Value:
        """Take entries along an axis."""
        shape = shape_of(x)
        axis = self.axis(axis, len(shape))
        made = shape[:axis] + shape_of(indices) + shape[axis + 1 :]
        return self.operator("Gather", [x, indices], made, {"axis": axis})

    def ordered(
        self, x: ir.Value, k: Size, axis: int, *, largest: bool
    ) -> tuple[ir.Value, ir.Value]:
        """Return the k largest or smallest along an axis, and their places."""
        shape = list(shape_of(x))
        axis = self.axis(axis, len(shape))
        shape[axis] = k if isinstance(k, int) else None
        count = self._entry(k)
        outputs = [(tuple(shape), dtype_of(x)), (tuple(shape), "int64")]
        attributes = {"axis": axis, "largest": int(largest), "sorted": 1}
        values, places = self.operators("TopK", [x, count], outputs, attributes)
        return values, places


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [leaf for v in value for leaf in _leaves(v)]
    return [value]


def _attribute(name: str, value: Any) -> ir.Attr:
    if isinstance(value, ir.Tensor):
        return ir.AttrTensor(name, value)
    if isinstance(value, str):
        return ir.AttrString(name, value)
    if isinstance(value, list):
        if any(isinstance(v, float) for v in value):
            return ir.AttrFloat32s(name, value)
        return ir.AttrInt64s(name, value)
    if isinstance(value, float):
        return ir.AttrFloat32(name, value)
    return ir.AttrInt64(name, int(value))
