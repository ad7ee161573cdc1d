"""Layer configs of every Keras version → Keras 3 spelling.

What is not a layer's argument (``registered_name``, ``build_config``, input shapes)
goes; what was spelled or meant otherwise in older versions is written as today;
serialized objects become names or ``{"class_name", "config"}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keras2torch.errors import UnsupportedLayer, UnusableFile
from keras2torch.layers import applications
from keras2torch.layers.definitions import REGISTRY
from keras2torch.layers.names import SAME_CLASS
from keras2torch.plugins import Replacement, active, find
from keras2torch.reading import keras1, revisions
from keras2torch.reading.versions import Version

Config = dict[str, Any]

# Of the layer's place in a model or of how it is stored, not arguments of the layer.
_BOOKKEEPING = frozenset(
    {
        "autocast",
        "batch_input_shape",
        "batch_shape",
        "build_config",
        "compile_config",
        "implementation",
        "inbound_nodes",
        "input_dtype",
        "input_shape",
        "key_shape",
        "lora_alpha",
        "lora_rank",
        "module",
        "quantization_config",
        "query_shape",
        "registered_name",
        "shared_object_id",
        "value_shape",
    }
)
# Keys whose value is a layer inside the layer.
WRAPPED = ("layer", "backward_layer", "cell", "forward_layer")
MODELS = frozenset({"Functional", "Model", "Sequential"})
_THAWED = (
    "it has trainable=False in the file, which Keras 3 does not hand on to the weights "
    "inside when it loads the file: they are trained, there and here"
)
_LORA = (
    "its low-rank update (lora_rank) is added to its weights, as Keras' file has them: "
    "Keras trains a new update alone, this module trains the weights"
)
# Layers with layers inside of which the config says nothing.
_HOLDING = frozenset(
    "ConvLSTM1D ConvLSTM2D ConvLSTM3D GroupQueryAttention MultiHeadAttention".split()
)

_ACTIVATIONS = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    # tf.nn.softmax and tf.nn.log_softmax by the names that they have inside.
    "log_softmax_v2": "log_softmax",
    "softmax_v2": "softmax",
}
_OPERATIONS = ("keras.src.ops.", "keras.src.activations.")
_PACKAGES = ("keras.", "tf_keras.", "tensorflow.", "tensorflow.python.keras.")


@dataclass
class Context:
    """What a whole reading shares.

    Attributes
    ----------
    version
        Which Keras wrote the config.
    unknown
        (layer name, class name) of every layer that has no definition.
    replacements
        What the user registered for classes and layers.
    ordering
        Of Keras 1: ``"th"`` or ``"tf"``, the order of axes that its layers name.
    theano
        Whether it was Keras 1 on Theano, which padded in its own way.
    own
        Classes that the user's code defines: they go before Keras' of the same name.
    notes
        (layer name, remark) of what the report has to say.
    """

    version: Version
    unknown: list[tuple[str, str]] = field(default_factory=list)
    ordering: str | None = None
    theano: bool = False
    replacements: Mapping[str, Replacement] = field(default_factory=active)
    own: frozenset[str] = frozenset()
    notes: list[tuple[str, str]] = field(default_factory=list)

    def replaces(self, name: str, kind: str) -> bool:
        """Whether the user registered a PyTorch replacement for a layer."""
        return find(self.replacements, name, kind) is not None


def class_of(spec: Mapping[str, Any]) -> str:
    """Return the class of a serialized layer; of foreign code with its package.

    A class of the user's may be called ``Attention``: its module or registered name
    tells it from Keras' own.
    """
    name = spec.get("class_name")
    if not isinstance(name, str):
        raise UnusableFile("the config names no class for a layer: it is damaged.")
    registered = spec.get("registered_name")
    module = spec.get("module")
    if isinstance(module, str) and module.startswith(_OPERATIONS):
        return f"ops.{name}"
    if "module" in spec and not _is_keras(module):
        if isinstance(registered, str) and ">" in registered:
            return registered
        return f"{module or 'Custom'}>{registered or name}"
    if isinstance(registered, str) and ">" in registered:
        return registered
    if name.startswith("keras>") or name.startswith("experimental>"):
        name = name.partition(">")[2]
    return name.removeprefix("keras.layers.") if _is_keras(name) else name


def _is_keras(module: Any) -> bool:
    return isinstance(module, str) and (
        module in ("keras", "tf_keras") or module.startswith(_PACKAGES)
    )


def layer_config(
    spec: Mapping[str, Any], name: str, ctx: Context
) -> tuple[str, Config]:
    """Return today's class name and config of a serialized layer.

    Parameters
    ----------
    spec
        ``{"class_name": …, "config": …}``.
    name
        Its name, for the list of unknown layers.
    ctx
        Version of the file; unknown classes are added to it.
    """
    kind = class_of(spec)
    raw = spec.get("config")
    if not isinstance(raw, dict):
        raw = {}
    config = {str(k): decoded(v) for k, v in raw.items()}
    if ctx.version.major == 1:
        kind, config = keras1.translated(kind, config, ctx.ordering)
    if ctx.replaces(name, kind):
        raise UnsupportedLayer(
            f"layer {name!r} ({kind}) is inside another layer (TimeDistributed, "
            "Bidirectional, an activation), where a replacement has no rule: register "
            "one for the outer layer, by its name"
        )
    if kind in ctx.own:
        kind = f"Custom>{kind}"
    kind = SAME_CLASS.get(kind, kind)
    if config.get("mode") == 1 and ctx.version.numbers < (1, 0, 5):
        raise UnsupportedLayer(
            f"layer {name!r} ({kind}): mode=1 of Keras before 1.0.5 has no rule"
        )
    if kind in ("GRU", "GRUCell") and ctx.version.major < 3:
        config.setdefault("reset_after", False)
    if kind == "BatchNormalization" and isinstance(config.get("axis"), list):
        axes = config["axis"]
        config["axis"] = axes[0] if len(axes) == 1 else None
        if config["axis"] is None:
            raise UnsupportedLayer(f"layer {name!r} ({kind}): axis={axes} has no rule")
    if kind not in REGISTRY and not applications.is_one(kind, config):
        ctx.unknown.append((name, kind))
    return kind, _cleaned(kind, config, name, ctx)


def _cleaned(kind: str, config: Config, name: str, ctx: Context) -> Config:
    known = _arguments(kind)
    made: Config = {}
    for key, value in config.items():
        if key in _BOOKKEEPING and key not in known:
            continue
        if (
            key in ("groups", "data_format")
            and key not in known
            and value
            in (
                1,
                "channels_last",
            )
        ):
            continue
        if key in WRAPPED and isinstance(value, dict):
            made[key] = wrapped(value, name, ctx)
        elif key in ("cell", "cells") and isinstance(value, list):
            made[key] = [wrapped(v, name, ctx) for v in value]
        elif key == "activation" or key.endswith("_activation"):
            made[key] = activation(value, name, ctx)
        elif key == "dtype":
            if (policy := _policy(value, name, kind)) is not None:
                made[key] = policy
        elif key.endswith(("_initializer", "_regularizer", "_constraint")):
            made[key] = plain_object(value)
        else:
            made[key] = value
    made.setdefault("name", name)
    if made.get("trainable") is False and ctx.version.major >= 3 and _holds(kind, made):
        del made["trainable"]
        if kind in _HOLDING:
            ctx.notes.append((name, _THAWED))
    if config.get("lora_rank"):
        ctx.notes.append((name, _LORA))
    if "keras2" in known and ctx.version.major < 3:
        # Masks meet in another way there (merges, attention, TimeDistributed).
        made["keras2"] = True
    if "theano" in known and ctx.theano:
        made["theano"] = True
    made |= revisions.flags(kind, ctx.version) | revisions.axes(kind, made)
    if "zero_masked" in known:
        # Keras 2's loop over images never heard of zero_output_for_mask.
        of_images = str(inner_kind(config)).startswith("ConvLSTM")
        if ctx.version.multi_backend or (of_images and ctx.version.major < 3):
            made["zero_masked"] = False
    if kind == "UpSampling2D" and made.get("interpolation") == "bilinear":
        # TensorFlow 1's resize_bilinear, which tf.keras left after TensorFlow 1.12.
        old_tf = ctx.version.text and ctx.version.numbers < (2, 2, 4)
        if ctx.version.multi_backend or old_tf:
            made["interpolation"] = "bilinear_keras2"
    return made


def _holds(kind: str, config: Config) -> bool:
    """Whether all weights are those of layers inside, which have flags of their own.

    A flag that Keras 3 reads from a config stops at the layer itself; setting
    ``trainable`` goes on to the layers inside, and so stands in their configs. Of
    attention and ConvLSTM the config has no layers inside: read back, all are trained
    (measured: Keras 3.15).
    """
    return kind in _HOLDING or any(key in config for key in (*WRAPPED, "cells"))


def inner_kind(config: Mapping[str, Any]) -> str | None:
    """Return the class of the layer in a wrapper's config."""
    inner = config.get("layer")
    return inner.get("class_name") if isinstance(inner, Mapping) else None


