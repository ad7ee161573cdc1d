"""The graph as a Keras model again: the reference where no Keras loads the file.

:func:`keras_config` writes the config of a functional model that Keras 3 (or, where
only Keras 2 computes the same, tf_keras) loads, :func:`keras_weights` the arrays that
belong into it. Neither imports Keras: the worker builds the model from both.

Nothing that only matters in training travels: initializers, regularizers, constraints.
Arguments at their defaults are left out, so that Keras' own defaults stand in the
reference and a wrong default in a definition shows as a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.dialect import LayerNode, dtype_of, from_node, is_layer, shape_of
from keras2torch.errors import VerificationUnavailable
from keras2torch.layers.applications import APPLICATIONS
from keras2torch.layers.definitions import (
    REGISTRY,
    Functional,
    Layer,
    from_config,
    to_config,
)
from keras2torch.layers.legacy import KERAS_1_ONLY
from keras2torch.layers.replaced import Replaced
from keras2torch.layers.wrappers import TimeDistributed

Library = Literal["keras", "tf_keras"]
Config = dict[str, Any]

# Computed by Keras 2 alone; Keras 3 has no layer or function that does the same.
_KERAS2_FUNCTIONS = {"hard_sigmoid_keras2": "hard_sigmoid"}
_KERAS2_LAYERS = frozenset(
    {
        "LocallyConnected1D",
        "LocallyConnected2D",
        "RandomHeight",
        "RandomWidth",
        "ThresholdedReLU",
    }
)
# What Keras 3 resizes no more by.
_KERAS2_INTERPOLATIONS = ("gaussian", "mitchellcubic")
# The same arithmetic without a GPU, and how many gates it has.
_CUDNN = {"CuDNNLSTM": ("LSTM", 4), "CuDNNGRU": ("GRU", 3)}
# Argument names that Keras 3 changed: today's → tf_keras'.
_KERAS2_ARGUMENTS = {"LeakyReLU": {"negative_slope": "alpha"}}
# What Keras reads from a config without a default.
_EXPECTED = {
    "Activation": ("activation",),
    "Rescaling": ("offset",),
    "TextVectorization": ("standardize", "split", "ngrams"),
}
_KERAS2_SHAPES = {
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape"),
}
# What only Keras before it became tf.keras computed.
_KERAS_BY_ITSELF = (
    ("cuts", True),
    ("zero_masked", False),
    ("interpolation", "bilinear_keras2"),
)
# Our own, which say what an older Keras did with masks.
_OURS = ("name", "fills_empty", "forgets_mask", "keeps_axis", "keeps_masks", "keras2")
# Whose arguments of Keras 1 are another class of the worker's.
_KERAS1_CLASSES = {
    "BatchNormalization": "Keras1BatchNormalization",
    "Conv2DTranspose": "Keras1Deconvolution2D",
}
_TRAINING_ONLY = ("_initializer", "_regularizer", "_constraint")


@dataclass(frozen=True)
class Rebuilt:
    """What the worker's ``rebuild`` takes.

    Attributes
    ----------
    config
        ``{"class_name": "Functional", "config": …}``.
    weights
        ``"<layer path>/<index in layer.weights>"`` → array.
    keras
        Which Keras has to build it.
    paths
        A layer's path in the graph → its path in the rebuilt model (Keras 3 takes no
        slash in a layer's name).
    """

    config: Config
    weights: dict[str, npt.NDArray[Any]]
    keras: Library
    paths: dict[str, str]


def rebuilt(model: ir.Model, keras: Library | None = None) -> Rebuilt:
    """Return everything that the worker needs to build the model again.

    Parameters
    ----------
    model
        A graph of the ``keras`` domain, with its weights.
    keras
        Which Keras shall build it; the one that :func:`keras_needed` names if not
        given.

    Raises
    ------
    VerificationUnavailable
        For a graph that holds more than Keras layers, and for masks that Keras would
        not carry as the graph does.
    """
    keras = keras or keras_needed(model)
    writer = _Writer(keras)
    config = writer.model(model.graph)
    return Rebuilt(config, writer.weights, keras, writer.paths)


def keras_needed(model: ir.Model) -> Library:
    """Return which Keras computes what the graph says."""
    for node in _all_nodes(model.graph):
        call = from_node(node)
        layer = call.layer
        # Both compute the same where there is no mask.
        by_mask = getattr(layer, "keras2", False) and any(call.masks)
        resizes = node.op_type == "RandomCrop" and getattr(layer, "keras2", False)
        if node.op_type in _KERAS2_LAYERS or by_mask or resizes:
            return "tf_keras"
        if of_keras_1(layer.inner if isinstance(layer, TimeDistributed) else layer):
            return "tf_keras"
        if getattr(layer, "interpolation", None) in _KERAS2_INTERPOLATIONS:
            return "tf_keras"
        if _mentions(to_config(layer), _KERAS2_FUNCTIONS):
            return "tf_keras"
    return "keras"


def of_keras_1(layer: Layer) -> bool:
    """Whether no Keras of today computes a layer; the worker has its formula."""
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        return bool(getattr(layer, "mode", 0))
    if kind == "Conv2DTranspose":
        return getattr(layer, "sizes", None) is not None or (
            getattr(layer, "padding", "") == "half"
        )
    return kind in KERAS_1_ONLY


def keras_config(model: ir.Model) -> Config:
    """Return the config of the functional model that the graph describes."""
    return rebuilt(model).config


def keras_weights(model: ir.Model) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays by ``"<layer path>/<index in layer.weights>"``."""
    return rebuilt(model).weights


