"""A model taken apart → the model, its layers made and called anew.

:mod:`keras2torch.reading` brings every version's config into one form; here its layers
become objects: Keras' own by their definitions, a user's by their classes, which were
handed over or registered. Nothing is imported because a config names it, and a
Lambda's bytecode is not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch import serialization
from keras2torch.errors import Keras2TorchError, UnusableFile
from keras2torch.layers.applications import is_one
from keras2torch.layers.base import REGISTRY, Shape
from keras2torch.models import builtin, classes
from keras2torch.models.layer import Layer
from keras2torch.models.naming import auto_name
from keras2torch.models.operations import written_down
from keras2torch.models.symbolic import Input, KerasTensor, Node, Operation
from keras2torch.reading import configs, operations
from keras2torch.reading.build import RECURRENT, Assembler, Peek, declared_input
from keras2torch.reading.configs import Context
from keras2torch.reading.tensorflow_names import TENSORFLOW
from keras2torch.reading.topology import (
    CallSpec,
    Constant,
    LayerSpec,
    ModelSpec,
    Ref,
    flat,
    mapped,
    model_spec,
    order_of_calls,
)
from keras2torch.reading.versions import Version

Config = dict[str, Any]
TODAY = Version("3.15.1", (3, 15, 1))


def rebuilt(
    config: Mapping[str, Any],
    custom_objects: Any = None,
    *,
    cls: Any = None,
    version: Version = TODAY,
) -> Any:
    """Return the model of a serialized one.

    Parameters
    ----------
    config
        ``{"class_name": "Functional", "config": …}``.
    custom_objects
        Name → class or function, besides what is registered.
    cls
        Class of the outermost model, if it is neither Model nor Sequential.
    version
        Which Keras wrote it.

    Raises
    ------
    ValueError
        For a layer whose class is not known, or a Lambda's bytecode.
    """
    with serialization.CustomObjectScope(custom_objects):
        ctx = Context(version)
        spec = model_spec(config, None, ctx)
        return Rebuilder(ctx, lambda layer: None).model(spec, cls)


def finished(made: Any, config: Mapping[str, Any]) -> Any:
    """Build and compile what was made of a config as the config says, and return it."""
    if not isinstance(made, Layer):
        return made
    if config.get("build_config") and not made.built:
        made.build_from_config(config["build_config"])
    compiling: Any = getattr(made, "compile_from_config", None)
    if config.get("compile_config") and compiling is not None:
        compiling(config["compile_config"])
    return made


class Rebuilder:
    """Makes layers of specs and calls them.

    Parameters
    ----------
    ctx
        Version, as the reading had it.
    peek
        Tells the shape of a layer's first weight in the file, to infer the input of
        a Sequential that declares none.
    """

    def __init__(self, ctx: Context, peek: Peek) -> None:
        self.ctx = ctx
        self.peek = peek
        self._shared: dict[int, Any] = {}

    # -- models
    def model(self, spec: ModelSpec, cls: Any = None) -> Any:
        """Return a model with new weights."""
        return self._stack(spec, cls) if spec.sequential else self._graph(spec, cls)

    def _stack(self, spec: ModelSpec, cls: Any) -> Any:
        from keras2torch.models.sequential import Sequential

        made = (cls or Sequential)(name=spec.name)
        first = spec.layers[0] if spec.layers else None
        layers = [la for la in spec.layers if la.kind != "InputLayer"]
        if first is not None:
            shape, dtype = declared_input(first)
            shape = shape or spec.shape
            if shape is None:
                shape = self._guessed(spec)
            if shape is not None:
                name = first.name if first.kind == "InputLayer" else None
                made.add(Input(batch_shape=shape, dtype=_plain(dtype), name=name))
        for layer in layers:
            made.add(self.layer(layer))
        if not spec.trainable:
            made.trainable = False
        return made

    def _guessed(self, spec: ModelSpec) -> Shape | None:
        try:
            return Assembler(self.ctx.version.major, self.peek).guessed(spec)
        except UnusableFile:
            return None

    def _graph(self, spec: ModelSpec, cls: Any) -> Any:
        from keras2torch.models.model import Model

        layers: dict[str, Any] = {}
        values: dict[Ref, KerasTensor] = {}
        for layer in spec.layers:
            if layer.kind == "InputLayer" and not layer.calls:
                if layer.shape is None:
                    raise UnusableFile(f"input {layer.name!r} declares no shape.")
                values[Ref(layer.name, 0, 0)] = Input(
                    batch_shape=layer.shape, dtype=_plain(layer.dtype), name=layer.name
                )
            elif not operations.is_operation(layer.kind):
                layers[layer.name] = self.layer(layer)
        for layer, number in order_of_calls(spec):
            call = layer.calls[number]
            made = self._called(layer, layers.get(layer.name), call, values)
            for i, tensor in enumerate(_tensors(made)):
                values[Ref(layer.name, number, i)] = tensor
        inputs, outputs = (
            mapped(ends, lambda ref: _value(values, ref, spec))
            for ends in (spec.inputs, spec.outputs)
        )
        if self.ctx.version.major < 3 or _wrapped_alone(spec):
            # A list of one is a lone tensor in files of Keras ≤ 3.3.
            inputs, outputs = _alone(inputs), _alone(outputs)
        model = (cls or Model)(inputs=inputs, outputs=outputs, name=spec.name)
        if not spec.trainable:
            model.trainable = False
        return model

    # -- calls
    def _called(
        self, spec: LayerSpec, layer: Any, call: CallSpec, values: dict[Ref, Any]
    ) -> Any:
        def filled(value: Any) -> Any:
            if isinstance(value, Ref):
                return _value(values, value, spec)
            return value.value if isinstance(value, Constant) else _revived(value)

        args = mapped(call.args, filled)
        kwargs = mapped(call.kwargs, filled)
        if layer is None:
            return _operated(spec, args, kwargs)
        kwargs = {k: v for k, v in kwargs.items() if v is not None}
        if self.ctx.version.major >= 3:
            # Masks that Keras computed stand in the config, and travel here anyway.
            kwargs = {k: v for k, v in kwargs.items() if not _is_made_mask(k, v)}
        elif _is_recurrent(layer) and _begins_masked(args, kwargs):
            # Keras 3 forgets the mask as soon as states are given.
            layer.definition.keras2 = True
        return layer(*args, **kwargs)

    # -- layers
    def layer(self, spec: LayerSpec) -> Any:
        """Return a layer or nested model.

        Raises
        ------
        ValueError
            If its class is not known.
        """
        if spec.shared in self._shared:
            return self._shared[spec.shared]
        made = self._made(spec)
        if spec.shared is not None:
            self._shared[spec.shared] = made
        return made

    def _made(self, spec: LayerSpec) -> Any:
        own = custom_class(spec.given)
        if own is not None:
            return self._own(spec, own)
        if spec.kind == "Lambda" or spec.given.endswith(">Lambda"):
            return _lambda(spec)
        if spec.model is not None and spec.kind != "TimeDistributed":
            return self.model(spec.model)
        if spec.kind not in REGISTRY and is_one(spec.kind, spec.config):
            from keras2torch.applications import own_layers

            cls = getattr(own_layers, spec.kind)
            return made_builtin(cls, spec.config, spec.raw)
        if spec.kind not in REGISTRY:
            short = spec.given.rpartition(">")[2]
            raise ValueError(
                f"Unknown layer {short!r} (layer {spec.name!r}): hand its class over "
                "in custom_objects, or register it with "
                "keras.saving.register_keras_serializable()."
            )
        if spec.model is not None:
            inside = spec.raw.get("layer")
            said = inside.get("config") if isinstance(inside, Mapping) else None
            if isinstance(said, Mapping) and isinstance(said.get("name"), str):
                spec.model.name = said["name"]
            inner = self.model(spec.model)
            cls = classes.named("TimeDistributed")
            rest = {k: v for k, v in spec.config.items() if k != "layer"}
            return cls(inner, **_accepted(cls, rest))
        made = made_builtin(classes.named(spec.kind), spec.config, spec.raw)
        if spec.shape is not None:
            made._input_shape_arg = spec.shape
        return made

    def _own(self, spec: LayerSpec, cls: Any) -> Any:
        made = cls.from_config(dict(spec.raw))
        if "name" not in spec.raw and isinstance(made, Layer):
            made.name = spec.name
        if isinstance(made, Layer) and not made.built and spec.build:
            made.build_from_config(dict(spec.build))
        return made


def custom_class(given: str) -> Any:
    """Return a user's class of a name, registered or handed over."""
    for name in (given, given.rpartition(">")[2]):
        found = serialization.get_registered_object(name)
        if found is not None:
            return found
    if ">" not in given:
        # Keras 3's HDF5 names no package.
        for name, thing in serialization.get_custom_objects().items():
            if name.endswith(f">{given}"):
                return thing
    return None


