"""Rules for normalization, whole or taken apart by an exporter."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.errors import UnsupportedLayer
from keras2torch.operators.norm_modules import (
    StoredBatchNorm,
    StoredGroupNorm,
    StoredInstanceNorm,
    StoredLayerNorm,
)
from keras2torch.reading.onnx_recognize import Recognizer, attributes_of, rule, sizes_of


def _eps(node: ir.Node) -> float:
    return float(attributes_of(node).get("epsilon", 1e-5))


def _stored(r: Recognizer, node: ir.Node, at: int) -> ir.Value | None:
    """Return a parameter; a constant becomes one."""
    value = node.inputs[at] if len(node.inputs) > at else None
    if value is None or (stored := r.stored(value)) is not None:
        return None if value is None else stored
    array = r.array(value)
    return None if array is None else r.filled(str(value.name), array)


@rule("BatchNormalization")
def batch_norm(r: Recognizer, node: ir.Node) -> bool:
    """Stored weights and statistics."""
    if attributes_of(node).get("training_mode", 0):
        raise UnsupportedLayer(
            f"the operator BatchNormalization ({node.name!r}) is in training mode; "
            "export the model in evaluation mode"
        )
    names = ("weight", "bias", "running_mean", "running_var")
    found = [_stored(r, node, at) for at in range(1, 5)]
    weights = {n: v for n, v in zip(names, found, strict=True) if v is not None}
    x = node.inputs[0]
    if len(weights) < len(names) or x is None:
        return False
    size = weights["weight"].shape
    assert size is not None
    layer = StoredBatchNorm(
        operator=node.op_type,
        num_features=size.numpy()[0],
        eps=_eps(node),
        # ONNX says how much of the old is kept, torch how much of the new.
        momentum=1 - float(attributes_of(node).get("momentum", 0.9)),
    )
    r.put(layer, [node], [x], weights, [node.outputs[0]])
    return True


@rule("InstanceNormalization")
def instance_norm(r: Recognizer, node: ir.Node) -> bool:
    """Per example and channel; between two Reshapes it is per group."""
    if _group_norm_around(r, node):
        return True
    scale, bias, x = _stored(r, node, 1), _stored(r, node, 2), node.inputs[0]
    if scale is None or bias is None or x is None or scale.shape is None:
        return False
    layer = StoredInstanceNorm(
        operator=node.op_type, num_features=scale.shape.numpy()[0], eps=_eps(node)
    )
    weights = {"weight": scale, "bias": bias}
    r.put(layer, [node], [x], weights, [node.outputs[0]])
    return True


def _group_norm_around(r: Recognizer, node: ir.Node) -> bool:
    """Recognize PyTorch's GroupNorm: Reshape, InstanceNormalization, Reshape, * , +."""
    scale, shift = r.array(node.inputs[1]), r.array(node.inputs[2])
    rows = node.inputs[0]
    assert rows is not None
    before, after = rows.producer(), r.only_reader(node.outputs[0])
    if scale is None or shift is None or before is None or after is None:
        return False
    if before.op_type != "Reshape" or after.op_type != "Reshape":
        return False
    x = before.inputs[0]
    if x is None or (scale != 1).any() or (shift != 0).any():
        return False
    sizes, inner, back = (sizes_of(v) for v in (x, rows, after.outputs[0]))
    groups = len(scale)
    channels = sizes[1] if len(sizes) > 1 else None
    if len(inner) != 3 or inner[1] != groups or len(back) != len(sizes):
        return False
    if not isinstance(channels, int) or back[1] not in (channels, None):
        return False
    if channels % groups or inner[0] not in (sizes[0], None):
        return False
    layer = StoredGroupNorm(
        operator="GroupNormalization",
        num_features=channels,
        groups=groups,
        eps=_eps(node),
        affine=False,
    )
    old, result = [node, after], after.outputs[0]
    found = _scaled(r, result, channels, axis=1)
    weights: dict[str, ir.Value] = {}
    if found is not None and set(found[0]) == {"weight", "bias"}:
        weights, steps, result = found
        layer.affine = True
        old += steps
    r.put(layer, old, [x], weights, [result])
    return True


def _scaled(
    r: Recognizer, value: ir.Value, size: int, axis: int
) -> tuple[dict[str, ir.Value], list[ir.Node], ir.Value] | None:
    """Return weight and bias by which a value is multiplied and shifted after."""
    weights: dict[str, ir.Value] = {}
    steps: list[ir.Node] = []
    for kind, name in (("Mul", "weight"), ("Add", "bias")):
        step = r.only_reader(value)
        if step is None or step.op_type != kind:
            break
        factor = r.stored(r.other(step, value))
        if factor is None or factor.shape is None or value.shape is None:
            break
        sizes, rank = factor.shape.numpy(), len(value.shape)
        place = len(sizes) - (rank - axis % rank)
        if not 0 <= place < len(sizes) or sizes[place] != size:
            break
        flat = r.vector(factor, size)
        if flat is None:
            break
        weights[name] = flat
        steps.append(step)
        value = step.outputs[0]
    return (weights, steps, value) if steps else None


