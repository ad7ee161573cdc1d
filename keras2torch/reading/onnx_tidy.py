"""An ONNX graph of any exporter made one kind: what is stored, what is constant."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir.passes.common import (
    RemoveInitializersFromInputsPass,
    RemoveUnusedNodesPass,
)

from keras2torch.reading.onnx_names import is_made_up

_FLOATS = frozenset(
    {
        ir.DataType.FLOAT,
        ir.DataType.FLOAT16,
        ir.DataType.BFLOAT16,
        ir.DataType.DOUBLE,
    }
)
# Operands that say how something is done, and are no weights.
_SETTINGS = {
    "Clip": {1, 2},
    "Dropout": {1, 2},
    "OneHot": {1, 2},
    "Pad": {1, 2, 3},
    "Resize": {1, 2, 3},
    "Upsample": {1},
}
_POOLED = {"GlobalAveragePool": "ReduceMean", "GlobalMaxPool": "ReduceMax"}
# What PyTorch's exporters call a parameter: its key in the state dict.
_STATE_KEY = re.compile(r"(?!val_|onnx::|_)[A-Za-z]\w*(\.\w+)*")


def is_parameter(name: str, count: int, dtype: ir.DataType, producer: str) -> bool:
    """Return whether something stored is what a training moves.

    Numbers of one entry are constants of a formula, but for those that a PyTorch
    module holds under a name.
    """
    if dtype not in _FLOATS:
        return False
    named = producer == "pytorch" and _STATE_KEY.fullmatch(name) is not None
    return count > 1 or (count == 1 and named)


def tidied(model: ir.Model) -> None:
    """Leave parameters as initializers, constants as nodes, and no Identity."""
    graph = model.graph
    RemoveInitializersFromInputsPass()(model)
    for node in list(graph):
        if node.op_type == "Identity":
            _without_identity(graph, node)
    producer = model.producer_name or ""
    for value in list(graph.initializers.values()):
        tensor = value.const_value
        assert tensor is not None
        value.shape = ir.Shape(list(tensor.shape))  # type: ignore[arg-type]
        value.type = ir.TensorType(tensor.dtype)
        name, size = str(value.name), tensor.size
        if is_parameter(name, size, tensor.dtype, producer) and not _is_setting(value):
            continue
        _as_constant(graph, value)
    _tied(graph)
    for node in graph:
        if node.op_type == "Constant":
            _with_tensor(node)
    for node in list(graph):
        if node.op_type in _POOLED:
            _as_reduction(graph, node)
    RemoveUnusedNodesPass()(model)
    for value in graph.inputs:
        value.metadata_props["keras_name"] = str(value.name)


def _is_setting(value: ir.Value) -> bool:
    """Whether operators read a value as a setting alone."""
    uses = list(value.uses())
    return bool(uses) and all(
        use.idx in _SETTINGS.get(use.node.op_type, ()) for use in uses
    )


def _without_identity(graph: ir.Graph, node: ir.Node) -> None:
    source, copy = node.inputs[0], node.outputs[0]
    assert source is not None
    if copy.is_graph_output() and source.producer() is None:
        return
    if source.is_initializer() and _is_uniform(source):
        # PyTorch's exporter keeps parameters that are equal once: zeros are no tie.
        twin = ir.Value(
            name=f"{copy.name}",
            shape=source.shape,
            type=source.type,
            const_value=source.const_value,
        )
        copy.name = None
        graph.register_initializer(twin)
        source = twin
    copy.replace_all_uses_with(source, replace_graph_outputs=True)
    graph.remove(node, safe=True)


def _is_uniform(value: ir.Value) -> bool:
    tensor = value.const_value
    if tensor is None or tensor.size < 2 or tensor.dtype not in _FLOATS:
        return False
    array = tensor.numpy().reshape(-1)
    return bool((array == array[0]).all())


def _tied(graph: ir.Graph) -> None:
    """Read a matrix that is another one transposed from that one.

    PyTorch's exporter transposes the weights of a product beforehand, and so takes
    tied ones apart.
    """
    matrices = {
        v: v.shape.numpy()
        for v in graph.initializers.values()
        if v.shape is not None and v.shape.rank() == 2
    }
    first: dict[tuple[int, ...], list[ir.Value]] = {}
    for value, sizes in matrices.items():
        if not is_made_up(str(value.name)):
            first.setdefault(sizes, []).append(value)
    for value, sizes in matrices.items():
        if not is_made_up(str(value.name)) or _is_uniform(value):
            continue
        for other in first.get(sizes[::-1], ()):
            if np.array_equal(_array(value), _array(other).T):
                order = ir.AttrInt64s("perm", [1, 0])
                turned = ir.Node("", "Transpose", [other], [order])
                made = turned.outputs[0]
                made.shape, made.type = value.shape, value.type
                value.replace_all_uses_with(made)
                made.name = f"{other.name}/T"
                graph.insert_before(graph[0], turned)
                break


def _array(value: ir.Value) -> npt.NDArray[Any]:
    assert value.const_value is not None
    return value.const_value.numpy()


def _as_constant(graph: ir.Graph, value: ir.Value) -> None:
    name, tensor = str(value.name), value.const_value
    assert tensor is not None
    held = ir.tensor(np.asarray(tensor.numpy()))
    node = ir.Node("", "Constant", [], [ir.AttrTensor("value", held)], name=name)
    made = node.outputs[0]
    made.shape, made.type = value.shape, value.type
    value.replace_all_uses_with(made, replace_graph_outputs=True)
    del graph.initializers[name]
    made.name = name
    if len(graph):
        graph.insert_before(graph[0], node)
    else:
        graph.append(node)


def _with_tensor(node: ir.Node) -> None:
    """Write ``value_int`` and its like as the ``value`` that they stand for."""
    for name, dtype in (
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        if name in node.attributes:
            array = np.array(node.attributes.pop(name).value, dtype=dtype)
            node.attributes["value"] = ir.AttrTensor("value", ir.tensor(array))
    tensor = node.attributes["value"].as_tensor()
    made = node.outputs[0]
    made.shape = ir.Shape(list(tensor.shape))  # type: ignore[arg-type]
    made.type = ir.TensorType(tensor.dtype)


def _as_reduction(graph: ir.Graph, node: ir.Node) -> None:
    """Write global pooling as what it is: over every axis but the first two."""
    x = node.inputs[0]
    assert x is not None
    if x.shape is None:
        return
    count = x.shape.rank() - 2
    axes = ir.tensor(np.arange(2, 2 + count, dtype=np.int64))
    constant = ir.Node("", "Constant", [], [ir.AttrTensor("value", axes)])
    told = constant.outputs[0]
    told.name = f"{node.outputs[0].name}/axes"
    told.shape, told.type = ir.Shape([count]), ir.TensorType(axes.dtype)
    keep = ir.AttrInt64("keepdims", 1)
    made = ir.Node("", _POOLED[node.op_type], [x, told], [keep], name=node.name)
    ir.convenience.replace_nodes_and_values(
        graph, node, [node], [constant, made], node.outputs, made.outputs
    )