def own_inside(config: Mapping[str, Any]) -> bool:
    """Whether a wrapper's config has a layer of a user's own class in it."""
    for key in _INSIDE:
        for value in _listed(config.get(key)):
            if not isinstance(value, Mapping):
                continue
            name = value.get("registered_name") or value.get("class_name")
            inner = value.get("config")
            if custom_class(str(name)) is not None:
                return True
            if isinstance(inner, Mapping) and own_inside(inner):
                return True
    return False


_INSIDE = ("layer", "backward_layer", "cell", "cells")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _lambda(spec: LayerSpec) -> Any:
    from keras2torch.models.others import Lambda

    function = spec.raw.get("function")
    if isinstance(function, Mapping) and function.get("class_name") == "function":
        function = function.get("config")
    found = custom_class(str(function)) if isinstance(function, str) else None
    found = found or custom_class(spec.name)
    if not callable(found):
        raise ValueError(
            f"layer {spec.name!r} is a Lambda whose function is kept as bytecode, "
            "which is not run: hand a function over as custom_objects="
            f"{{{spec.name!r}: function}}."
        )
    arguments = dict(spec.raw.get("arguments") or {})
    return Lambda(found, arguments=arguments, name=spec.name)


def made_builtin(cls: Any, config: Mapping[str, Any], raw: Mapping[str, Any]) -> Any:
    """Return one of Keras' layers.

    Parameters
    ----------
    cls
        Its class.
    config
        In today's spelling, as the reading has it.
    raw
        As the file has it: what is a user's own there is looked up.
    """
    given = _accepted(cls, dict(config))
    if own_inside(raw):
        for key in _INSIDE:
            if isinstance(raw.get(key), (Mapping, list)):
                given[key] = serialization.deserialize_keras_object(raw[key])
    for key, value in raw.items():
        if key in given and (own := _own_object(key, value)) is not None:
            given[key] = own
    return cls(**given)


