"""What is known of a graph before the model runs: constants and sizes.

Shape arithmetic (Shape → Gather → Concat → Reshape) is followed on small integers, of
which some are a :class:`~keras2torch.operators.sizes.Size`: what is known becomes a
number, the rest ``x.shape[0]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.operators import arithmetic, propagation
from keras2torch.operators.sizes import Dim, Size

Array = npt.NDArray[Any]
# Made bigger by folding, a constant would only swell the file.
_MOST = 1 << 20
_RANDOM = frozenset(
    "RandomNormal RandomNormalLike RandomUniform RandomUniformLike Multinomial "
    "Bernoulli Dropout".split()
)


class Facts:
    """What is known of the values of one graph.

    Parameters
    ----------
    graph
        Its nodes in an order in which they can run.
    """

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._known: dict[ir.Value, Array] = {}
        self._dims: dict[ir.Value, list[int | Size] | None] = {}
        self._named: dict[str, Size] = {}
        self._floats: set[ir.Value] = set()
        self._count = 0
        for value in graph.inputs:
            self.dims(value)
        for node in graph:
            self._follow(node)

    # -- what is asked
    def array(self, value: ir.Value | None) -> Array | None:
        """Return what a value is, as far as it is known; sizes are objects."""
        if value is None:
            return None
        if value not in self._known and (held := _stored(value)) is not None:
            self._known[value] = held
        return self._known.get(value)

    def constant(self, value: ir.Value | None) -> bool:
        """Whether a value is all numbers, and nobody's weight."""
        found = self.array(value)
        assert value is not None
        return found is not None and found.dtype != object and not is_weight(value)

    def dims(self, value: ir.Value) -> list[int | Size] | None:
        """Return the sizes of a value; ``None`` if not even their number is known."""
        if value not in self._dims:
            self._dims[value] = self._described(value, None)
        return self._dims[value]

    # -- how it is found
    def _follow(self, node: ir.Node) -> None:
        inputs = [self.array(v) if v is not None else None for v in node.inputs]
        given = [v for v in node.inputs if v is not None]
        standard = node.domain in ("", "ai.onnx")
        attributes = arithmetic.attributes_of(node) if standard else {}
        if standard:
            if node.op_type == "Constant":
                value = node.outputs[0]
                value.const_value = value.const_value or ir.tensor(
                    arithmetic.constant_of(attributes)
                )
            elif node.op_type in ("Shape", "Size") and len(given) == 1:
                dims = self.dims(given[0])
                if dims is not None:
                    array = arithmetic.shape_of(node.op_type, dims, attributes)
                    self._note(node.outputs[0], array)
            elif given and all(self.array(v) is not None for v in given):
                self._fold(node, inputs, attributes, given)
        known = [None if v is None else self.dims(v) for v in node.inputs]
        found = propagation.dims(node, known, inputs, attributes)
        for i, value in enumerate(node.outputs):
            told = found[i] if i < len(found) else None
            self._dims[value] = self._described(value, told)

    def _fold(
        self,
        node: ir.Node,
        inputs: list[Array | None],
        attributes: dict[str, Any],
        given: Sequence[ir.Value],
    ) -> None:
        if node.op_type in _RANDOM or not given or any(is_weight(v) for v in given):
            return
        whole = [a for a in inputs if a is not None and a.dtype == object]
        floats = any(v in self._floats for v in given)
        told = attributes | ({arithmetic.FLOAT: True} if floats and whole else {})
        made = arithmetic.evaluated(node, inputs, told, self.opset)
        for value, array in zip(node.outputs, made or [], strict=False):
            if array.size > max([_MOST, *[a.size for a in inputs if a is not None]]):
                return
            self._note(value, _settled(array, value))
            if self._is_float(node, attributes, floats):
                self._floats.add(value)

    def _note(self, value: ir.Value, array: Array) -> None:
        self._known[value] = array
        if array.dtype != object and value.const_value is None:
            # Whoever reads it as a tensor finds it like any other constant.
            value.const_value = ir.tensor(array)
            value.shape = ir.Shape(array.shape)

    def _is_float(
        self, node: ir.Node, attributes: dict[str, Any], floats: bool
    ) -> bool:
        if node.op_type != "Cast":
            return floats
        return ir.DataType(attributes["to"]).is_floating_point()

    def is_float(self, value: ir.Value) -> bool:
        """Whether sizes were cast to floats."""
        return value in self._floats

    @property
    def opset(self) -> int:
        """The version of standard ONNX in which the graph is written."""
        return int(self._graph.opset_imports.get("", 21))

    def _described(
        self, value: ir.Value, told: list[int | Size | None] | None
    ) -> list[int | Size] | None:
        """Return the sizes that are noted at a value, the rest as told or unknown."""
        if value.shape is None:
            if told is None:
                return None
            noted: list[Any] = [None] * len(told)
        else:
            noted = [d if isinstance(d, int) else d.value for d in value.shape]
        if told is None or len(told) != len(noted):
            told = [None] * len(noted)
        found: list[int | Size] = []
        for axis, (size, other) in enumerate(zip(noted, told, strict=True)):
            if isinstance(size, int):
                found.append(size)
            elif other is not None:
                found.append(other)
            elif isinstance(size, str):
                if size not in self._named:
                    self._named[size] = self._new(value, axis)
                found.append(self._named[size])
            else:
                found.append(self._new(value, axis))
        return found

    def _new(self, value: ir.Value, axis: int) -> Size:
        self._count += 1
        return Size.of(Dim(self._count, value, axis))


def is_weight(value: ir.Value) -> bool:
    """Whether a value is a parameter or a state of the model: never a literal."""
    if not value.is_initializer() and value.producer() is not None:
        return False
    if "trainable" in value.metadata_props or "keras_path" in value.metadata_props:
        return True
    return any(_is_role(node, place) for node, place in value.uses())


def _is_role(node: ir.Node, place: int) -> bool:
    """Whether a layer takes its input at this place as a weight."""
    if node.domain != "keras" or "_inputs" not in node.attributes:
        return False
    roles = node.attributes["_inputs"].as_strings()
    return roles[place].startswith("w:")


def _stored(value: ir.Value) -> Array | None:
    """Return the data of a constant; none of a weight, or of what an array may be."""
    if value.const_value is None or is_weight(value):
        return None
    several = value.producer() is None and value.const_value.size > 1
    if several and value.const_value.dtype.is_floating_point():
        # An exporter's float arrays are weights: they are read, not computed with.
        return None
    array: Array = value.const_value.numpy()
    return array


def stored_array(value: ir.Value | None) -> Array | None:
    """Return the data of a constant or of an array that an exporter stored."""
    if value is None or value.const_value is None or is_weight(value):
        return None
    array: Array = value.const_value.numpy()
    return array


def _settled(array: Array, value: ir.Value) -> Array:
    """Return an array of objects as one of integers, if no size is left in it."""
    if array.dtype != object:
        return array
    if any(isinstance(v, Size) for v in array.reshape(-1)):
        return array
    dtype = value.dtype.numpy() if value.dtype is not None else np.dtype("int64")
    return array.astype(dtype)


__all__ = ["Facts", "is_weight", "stored_array"]
