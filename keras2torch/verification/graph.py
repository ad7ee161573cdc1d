"""The graph's layers as Keras numbers them, to find the same thing on either side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import onnx_ir as ir

from keras2torch.dialect import LayerNode, calls, from_node, is_layer, shape_of
from keras2torch.layers.definitions import CellLoop, Functional, Shape
from keras2torch.layers.replaced import Replaced
from keras2torch.operators import Operator
from keras2torch.program.held import is_weight

if TYPE_CHECKING:
    from keras2torch.tracing import LoadedModel
    from keras2torch.tracing.client import Array, WeightInfo

T = TypeVar("T")

# What was done to the axes of a variable to make a weight of it: a list of
# ["axes", permutation] and ["sizes", shape].
MOVES = "keras_moves"


@dataclass
class GraphLayer:
    """A Keras layer of the graph, however often it is called.

    Attributes
    ----------
    path, class_name
        ``encoder/conv1``, ``"Conv2D"``.
    weights
        Its initializers in the order of Keras' ``layer.weights``; those of the model
        inside, for a wrapper.
    trainable
        Those of them that Keras trains.
    holds
        A nested model: its layers follow.
    operator
        No layer but an ONNX operator beside the layers.
    replaced
        A layer of the user's, for which a PyTorch module is registered.
    places
        Of a wrapper, where the weights are inside it.

    The model itself (path ``""``) is among them where its own code made weights; it
    and a layer that is never called have no class name.
    """

    path: str
    class_name: str
    weights: list[ir.Value] = field(default_factory=list)
    trainable: list[ir.Value] = field(default_factory=list)
    holds: bool = False
    operator: bool = False
    replaced: bool = False
    places: dict[ir.Value, tuple[str, int]] = field(default_factory=dict)


def layers_of(model: ir.Model) -> list[GraphLayer]:
    """Return every layer once, in running order, a model before what is in it.

    A wrapper (TimeDistributed of a model) is one layer, as it is for Keras.
    """
    found: dict[str, GraphLayer] = {}
    own = _own_weights(model)
    if "" in own:
        found[""] = GraphLayer("", "", holds=True)
    for node, moves in _calls(model.graph, True):
        if node.path in found:
            continue
        holds = isinstance(node.layer, Functional)
        layer = GraphLayer(node.path, _class_name(node), holds=holds)
        if isinstance(node.layer, Operator):
            layer.class_name, layer.operator = node.layer.kind, True
        if isinstance(node.layer, Replaced):
            layer.class_name, layer.replaced = node.layer.class_name, True
        found[node.path] = layer
        if node.body is not None and not holds:
            for inner, inner_moves in _calls(node.body, moves, wrappers=True):
                _add_weights(layer, inner, inner_moves)
                for index, value in enumerate(inner.weights.values()):
                    layer.places.setdefault(value, (inner.path, index))
        else:
            _add_weights(layer, node, moves)
    for path, values in own.items():
        layer = found.setdefault(path, GraphLayer(path, "", holds=True))
        moves = _moves(model.graph, path)
        layer.weights += values
        layer.trainable += [v for v in values if moves and _is_trainable(v)]
    return list(found.values())


def _class_name(node: LayerNode) -> str:
    """Return the class in Keras; of a user's own layer the user's name for it."""
    if isinstance(node.layer, CellLoop):
        return "RNN"
    own = node.layer.class_name if isinstance(node.layer, Functional) else ""
    return own or type(node.layer).__name__


def _own_weights(model: ir.Model) -> dict[str, list[ir.Value]]:
    """Return layer path → the weights that its own code made, in Keras' order."""
    found: dict[str, list[ir.Value]] = {}
    for value in model.graph.initializers.values():
        if is_weight(value):
            found.setdefault(value.metadata_props["keras_path"], []).append(value)
    return {p: sorted(found[p], key=_index) for p in found}


def _index(value: ir.Value) -> int:
    key = _key(value)
    return -1 if key is None else key[1]


def _key(value: ir.Value) -> tuple[str, int] | None:
    """Return where Keras keeps a weight that the user's own code made."""
    path, _, index = value.metadata_props.get("keras_key", "").rpartition("/")
    return (path, int(index)) if index else None


def _is_trainable(value: ir.Value) -> bool:
    return value.metadata_props.get("trainable", "1") == "1"


def _moves(graph: ir.Graph, path: str) -> bool:
    """Whether the layers around a weight, and its own, are trainable."""
    around = [c for c, _ in _calls(graph, True) if f"{path}/".startswith(f"{c.path}/")]
    return all(c.layer.trainable for c in around)


def parameter_counts(layers: list[GraphLayer]) -> tuple[int, int]:
    """Return how many parameters the file holds, trainable and in total."""
    trainable = {v: _size(v) for layer in layers for v in layer.trainable}
    total = {v: _size(v) for layer in layers for v in layer.weights}
    return sum(trainable.values()), sum(total.values())


