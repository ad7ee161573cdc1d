"""Symbolic calls → the specs from which a graph is built.

A file's config and a script's calls end up as the same
:class:`~keras2torch.reading.topology.ModelSpec`, so that one assembler serves both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch import tree
from keras2torch.dialect import GraphBuilder, dtype_of, shape_of
from keras2torch.layers import given
from keras2torch.layers.base import Layer as Definition
from keras2torch.layers.base import Shape, to_config
from keras2torch.models.checking import check_call, check_weights
from keras2torch.models.explaining import naming
from keras2torch.models.symbolic import (
    InputLayer,
    KerasTensor,
    Network,
    Node,
    Operation,
)
from keras2torch.reading.build import Assembler
from keras2torch.reading.topology import CallSpec, Constant, LayerSpec, ModelSpec, Ref

To = Callable[[KerasTensor], Any]
# What a list of Python's numbers becomes.
_OF_LISTS = frozenset({"bool", "float32", "int32"})


def assembler() -> Assembler:
    """Return what calls layers on a graph, as Keras 3 calls them."""
    return Assembler(3, lambda layer: None)


# ---------------------------------------------------------------------- one layer
def layer_spec(operation: Any, *, written: bool | None = None) -> LayerSpec:
    """Return what a layer, model, operation or input is, without its calls.

    ``written`` says whether it stands in the source, if it is not what it says itself.
    """
    name = operation.name
    if isinstance(operation, InputLayer):
        return LayerSpec(
            name,
            "InputLayer",
            {},
            "InputLayer",
            shape=operation.batch_shape,
            dtype=operation.dtype,
        )
    if isinstance(operation, Operation):
        kind = f"ops.{operation.kind}"
        return LayerSpec(name, kind, {"name": name}, kind)
    config: dict[str, Any] = {"name": name, "trainable": operation.trainable}
    written = not is_given(operation) if written is None else written
    inside = getattr(operation, "model_spec", None)
    if inside is not None and written:
        return LayerSpec(name, "Functional", config, "Functional", model=inside())
    definition = getattr(operation, "definition", None)
    if definition is not None and written:
        kind = type(definition).__name__
        held = operation.inner_model
        config = to_config(definition) | config
        return LayerSpec(
            name, kind, config, kind, model=held.model_spec() if held else None
        )
    return LayerSpec(name, "Given", config | operation.described(), "Given")


def call_spec(node: Node, to: To, *, written: bool | None = None) -> CallSpec:
    """Return one call, its tensors given by ``to``."""
    operation = node.operation

    def filled(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            return to(value)
        if isinstance(value, dict):
            return {k: filled(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [filled(v) for v in value]
        if isinstance(value, slice):
            return {"start": value.start, "stop": value.stop, "step": value.step}
        if value is Ellipsis:
            return {"class_name": "__ellipsis__"}
        if isinstance(value, np.ndarray) and value.dtype.name not in _OF_LISTS:
            return Constant(value)
        if isinstance(value, (np.generic, np.ndarray)):
            return value.tolist()
        return value

    given = is_given(operation) if written is None else not written
    if given:
        tensors = [to(t) for t in node.inputs]
        return CallSpec([tensors], dict(operation.call_options(node)))
    kwargs = {k: v for k, v in node.kwargs.items() if k != "training"}
    return CallSpec(filled(list(node.args)), filled(kwargs))


def is_given(operation: Any) -> bool:
    """Whether the model is handed a module and does not write it out."""
    if isinstance(operation, (InputLayer, Operation)):
        return False
    return operation.called_by_itself or not operation.is_written


# ------------------------------------------------------------------------- models
def model_spec(
    name: str,
    network: Network,
    inputs: Any,
    outputs: Any,
    *,
    trainable: bool = True,
) -> ModelSpec:
    """Return a model of symbolic calls."""
    inside = {id(n) for n in network.nodes}
    number: dict[int, int] = {}
    made: dict[int, LayerSpec] = {}
    started = {id(t): i for i, t in enumerate(tree.flatten(inputs))}
    entries: dict[int, str] = {}
    layers: list[LayerSpec] = []
    for operation in network.operations:
        spec = layer_spec(operation)
        made[id(operation)] = spec
        layers.append(spec)
        calls = [n for n in operation._inbound_nodes if id(n) in inside]
        for i, node in enumerate(calls):
            number[id(node)] = i
    # A model may begin at any tensor; what made it stays outside.
    for tensor in tree.flatten(inputs):
        if tensor.node is None or not tensor.node.is_input:
            entry = f"{tensor.name or 'input'}_{started[id(tensor)]}"
            spec = LayerSpec(
                entry, "InputLayer", {}, "InputLayer", None, [], tensor.shape
            )
            spec.dtype = tensor.dtype
            layers.insert(0, spec)
            entries[id(tensor)] = entry

    def ref(tensor: KerasTensor) -> Ref:
        if id(tensor) in entries:
            return Ref(entries[id(tensor)], 0, 0)
        assert tensor.node is not None
        call = number.get(id(tensor.node), 0)
        return Ref(tensor.node.operation.name, call, tensor.index)

    for node in network.nodes:
        if not node.is_input:
            spec = made[id(node.operation)]
            at = number[id(node)]
            spec.calls += [CallSpec([], {})] * (at + 1 - len(spec.calls))
            spec.calls[at] = call_spec(node, ref)
    return ModelSpec(
        name,
        "Functional",
        layers,
        [ref(t) for t in tree.flatten(inputs)],
        [ref(t) for t in tree.flatten(outputs)],
        trainable=trainable,
    )


def owners_of(network: Network, prefix: str = "") -> dict[str, Any]:
    """Return path → layer for every layer, those of nested models included."""
    found: dict[str, Any] = {}
    for operation in network.operations:
        path = prefix + operation.name
        found[path] = operation
        inner = getattr(operation, "_call_graph", None)
        if inner is None and (held := getattr(operation, "inner_model", None)):
            inner = held._call_graph
        if inner is not None and not is_given(operation):
            found |= owners_of(inner, f"{path}/")
    return found


def owners_of_call(operation: Any) -> dict[str, Any]:
    """Return path → layer for the call of one layer by itself."""
    found = {operation.name: operation}
    held = getattr(operation, "inner_model", None)
    inner = (
        held._call_graph
        if held is not None
        else getattr(operation, "_call_graph", None)
    )
    return found | (owners_of(inner, f"{operation.name}/") if inner else {})


# ------------------------------------------------------------------ a graph of one
@dataclass
class Single:
    """A graph that calls one layer once.

    Attributes
    ----------
    outputs, masks
        Values that come out, and the mask that travels with each.
    """

    builder: GraphBuilder
    outputs: list[ir.Value]
    masks: list[ir.Value | None]

    @property
    def made_masks(self) -> list[ir.Value]:
        """The masks that come out and did not come in."""
        return self.builder.made_masks(self.outputs)


def single(node: Node, *, written: bool | None = None) -> Single:
    """Call a layer on inputs of the shapes that a call has."""
    shapes = [t.shape for t in node.inputs]
    if hasattr(node.operation, "definition"):
        check_call(node.operation, node)
    # A path prefix makes masks of inputs inputs of the graph, as in a nested model.
    b = GraphBuilder(node.operation.name)
    values: dict[int, ir.Value] = {}
    for i, tensor in enumerate(node.inputs):
        if id(tensor) in values:
            continue
        values[id(tensor)] = b.input(f"x{i}", tensor.shape, tensor.dtype)
        if tensor.mask_shape is not None:
            outside = GraphBuilder("m").input("mask", tensor.mask_shape, "bool")
            b.masked_input(values[id(tensor)], outside)
    spec = layer_spec(node.operation, written=written)
    call = call_spec(node, lambda t: values[id(t)], written=written)
    with naming(node.operation, shapes):
        outputs = assembler().call(b, spec, call, {})
    if (layer := b.layers.get(node.operation.name)) is not None:
        node.declared = layer.weights
        check_weights(node.operation, layer.weights, shapes)
    return Single(b, outputs, [b.mask_of(v) for v in outputs])


def outputs_of(node: Node) -> list[KerasTensor]:
    """Return the symbolic tensors that a call makes."""
    one = single(node)
    found = []
    for i, (value, mask) in enumerate(zip(one.outputs, one.masks, strict=True)):
        tensor = KerasTensor(
            shape_of(value),
            dtype_of(value),
            name=f"{node.operation.name}_output",
            node=node,
            index=i,
        )
        tensor.mask_shape = shape_of(mask) if mask is not None else None
        found.append(tensor)
    return found


# --------------------------------------------------------------------- given ones
def structure_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return the JSON of a call's arguments, its tensors numbered.

    Raises
    ------
    TypeError
        For an argument that is no number, string, or structure of those.
    """
    count = iter(range(1_000_000))

    def numbered(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            return {"$": next(count)}
        if isinstance(value, dict):
            return {str(k): numbered(value[k]) for k in tree.keys(value)}
        if isinstance(value, (list, tuple)):
            return [numbered(v) for v in value]
        if isinstance(value, np.generic):
            return value.item()
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(f"a {type(value).__name__} as an argument of a layer's call")

    return json.dumps({"args": numbered(list(args)), "kwargs": numbered(dict(kwargs))})


__all__ = [
    "Definition",
    "Shape",
    "Single",
    "given",
    "model_spec",
    "outputs_of",
    "owners_of",
    "single",
]
