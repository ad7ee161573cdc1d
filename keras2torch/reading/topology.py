"""A model config taken apart: its layers, their calls, its inputs and outputs.

Every version's way of writing a model becomes the same few dataclasses; building the
graph (:mod:`.build`) knows no versions.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras2torch.errors import NeedsTracing, UnsupportedLayer, UnusableFile
from keras2torch.layers.definitions import REGISTRY, Shape
from keras2torch.reading import configs, keras0, keras1, theano_padding
from keras2torch.reading.configs import MODELS, Config, Context

_MAX_NESTING = 32
# Classes by which tf.keras writes operations between layers.
OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")
_CONSTANT = "_CONSTANT_VALUE"


@dataclass(frozen=True)
class Ref:
    """A tensor: what call number ``call`` of a layer returned at ``tensor``."""

    layer: str
    call: int
    tensor: int


@dataclass(frozen=True)
class Constant:
    """A value that a call was given in place of a tensor."""

    value: Any


@dataclass
class CallSpec:
    """One call of a layer: structures of :class:`Ref` and plain values."""

    args: list[Any]
    kwargs: dict[str, Any]

    def refs(self) -> Iterator[Ref]:
        """Return every tensor that the call takes."""
        for value in flat([self.args, self.kwargs]):
            if isinstance(value, Ref):
                yield value


@dataclass
class LayerSpec:
    """A layer of a model.

    Attributes
    ----------
    name, kind, config
        In today's spelling.
    model
        What is inside, where the layer is a model, or TimeDistributed of one.
    calls
        Its calls; those of a Sequential's layers are not written out.
    shape, dtype
        Declared input shape with the batch, if there is one, and input dtype.
    given
        Class name in the file (``CuDNNLSTM`` of a layer that is an LSTM here).
    built
        Input shape that it was built with, where the file keeps it.
    build
        All that the file keeps of how it was built.
    raw
        Its config as the file has it.
    shared
        Number that the same layer has elsewhere in the file, in another model.
    has_weights
        Set once the graph is built.
    """

    name: str
    kind: str
    config: Config
    given: str
    model: ModelSpec | None = None
    calls: list[CallSpec] = field(default_factory=list)
    shape: Shape | None = None
    dtype: str | None = None
    built: Any = None
    build: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)
    shared: int | None = None
    has_weights: bool = True

    @property
    def trainable(self) -> bool:
        """Its own flag."""
        return bool(self.config.get("trainable", True))


@dataclass
class ModelSpec:
    """A model: ``inputs`` and ``outputs`` are structures of :class:`Ref`."""

    name: str
    kind: str
    layers: list[LayerSpec]
    inputs: Any = None
    outputs: Any = None
    shape: Shape | None = None
    trainable: bool = True

    @property
    def sequential(self) -> bool:
        """Whether it is a stack."""
        return self.kind == "Sequential"

    def leaves(self) -> Iterator[LayerSpec]:
        """Return all layers that are no models, nested ones too."""
        for layer in self.layers:
            if layer.model is None:
                yield layer
            else:
                yield from layer.model.leaves()


def flat(value: Any) -> list[Any]:
    """Flatten a structure the way Keras does: dict values by sorted key."""
    if isinstance(value, list):
        return [leaf for v in value for leaf in flat(v)]
    if isinstance(value, dict):
        return [leaf for k in sorted(value) for leaf in flat(value[k])]
    return [value]


def mapped(value: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to the leaves of a structure."""
    if isinstance(value, list):
        return [mapped(v, function) for v in value]
    if isinstance(value, dict):
        return {k: mapped(v, function) for k, v in value.items()}
    return function(value)


