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
    folded = _not_equals(graph)
    for node in graph:
        if is_layer(node):
            yield from_node(node)
        elif node.op_type != "Constant" and node not in folded.values():
            yield _operator(node, folded.get(node))


def _not_equals(graph: ir.Graph) -> dict[ir.Node, ir.Node]:
    """Return each Not of an Equal that nobody else reads, with that Equal."""
    found = {}
    for node in graph:
        if node.domain != "" or node.op_type != "Not":
            continue
        value = node.inputs[0]
        source = value.producer() if value is not None else None
        alone = value is not None and len(value.uses()) == 1
        if source is not None and source.op_type == "Equal" and alone:
            found[node] = source
    return found


def _operator(node: ir.Node, equal: ir.Node | None) -> LayerNode:
    kind = "NotEqual" if equal is not None else node.op_type
    if node.domain != "" or kind not in OPERATORS:
        raise UnsupportedLayer(
            f"the graph holds the ONNX operator {node.op_type!r}, which has no rule yet"
        )
    operands: list[Any] = []
    tensors: list[ir.Value] = []
    for value in (equal or node).inputs:
        assert value is not None
        source = value.producer()
        if source is not None and source.op_type == "Constant":
            held = source.attributes["value"].as_tensor().numpy()
            operands.append(held.tolist())
        else:
            operands.append(None)
            tensors.append(value)
    attributes = {
        a.name: decode(a) for a in node.attributes.values() if isinstance(a, ir.Attr)
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