@rule("GroupNormalization")
def group_norm(r: Recognizer, node: ir.Node) -> bool:
    """Per example and group; since opset 21 with a weight per channel."""
    scale, bias, x = _stored(r, node, 1), _stored(r, node, 2), node.inputs[0]
    if scale is None or bias is None or x is None or scale.shape is None:
        return False
    channels, groups = sizes_of(x)[1], attributes_of(node)["num_groups"]
    size = scale.shape.numpy()[0]
    if not isinstance(channels, int):
        return False
    if size != channels:
        # Opset 18 had one weight per group.
        times = channels // size
        scale = r.derived(scale, np.repeat(_held(r, scale), times), "each")
        bias = r.derived(bias, np.repeat(_held(r, bias), times), "each")
    layer = StoredGroupNorm(
        operator=node.op_type, num_features=channels, groups=groups, eps=_eps(node)
    )
    weights = {"weight": scale, "bias": bias}
    r.put(layer, [node], [x], weights, [node.outputs[0]])
    return True


def _held(r: Recognizer, value: ir.Value) -> Any:
    array = r.array(value)
    assert array is not None
    return array


@rule("LayerNormalization")
def layer_norm(r: Recognizer, node: ir.Node) -> bool:
    """Over the last axes."""
    if any(o.uses() for o in node.outputs[1:]):
        return False
    x = node.inputs[0]
    if x is None or x.shape is None:
        return False
    axis = attributes_of(node).get("axis", -1) % len(x.shape)
    sizes = sizes_of(x)[axis:]
    scale, bias = _stored(r, node, 1), _stored(r, node, 2)
    if scale is None or any(not isinstance(n, int) for n in sizes):
        return False
    if len(node.inputs) > 2 and node.inputs[2] is not None and bias is None:
        return False
    shape = tuple(int(n) for n in sizes if n is not None)
    weights = {"weight": _whole(r, scale, shape)}
    if bias is not None:
        weights["bias"] = _whole(r, bias, shape)
    layer = StoredLayerNorm(
        operator=node.op_type,
        normalized_shape=list(shape),
        eps=_eps(node),
        bias=bias is not None,
    )
    r.put(layer, [node], [x], weights, [node.outputs[0]])
    return True


def _whole(r: Recognizer, value: ir.Value, shape: tuple[int, ...]) -> ir.Value:
    """Return a weight that spans the normalized axes."""
    assert value.shape is not None
    if value.shape.numpy() == shape:
        return value
    array = np.broadcast_to(_held(r, value).reshape(-1), shape)
    return r.derived(value, array, "whole")


# --------------------------------------------------------- a layer norm taken apart
@rule("ReduceMean")
def taken_apart(r: Recognizer, node: ir.Node) -> bool:
    """``(x - mean) / sqrt(mean((x - mean)²) + eps) * weight + bias``."""
    x, axes = node.inputs[0], _axes(r, node)
    if x is None or axes is None or x.shape is None:
        return False
    rank = len(x.shape)
    axes = sorted(a % rank for a in axes)
    sizes = sizes_of(x)[rank - len(axes) :]
    if axes != list(range(rank - len(axes), rank)) or not axes:
        return False
    if any(not isinstance(n, int) for n in sizes):
        return False
    shape = [int(n) for n in sizes if n is not None]
    steps = _centered(r, node, x)
    if steps is None:
        return len(shape) == 1 and _folded(r, node, x, shape[0])
    old, normal, eps = steps
    layer = StoredLayerNorm(
        operator="LayerNormalization", normalized_shape=shape, eps=eps, affine=False
    )
    weights: dict[str, ir.Value] = {}
    result = normal
    if len(shape) == 1 and (found := _scaled(r, normal, shape[0], axis=-1)) is not None:
        weights, more, result = found
        old += more
        layer.affine, layer.bias = True, "bias" in weights
    r.put(layer, old, [x], weights, [result])
    return True