def _accepted(cls: Any, config: Config) -> Config:
    """Drop what means nothing here, at the values at which it means nothing."""
    definition = cls.definition_class
    found = {}
    for key, value in config.items():
        known = builtin._is_own(cls, key) or key in ("name", "trainable", "dtype")
        if known or key == "activity_regularizer":
            found[key] = value
        elif value not in (None, False) and key not in definition.ignored:
            raise Keras2TorchError(
                f"layer {config.get('name')!r} ({cls.__name__}): argument "
                f"{key}={value!r} has no rule"
            )
    return found


_KINDS = {
    "activation": "keras.activations",
    "_initializer": "keras.initializers",
    "_regularizer": "keras.regularizers",
    "_constraint": "keras.constraints",
}


def _own_object(key: str, value: Any) -> Any:
    """Return a user's initializer, activation … that a config names; else None."""
    if not key.endswith(tuple(_KINDS)):
        return None
    name = value
    if isinstance(value, Mapping):
        name = value.get("registered_name") or value.get("class_name")
        if value.get("class_name") == "function":
            name = value.get("registered_name") or value.get("config")
            if name == "function":
                name = value.get("config")
    if not isinstance(name, str) or custom_class(name) is None:
        return None
    if isinstance(value, Mapping) and value.get("class_name") != "function":
        return serialization.deserialize_keras_object(value)
    return custom_class(name)


# ---------------------------------------------------------------------- operations
def _operated(spec: LayerSpec, args: list[Any], kwargs: Config) -> Any:
    from keras2torch.models.specs import outputs_of

    kind, renamed = _operation(spec)
    own = _own_operations().get(kind) if spec.kind.startswith("ops.") else None
    if own is None and not operations.known(spec):
        raise Keras2TorchError(f"{spec.name!r}: {operations.said(spec)} has no rule.")
    options = {} if "function" in spec.config else dict(spec.config)
    options.pop("name", None)
    options |= {renamed.get(k, k): v for k, v in kwargs.items() if k != "name"}
    if own is not None:
        _no_functions(spec, [args, options])
        return written_down(kind, own, args, options, list, own.spec, name=spec.name)
    operation = Operation(spec.name, kind)
    node = Node(operation, tuple(args), options)
    operation._inbound_nodes.append(node)
    node.outputs = outputs_of(node)
    return node.outputs


def _own_operations() -> dict[str, Any]:
    """Return the operations that compute here, by their names in files."""
    import keras2torch.ops  # noqa: F401  # it fills the table
    from keras2torch.ops.base import OPERATIONS

    return OPERATIONS


