"""What a restored function computes, with its modules found again.

The graph of a SavedModel's signature knows no layers: a convolution is a kernel, moved
to other axes, that an operator reads. The same rules that find modules in an ONNX file
of any exporter find them here, once stored weights are moved beforehand; each keeps the
key by which TensorFlow names its variable, so that gradients can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from keras2torch.dialect.nodes import DOMAIN, VERSION
from keras2torch.operators.modules import StoredModule
from keras2torch.reading import onnx_norms, onnx_recurrent, onnx_rules
from keras2torch.reading.onnx_recognize import Recognizer, attributes_of

Array = npt.NDArray[Any]

# The rules register themselves.
assert onnx_norms
assert onnx_recurrent
assert onnx_rules

_MOVING = frozenset({"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity"})


def with_modules(model: ir.Model) -> None:
    """Replace, in place, what stored weights make modules.

    Parameters
    ----------
    model
        Whose initializers carry ``keras_key``: a graph without layers.
    """
    _move_weights(model.graph)
    _join_norms(model.graph)
    recognizer = _Recognizer(model)
    recognizer.run()
    RemoveUnusedNodesPass()(model)
    _forget_unused(model.graph)
    model.graph.opset_imports[DOMAIN] = VERSION


class _Recognizer(Recognizer):
    """Names modules by the variables that they hold, and keeps the variables' keys."""

    def derived(self, value: ir.Value, array: Array, what: str) -> ir.Value:
        made = super().derived(value, array, what)
        if "keras_key" in value.metadata_props and made is not value:
            source = value.const_value
            assert source is not None
            if source.numpy().size == array.size:
                _keep_key(value, made, "sizes", list(array.shape))
        return made

    def _path(
        self, key: Any, layer: StoredModule, node: ir.Node, weights: Mapping[str, Any]
    ) -> str:
        told = {name: _Named(value) for name, value in weights.items()}
        return super()._path(key, layer, node, told)

    def call(
        self,
        layer: StoredModule,
        named_by: ir.Node,
        inputs: Any,
        weights: Mapping[str, ir.Value],
        like: Any,
        states: Any = (),
    ) -> tuple[ir.Node, list[ir.Value]]:
        flags = [v.metadata_props.get("trainable", "1") for v in weights.values()]
        if flags and "1" not in flags:
            layer.trainable = False
        node, made = super().call(layer, named_by, inputs, weights, like, states)
        for value in weights.values():
            # It is the module's now, and nothing that its class holds.
            for key in ("keras_path", "keras_name"):
                value.metadata_props.pop(key, None)
        return node, made


class _Named:
    """A weight with the name of what holds it, as other exporters write it."""

    def __init__(self, value: ir.Value) -> None:
        holder = str(value.name).rpartition("/")[0].replace("/", ".")
        self.name = f"{holder}.weight" if holder else ""


def _keep_key(old: ir.Value, new: ir.Value, kind: str, numbers: list[int]) -> None:
    props = dict(old.metadata_props)
    moves = json.loads(props.get("keras_moves", "[]"))
    new.metadata_props.update(props, keras_moves=json.dumps([*moves, [kind, numbers]]))


def _move_weights(graph: ir.Graph) -> None:
    """Do now what the graph does to a variable's axes every time."""
    made: dict[tuple[str, str], ir.Value] = {}
    for node in list(graph):
        value = node.inputs[0] if node.inputs else None
        if node.op_type not in _MOVING or node.domain or value is None:
            continue
        if not value.is_initializer() or "keras_key" not in value.metadata_props:
            continue
        assert value.const_value is not None
        array = value.const_value.numpy()
        out = node.outputs[0]
        if node.op_type == "Transpose":
            axes = attributes_of(node).get("perm") or list(range(array.ndim))[::-1]
            kind, numbers, array = "axes", list(axes), array.transpose(axes)
        else:
            sizes = _sizes_made(node, array)
            if sizes is None or out.is_graph_output():
                continue
            kind, numbers, array = "sizes", sizes, array.reshape(sizes)
        key = (str(value.name), json.dumps([kind, numbers]))
        if key not in made:
            made[key] = _weight_like(graph, value, array)
            _keep_key(value, made[key], kind, numbers)
        out.replace_all_uses_with(made[key])
        graph.remove(node, safe=True)


def _sizes_made(node: ir.Node, array: Array) -> list[int] | None:
    """Return the sizes that an operator without arithmetic gives an array."""
    if node.op_type == "Identity":
        return list(array.shape)
    shape = node.outputs[0].shape
    sizes = [] if shape is None else [d for d in shape if isinstance(d, int)]
    if shape is not None and len(sizes) == len(shape):
        return sizes
    told = node.inputs[1] if len(node.inputs) > 1 else None
    numbers = _constant(told)
    if node.op_type == "Reshape" and numbers is not None:
        try:
            return list(array.reshape([int(n) for n in numbers.reshape(-1)]).shape)
        except ValueError:
            return None
    if node.op_type == "Squeeze":
        axes = None if numbers is None else tuple(int(n) for n in numbers.reshape(-1))
        return list(np.squeeze(array, axes).shape)
    if node.op_type == "Unsqueeze" and numbers is not None:
        axes = tuple(int(n) for n in numbers.reshape(-1))
        return list(np.expand_dims(array, axes).shape)
    return None


def _constant(value: ir.Value | None) -> Array | None:
    source = value.producer() if value is not None else None
    if source is None or source.op_type != "Constant" or source.domain:
        return None
    found: Array = source.attributes["value"].as_tensor().numpy()
    return found


