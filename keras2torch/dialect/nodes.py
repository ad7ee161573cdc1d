"""A layer call as a node of the ``keras`` ONNX domain, and back.

======================  ==========================================================
part of the node        what it is
======================  ==========================================================
``domain``              ``"keras"``, version 1
``op_type``             the Keras class name: ``Conv2D``, ``LSTM``, ``Functional``
``name``                the layer's path, ``encoder/conv1``; a second call of the
                        same layer adds ``:1``
attributes              the layer's config, arguments at their defaults left out
                        (:mod:`keras2torch.dialect.attributes` says how they travel)
``_inputs`` attribute   the role of each input, in order: ``x``, ``mask``, ``state``,
                        ``arg:attention_mask``, ``w:kernel``
``_outputs``            the role of each output: ``y``, ``mask``
``_call``               other arguments of this call: ``{"training": true}``
``_path``               the layer's path: the same for every call of a shared layer
``_body``               of a nested model: its graph, whose weights are initializers
                        of the outermost graph; its inputs are those with role ``x``,
                        then the masks; its outputs are the node's, a made mask last
inputs with role ``w:`` initializers named ``<path>/<weight>``
======================  ==========================================================

A ``mask`` input follows the ``x`` it belongs to. An absent optional input is the
empty value, as ONNX has it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import onnx_ir as ir

from keras2torch.dialect.attributes import decode, encode
from keras2torch.layers.definitions import (
    REGISTRY,
    Layer,
    Weight,
    arguments_of,
    from_config,
    to_config,
)
from keras2torch.layers.replaced import Replaced

DOMAIN = "keras"
VERSION = 1
# Of the domain, but no layers: they draw numbers.
DRAWS = frozenset({"RandomNormal", "RandomUniform", "RandomTruncated", "RandomInteger"})
# It hands on what comes, and no gradient back: ONNX has none.
STOP = "StopGradient"
_MADE = "keras2torch.made"
_RESERVED = ("_inputs", "_outputs", "_call", "_path", "_body")


@dataclass
class LayerNode:
    """A node of the ``keras`` domain, taken apart.

    Attributes
    ----------
    layer
        The definition, made from the attributes.
    path
        ``encoder/conv1``: the same for each call of a shared layer.
    inputs, masks, states, named
        Values by role; ``masks[i]`` belongs to ``inputs[i]``.
    weights
        Weight name → initializer value.
    outputs, mask
        What comes out, and the mask that the layer makes, if it does.
    options
        Other arguments of the call.
    body
        The graph of a nested model.
    """

    layer: Layer
    path: str
    inputs: list[ir.Value]
    masks: list[ir.Value | None] = field(default_factory=list)
    states: list[ir.Value] = field(default_factory=list)
    named: dict[str, ir.Value] = field(default_factory=dict)
    weights: dict[str, ir.Value] = field(default_factory=dict)
    outputs: list[ir.Value] = field(default_factory=list)
    mask: ir.Value | None = None
    options: dict[str, Any] = field(default_factory=dict)
    body: ir.Graph | None = None
    node: ir.Node | None = None


def is_layer(node: ir.Node) -> bool:
    """Whether a node is a Keras layer."""
    return node.domain == DOMAIN and node.op_type not in DRAWS | {STOP}


def to_node(call: LayerNode, name: str, num_outputs: int) -> ir.Node:
    """Write a layer call as a node; its output values are made anew.

    Parameters
    ----------
    call
        What to write; ``outputs`` and ``mask`` are ignored and set.
    name
        The node's unique name.
    num_outputs
        Outputs besides a made mask; ``call.mask`` not None asks for one more.
    """
    inputs: list[ir.Value | None] = []
    roles: list[str] = []
    masks = call.masks or [None] * len(call.inputs)
    for x, mask in zip(call.inputs, masks, strict=True):
        inputs.append(x)
        roles.append("x")
        if mask is not None:
            inputs.append(mask)
            roles.append("mask")
    for state in call.states:
        inputs.append(state)
        roles.append("state")
    for key, value in call.named.items():
        inputs.append(value)
        roles.append(f"arg:{key}")
    for key, value in call.weights.items():
        inputs.append(value)
        roles.append(f"w:{key}")
    out_roles = ["y"] * num_outputs + (["mask"] if call.mask is not None else [])
    attributes = [encode(k, v) for k, v in _config(call.layer).items()]
    attributes.append(encode("_inputs", roles))
    attributes.append(encode("_outputs", out_roles))
    attributes.append(encode("_path", call.path))
    if call.options:
        attributes.append(encode("_call", call.options))
    if call.body is not None:
        attributes.append(ir.AttrGraph("_body", call.body))
    node = ir.Node(
        DOMAIN,
        type(call.layer).__name__,
        inputs,
        attributes,
        num_outputs=len(out_roles),
        name=name,
    )
    if isinstance(call.layer, Replaced):
        # Not in the file: a graph that was kept holds no source.
        node.meta[_MADE] = call.layer.made_module
    call.node = node
    call.outputs = list(node.outputs[:num_outputs])
    call.mask = node.outputs[num_outputs] if call.mask is not None else None
    return node


def from_node(node: ir.Node) -> LayerNode:
    """Take a node of the ``keras`` domain apart.

    Raises
    ------
    KeyError
        If its ``op_type`` is no registered layer.
    """
    found = {a.name: a for a in node.attributes.values() if isinstance(a, ir.Attr)}
    config = {k: decode(a) for k, a in found.items() if k not in _RESERVED}
    call = LayerNode(
        layer=from_config(node.op_type, config),
        path=decode(found["_path"]),
        inputs=[],
        options=decode(found["_call"]) if "_call" in found else {},
        body=found["_body"].as_graph() if "_body" in found else None,
        node=node,
    )
    for role, value in zip(decode(found["_inputs"]), node.inputs, strict=True):
        assert value is not None
        if role == "x":
            call.inputs.append(value)
            call.masks.append(None)
        elif role == "mask":
            call.masks[-1] = value
        elif role == "state":
            call.states.append(value)
        elif role.startswith("arg:"):
            call.named[role[4:]] = value
        else:
            call.weights[role[2:]] = value
    if isinstance(call.layer, Replaced):
        call.layer.bind(call.weights, node.meta.get(_MADE))
        node.meta[_MADE] = call.layer.made_module
    for role, value in zip(decode(found["_outputs"]), node.outputs, strict=True):
        if role == "mask":
            call.mask = value
        else:
            call.outputs.append(value)
    return call


def _config(layer: Layer) -> dict[str, Any]:
    """Return the config without what is at its default; the name always."""
    defaults = {
        f.name: (
            f.default_factory()
            if f.default_factory is not dataclasses.MISSING
            else f.default
        )
        for f in arguments_of(type(layer))
    }
    return {
        key: value
        for key, value in to_config(layer).items()
        if key == "name"
        or type(value) is not type(defaults[key])
        or value != defaults[key]
    }


__all__ = [
    "DOMAIN",
    "REGISTRY",
    "VERSION",
    "LayerNode",
    "Weight",
    "from_node",
    "is_layer",
    "to_node",
]
