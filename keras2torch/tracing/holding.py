"""Which layers hold which, and which of them stay whole.

A script beside ``worker.py``: self-contained, and for the same Pythons.
"""

# ruff: noqa: UP031

from __future__ import annotations

from typing import Any

KERAS_PACKAGES = ("keras", "tf_keras", "tensorflow.python.keras", "tensorflow.keras")
# Keras' own attributes that hold layers, beside the user's.
BOOKKEEPING = {
    "_layers",
    "_functional",
    "_inbound_nodes",
    "_outbound_nodes",
    "_self_tracked_trackables",
    "_tracker",
    "_obj_reference_counts_dict",
    "_nested_layers",
    "_metrics",
    "_metrics_lock",
    "_self_unconditional_checkpoint_dependencies",
    "_self_unconditional_dependency_names",
    "_self_unconditional_deferred_dependencies",
    "_unconditional_checkpoint_dependencies",
    "_unconditional_dependency_names",
    "_operations",
    "_operations_by_depth",
    "_nodes",
    "_nodes_by_depth",
    "_layer_call_argspecs",
}


# Classes of Keras whose ``call`` computes nothing by itself.
BASES = ("Layer", "Wrapper", "Model", "Functional", "Network", "Sequential")
# What calls a layer once a step.
LOOPS = ("RNN", "TimeDistributed")


class NotTraced(Exception):
    """What the tracing cannot carry, in a sentence."""


def is_keras_class(cls: Any) -> bool:
    """Whether a class is Keras' own."""
    module = str(getattr(cls, "__module__", ""))
    return any(module == p or module.startswith(p + ".") for p in KERAS_PACKAGES)


def is_functional(lib: Any, layer: Any) -> bool:
    """Whether a model's layers and their order are its config."""
    kinds = {kind.__name__ for kind in type(layer).__mro__ if is_keras_class(kind)}
    built = bool(kinds & {"Functional", "Sequential"}) and hasattr(layer, "layers")
    own = type(layer).__dict__.get("call")
    return built and (own is None or is_keras_class(type(layer)))


def children(lib: Any, layer: Any) -> list[tuple[str, Any]]:
    """Return what a model or a custom layer holds: (path segment, layer), in order.

    The segment is the attribute in the user's class, ``blocks.0`` in a list of them,
    and the layer's name in functional models.
    """
    kind = lib.module.layers.Layer
    if type(layer).__name__ in LOOPS:
        inner = own_code_in(layer)
        if inner is not None:
            # Keras gives what it calls once a step no name of its own.
            return children(lib, inner)
    if is_functional(lib, layer):
        return [(part.name, part) for part in layer.layers]
    found: list[tuple[str, Any]] = []
    seen = {id(layer)}

    def add(segment: str, value: Any) -> None:
        if isinstance(value, kind):
            if id(value) not in seen and not is_metric(lib, value):
                seen.add(id(value))
                found.append((segment, value))
        elif isinstance(value, dict):
            for key in list(value):
                add("%s.%s" % (segment, key), value[key])
        elif isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                add("%s.%d" % (segment, number), item)

    for name, value in list(vars(layer).items()):
        if name not in BOOKKEEPING and not name.startswith(("_keras", "_self_")):
            add(name.lstrip("_").replace("/", "_") or name, value)
    for part in own_layers(layer):
        add(part.name, part)
    return found


def own_layers(layer: Any) -> list[Any]:
    """What Keras tracks as the layers directly inside a layer."""
    try:
        return list(layer._flatten_layers(recursive=False, include_self=False))
    except (AttributeError, TypeError):
        return list(getattr(layer, "_layers", []))


def is_metric(lib: Any, value: Any) -> bool:
    metrics = getattr(lib.module, "metrics", None)
    return metrics is not None and isinstance(value, metrics.Metric)


def leaf_class(layer: Any, known: set[str]) -> bool:
    """Whether a layer has a rule: Keras' class, and all that it wraps has one too."""
    cls = borrowed(layer) or type(layer)
    if not is_keras_class(cls) or cls.__name__ not in known:
        return False
    if cls.__name__ in ("Functional", "Sequential", "Model"):
        return False
    own = [n for n in ("activation", "recurrent_activation") if is_own(layer, n)]
    if own and (cls.__name__ == "Activation" or own != ["activation"]):
        return False
    if own and hasattr(layer, "cell"):
        return False
    inner = [getattr(layer, n, None) for n in ("layer", "forward_layer", "cell")]
    cells = getattr(inner[-1], "cells", None)
    if isinstance(cells, (list, tuple)):
        inner += list(cells)
    held = [part for part in inner if hasattr(part, "get_config")]
    return all(leaf_class(part, known) for part in held)


def borrowed(layer: Any) -> Any:
    """Return the class of Keras whose ``call`` a user's subclass has as it is."""
    for cls in type(layer).__mro__:
        if "call" in vars(cls):
            kept = is_keras_class(cls) and not is_keras_class(type(layer))
            return cls if kept and cls.__name__ not in BASES else None
    return None


def own_code_in(layer: Any) -> Any:
    """What code of the user Keras' own wrapper or loop holds, ``None`` if none."""
    if not is_keras_class(type(layer)):
        return None
    for name in ("cell", "layer", "forward_layer"):
        inner = getattr(layer, name, None)
        if inner is None or not hasattr(inner, "get_config"):
            continue
        parts = [inner, *(getattr(inner, "cells", None) or [])]
        if any(is_own_code(part) for part in parts):
            return inner
    return None


def is_own_code(layer: Any) -> bool:
    """Whether a layer is code of the user, or holds such; of Keras' models, too."""
    if not is_keras_class(type(layer)) or own_code_in(layer) is not None:
        return True
    if type(layer).__name__ not in ("Functional", "Sequential", "Model"):
        return False
    inner = getattr(layer, "layers", None) or []
    return any(type(part).__name__ == "Lambda" or is_own_code(part) for part in inner)


def is_own(layer: Any, name: str) -> bool:
    """Whether a layer's activation is a function that Keras has no name for."""
    function = getattr(layer, name, None)
    if function is None or not callable(function):
        return False
    if hasattr(function, "get_config"):  # a layer, which is an object of Keras
        return not is_keras_class(type(function))
    if str(getattr(function, "__module__", "")).startswith("tensorflow."):
        # tf.nn's are written and read by their names, like Keras' own.
        name = str(getattr(function, "__name__", ""))
        return name.partition("_v2")[0] not in _OF_TF_NN
    return not is_keras_class(function)


# In tf.nn, with the numbers of Keras' function of that name.
_OF_TF_NN = frozenset(
    "elu gelu leaky_relu log_softmax relu relu6 selu sigmoid silu softmax softplus "
    "softsign swish tanh".split()
)


def own_activation(layer: Any) -> Any:
    """Return the user's function that a layer of Keras ends with."""
    steps = hasattr(layer, "recurrent_activation") or hasattr(layer, "cell")
    if steps or not is_keras_class(borrowed(layer) or type(layer)):
        return None
    if type(layer).__name__ == "Activation":
        return None
    return layer.activation if is_own(layer, "activation") else None