def _arguments(kind: str) -> frozenset[str]:
    cls = REGISTRY.get(kind)
    return frozenset(getattr(cls, "__dataclass_fields__", ())) if cls else frozenset()


def wrapped(spec: Mapping[str, Any], name: str, ctx: Context) -> Config:
    """Return a layer inside a layer, its config in today's spelling.

    A model inside stays as it is in the file: :mod:`.topology` takes it apart.
    """
    kind = class_of(spec)
    if kind in MODELS:
        return {"class_name": kind, "config": spec.get("config")}
    inner = spec.get("config")
    inner_name = inner.get("name") if isinstance(inner, dict) else None
    kind, config = layer_config(spec, str(inner_name or name), ctx)
    return {"class_name": kind, "config": config}


def decoded(value: Any) -> Any:
    """Undo Keras' JSON encodings of tuples, arrays and shapes."""
    if isinstance(value, list):
        return [decoded(v) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name")
    if kind in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
        return [decoded(v) for v in value["items"]]
    if value.get("type") == "ndarray" and "value" in value:
        return decoded(value["value"])
    if kind == "__numpy__" and isinstance(value.get("config"), dict):
        return decoded(value["config"].get("value"))
    if kind == "__ellipsis__":
        return "..."
    return {str(k): decoded(v) for k, v in value.items()}


def _policy(value: Any, name: str, kind: str) -> str | None:
    """Return the name of a layer's dtype policy, which all its parts have."""
    policy = dtype_name(value)
    inner = value.get("config") if isinstance(value, dict) else None
    parts = inner.get("policy_map") if isinstance(inner, dict) else {}
    of_parts = (
        [dtype_name(p) for p in parts.values()] if isinstance(parts, dict) else []
    )
    for one in [policy, *of_parts]:
        if one is not None and "_from_" in one:
            raise UnsupportedLayer(
                f"layer {name!r} ({kind}): the dtype policy {one!r} has no "
                "rule: Keras rounds its inputs and weights to a few bits; "
                "convert the model that was saved before quantize()"
            )
    if any(one != policy for one in of_parts):
        raise UnsupportedLayer(
            f"layer {name!r} ({kind}): parts with dtype policies of their own "
            f"({', '.join(sorted(map(str, of_parts)))}) have no rule: give the layer "
            "one policy and save the model again"
        )
    return policy


def dtype_name(value: Any) -> str | None:
    """Return a dtype or dtype policy by its name."""
    if isinstance(value, dict):
        inner = value.get("config")
        inner = inner if isinstance(inner, dict) else {}
        if "default_policy" in inner:
            # A DTypePolicyMap: one for each part of a layer that holds layers.
            return dtype_name(inner["default_policy"])
        value = inner.get("name")
        if "mode" in inner and "source_name" in inner:
            # QuantizedDTypePolicy: "int8_from_float32" is how Keras calls it.
            value = f"{inner['mode']}_from_{inner['source_name']}"
    return value if isinstance(value, str) and value != "_infer" else None


def plain_object(value: Any) -> Any:
    """Return a serialized initializer, regularizer or constraint in plain form."""
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name")
    config = value.get("config")
    if not isinstance(kind, str):
        # Keras 1: {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}
        return keras1.regularizer(value)
    if isinstance(config, str):
        return config
    config = config if isinstance(config, dict) else {}
    config = {k: plain_object(v) for k, v in config.items() if k != "dtype"}
    if kind == "VarianceScaling" and config.get("distribution") == "normal":
        # Keras 2 drew from the truncated one and called it "normal".
        config["distribution"] = "truncated_normal"
    return {"class_name": kind, "config": config}


def activation(value: Any, name: str, ctx: Context) -> Any:
    """Return an activation: a canonical name, ``None``, or a serialized layer."""
    if isinstance(value, dict):
        kind, inner = value.get("class_name"), value.get("config")
        if kind == "function" or kind is None:
            value = inner
        elif isinstance(inner, dict) and isinstance(kind, str):
            if class_of(value) in REGISTRY or kind in REGISTRY:
                kind, inner = layer_config(value, name, ctx)
                return {"class_name": kind, "config": inner}
            value = _snake_case(kind)
        else:
            value = inner if isinstance(inner, str) else kind
    if not isinstance(value, str):
        return value
    # "keras.activations.relu" is written too; "Custom>f" stays what it is.
    value = value.rpartition(".")[2]
    value = _ACTIVATIONS.get(value, value)
    if value == "hard_sigmoid" and ctx.version.major < 3:
        return "hard_sigmoid_keras2"
    return value


def _snake_case(name: str) -> str:
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