def _all_nodes(graph: ir.Graph) -> Iterator[ir.Node]:
    for node in graph:
        if not is_layer(node):
            raise VerificationUnavailable(
                f"the graph holds the ONNX operator {node.op_type!r}, "
                "which no Keras layer stands for"
            )
        yield node
        if (body := node.attributes.get("_body")) is not None:
            yield from _all_nodes(body.as_graph())


def _mentions(value: Any, words: Mapping[str, str]) -> bool:
    if isinstance(value, Layer):
        return _mentions(to_config(value), words)
    if isinstance(value, Mapping):
        return any(_mentions(v, words) for v in value.values())
    if isinstance(value, (list, tuple)):
        return any(_mentions(v, words) for v in value)
    return isinstance(value, str) and value in words


@dataclass(frozen=True)
class _Place:
    """Where Keras finds a tensor: which output of which call of which layer."""

    layer: str
    call: int
    output: int
    value: ir.Value

    def history(self) -> list[Any]:
        return [self.layer, self.call, self.output]

    def keras3(self) -> Config:
        config = {
            "shape": list(shape_of(self.value)),
            "dtype": dtype_of(self.value),
            "keras_history": self.history(),
        }
        return {"class_name": "__keras_tensor__", "config": config}


@dataclass
class _Graph:
    """One model while it is written."""

    prefix: str
    layers: dict[str, Config] = field(default_factory=dict)
    places: dict[ir.Value, _Place] = field(default_factory=dict)
    masks: dict[ir.Value, ir.Value] = field(default_factory=dict)
    # Values that have no mask any more when the model runs.
    stripped: set[ir.Value] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)