def weight_keys(
    layers: list[GraphLayer], loaded: LoadedModel, renamed: Mapping[str, str]
) -> dict[ir.Value, tuple[str, int]]:
    """Return where Keras keeps each initializer: layer path and index.

    Parameters
    ----------
    layers
        Of the graph.
    loaded
        What Keras says of the model that it holds.
    renamed
        Path in the graph → path in Keras, where a rebuilt model has other names.
    """
    there = {info.path: info.weights for info in loaded.layers}
    found: dict[ir.Value, tuple[str, int]] = {}
    for layer in layers:
        path = renamed.get(layer.path, layer.path)
        infos = there.get(path, ())
        for value in layer.weights:
            key = _key(value)
            if key is not None:
                found.setdefault(value, (renamed.get(key[0], key[0]), key[1]))
        for value, key in layer.places.items():
            if key[0] in there:
                found.setdefault(value, key)
        order = _order(layer, infos)
        if order is None:
            continue
        for value, index in zip(layer.weights, order, strict=True):
            found.setdefault(value, (path, index))
    return found


def _order(layer: GraphLayer, infos: Sequence[WeightInfo]) -> list[int] | None:
    """Return for each weight of a layer its place in Keras; None where that is open."""
    shapes = [shape_of(v) for v in layer.weights]
    places = range(len(shapes))
    # tf.keras lists what is frozen in a wrapper behind what it trains.
    trained = [v in set(layer.trainable) for v in layer.weights]
    listed = sorted(places, key=lambda i: not trained[i])
    orders = [list(places), [listed.index(i) for i in places]]
    given: list[Shape] = [info.shape for info in infos]
    fitting = [o for o in orders if given == _placed(shapes, o)]
    for order in fitting:
        if [info.trainable for info in infos] == _placed(trained, order):
            return order
    if orders[0] in fitting:
        return orders[0]
    if len(set(shapes)) == len(shapes) and set(shapes) <= set(given):
        # Keras keeps more (a counter).
        return [given.index(s) for s in shapes]
    return None


def _placed(values: Sequence[T], order: Sequence[int]) -> list[T]:
    """Return values where an order puts them."""
    return [v for _, v in sorted(zip(order, values, strict=True), key=lambda p: p[0])]


def moved(value: ir.Value, array: Array) -> Array:
    """Return what belongs to a variable with its axes where the weight has them."""
    for kind, numbers in json.loads(value.metadata_props.get(MOVES, "[]")):
        array = array.transpose(numbers) if kind == "axes" else array.reshape(numbers)
    return array


def producers(graph: ir.Graph) -> list[str]:
    """Return for each output its name, or that of the layer that makes it."""
    made: dict[ir.Value, str] = {}
    for value in graph.inputs:
        made[value] = str(value.metadata_props.get("keras_name", value.name))
    ends = {node for v in graph.outputs if (node := v.producer()) is not None}
    # Taking the whole graph apart is for operators, which may be one together.
    known = map(from_node, ends) if all(map(is_layer, ends)) else calls(graph)
    for call in known:
        made.update(dict.fromkeys(call.outputs, call.layer.name))
    for value in graph.outputs:
        # A model that returns a dict names them.
        if "keras_name" in value.metadata_props:
            made[value] = str(value.metadata_props["keras_name"])
    return [made.get(value, str(value.name)) for value in graph.outputs]


def ambiguous_biases(model: ir.Model) -> list[str]:
    """Return the channels-first layers whose last axis is as long as their bias.

    Keras 3 on TensorFlow takes it for the axis of the bias (``add`` in
    keras/src/backend/tensorflow/numpy.py, 3.15).
    """
    found: dict[str, None] = {}
    for call, _ in _calls(model.graph, True, wrappers=True):
        layer = call.layer
        first = getattr(layer, "data_format", None) == "channels_first"
        if not first or not getattr(layer, "use_bias", False):
            continue
        shape = shape_of(call.outputs[0])
        if len(shape) > 2 and shape[1] == shape[-1] and shape[1] != 1:
            found[call.path] = None
    return list(found)


def _calls(
    graph: ir.Graph, moves: bool, *, wrappers: bool = False
) -> Iterator[tuple[LayerNode, bool]]:
    """Iterate over calls and whether their weights may move, nested models included."""
    for call in calls(graph):
        own = moves and call.layer.trainable
        yield call, own
        inside = wrappers or isinstance(call.layer, Functional)
        if call.body is not None and inside:
            yield from _calls(call.body, own, wrappers=wrappers)


def _add_weights(layer: GraphLayer, call: LayerNode, moves: bool) -> None:
    shapes = [shape_of(v) for v in call.inputs]
    declared = {w.name: w.trainable for w in call.layer.weights(*shapes)}
    for name, value in call.weights.items():
        if value in layer.weights:
            continue
        layer.weights.append(value)
        if moves and declared.get(name, True):
            layer.trainable.append(value)


def _size(value: ir.Value) -> int:
    return math.prod(n or 0 for n in shape_of(value))