# ---------------------------------------------------------------------- parsing
def model_spec(
    spec: Mapping[str, Any], name: str | None, ctx: Context, depth: int = 0
) -> ModelSpec:
    """Take a serialized model apart.

    Parameters
    ----------
    spec
        ``{"class_name": "Functional", "config": …}``.
    name
        Its name as a layer of another model; ``None`` for the one in the config.
    ctx
        Version; unknown layers are added to it.
    """
    if depth > _MAX_NESTING:
        raise UnusableFile("the models in the config are nested absurdly deep.")
    kind = configs.class_of(spec)
    config = spec.get("config")
    if ctx.version.major == 1 and not depth:
        ctx.ordering = keras1.dim_ordering(config)
    if kind == "Graph" and isinstance(config, dict) and "node_config" in config:
        config, kind = keras0.keras1_graph(config), "Functional"
    if ctx.version.major == 1 and (merged := keras1.as_functional(config)):
        config, kind = merged, "Functional"
    if isinstance(config, list):
        # Keras 1 and early Keras 2: a Sequential's config is the list of its layers.
        config = {"layers": config}
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        raise NeedsTracing(
            f"the config of model {name or kind!r} lists no layers: it is a subclassed "
            "model, whose structure is in its code and not in the file."
        )
    if ctx.theano:
        config = theano_padding.padded(config)
    # A Pipeline is stored as a Sequential that declares no input.
    kind = {"Model": "Functional", "Pipeline": "Sequential"}.get(kind, kind)
    made = ModelSpec(
        name=str(name or config.get("name") or kind.lower()),
        kind=kind,
        layers=[],
        trainable=bool(config.get("trainable", True)),
    )
    if kind not in MODELS:
        ctx.unknown.append((made.name, kind))
        made.kind = "Functional" if "input_layers" in config else "Sequential"
    for i, entry in enumerate(config["layers"]):
        if not isinstance(entry, dict):
            raise UnusableFile(f"layer {i} of model {made.name!r} has no config.")
        made.layers.append(layer_spec(entry, ctx, depth, fallback=f"layer_{i + 1}"))
    _check_names(made)
    if made.sequential:
        made.shape = shape(config.get("build_input_shape"))
    else:
        _wire(made, config)
    return made


def layer_spec(
    entry: Mapping[str, Any], ctx: Context, depth: int, fallback: str
) -> LayerSpec:
    """Take a serialized layer apart."""
    raw = entry.get("config")
    plain = raw if isinstance(raw, dict) else {}
    name = str(entry.get("name") or plain.get("name") or fallback)
    kind = configs.class_of(entry)
    if ctx.version.major >= 3 and "module" not in entry and _is_operation(kind, plain):
        kind = f"ops.{kind}"
    declared = shape(
        configs.decoded(plain.get("batch_input_shape") or plain.get("batch_shape"))
    )
    config: Config = {"name": name}
    if ctx.replaces(name, kind):
        config["class_name"] = kind
        config["config"] = {str(k): configs.decoded(v) for k, v in plain.items()}
        if "dtype" in plain:
            config["config"]["dtype"] = configs.dtype_name(plain["dtype"])
        config["trainable"] = bool(plain.get("trainable", True))
        made = LayerSpec(name, "Replaced", config, kind)
    elif _is_model(entry):
        inner = model_spec(entry, name, ctx, depth + 1)
        if not inner.trainable and ctx.version.major < 3:
            # In Keras 3 the layers' own flags count: freezing a model sets them all.
            config["trainable"] = False
        made = LayerSpec(name, inner.kind, config, kind, inner)
    elif kind == "InputLayer":
        if plain.get("ragged"):
            raise UnsupportedLayer(f"input {name!r}: ragged=True has no rule")
        made = LayerSpec(name, kind, {"name": name}, kind)
    elif kind in OPERATIONS or kind.startswith("ops."):
        config = {str(k): configs.decoded(v) for k, v in plain.items()}
        made = LayerSpec(name, kind, config | {"name": name}, kind)
    else:
        today, config = configs.layer_config(entry, name, ctx)
        config["name"] = name
        made = LayerSpec(name, today, config, kind)
    made.shape, made.raw = declared, plain
    inside = plain.get("layer")
    if (
        made.kind == "TimeDistributed"
        and isinstance(inside, dict)
        and _is_model(inside)
    ):
        made.model = model_spec(inside, name, ctx, depth + 1)
    made.dtype = configs.dtype_name(plain.get("input_dtype") or plain.get("dtype"))
    made.shared = _number(entry.get("shared_object_id"))
    build = entry.get("build_config")
    made.build = build if isinstance(build, dict) else {}
    made.built = made.build.get("input_shape")
    nodes = entry.get("inbound_nodes")
    if isinstance(nodes, list):
        made.calls = [call_spec(n, name) for n in nodes]
    return made


def _number(value: Any) -> int | None:
    return value if type(value) is int else None


# Names that a layer and an operation of Keras 3 (keras/src/ops) share.
_BOTH = frozenset(
    "Add Average Concatenate Dot Maximum Minimum Multiply Reshape Softmax "
    "Subtract".split()
)


