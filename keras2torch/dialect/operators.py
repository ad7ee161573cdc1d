"""Standard ONNX operators beside the layers, taken apart.

Walked from the end: an operator whose result nobody takes as a tensor (shape
arithmetic, constants) is no call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.dialect.builder import dtype_of
from keras2torch.dialect.nodes import DOMAIN, DRAWS, LayerNode, from_node, is_layer
from keras2torch.dialect.patterns import STANDARD, Patterns
from keras2torch.errors import UnsupportedLayer
from keras2torch.operators import (
    MISSING,
    OPERATORS,
    Dim,
    Operator,
    Size,
    definition,
    foreign,
)
from keras2torch.operators.arithmetic import attributes_of
from keras2torch.operators.folding import Facts, is_weight, stored_array
from keras2torch.operators.propagation import reshaped
from keras2torch.operators.resizing import TABLE
from keras2torch.operators.signs import never_negative

# Longer lists of indices are tensors of the class.
_FEW = 8
# Made here, with attributes that no file may give.
_OWN = frozenset({"onnx2torch"})


def calls(graph: ir.Graph) -> Iterator[LayerNode]:
    """Return every call of a graph: layers, and operators as layers without weights.

    Raises
    ------
    UnsupportedLayer
        For an ONNX operator without a rule.
    """
    return iter(_Calls(graph).found())


def check(graph: ir.Graph) -> None:
    """Take a graph apart, and the models inside, to see that all of it has a rule.

    Raises
    ------
    UnsupportedLayer
        For an ONNX operator without a rule.
    """
    for call in calls(graph):
        if call.body is not None:
            check(call.body)


class _Calls:
    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._nodes = list(graph)
        self._names = _unique_names(self._nodes)
        self._files: list[str] = []
        # Values that something takes as tensors.
        self._needed: set[ir.Value] = set()

    # Most graphs are layers alone, of which nobody asks these.
    @cached_property
    def _facts(self) -> Facts:
        return Facts(self._graph)

    @cached_property
    def _patterns(self) -> Patterns:
        return Patterns(self._facts, self._is_free)

    def found(self) -> list[LayerNode]:
        made: list[LayerNode] = []
        for value in self._graph.outputs:
            self._need(value)
        for node in reversed(self._nodes):
            if is_layer(node):
                call = from_node(node)
                masks = [m for m in call.masks if m is not None]
                for value in (
                    *call.inputs,
                    *masks,
                    *call.states,
                    *call.named.values(),
                ):
                    self._need(value)
                made.append(call)
            elif any(self._computed(v) for v in node.outputs):
                made.append(self._operator(node))
        for call in made[::-1]:
            if isinstance(call.layer, Operator):
                self._describe(call)
        return made[::-1]

    def _need(self, value: ir.Value) -> None:
        self._needed.add(value)

    def _computed(self, value: ir.Value) -> bool:
        """Whether a value is needed as a tensor and is no constant."""
        return value in self._needed and not self._facts.constant(value)

    # -- one operator
    def _operator(self, node: ir.Node) -> LayerNode:
        known = self._facts.array(node.outputs[0])
        if known is not None:
            kind, operands, taken = "Sizes", [known.tolist()], list[ir.Value]()
            attributes: dict[str, Any] = {}
            if self._facts.is_float(node.outputs[0]):
                attributes["dtype"] = "float32"
        else:
            kind, given, attributes = self._pattern(node)
            if kind in OPERATORS.keys() - _OWN and node.domain in (*STANDARD, DOMAIN):
                operands, taken = self._operands(kind, node, given)
            else:
                kind, operands, taken, attributes = self._foreign(node)
        if (asked := _shape_of(node)) is not None and not taken:
            taken.append(asked)
        sizes = self._lent(operands, taken)
        for value in taken:
            self._need(value)
        name = self._names[node]
        layer = definition(kind, _short(name), operands, attributes, sizes)
        if TABLE in node.metadata_props:
            layer.attributes = {**layer.attributes, TABLE: True}
        if layer.indices is not None:
            layer.natural = never_negative(node.inputs[layer.indices])
        self._check(node, layer)
        count = min(len(node.outputs), layer.results)
        return LayerNode(
            layer=layer,
            path=name,
            inputs=taken,
            masks=[None] * len(taken),
            outputs=list(node.outputs[:count]),
            node=node,
        )

    def _foreign(
        self, node: ir.Node
    ) -> tuple[str, list[Any], list[ir.Value], dict[str, Any]]:
        """Return what onnx2torch runs, if it knows the operator.

        Raises
        ------
        UnsupportedLayer
            If it does not.
        """
        opset = self._facts.opset
        if node.domain not in STANDARD or not foreign.is_known(node.op_type, opset):
            full = ".".join(n for n in (node.domain, node.op_type) if n)
            raise UnsupportedLayer(
                f"the graph holds the ONNX operator {full!r}, which has no rule"
            )
        constants: dict[str, Any] = {}
        taken: list[ir.Value] = []
        for value in node.inputs:
            array = stored_array(value)
            if array is not None and value is not None and value.name is not None:
                constants[value.name] = array
            elif value is not None:
                taken.append(value)
        file = foreign.file_name(self._names[node], self._files)
        self._files.append(file)
        attributes = {
            "op_type": node.op_type,
            "file": file,
            "model": foreign.one_node_model(node, constants, opset),
        }
        return "onnx2torch", [None] * len(taken), taken, attributes

    def _check(self, node: ir.Node, layer: Operator) -> None:
        for i, value in enumerate(node.outputs):
            if i >= layer.results and value in self._needed:
                raise layer.unsupported(f"its output number {i + 1} has no rule")

    def _is_free(self, value: ir.Value) -> bool:
        """Whether one operator alone reads a value, which nobody else asked for."""
        asked = value in self._needed or value in self._graph.outputs
        readers = [user for user, _ in value.uses() if user.op_type != "Shape"]
        return len(readers) == 1 and not asked

    def _pattern(
        self, node: ir.Node
    ) -> tuple[str, list[ir.Value | None], dict[str, Any]]:
        """Return the operator; several that are one to a person as one."""
        match = self._patterns.found(node)
        if match is None:
            kind, given, made = node.op_type, list(node.inputs), None
        else:
            kind, given, made = match.kind, match.inputs, match.attributes
        while given and given[-1] is None:
            given.pop()
        return kind, given, attributes_of(node) if made is None else made

    def _operands(
        self, kind: str, node: ir.Node, given: list[ir.Value | None]
    ) -> tuple[list[Any], list[ir.Value]]:
        cls = OPERATORS[kind]
        operands: list[Any] = []
        taken: list[ir.Value] = []
        rank = self._rank(node)
        for i, value in enumerate(given):
            known = self._known(cls, i, value, rank)
            if known is None and i in cls.constants and value is not None:
                known = self._must_know(kind, node, i, value)
            operands.append(known)
            if known is None:
                assert value is not None
                taken.append(value)
        if not taken and (cls.constants | cls.welcome) != frozenset(range(len(given))):
            # Computing with numbers alone, torch wants at least one tensor.
            for i, value in enumerate(given):
                if value is not None and i not in cls.constants | cls.welcome:
                    operands[i] = None
                    taken.append(value)
                    break
        if kind == "Reshape":
            operands[1] = self._target(node, given[0], operands[1])
        return operands, taken

    def _known(
        self, cls: type[Operator], i: int, value: ir.Value | None, rank: int | None
    ) -> Any:
        """Return what is written of an operand; ``None`` if it is a tensor."""
        if value is None:
            return MISSING
        if i in cls.tensors or is_weight(value):
            return None
        if i in cls.constants:
            array = self._facts.array(value)
            array = stored_array(value) if array is None else array
            return None if array is None else _listed(array)
        array = self._facts.array(value)
        if array is None:
            return None
        if i in cls.welcome:
            return _listed(array) if array.size <= _FEW else None
        # A number that would add axes is a tensor.
        if array.size == 1 and (rank is None or array.ndim <= rank):
            return _listed(array.reshape(()))
        return None

    def _rank(self, node: ir.Node) -> int | None:
        """Return the most axes that an input has that is no number."""
        ranks = [
            len(dims)
            for v in node.inputs
            if v is not None
            and (self._facts.array(v) is None or self._facts.array(v).size != 1)  # type: ignore[union-attr]
            and (dims := self._facts.dims(v)) is not None
        ]
        return max(ranks, default=None)

    def _must_know(self, kind: str, node: ir.Node, i: int, value: ir.Value) -> Any:
        raise UnsupportedLayer(
            f"layer {self._names[node]!r} ({kind}): its input number {i + 1} depends "
            "on what the model is given, which has no rule"
        )

    def _target(self, node: ir.Node, x: ir.Value | None, target: Any) -> Any:
        """Return a Reshape's sizes, the one that is left computed where it can be."""
        dims = self._facts.dims(x) if x is not None else None
        if dims is None:
            return target
        zero = node.attributes.get("allowzero")
        copies = not (zero is not None and zero.as_int())
        return reshaped(dims, target, copies=copies)

    # -- sizes
    def _lent(
        self, operands: list[Any], taken: list[ir.Value]
    ) -> dict[Dim, tuple[int, int]]:
        """Return which tensor has each size; those that are not there are added."""
        found: dict[Dim, tuple[int, int]] = {}
        for dim in dict.fromkeys(d for o in operands for d in _dims_in(o)):
            place = self._place(dim, taken)
            if place is None:
                taken.append(dim.source)
                place = len(taken) - 1, dim.axis
            found[dim] = place
        return found

    def _place(self, dim: Dim, taken: list[ir.Value]) -> tuple[int, int] | None:
        for at, value in enumerate(taken):
            for axis, size in enumerate(self._facts.dims(value) or []):
                if isinstance(size, Size) and size.dim == dim:
                    return at, axis
        return None

    # -- what the graph does not say
    def _describe(self, call: LayerNode) -> None:
        """Give the results shapes and dtypes, if nobody did."""
        for value in call.outputs:
            dims = self._facts.dims(value)
            if value.shape is None and dims is not None:
                value.shape = ir.Shape(
                    [d if isinstance(d, int) else None for d in dims]
                )
            if value.dtype is None and all(v.dtype is not None for v in call.inputs):
                dtype = call.layer.output_dtype(*[dtype_of(v) for v in call.inputs])
                value.dtype = ir.DataType.from_numpy(np.dtype(dtype))


