"""Models and layers → configs as Keras 3.15 writes them, and back.

What Keras reads is written: ``module``, ``class_name``, ``config``,
``registered_name``, ``build_config``, and for each layer of a functional model its
``name`` and ``inbound_nodes``. Back it goes through :mod:`keras2torch.reading`, which
knows every version's way of writing, so that a file's config and a script's are one.

Sources: ``keras/src/models/functional.py``, ``sequential.py`` and
``saving/serialization_lib.py`` (3.15).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch

from keras2torch import serialization, tree
from keras2torch.layers.applications import HOMES
from keras2torch.layers.base import OF_FILES, REGISTRY, to_config
from keras2torch.layers.base import Layer as Definition
from keras2torch.models.builtin import BuiltIn
from keras2torch.models.keras_arguments import (
    BUILT_AT_ONCE,
    BUILT_FOR_NOTHING,
    EXTRA,
    LEFT_OUT,
    PLAIN_DTYPE,
    stated,
)
from keras2torch.models.layer import Layer
from keras2torch.models.naming import policy_name
from keras2torch.models.operation_homes import OPERATION_HOMES
from keras2torch.models.operations import HeldOperation
from keras2torch.models.symbolic import InputLayer, KerasTensor, Node, Operation
from keras2torch.spelling import snake_case

Config = dict[str, Any]

# A name that other layers have for an argument of today.
_OLDER_OF = {"BatchNormalization": ("mode",)}
_OF_LAYER = ("name", "trainable", "dtype", "activity_regularizer")

_OBJECTS = ("_initializer", "_regularizer", "_constraint")
KERAS_VERSION = "3.15.1"


# -------------------------------------------------------------------- one layer
# What comes out of them are integers, and Keras' policy says so.
_BINS = ("HashedCrossing", "Hashing")


def layer_config(layer: BuiltIn) -> Config:
    """Return the arguments of one of Keras' layers as its ``get_config`` has them."""
    kind = type(layer.definition).__name__
    config = _of_layer(kind, layer.name, layer.trainable, layer.dtype_policy)
    config |= definition_config(kind, to_config(layer.definition))
    if kind in _BINS and config["output_mode"] == "int":
        # Keras refuses them in floats.
        config["dtype"] = "int64" if kind in PLAIN_DTYPE else policy("int64")
    if kind in (*BUILT_FOR_NOTHING, "TextVectorization"):
        # A lookup says its size once it has terms, a TextVectorization always.
        known = kind == "TextVectorization" or layer.definition.vocabulary is not None
        config["vocabulary_size"] = layer.vocabulary_size() if known else None
    for field, value in layer._objects.items():
        config[field] = serialization.serialize_keras_object(value)
    if layer._after_call is not None:
        config["activation"] = serialization.serialize_keras_object(layer._after_call)
    if layer._regularizer is not None and "activity_regularizer" not in LEFT_OUT.get(
        kind, ()
    ):
        config["activity_regularizer"] = written(
            "activity_regularizer", layer.activity_regularizer
        )
    if layer.inner_model is not None:
        config["layer"] = serialized(layer.inner_model)
    return config


def _of_layer(kind: str, name: str, trainable: bool, dtype: Any) -> Config:
    found: Config = {"name": name, "trainable": trainable, "dtype": policy(dtype)}
    if kind in PLAIN_DTYPE:
        found["dtype"] = found["dtype"]["config"]["name"]
    return {k: v for k, v in found.items() if k not in LEFT_OUT.get(kind, ())}


def definition_config(kind: str, fields: Mapping[str, Any]) -> Config:
    """Return a definition's fields as Keras writes them."""
    config: Config = {}
    for key, value in fields.items():
        if key in _OF_LAYER or key in LEFT_OUT.get(kind, ()):
            continue
        if key in (*OF_FILES, *_OLDER_OF.get(kind, ())):
            # Keras 3 has no such argument, and refuses the file: better so than
            # another result in silence. At its usual value it is nothing.
            if value != getattr(REGISTRY[kind], key, None):
                config[key] = value
            continue
        config[key] = written(key, stated(kind, key, fields))
    if kind == "Bidirectional":
        _both_ways(config)
    return config | {k: v for k, v in EXTRA.get(kind, {}).items() if k not in config}