def _folded(r: Recognizer, mean: ir.Node, x: ir.Value, size: int) -> bool:
    """Recognize TensorFlow's form: ``x * m + (bias - mean * m)``, m with the weight."""
    center = mean.outputs[0]
    readers = [u.node for u in center.uses()]
    subs = [n for n in readers if n.op_type == "Sub" and n.inputs[0] is x]
    if len(readers) != 2 or len(subs) != 1 or center.is_graph_output():
        return False
    (other,) = [n for n in readers if n not in subs]
    chain = _follow(r, mean, subs[0])
    if chain is None:
        return False
    steps, factor, eps = chain
    scale = r.stored(r.other(steps[-1], steps[-2].outputs[0]))
    uses = [u.node for u in factor.uses()]
    with_x = [n for n in uses if n.op_type == "Mul" and r.other(n, factor) is x]
    rest = [n for n in uses if n not in with_x]
    if scale is None or len(with_x) != 1 or len(rest) != 1:
        return False
    # The mean comes negative, or is subtracted after.
    negative = other.op_type == "Neg"
    shifted = other.outputs[0] if negative else center
    if rest[0].op_type != "Mul" or r.other(rest[0], factor) is not shifted:
        return False
    bias_step = r.only_reader(rest[0].outputs[0])
    if bias_step is None or bias_step.op_type != ("Add" if negative else "Sub"):
        return False
    if not negative and bias_step.inputs[1] is not rest[0].outputs[0]:
        return False
    bias = r.stored(r.other(bias_step, rest[0].outputs[0]))
    last = r.only_reader(bias_step.outputs[0])
    if bias is None or last is None or last.op_type != "Add":
        return False
    if r.other(last, bias_step.outputs[0]) is not with_x[0].outputs[0]:
        return False
    rows = [r.vector(scale, size), r.vector(bias, size)]
    if rows[0] is None or rows[1] is None:
        return False
    old = [mean, *subs, *steps, *with_x, *rest, bias_step, last]
    old += [other] if negative else []
    layer = StoredLayerNorm(
        operator="LayerNormalization", normalized_shape=[size], eps=eps
    )
    weights = {"weight": rows[0], "bias": rows[1]}
    node, made = r.call(layer, mean, [x], weights, [last.outputs[0]])
    ir.convenience.replace_nodes_and_values(
        r.graph, last, old, [node], [last.outputs[0]], made
    )
    return True


def _follow(
    r: Recognizer, mean: ir.Node, sub: ir.Node
) -> tuple[list[ir.Node], ir.Value, float] | None:
    """Follow a variance to one over its root, times a weight."""
    spread = {u.node for u in sub.outputs[0].uses()}
    if len(spread) != 1 or not _is_square(r, next(iter(spread))):
        return None
    steps, eps = [spread.pop()], None
    for kind in ("ReduceMean", "Add", "Sqrt", "Reciprocal", "Mul"):
        step = r.only_reader(steps[-1].outputs[0])
        if step is None or step.op_type != kind:
            return None
        if kind == "Add":
            eps = r.number(r.other(step, steps[-1].outputs[0]))
        if kind == "ReduceMean" and _axes(r, step) != _axes(r, mean):
            return None
        steps.append(step)
    return None if eps is None else (steps, steps[-1].outputs[0], eps)


def _axes(r: Recognizer, node: ir.Node) -> list[int] | None:
    if not attributes_of(node).get("keepdims", 1) or len(node.inputs) < 2:
        return None
    return r.numbers(node.inputs[1])


def _centered(
    r: Recognizer, mean: ir.Node, x: ir.Value
) -> tuple[list[ir.Node], ir.Value, float] | None:
    """Follow the operators from the mean to the quotient."""
    subs = [u.node for u in mean.outputs[0].uses()]
    if not 1 <= len(subs) <= 2 or any(
        s.op_type != "Sub" or s.inputs[0] is not x for s in subs
    ):
        return None
    old, spread, centered = [mean, *subs], None, [s.outputs[0] for s in subs]
    readers = [u.node for c in centered for u in c.uses()]
    squares = [n for n in readers if _is_square(r, n)]
    divisions = [n for n in readers if n.op_type == "Div"]
    if len(set(squares)) != 1 or len(divisions) != 1:
        return None
    (spread,) = set(squares)
    chain: list[ir.Node] = [spread]
    eps = None
    for kind in ("ReduceMean", "Add", "Sqrt"):
        step = r.only_reader(chain[-1].outputs[0])
        if step is None or step.op_type != kind:
            return None
        if kind == "Add":
            eps = r.number(r.other(step, chain[-1].outputs[0]))
        if kind == "ReduceMean" and _axes(r, step) != _axes(r, mean):
            return None
        chain.append(step)
    division = divisions[0]
    if eps is None or division.inputs[1] is not chain[-1].outputs[0]:
        return None
    if set(readers) != {spread, division}:
        return None
    return [*old, *chain, division], division.outputs[0], eps


def _is_square(r: Recognizer, node: ir.Node) -> bool:
    if node.op_type == "Pow":
        return r.number(node.inputs[1]) == 2
    return node.op_type == "Mul" and node.inputs[0] is node.inputs[1]