def _weight_like(graph: ir.Graph, old: ir.Value, array: Array) -> ir.Value:
    name, n = str(old.name), 1
    while name in graph.initializers:
        name, n = f"{old.name}_{n}", n + 1
    tensor = ir.tensor(np.ascontiguousarray(array), name=name)
    made = ir.Value(
        name=name,
        shape=ir.Shape(list(array.shape)),
        type=ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(made)
    return made


def _forget_unused(graph: ir.Graph) -> None:
    """Drop weights that only others were made of."""
    made_of = {
        v.metadata_props.get("keras_key")
        for v in graph.initializers.values()
        if v.uses() or v.is_graph_output()
    }
    for name, value in list(graph.initializers.items()):
        unused = not value.uses() and not value.is_graph_output()
        if unused and value.metadata_props.get("keras_key") in made_of:
            del graph.initializers[name]


# ---------------------------------------------------------------- batch normalisation
def _join_norms(graph: ir.Graph) -> None:
    """Make one operator of a batch normalisation that TensorFlow took apart.

    ``x * s + (beta - mean * s)`` with ``s = gamma / sqrt(variance + eps)``.
    """
    for node in list(graph):
        if node.op_type == "Add" and node.graph is not None:
            _join_norm(graph, node)


def _join_norm(graph: ir.Graph, total: ir.Node) -> None:
    for first, second in (total.inputs[:2], total.inputs[1::-1]):
        product, shift = _made_by(first, "Mul"), _made_by(second, "Sub")
        if product is None or shift is None:
            continue
        beta, scaled_mean = shift.inputs[0], _made_by(shift.inputs[1], "Mul")
        if scaled_mean is None or not _stored(beta):
            continue
        for mean, scale in (scaled_mean.inputs[:2], scaled_mean.inputs[1::-1]):
            x = _other(product, scale)
            found = _scale(scale)
            if x is None or found is None or not _stored(mean):
                continue
            gamma, variance, eps = found
            _put_norm(graph, total, x, [gamma, beta, mean, variance], eps)
            return


def _scale(value: ir.Value | None) -> tuple[ir.Value | None, ir.Value, float] | None:
    """Return gamma, variance and epsilon of ``gamma / sqrt(variance + epsilon)``."""
    product = _made_by(value, "Mul")
    if product is not None:
        for gamma, root in (product.inputs[:2], product.inputs[1::-1]):
            found = _inverse_root(root)
            if found is not None and _stored(gamma):
                return gamma, *found
        return None
    found = _inverse_root(value)
    return None if found is None else (None, *found)


def _inverse_root(value: ir.Value | None) -> tuple[ir.Value, float] | None:
    inverse = _made_by(value, "Reciprocal")
    root = _made_by(inverse.inputs[0], "Sqrt") if inverse is not None else None
    total = _made_by(root.inputs[0], "Add") if root is not None else None
    if total is None:
        return None
    for variance, eps in (total.inputs[:2], total.inputs[1::-1]):
        number = _constant(eps)
        if variance is None or number is None or number.size != 1:
            continue
        if _stored(variance):
            return variance, float(number.reshape(-1)[0])
    return None


def _made_by(value: ir.Value | None, kind: str) -> ir.Node | None:
    source = value.producer() if value is not None else None
    return source if source is not None and source.op_type == kind else None


def _other(node: ir.Node, value: ir.Value | None) -> ir.Value | None:
    left, right = node.inputs[:2]
    return right if left is value else left if right is value else None


def _stored(value: ir.Value | None) -> bool:
    """Whether a value is a variable with one number per channel."""
    if value is None or not value.is_initializer() or value.shape is None:
        return False
    return len(value.shape) == 1 and "keras_key" in value.metadata_props


def _put_norm(
    graph: ir.Graph,
    total: ir.Node,
    x: ir.Value,
    weights: list[ir.Value | None],
    eps: float,
) -> None:
    """Put a BatchNormalization in the place of the sum; its channels come second."""
    if x.shape is None or len(x.shape) < 2:
        return
    rank, out = len(x.shape), total.outputs[0]
    gamma, beta, mean, variance = weights
    assert variance is not None
    assert variance.shape is not None
    if gamma is None:
        return
    last = [0, rank - 1, *range(1, rank - 1)]
    back = [0, *range(2, rank), 1]
    nodes = []
    inner = x
    if rank > 2:
        before = ir.Node("", "Transpose", [x], [ir.AttrInt64s("perm", last)])
        nodes.append(before)
        inner = _described(before, [x.shape[i] for i in last], x)
    norm = ir.Node(
        "",
        "BatchNormalization",
        [inner, gamma, beta, mean, variance],
        [ir.AttrFloat32("epsilon", eps)],
        name=total.name,
    )
    nodes.append(norm)
    made = _described(norm, list(inner.shape or []), x)
    if rank > 2:
        after = ir.Node("", "Transpose", [made], [ir.AttrInt64s("perm", back)])
        nodes.append(after)
        made = _described(after, list(x.shape), x)
    for number, node in enumerate(nodes):
        for value in node.outputs:
            value.name = f"{out.name}/norm_{number}"
    ir.convenience.replace_nodes_and_values(graph, total, [total], nodes, [out], [made])


def _described(node: ir.Node, sizes: list[Any], like: ir.Value) -> ir.Value:
    value = node.outputs[0]
    value.shape, value.type = ir.Shape(sizes), like.type
    return value


__all__ = ["with_modules"]
