"""Standard ONNX operators beside the layers, taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx_ir as ir

from keras2torch.dialect.attributes import decode
from keras2torch.dialect.nodes import LayerNode, from_node, is_layer
from keras2torch.errors import UnsupportedLayer
from keras2torch.ops import OPERATORS, definition


def calls(graph: ir.Graph) -> Iterator[LayerNode]:
    """Return every call of a graph: layers, and operators as layers without weights.

    Raises
    ------
    UnsupportedLayer
        For an ONNX operator without a rule.
    """
    folded = _folded(graph)
    for node in graph:
        if is_layer(node):
            yield from_node(node)
        elif node.op_type != "Constant" and node not in folded.values():
            yield _operator(node, folded.get(node))


# Two operators that a person writes as one: the second, the first → their name.
_PAIRS = {
    ("ConstantOfShape", "Shape"): "Filled",
    ("Not", "Equal"): "NotEqual",
    ("Squeeze", "Slice"): "Item",
}


def _folded(graph: ir.Graph) -> dict[ir.Node, ir.Node]:
    """Return the second of each pair with the first, which nobody else reads."""
    found = {}
    for node in graph:
        value = node.inputs[0] if node.domain == "" and node.inputs else None
        source = value.producer() if value is not None else None
        if source is None or (node.op_type, source.op_type) not in _PAIRS:
            continue
        assert value is not None
        alone = len(value.uses()) == 1 and value not in graph.outputs
        if alone and (node.op_type != "Squeeze" or _takes_items(node, source)):
            found[node] = source
    return found


def _takes_items(squeeze: ir.Node, sliced: ir.Node) -> bool:
    """Whether one entry was taken of each axis that goes: ``x[:, 0]``."""
    gone, axes, starts, ends = (
        _constant(v)
        for v in (squeeze.inputs[1], *[sliced.inputs[i] for i in (3, 1, 2)])
    )
    parts = {a: (s, e) for a, s, e in zip(axes, starts, ends, strict=True)}
    return all(
        axis in parts and (parts[axis][1] == parts[axis][0] + 1 or parts[axis][0] == -1)
        for axis in gone
    )


def _constant(value: ir.Value | None) -> Any:
    """Return what a Constant holds; ``()`` for any other value."""
    source = value.producer() if value is not None else None
    if source is None or source.op_type != "Constant":
        return ()
    return source.attributes["value"].as_tensor().numpy().tolist()


def _operator(node: ir.Node, first: ir.Node | None) -> LayerNode:
    kind = _PAIRS[node.op_type, first.op_type] if first is not None else node.op_type
    if node.domain != "" or kind not in OPERATORS:
        raise UnsupportedLayer(
            f"the graph holds the ONNX operator {node.op_type!r}, which has no rule yet"
        )
    operands: list[Any] = []
    tensors: list[ir.Value] = []
    given = [*first.inputs, *node.inputs[1:]] if first is not None else node.inputs
    for value in given:
        assert value is not None
        source = value.producer()
        if source is not None and source.op_type == "Constant":
            held = source.attributes["value"].as_tensor().numpy()
            operands.append(held.tolist())
        else:
            operands.append(None)
            tensors.append(value)
    attributes = {
        a.name: a.as_tensor().numpy()
        if a.type == ir.AttributeType.TENSOR
        else decode(a)
        for a in node.attributes.values()
        if isinstance(a, ir.Attr)
    }
    name = node.name or node.op_type.lower()
    return LayerNode(
        layer=definition(kind, name.rpartition("/")[2], operands, attributes),
        path=name,
        inputs=tensors,
        masks=[None] * len(tensors),
        outputs=list(node.outputs),
        node=node,
    )
