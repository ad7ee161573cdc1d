"""Rules for LSTM, GRU and RNN, and for what exporters put around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.errors import UnsupportedLayer
from keras2torch.operators.recurrent_modules import StoredRNN
from keras2torch.reading.onnx_recognize import (
    Recognizer,
    attributes_of,
    rule,
    sizes_of,
)

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_DEFAULTS = {
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
    "RNN": ["Tanh"],
}
# What hands on zeros as zeros.
_MOVES = frozenset(
    "Slice Unsqueeze Squeeze Reshape Transpose Expand Tile Identity Cast Concat "
    "Gather Flatten Split".split()
)
_WITH_FACTOR = frozenset({"LeakyRelu", "HardSigmoid", "Elu"})
_WITH_TWO = frozenset({"HardSigmoid", "Affine", "ScaledTanh"})


@rule("LSTM", "GRU", "RNN")
def recurrent(r: Recognizer, node: ir.Node) -> bool:
    """Stored weights of one or both directions."""
    given, kind = attributes_of(node), node.op_type
    _refuse(r, node, given)
    w, rec = r.stored(node.inputs[1]), r.stored(node.inputs[2])
    if w is None or rec is None or w.shape is None:
        raise _error(node, "weights that are computed have no rule")
    directions, wide, size = w.shape.numpy()
    hidden = wide // _GATES[kind]
    weights = {"w": w, "r": rec}
    second = True
    bias = _input(node, 3)
    if bias is not None:
        array = r.array(bias)
        if array is None:
            raise _error(node, "a bias that is computed has no rule")
        stored = r.stored(bias) or r.filled(str(bias.name), array)
        weights["bias_w"] = r.derived(stored, array[:, :wide], "w")
        weights["bias_r"] = r.derived(stored, array[:, wide:], "r")
        second = bool(array[:, wide:].any()) or not bool(array.any())
    layer = StoredRNN(
        operator=kind,
        input_size=size,
        hidden_size=hidden,
        direction=given.get("direction", "forward"),
        activations=_activations(kind, given, directions),
        bias=bias is not None,
        second_bias=second,
        linear_before_reset=kind != "GRU" or bool(given.get("linear_before_reset", 0)),
    )
    states = [s for at in (5, 6) if (s := _input(node, at)) is not None]
    if all(_is_zero(r, s) for s in states):
        states = []
    elif kind == "LSTM" and len(states) == 1:
        raise _error(node, "one initial state of two has no rule")
    _put(r, node, layer, weights, states, directions, hidden)
    return True


def _error(node: ir.Node, why: str) -> UnsupportedLayer:
    return UnsupportedLayer(f"the operator {node.op_type} ({node.name!r}): {why}")


def _input(node: ir.Node, at: int) -> ir.Value | None:
    return node.inputs[at] if len(node.inputs) > at else None


def _refuse(r: Recognizer, node: ir.Node, given: dict[str, Any]) -> None:
    if given.get("clip"):
        raise _error(node, "clip has no rule")
    if given.get("input_forget"):
        raise _error(node, "input_forget has no rule")
    if given.get("layout"):
        raise _error(node, "layout=1 has no rule")
    if _input(node, 4) is not None:
        raise _error(node, "sequence_lens has no rule")
    peepholes = _input(node, 7)
    held = r.array(peepholes)
    if peepholes is not None and (held is None or held.any()):
        raise _error(node, "peepholes have no rule")


def _activations(kind: str, given: dict[str, Any], directions: int) -> list[str]:
    """Return the activations, a factor that the file gives behind a colon."""
    found = given.get("activations") or _DEFAULTS[kind] * directions
    alphas, betas = (
        list(given.get(f"activation_{n}") or []) for n in ("alpha", "beta")
    )
    named = []
    for name in found:
        alpha = alphas.pop(0) if name in _WITH_FACTOR and alphas else None
        beta = betas.pop(0) if name in _WITH_TWO and betas else None
        odd = beta is not None and (name != "HardSigmoid" or abs(beta - 0.5) > 1e-6)
        text = name if alpha is None else f"{name}:{alpha:.7g}"
        named.append(f"{text}:{beta}" if odd else text)
    return named


def _is_zero(r: Recognizer, value: ir.Value) -> bool:
    """Whether a state is zeros, however they were made."""
    array = r.array(value)
    if array is not None:
        return not array.any()
    source = value.producer()
    if source is None:
        return False
    if source.op_type == "ConstantOfShape":
        filled = source.attributes.get("value")
        return filled is None or not filled.as_tensor().numpy().any()
    if source.op_type not in _MOVES:
        return False
    moved = source.inputs if source.op_type == "Concat" else source.inputs[:1]
    return all(v is not None and _is_zero(r, v) for v in moved)


def _put(
    r: Recognizer,
    node: ir.Node,
    layer: StoredRNN,
    weights: dict[str, ir.Value],
    states: list[ir.Value],
    directions: int,
    hidden: int,
) -> None:
    """Put the module there, and bring its output into ONNX's axes after it."""
    x, y = node.inputs[0], node.outputs[0]
    assert x is not None
    assert x.shape is not None
    time, batch = x.shape[0], x.shape[1]
    dtype = x.type
    own = ir.Value(
        name=f"{y.name}/out",
        shape=ir.Shape([time, batch, directions * hidden]),
        type=dtype,
    )
    last = ir.Shape([directions, batch, hidden])
    count = 2 if layer.operator == "LSTM" else 1
    ends = [
        node.outputs[1 + i]
        if len(node.outputs) > 1 + i
        else ir.Value(name=f"{y.name}/end{i}")
        for i in range(count)
    ]
    for end in ends:
        end.shape, end.type = last, dtype

    def spread(made: list[ir.Value]) -> list[ir.Node]:
        """Give the directions their axis again."""
        out = made[0]
        if directions == 1:
            axes = _constant(f"{y.name}/axis", [1])
            node_ = ir.Node("", "Unsqueeze", [out, axes.outputs[0]])
            _describe(node_.outputs[0], f"{y.name}", [time, 1, batch, hidden], dtype)
            return [axes, node_]
        sizes = _constant(f"{y.name}/sizes", [0, 0, 2, hidden])
        split = ir.Node("", "Reshape", [out, sizes.outputs[0]])
        name = f"{y.name}/split"
        _describe(split.outputs[0], name, [time, batch, 2, hidden], dtype)
        order = ir.AttrInt64s("perm", [0, 2, 1, 3])
        turned = ir.Node("", "Transpose", [split.outputs[0]], [order])
        _describe(turned.outputs[0], f"{y.name}", [time, 2, batch, hidden], dtype)
        return [sizes, split, turned]

    call, made = r.call(layer, node, [x], weights, [own, *ends], states)
    # For whoever compares: which value of the file it is, its axes joined.
    made[0].metadata_props["onnx_name"] = str(y.name)
    new = [call, *spread(made)]
    ends = [e for e in ends if e.producer() is node]
    ir.convenience.replace_nodes_and_values(
        r.graph,
        node,
        [node],
        new,
        [y, *ends],
        [new[-1].outputs[0], *made[1 : 1 + len(ends)]],
    )
    _simplified(r, made[0], directions, hidden)