def _is_operation(kind: str, config: Mapping[str, Any]) -> bool:
    """Whether this is an operation of Keras 3 in HDF5, which names no module.

    Where a layer has that name too, the layer's config has ``trainable``; some layers
    (SpatialDropout) leave it out, and some operations have a ``dtype``.
    """
    if kind in REGISTRY and kind not in _BOTH:
        return False
    return not {"trainable", "batch_shape", "batch_input_shape"} & config.keys()


def _is_model(entry: Any) -> bool:
    """Whether a serialized layer is a model; a class of the user's may be one."""
    if not isinstance(entry, dict):
        return False
    config, kind = entry.get("config"), entry.get("class_name")
    lists = isinstance(config, dict) and isinstance(config.get("layers"), list)
    return kind in MODELS or isinstance(config, list) or (lists and kind != "Merge")


def shape(value: Any) -> Shape | None:
    """Return a shape with its batch axis, ``None`` if this is none."""
    if not isinstance(value, list) or not value:
        return None
    if not all(v is None or (type(v) is int and v >= 0) for v in value):
        return None
    return tuple(value)


# What closes a string or starts a comment in source, and what no Keras writes.
_SUSPICIOUS_NAME = re.compile(r"""["'`;#\\\x00-\x1f\x7f]|(^|/)\.\.?(/|$)|^/""")


def _check_names(model: ModelSpec) -> None:
    seen: set[str] = set()
    for name in [model.name, *(layer.name for layer in model.layers)]:
        if _SUSPICIOUS_NAME.search(name):
            raise UnusableFile(
                f"the name {name!r} in the config looks like code or like a path and "
                "is refused: rename the layer in Keras and save the model again."
            )
    for layer in model.layers:
        if layer.name in seen:
            raise UnusableFile(
                f"model {model.name!r} has two layers called {layer.name!r}."
            )
        seen.add(layer.name)


# ------------------------------------------------------------------------ calls
def call_spec(node: Any, layer: str) -> CallSpec:
    """Return one entry of ``inbound_nodes``, in the form of Keras 2 or 3."""
    if isinstance(node, dict) and "args" in node and "kwargs" in node:
        args = _revived(node["args"])
        kwargs = _revived(node["kwargs"])
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise UnusableFile(f"a call of layer {layer!r} is damaged.")
        return CallSpec(args, kwargs)
    kwargs = {}

    def leaf(value: list[Any]) -> Any:
        if len(value) > 3 and isinstance(value[3], dict):
            kwargs.update(value[3])
        return _tensor(value)

    first = _old_refs(node, leaf)
    if isinstance(first, list) and len(first) == 1:
        first = first[0]
    named = {k: _old_refs(v, _tensor) for k, v in kwargs.items()}
    return CallSpec([first], named)


def _tensor(value: list[Any]) -> Ref | Constant:
    """Return what ``[name, node, tensor]`` stands for."""
    if value[0] == _CONSTANT:
        return Constant(configs.decoded(value[2]))
    return Ref(value[0], value[1], value[2])


def _is_old_ref(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        # x[..., 0, 1] is ["Ellipsis", 0, 1].
        and value[0] != "Ellipsis"
        and type(value[1]) is int
        and (type(value[2]) is int or value[0] == _CONSTANT)
        and (len(value) == 3 or isinstance(value[3], dict))
    )


def _old_refs(value: Any, leaf: Callable[[list[Any]], Any]) -> Any:
    """Replace ``[name, node, tensor]`` in a structure."""
    if _is_old_ref(value):
        return leaf(value)
    if isinstance(value, list):
        return [_old_refs(v, leaf) for v in value]
    if isinstance(value, dict):
        return {k: _old_refs(v, leaf) for k, v in value.items()}
    return value


def _revived(value: Any) -> Any:
    """Replace Keras 3's serialized tensors in a structure."""
    if isinstance(value, list):
        return [_revived(v) for v in value]
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config")
    if kind == "__keras_tensor__" and isinstance(config, dict):
        history = config.get("keras_history")
        if isinstance(history, list) and _is_old_ref(history):
            return Ref(history[0], history[1], history[2])
        raise UnusableFile("a tensor in the config has no history: it is damaged.")
    if kind in ("__tensor__", "__numpy__") and isinstance(config, dict):
        return Constant(_array(config))
    if kind == "__tuple__" and isinstance(value.get("items"), list):
        return [_revived(v) for v in value["items"]]
    return {k: _revived(v) for k, v in value.items()}


def _array(config: Mapping[str, Any]) -> Any:
    """Return an array of the config's dtype; of a dtype that NumPy lacks, a list."""
    value = config.get("value")
    try:
        return np.asarray(value, dtype=config.get("dtype"))
    except (TypeError, ValueError):
        return value