def _both_ways(config: Config) -> None:
    """Say both layers by the names that Keras gives them."""
    forward = config["layer"]["config"]
    name = str(forward["name"]).removeprefix("forward_")
    forward["name"] = f"forward_{name}"
    if config["backward_layer"] is None:
        backwards = not forward["go_backwards"]
        other = forward | {"name": f"backward_{name}", "go_backwards": backwards}
        config["backward_layer"] = config["layer"] | {"config": other}


def written(field: str, value: Any) -> Any:
    """Return the value of an argument as Keras writes it."""
    from keras2torch import constraints, initializers, regularizers

    if field.endswith("activation"):
        return _activation(value)
    for ending, module in zip(
        _OBJECTS, (initializers, regularizers, constraints), strict=True
    ):
        if field.endswith(ending):
            return serialization.serialize_keras_object(module.get(value))
    if isinstance(value, Definition):
        value = {"class_name": type(value).__name__, "config": to_config(value)}
    if isinstance(value, Mapping):
        if value.get("class_name") in REGISTRY:
            return _inner(value)
        return {str(k): written("", v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [written("", v) for v in value]
    return serialization.serialize_keras_object(value)


def _activation(value: Any) -> Any:
    if value is None:
        return "linear"
    if isinstance(value, Mapping):
        if value.get("class_name") in REGISTRY:
            return _inner(value)
        return dict(value)
    return (
        value if isinstance(value, str) else serialization.serialize_keras_object(value)
    )


def _inner(value: Mapping[str, Any]) -> Config:
    """Return a layer within a layer, given as a definition's config."""
    kind = str(value["class_name"])
    fields = dict(value.get("config") or {})
    definition = REGISTRY[kind]
    full = {k: v for k, v in _defaults(definition).items() if k not in fields} | fields
    name = str(fields.get("name") or snake_case(kind))
    trainable = bool(fields.get("trainable", True))
    config = _of_layer(kind, name, trainable, fields.get("dtype"))
    config |= definition_config(kind, full)
    if (activity := fields.get("activity_regularizer")) is not None:
        config["activity_regularizer"] = written("activity_regularizer", activity)
    return _entry("keras.layers", kind, config)


def _defaults(definition: type[Definition]) -> Config:
    return {
        f.name: f.default
        for f in dataclasses.fields(definition)
        if f.init and f.default is not dataclasses.MISSING
    }


def policy(given: Any) -> Config:
    """Return a dtype policy as Keras writes it."""
    name = "float32" if given is None or given == "" else policy_name(given)
    return _entry("keras", "DTypePolicy", {"name": name})


def _entry(module: str | None, name: str, config: Any) -> Config:
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": None,
    }


class _Met:
    """Which layers were written so far, and which stand in several places."""

    def __init__(self, shared: frozenset[int] = frozenset()) -> None:
        self.times: Counter[int] = Counter()
        self.shared = shared


_MET: ContextVar[_Met | None] = ContextVar("met", default=None)


def serialized(layer: Any) -> Config:
    """Return a layer, model, operation or input as Keras writes it.

    A layer that stands in several places, in a model and in another inside it, gets
    a number: so it is one again when the file is read.
    """
    met = _MET.get()
    if met is not None:
        met.times[id(layer)] += 1
        found = _serialized(layer)
        if id(layer) in met.shared:
            found["shared_object_id"] = id(layer)
        return found
    token = _MET.set(first := _Met())
    try:
        found = _serialized(layer)
        twice = frozenset(key for key, times in first.times.items() if times > 1)
        if twice:
            _MET.set(_Met(twice))
            found = _serialized(layer)
        return found
    finally:
        _MET.reset(token)


def _serialized(layer: Any) -> Config:
    from keras2torch.models.model import Model
    from keras2torch.models.sequential import Sequential

    if isinstance(layer, InputLayer):
        return _entry("keras.layers", "InputLayer", input_config(layer))
    if isinstance(layer, Operation) or _is_of_keras(layer):
        return _operation(layer)
    kind = type(layer)
    module = None if kind.__module__ == "__main__" else kind.__module__
    if registered := serialization._CUSTOM_NAMES.get(kind):
        found = _entry(module, kind.__name__, layer.get_config())
        found["registered_name"] = registered
    elif kind is Sequential:
        found = _entry("keras", "Sequential", layer.get_config())
    elif kind is Model and layer._call_graph is not None:
        found = _entry("keras.src.models.functional", "Functional", layer.get_config())
        found["registered_name"] = "Functional"
    elif kind.__module__ in ("keras2torch.layers", "keras2torch.models.others"):
        found = _entry("keras.layers", kind.__name__, layer.get_config())
    elif kind.__module__ == "keras2torch.applications.own_layers":
        found = _entry(HOMES[kind.__name__], kind.__name__, layer.get_config())
        found["registered_name"] = kind.__name__
    else:
        found = _entry(module, kind.__name__, layer.get_config())
        found["registered_name"] = kind.__name__
    found["config"] = plain(found["config"])
    built = build_config(layer)
    if built is not None:
        found["build_config"] = built
    if isinstance(layer, Model):
        compiled = layer.get_compile_config()
        found["compile_config"] = plain(compiled or {})
    return found


def input_config(layer: InputLayer) -> Config:
    """Return the arguments of the place where a batch comes in."""
    return {
        "batch_shape": list(layer.batch_shape),
        "dtype": layer.dtype,
        "sparse": False,
        "ragged": False,
        "name": layer.name,
        "optional": False,
    }


def build_config(layer: Any) -> Config | None:
    """Return the shapes that a layer was built for, as Keras keeps them."""
    own = getattr(layer, "get_build_config", None)
    if own is not None:
        made: Config | None = plain(own())
        return made
    return None


def usual_build_config(layer: Any) -> Config | None:
    """Return what a layer was built for, where its class says nothing of its own."""
    network = getattr(layer, "_call_graph", None)
    if network is not None:
        sequential = hasattr(layer, "_stack")
        return {"input_shape": list(layer.input_shape) if sequential else None}
    kind = type(getattr(layer, "definition", layer)).__name__
    if kind in BUILT_AT_ONCE:
        return None
    if kind in BUILT_FOR_NOTHING:
        return {}
    shapes = layer.__dict__.get("_build_shapes")
    if shapes is None and isinstance(layer, BuiltIn) and layer._inbound_nodes:
        shapes = _shapes_of(layer, layer._inbound_nodes[0])
    if not shapes:
        return None
    packs = isinstance(layer, BuiltIn) and layer.definition.packs
    if len(shapes) == 1 or packs:  # A cell is built for its input alone.
        return {"input_shape": plain(next(iter(shapes.values())))}
    return {"shapes_dict": plain(shapes)}


def _shapes_of(layer: BuiltIn, node: Node) -> Config:
    names = layer.definition.arguments
    given = dict(zip(names, node.args, strict=False))
    shapes = tree.map_structure(
        lambda t: list(t.shape) if isinstance(t, KerasTensor) else None,
        {k: v for k, v in given.items() if tree.leaves([v])},
    )
    return {f"{k}_shape": v for k, v in shapes.items()}


# --------------------------------------------------------------------- functional
def functional_config(model: Any) -> Config:
    """Return layers, calls, inputs and outputs of a model of symbolic tensors."""
    from keras2torch.models.sequential import Sequential

    network = model._call_graph
    inside = {id(n) for n in network.nodes}
    number: dict[int, int] = {}
    for operation in network.operations:
        nodes = [n for n in operation._inbound_nodes if id(n) in inside]
        for i, node in enumerate(nodes):
            number[id(node)] = i
    entries: dict[int, InputLayer] = {}
    layers: list[Config] = []
    for i, tensor in enumerate(tree.flatten(model._inputs_struct)):
        if tensor.node is None or not tensor.node.is_input:
            # A model may begin at any tensor: it gets an input of its own there.
            name = f"{tensor.name or 'input'}_{i}"
            entries[id(tensor)] = InputLayer(
                batch_shape=tensor.shape, dtype=tensor.dtype, name=name
            )

    def history(tensor: KerasTensor) -> list[Any]:
        if id(tensor) in entries:
            return [entries[id(tensor)].name, 0, 0]
        assert tensor.node is not None
        at = number.get(id(tensor.node), 0)
        return [tensor.node.operation.name, at, tensor.index]

    def end(tensor: KerasTensor) -> list[Any]:
        name, at, index = history(tensor)
        inner = tensor.node.operation if tensor.node is not None else None
        # Keras counts a node of its own for a functional model inside.
        functional = getattr(inner, "_call_graph", None) is not None
        if functional and not isinstance(inner, Sequential):
            at += int(id(tensor) not in entries)
        return [name, at, index]

    for entry in entries.values():
        layers.append(serialized(entry) | {"name": entry.name, "inbound_nodes": []})
    for operation in network.operations:
        calls = [
            _call(_said(n), history)
            for n in operation._inbound_nodes
            if id(n) in inside and not n.is_input
        ]
        found = serialized(operation)
        if isinstance(operation, Operation) or _is_of_keras(operation):
            found, calls = _with_options(found, calls)
        layers.append(found | {"name": operation.name, "inbound_nodes": calls})
    return {
        "name": model.name,
        "trainable": model._trainable,
        "layers": layers,
        "input_layers": _ends(model._inputs_struct, end),
        "output_layers": _ends(model._outputs_struct, end),
    }


def _ends(struct: Any, end: Any) -> Any:
    return tree.map_structure(end, struct)


def _call(node: Node, history: Any) -> Config:
    def value(given: Any) -> Any:
        if isinstance(given, KerasTensor):
            config = {
                "shape": list(given.shape),
                "dtype": given.dtype,
                "keras_history": history(given),
            }
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(given, Mapping):
            return {str(k): value(v) for k, v in given.items()}
        if isinstance(given, (list, tuple)):
            return [value(v) for v in given]
        return plain(given)

    return {"args": value(_arguments(node)), "kwargs": value(dict(node.kwargs))}


def _arguments(node: Node) -> list[Any]:
    """Return what a call was given, to a model in the structure of its inputs."""
    struct = getattr(node.operation, "_inputs_struct", None)
    args = list(node.args)
    if struct is None or not node.operation.is_written:
        return args
    flat = tree.flatten(args[0])
    return [tree.pack(struct, flat) if tree.is_nested(struct) else flat[0], *args[1:]]


def _operation(operation: Any) -> Config:
    held = isinstance(operation, HeldOperation)
    kind = operation.kind_of_op if held else operation.kind
    home = OPERATION_HOMES.get(kind, "numpy")
    found = _entry(f"keras.src.ops.{home}", kind, {"name": operation.name})
    found["registered_name"] = kind
    return found


def _is_of_keras(layer: Any) -> bool:
    """Whether it is one of Keras' operations, which a model holds as a module."""
    from keras2torch.ops.base import OPERATIONS

    if not isinstance(layer, HeldOperation):
        return False
    return layer.function is OPERATIONS.get(layer.kind_of_op)


def _said(node: Node) -> Node:
    """Return a call with the arguments that Keras writes down for it."""
    if not _is_of_keras(node.operation):
        return node
    args, options = node.operation.arguments
    return Node(node.operation, tuple(args), dict(options))


def _with_options(found: Config, calls: list[Config]) -> tuple[Config, list[Config]]:
    """Put what is no tensor among the operation's own arguments, where Keras has it."""
    options: Config = {}
    for call in calls:
        for key, value in list(call["kwargs"].items()):
            if not _has_tensor(value):
                options[key] = call["kwargs"].pop(key)
    return found | {"config": found["config"] | options}, calls


def _has_tensor(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("class_name") == "__keras_tensor__" or any(
            _has_tensor(v) for v in value.values()
        )
    return isinstance(value, list) and any(_has_tensor(v) for v in value)


def sequential_config(model: Any) -> Config:
    """Return the layers of a stack, its input first if that is known."""
    layers = [serialized(layer) for layer in model._stack]
    config: Config = {
        "name": model.name,
        "trainable": model._trainable,
        "dtype": policy(model.dtype_policy),
        "layers": layers,
    }
    if model._entry is not None:
        layers.insert(0, serialized(model._entry))
        config["build_input_shape"] = list(model._entry.batch_shape)
    return config


# ------------------------------------------------------------------------- values
def plain(value: Any) -> Any:
    """Return a value as JSON can hold it, the way Keras writes it."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, slice):
        ends = {k: plain(getattr(value, k)) for k in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": ends}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return value
    if isinstance(value, (Layer, InputLayer, Operation)):
        return serialized(value)
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    return plain(serialization.serialize_keras_object(value))


# --------------------------------------------------------------------------- back
def model_from_config(cls: Any, config: Mapping[str, Any], custom_objects: Any) -> Any:
    """Make a model from what ``get_config`` returned, or what a file has.

    Parameters
    ----------
    cls
        ``Model``, ``Sequential`` or a subclass of theirs.
    config
        ``{"name": …, "layers": …}``.
    custom_objects
        Name → class or function, besides what is registered.
    """
    from keras2torch.models.rebuilding import rebuilt
    from keras2torch.models.sequential import Sequential

    kind = "Sequential" if issubclass(cls, Sequential) else "Functional"
    given = {"class_name": kind, "config": plain(config)}
    return rebuilt(given, custom_objects, cls=cls)