def _constant(name: str, numbers: list[int]) -> ir.Node:
    tensor = ir.tensor(np.array(numbers, dtype=np.int64))
    node = ir.Node("", "Constant", [], [ir.AttrTensor("value", tensor)], name=name)
    _describe(node.outputs[0], name, [len(numbers)], ir.TensorType(ir.DataType.INT64))
    return node


def _describe(value: ir.Value, name: str, shape: list[Any], type_: Any) -> None:
    value.name, value.shape, value.type = name, ir.Shape(shape), type_


# ---------------------------------------------------- what undoes the axis at once
def _simplified(r: Recognizer, out: ir.Value, directions: int, hidden: int) -> None:
    """Read the module's own output where an exporter undoes ONNX's axes."""
    if directions == 1:
        (spread,) = [u.node for u in out.uses()]
        for use in list(spread.outputs[0].uses()):
            step = use.node
            if step.op_type == "Squeeze" and r.numbers(step.inputs[1]) == [1]:
                step.outputs[0].replace_all_uses_with(out, replace_graph_outputs=True)
        return
    (split,) = [u.node for u in out.uses()]
    (turned,) = [u.node for u in split.outputs[0].uses()]
    halves: dict[ir.Value, int] = {}
    for use in list(turned.outputs[0].uses()):
        step = use.node
        if step.op_type == "Transpose" and attributes_of(step).get("perm") == [
            *(0, 2, 1, 3)
        ]:
            _joined_by_reshape(r, step, out, directions * hidden)
        elif step.op_type == "Slice":
            half = _half(r, step)
            for inner in [u.node for u in step.outputs[0].uses()]:
                squeezes = inner.op_type == "Squeeze"
                if half is not None and squeezes and r.numbers(inner.inputs[1]) == [1]:
                    halves[inner.outputs[0]] = half
        elif step.op_type == "Split":
            for half, part in enumerate(step.outputs):
                for inner in [u.node for u in part.uses()]:
                    if inner.op_type == "Squeeze":
                        halves[inner.outputs[0]] = half
    for value, half in halves.items():
        if half == 0:
            _joined_by_concat(value, halves, out)
    for value, half in halves.items():
        _sliced(r, value, out, half * hidden, hidden)


def _joined_by_reshape(r: Recognizer, step: ir.Node, out: ir.Value, wide: int) -> None:
    for use in list(step.outputs[0].uses()):
        last = use.node
        sizes = sizes_of(last.outputs[0])
        before = sizes_of(step.outputs[0])
        joined = last.op_type == "Reshape" and len(sizes) == 3 and sizes[2] == wide
        if joined and all(
            a == b or not isinstance(a, int)
            for a, b in zip(sizes[:2], before[:2], strict=True)
        ):
            last.outputs[0].replace_all_uses_with(out, replace_graph_outputs=True)


def _half(r: Recognizer, step: ir.Node) -> int | None:
    """Return which direction a Slice takes, if it takes one."""
    starts, ends, axes = (r.numbers(v) for v in step.inputs[1:4])
    if starts is None or ends is None or axes != [1]:
        return None
    return {(0, 1): 0, (1, 2): 1}.get((starts[0], min(ends[0], 2)))


def _joined_by_concat(
    first: ir.Value, halves: dict[ir.Value, int], out: ir.Value
) -> None:
    for use in list(first.uses()):
        step = use.node
        if step.op_type != "Concat" or attributes_of(step).get("axis") not in (2, -1):
            continue
        parts = [halves.get(v) if v is not None else None for v in step.inputs]
        if parts == [0, 1]:
            step.outputs[0].replace_all_uses_with(out, replace_graph_outputs=True)


def _sliced(
    r: Recognizer, value: ir.Value, out: ir.Value, start: int, size: int
) -> None:
    """Take a direction from the features."""
    if not value.uses() and not value.is_graph_output():
        return
    node = value.producer()
    assert node is not None
    numbers = [
        _constant(f"{value.name}/{name}", [n])
        for name, n in (("start", start), ("end", start + size), ("axis", 2))
    ]
    taken = ir.Node("", "Slice", [out, *[n.outputs[0] for n in numbers]])
    ir.convenience.replace_nodes_and_values(
        r.graph, node, [node], [*numbers, taken], [value], taken.outputs
    )