# ----------------------------------------------------------------------- wiring
def _wire(model: ModelSpec, config: Mapping[str, Any]) -> None:
    """Resolve which call each tensor comes from."""
    three = any(
        isinstance(n, dict) and "kwargs" in n
        for entry in config["layers"]
        if isinstance(entry.get("inbound_nodes"), list)
        for n in entry["inbound_nodes"]
    )
    ends = [
        _old_refs(config.get(key), lambda r: Ref(r[0], r[1], r[2]))
        for key in ("input_layers", "output_layers")
    ]
    for end in ends:
        if not all(isinstance(r, Ref) for r in flat(end)) or not flat(end):
            raise UnusableFile(f"model {model.name!r} names no inputs or no outputs.")
    inner = [r for layer in model.layers for c in layer.calls for r in c.refs()]
    offsets = _offsets(model, inner, [r for e in ends for r in flat(e)], three)

    def resolve(value: Any, at_end: bool) -> Any:
        if not isinstance(value, Ref):
            return value
        if value.layer not in offsets:
            raise UnusableFile(
                f"model {model.name!r} takes a tensor from {value.layer!r}, "
                "which is no layer of it."
            )
        return Ref(value.layer, value.call - offsets[value.layer][at_end], value.tensor)

    for layer in model.layers:
        for call in layer.calls:
            call.args = mapped(call.args, lambda v: resolve(v, False))
            call.kwargs = mapped(call.kwargs, lambda v: resolve(v, False))
    model.inputs = mapped(ends[0], lambda v: resolve(v, True))
    model.outputs = mapped(ends[1], lambda v: resolve(v, True))


def _offsets(
    model: ModelSpec, inner: list[Ref], ends: list[Ref], three: bool
) -> dict[str, tuple[int, int]]:
    """Return for each layer the number of its first call (inside, at the ends).

    A nested model has a node of its own from before its first call, so its calls count
    from 1: always in Keras 1 and 2 (except for a Sequential without an input shape),
    in Keras 3 only at the ends and only for functional models.
    """
    used: dict[str, set[int]] = {}
    used_at_end: dict[str, set[int]] = {}
    for ref in inner:
        used.setdefault(ref.layer, set()).add(ref.call)
    for ref in ends:
        used_at_end.setdefault(ref.layer, set()).add(ref.call)
    found = {}
    for layer in model.layers:
        if layer.model is None:
            found[layer.name] = (0, 0)
        elif three:
            count = len(layer.calls)
            inside = used.get(layer.name, set())
            found[layer.name] = (
                int(bool(inside) and 0 not in inside and max(inside) >= count),
                int(layer.kind == "Functional"),
            )
        else:
            numbers = used.get(layer.name, set()) | used_at_end.get(layer.name, set())
            first = int(0 not in numbers)
            found[layer.name] = (first, first)
    return found


def order_of_calls(model: ModelSpec) -> list[tuple[LayerSpec, int]]:
    """Return (layer, call number) such that every tensor exists before its use.

    Raises
    ------
    UnusableFile
        If the graph has a cycle or takes a tensor that nothing makes.
    """
    place = {layer.name: i for i, layer in enumerate(model.layers)}
    waiting: dict[tuple[int, int], int] = {}
    users: dict[tuple[int, int], list[tuple[int, int]]] = {}
    ready: list[tuple[int, int]] = []
    for i, layer in enumerate(model.layers):
        if layer.kind == "InputLayer" and not layer.calls:
            continue
        for n, call in enumerate(layer.calls):
            sources = {(place[r.layer], r.call) for r in call.refs()}
            sources = {s for s in sources if not _is_input(model.layers[s[0]])}
            waiting[i, n] = len(sources)
            for source in sources:
                users.setdefault(source, []).append((i, n))
            if not sources:
                heapq.heappush(ready, (i, n))
    done: list[tuple[LayerSpec, int]] = []
    while ready:
        at = heapq.heappop(ready)
        done.append((model.layers[at[0]], at[1]))
        for user in users.get(at, ()):
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, user)
    if len(done) < len(waiting):
        stuck = sorted({model.layers[i].name for (i, _), n in waiting.items() if n})
        raise UnusableFile(
            f"the graph of model {model.name!r} has a loop or a missing call "
            f"at {', '.join(map(repr, stuck[:5]))}."
        )
    return done


def _is_input(layer: LayerSpec) -> bool:
    return layer.kind == "InputLayer" and not layer.calls