_FUNCTIONS = ("__lambda__", "function")


def _no_functions(spec: LayerSpec, given: Any) -> None:
    """Refuse a function of Python's, which a file has as bytecode."""
    if isinstance(given, Mapping) and given.get("class_name") in _FUNCTIONS:
        raise Keras2TorchError(
            f"{spec.name!r}: {operations.said(spec)} takes a function, which the file "
            "names or keeps as bytecode and which is not run: make the model by code, "
            "and load its weights."
        )
    inner = given.values() if isinstance(given, Mapping) else given
    for value in inner if isinstance(given, (Mapping, list, tuple)) else ():
        _no_functions(spec, value)


def _operation(spec: LayerSpec) -> tuple[str, dict[str, str]]:
    if spec.kind.startswith("ops."):
        return spec.kind[4:], {}
    if spec.kind == "SlicingOpLambda":
        return "GetItem", {"slice_spec": "key"}
    return TENSORFLOW.get(str(spec.config.get("function")), ("", {}))


def _revived(value: Any) -> Any:
    return value


def _is_recurrent(layer: Any) -> bool:
    return type(getattr(layer, "definition", None)).__name__ in RECURRENT


def _begins_masked(args: list[Any], kwargs: Config) -> bool:
    """Whether a call takes masked steps and the states that they begin with."""
    found = _tensors(args)
    told = kwargs.get("initial_state") is not None or len(found) > 1
    return told and bool(found) and found[0].mask_shape is not None


def _is_made_mask(key: str, value: Any) -> bool:
    if key != "mask" and not key.endswith("_mask"):
        return False
    masks = [v for v in flat(value) if isinstance(v, KerasTensor)]
    return bool(masks) and all(
        m.node is not None and isinstance(m.node.operation, Operation) for m in masks
    )


# ------------------------------------------------------------------------- helpers
def _tensors(made: Any) -> list[KerasTensor]:
    from keras2torch import tree

    return [t for t in tree.flatten(made) if isinstance(t, KerasTensor)]


def _value(values: dict[Ref, Any], ref: Any, owner: Any) -> Any:
    if ref not in values:
        raise UnusableFile(f"{owner.name!r} takes {ref}, which does not exist.")
    return values[ref]


def _alone(struct: Any) -> Any:
    return struct[0] if isinstance(struct, list) and len(struct) == 1 else struct


def _wrapped_alone(spec: ModelSpec) -> bool:
    return False


def _plain(dtype: str | None) -> str:
    if dtype is None or dtype.startswith("mixed"):
        return "float32"
    return dtype


def builtin_from_config(cls: Any, config: Mapping[str, Any]) -> Any:
    """Make one of Keras' layers from what ``get_config`` returned.

    Raises
    ------
    ValueError
        If a layer within is of a class that is not known.
    """
    from keras2torch.models.configs import plain

    kind = cls.definition_class.__name__
    raw = plain(config)
    ctx = Context(TODAY)
    entry = {
        "class_name": "Sequential",
        "config": {
            "name": "one",
            "layers": [{"class_name": kind, "module": "keras.layers", "config": raw}],
        },
    }
    spec = model_spec(entry, None, ctx).layers[0]
    if spec.model is not None and kind == "TimeDistributed":
        made = Rebuilder(ctx, lambda layer: None).layer(spec)
    else:
        made = made_builtin(cls, spec.config, raw)
    if "name" not in config:
        made.name = auto_name(kind)
    return made


def deserialized(config: Mapping[str, Any], custom_objects: Any = None) -> Any:
    """Return the layer or model of a serialized one.

    Raises
    ------
    ValueError
        For a class that is not known.
    """
    if config.get("class_name") in configs.MODELS:
        return finished(rebuilt(config, custom_objects), config)
    inside = config.get("config")
    listed = inside if isinstance(inside, Mapping) else {}
    with serialization.CustomObjectScope(custom_objects):
        ctx = Context(TODAY)
        entry = {"name": "one", "layers": [dict(config)]}
        spec = model_spec({"class_name": "Sequential", "config": entry}, None, ctx)
        made = Rebuilder(ctx, lambda layer: None).layer(spec.layers[0])
    if "name" not in listed:
        made.name = auto_name(str(config["class_name"]))
    return made


__all__ = ["Rebuilder", "builtin_from_config", "configs", "rebuilt"]