# ------------------------------------------------------------------------- helpers
def _shape_of(node: ir.Node) -> ir.Value | None:
    """Return the tensor whose whole shape new numbers have, if the graph says so."""
    if node.op_type not in DRAWS:
        return None
    value = node.inputs[0] if node.inputs else None
    source = None if value is None else value.producer()
    while source is not None and source.op_type in ("Cast", "Identity"):
        value = source.inputs[0]
        source = None if value is None else value.producer()
    return (
        source.inputs[0] if source is not None and source.op_type == "Shape" else None
    )


def _unique_names(nodes: list[ir.Node]) -> dict[ir.Node, str]:
    """Return a name for each node: no two calls may look like one shared layer."""
    taken = {n.name for n in nodes if n.domain == DOMAIN}
    found: dict[ir.Node, str] = {}
    for node in nodes:
        name = wish = node.name or node.op_type.lower()
        n = 1
        while name in taken:
            name, n = f"{wish}.{n}", n + 1
        taken.add(name)
        found[node] = name
    return found


def _short(name: str) -> str:
    """Return the last part of a name without an exporter's number."""
    last = name.rstrip("/").rpartition("/")[2] or name
    return re.sub(r"__\d+$", "", last) or last


def _listed(array: Any) -> Any:
    """Return Python numbers and sizes, as nested as the array."""
    if array.dtype.kind == "f":
        return array.astype(np.float64).tolist()
    return array.tolist()


def _dims_in(operand: Any) -> Iterator[Dim]:
    if isinstance(operand, Size):
        yield from operand.dims()
    elif isinstance(operand, list):
        for value in operand:
            yield from _dims_in(value)