class _Writer:
    def __init__(self, keras: Library) -> None:
        self._keras3 = keras == "keras"
        self.weights: dict[str, npt.NDArray[Any]] = {}
        self.paths: dict[str, str] = {}

    # -- graphs
    def model(
        self, graph: ir.Graph, prefix: str = "", call: LayerNode | None = None
    ) -> Config:
        """Return the config of a graph; ``call`` is that of a model inside."""
        work = _Graph(prefix)
        inputs = list(graph.inputs)
        if call is not None:
            inputs, masks = inputs[: len(call.inputs)], inputs[len(call.inputs) :]
            masked = [x for x, m in zip(inputs, call.masks, strict=True) if m]
            work.masks.update(zip(masked, masks, strict=True))
        for value in inputs:
            self._input(work, value)
        for node in graph:
            if not is_layer(node):
                raise VerificationUnavailable(
                    f"the graph holds the ONNX operator {node.op_type!r}, "
                    "which no Keras layer stands for"
                )
            self._call(work, from_node(node))
        outs = [self._place(work, v).history() for v in graph.outputs]
        ins = [work.places[v].history() for v in inputs]
        single = self._keras3 and len(ins) == 1
        config: Config = {
            "name": _plain(graph.name or "model"),
            "trainable": True,
            "layers": list(work.layers.values()),
            "input_layers": ins[0] if single else ins,
            "output_layers": outs[0] if self._keras3 and len(outs) == 1 else outs,
        }
        if call is not None:
            config["name"] = work.prefix.rstrip("/").rpartition("/")[2]
            config["trainable"] = call.layer.trainable
        return self._entry("Functional", config, module="keras.src.models.functional")

    def _input(self, work: _Graph, value: ir.Value) -> None:
        name = _unique(
            _plain(str(value.metadata_props.get("keras_name", value.name))), work.names
        )
        shape, dtype = list(shape_of(value)), dtype_of(value)
        key = "batch_shape" if self._keras3 else "batch_input_shape"
        config = {key: shape, "dtype": dtype, "name": name}
        work.layers[name] = {
            **self._entry("InputLayer", config),
            "name": name,
            "inbound_nodes": [],
        }
        work.names[name] = name
        work.places[value] = _Place(name, 0, 0, value)

    def _place(self, work: _Graph, value: ir.Value) -> _Place:
        if value not in work.places:
            raise VerificationUnavailable(
                f"the mask {value.name!r} is used where Keras would not carry it"
            )
        return work.places[value]

    # -- calls
    def _call(self, work: _Graph, node: LayerNode) -> None:
        name = work.names.get(node.path)
        if name is None:
            name = _unique(_plain(node.layer.name), work.names)
            work.names[node.path] = name
            work.layers[name] = self._layer(work, node, name)
        inbound = work.layers[name]["inbound_nodes"]
        call = len(inbound)
        if not self._keras3 and isinstance(node.layer, Functional):
            call += 1  # In Keras 2 a model's own construction is its first node.
        arguments = self._mask_arguments(work, node)
        inbound.append((self._node3 if self._keras3 else self._node2)(work, node))
        if arguments:
            self._add_arguments(inbound[-1], arguments)
        for k, value in enumerate(node.outputs):
            work.places[value] = _Place(name, call, k, value)
        self._carry_mask(work, node)
        self._follow_stripped(work, node)

    def _node3(self, work: _Graph, node: LayerNode) -> Config:
        tensors = [self._place(work, v).keras3() for v in node.inputs]
        args: list[Any] = [*tensors] if _spread(node) else [tensors]
        if node.layer.packs:
            args = [tensors[0], tensors[1:]]
        kwargs: Config = dict(node.options)
        for key, value in node.named.items():
            kwargs[key] = self._place(work, value).keras3()
        if node.states:
            kwargs["initial_state"] = [
                self._place(work, v).keras3() for v in node.states
            ]
        return {"args": args, "kwargs": kwargs}

    def _node2(self, work: _Graph, node: LayerNode) -> list[Any]:
        places = [self._place(work, v).history() for v in node.inputs]
        kwargs: Config = dict(node.options)
        if len(node.layer.arguments) > 1:
            kwargs.update(zip(node.layer.arguments[1:], places[1:], strict=False))
            places = places[:1]
        for key, value in node.named.items():
            kwargs[key] = self._place(work, value).history()
        if node.states:
            kwargs["initial_state"] = [
                self._place(work, v).history() for v in node.states
            ]
        return [[*place, kwargs] for place in places]

    def _add_arguments(self, inbound: Any, arguments: Mapping[str, Any]) -> None:
        if isinstance(inbound, dict):
            inbound["kwargs"].update(arguments)
            return
        for entry in inbound:
            entry[3].update(arguments)

    # -- masks
    def _mask_arguments(self, work: _Graph, node: LayerNode) -> Config:
        """Return the masks to write: those that Keras would not find by itself."""
        if node.layer.masking != "use" or isinstance(node.layer, Functional):
            return {}
        implicit = [work.masks.get(v) for v in node.inputs]
        if node.layer.strips_masks():
            pairs = zip(node.inputs, implicit, strict=True)
            implicit = [None if v in work.stripped else m for v, m in pairs]
        given = node.masks or [None] * len(node.inputs)
        if all(a is b for a, b in zip(implicit, given, strict=True)):
            return {}
        if any(
            a is not None and b is None for a, b in zip(implicit, given, strict=True)
        ):
            raise VerificationUnavailable(
                f"layer {node.path!r} ignores a mask that Keras would carry to it"
            )

        def text(value: ir.Value | None) -> Any:
            if value is None:
                return None
            place = self._place(work, value)
            return place.keras3() if self._keras3 else place.history()

        if len(node.layer.arguments) > 1:
            named = zip(node.layer.arguments, implicit, given, strict=False)
            return {f"{a}_mask": text(m) for a, i, m in named if m is not i}
        masks = [text(m) for m in given]
        return {"mask": masks[0] if _spread(node) else masks}

    def _carry_mask(self, work: _Graph, node: LayerNode) -> None:
        """Follow a mask as Keras carries ``_keras_mask`` from input to output."""
        if node.mask is not None:
            work.masks[node.outputs[0]] = node.mask
            return
        layer = node.layer
        mask = work.masks.get(node.inputs[0]) if node.inputs else None
        if layer.masking == "use":
            mask = node.masks[0] if node.masks and layer.passes_mask() else None
        elif layer.masking == "stop":
            mask = None
        if mask is not None:
            for value in node.outputs[: layer.masked_outputs()]:
                work.masks[value] = mask

    def _follow_stripped(self, work: _Graph, node: LayerNode) -> None:
        """Follow where Keras 3 has no mask any more when the model runs."""
        layer = node.layer
        source = work.masks.get(node.inputs[0]) if node.inputs else None
        if layer.strips_masks() and source is not None:
            work.masks[node.outputs[0]] = source
        if not layer.told_masks() and work.stripped & set(node.inputs):
            work.stripped |= set(node.outputs)
        if layer.strips_masks():
            work.stripped |= set(node.inputs)

    # -- layers
    def _layer(self, work: _Graph, node: LayerNode, name: str) -> Config:
        path = f"{work.prefix}{name}"
        self.paths[node.path] = path
        if isinstance(node.layer, Replaced):
            raise VerificationUnavailable(
                f"layer {node.path!r} ({node.layer.class_name}) has a PyTorch "
                "replacement, and its Keras class is needed to compare them: "
                "--custom-objects my_layers.py"
            )
        if isinstance(node.layer, Functional):
            if node.body is None:
                raise VerificationUnavailable(f"the model {node.path!r} has no graph")
            entry = self.model(node.body, f"{path}/", node)
        else:
            inner = self._inside(node, path) if node.body is not None else None
            entry = self._definition(node.layer, name, inner)
            if inner is None:
                for i, (weight, value) in enumerate(node.weights.items()):
                    array = _from_cudnn(node.layer, weight, _array(value))
                    self.weights[f"{path}/{i}"] = array
        return {**entry, "name": name, "inbound_nodes": []}

    def _inside(self, node: LayerNode, path: str) -> Config:
        """Return the config of the model in a wrapper, which is one layer to Keras."""
        assert node.body is not None
        inner = _Writer("keras" if self._keras3 else "tf_keras")
        calls = [from_node(n) for n in _all_nodes(node.body)]
        if any(len(call.inputs) != 1 for call in calls):
            # The order of its weights follows the depth of its layers.
            raise VerificationUnavailable(
                f"the model inside {node.path!r} is more than a stack of layers"
            )
        bare = LayerNode(Functional(name=f"{node.layer.name}_model"), path, node.inputs)
        bare.masks = [None] * len(node.inputs)
        config = inner.model(node.body, f"{path}_model/", bare)
        values: dict[ir.Value, bool] = {}
        for call in calls:
            moves = {
                w.name: w.trainable and call.layer.trainable for w in _declared(call)
            }
            values.update({v: moves[k] for k, v in call.weights.items()})
        ordered = list(values)
        if not self._keras3:
            ordered = sorted(values, key=lambda v: not values[v])
        for i, value in enumerate(ordered):
            self.weights[f"{path}/{i}"] = _array(value)
        return config

    def _definition(
        self, layer: Layer, name: str | None = None, inner: Config | None = None
    ) -> Config:
        """Return the config of a layer, without what only matters in training."""
        kind = type(layer).__name__
        renamed = {} if self._keras3 else _KERAS2_ARGUMENTS.get(kind, {})
        defaults = to_config(type(layer)(**_required(layer)))
        config: Config = {}
        for key, value in to_config(layer).items():
            if key.endswith(_TRAINING_ONLY) or key in _OURS:
                continue
            if (key, value) in _KERAS_BY_ITSELF:
                raise VerificationUnavailable(
                    f"layer {layer.name!r} computes what only an older Keras did "
                    f"({key}={value!r})"
                )
            if key == "dtype" and value in ("float16", "bfloat16"):
                # The weights of normalizations are float32 in some versions.
                value = f"mixed_{value}"
            same = type(value) is type(defaults[key]) and value == defaults[key]
            expected = key in _required(layer) or key in _EXPECTED.get(kind, ())
            if not same or expected:
                config[renamed.get(key, key)] = self._value(value)
        if name or layer.name:
            config["name"] = name or _plain(layer.name)
        if inner is not None:
            config["layer"] = inner
        if not self._keras3:
            config.update(dict.fromkeys(_KERAS2_SHAPES.get(kind, ())))
        if of_keras_1(layer):
            kind = _KERAS1_CLASSES.get(kind, kind)
            if config.get("padding") == "half" or (
                getattr(layer, "sizes", None)
                and (config.get("data_format") == "channels_first")
            ):
                raise VerificationUnavailable(
                    f"layer {layer.name!r} computes what only Keras 1 on Theano did"
                )
        return self._entry(_CUDNN.get(kind, (kind, 0))[0], config)

    def _value(self, value: Any) -> Any:
        """Return a value of a config; layers in it in this Keras' form."""
        if isinstance(value, Layer):
            return self._definition(value)
        if isinstance(value, Mapping):
            kind = value.get("class_name")
            if kind in REGISTRY and isinstance(value.get("config"), Mapping):
                return self._definition(from_config(str(kind), dict(value["config"])))
            return {k: self._value(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._value(v) for v in value]
        if isinstance(value, str) and not self._keras3:
            return _KERAS2_FUNCTIONS.get(value, value)
        return value

    def _entry(
        self, kind: str, config: Config, *, module: str = "keras.layers"
    ) -> Config:
        if not self._keras3:
            return {"class_name": kind, "config": config}
        registered = "Functional" if kind == "Functional" else None
        if kind in APPLICATIONS:
            module, registered = "keras.applications", kind
        return {
            "module": module,
            "class_name": kind,
            "config": config,
            "registered_name": registered,
        }


# ------------------------------------------------------------------------ helpers
def _spread(node: LayerNode) -> bool:
    """Whether the inputs are arguments of their own, not a list in the first one."""
    if getattr(node.layer, "takes_list", False):
        return False
    return len(node.layer.arguments) > 1 or len(node.inputs) == 1


def _from_cudnn(layer: Layer, name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a weight as the layer that is not on cuDNN has it.

    ``_convert_rnn_weights`` of ``tf_keras/src/saving/legacy/hdf5_format.py``.
    """
    inner = getattr(layer, "layer", None)
    named = inner.get("class_name") if isinstance(inner, Mapping) else None
    for known in (type(layer).__name__, type(inner).__name__, named):
        if known not in _CUDNN:
            continue
        role, gates = name.rpartition("/")[2], _CUDNN[known][1]
        if role == "bias":
            halves = array.reshape(2, -1)
            return halves.sum(axis=0) if known == "CuDNNLSTM" else halves
        blocks = np.hsplit(array, gates)
        if role == "kernel":
            return np.hstack([b.T.reshape(b.shape, order="F") for b in blocks])
        return np.hstack([b.T for b in blocks])
    return array


def _declared(call: LayerNode) -> list[Any]:
    return call.layer.weights(*[shape_of(v) for v in call.inputs])


def _required(layer: Layer) -> Config:
    """Return the arguments that have no default."""
    from dataclasses import MISSING, fields

    return {
        f.name: getattr(layer, f.name)
        for f in fields(layer)
        if f.init and f.default is MISSING and f.default_factory is MISSING
    }


def _plain(name: str) -> str:
    """Return a name as Keras 3 takes it: without slashes."""
    return name.replace("/", "_") or "layer"


def _unique(name: str, taken: Mapping[str, str]) -> str:
    used, found, n = set(taken.values()), name, 1
    while found in used:
        found, n = f"{name}_{n}", n + 1
    return found


def _array(value: ir.Value) -> npt.NDArray[Any]:
    if value.const_value is None:
        raise ValueError(f"the weight {value.name!r} has no data")
    return np.asarray(value.const_value.numpy())
