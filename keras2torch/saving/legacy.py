"""Keras' older ``.h5``: a config in an attribute, one list of arrays per layer.

Source: ``keras/src/legacy/saving/legacy_h5_format.py`` (Keras 3.15).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from keras2torch.layers.names import PYTHON_NAMES
from keras2torch.models.configs import KERAS_VERSION, plain, serialized
from keras2torch.saving.compiled import compile_config
from keras2torch.saving.entries import array_of

# What HDF5 keeps in an object's header, less what Keras leaves for the rest.
_HEADER = 64512


def write_model(model: Any, to: Path, *, include_optimizer: bool = True) -> None:
    """Write architecture, weights, and how the model was compiled."""
    entry = serialized(model)
    # What a model's own get_compile_config says is for its own compile_from_config.
    compiled = plain(compile_config(model)) if hasattr(model, "compiled") else None
    with h5py.File(to, "w") as file:
        file.attrs["keras_version"] = KERAS_VERSION
        file.attrs["backend"] = "tensorflow"
        config = {"class_name": entry["class_name"], "config": legacy(entry["config"])}
        file.attrs["model_config"] = json.dumps(config).encode()
        if compiled and include_optimizer:
            training = {k: v for k, v in compiled.items() if k != "optimizer"}
            optimizer = compiled["optimizer"]
            training["optimizer_config"] = {
                "class_name": optimizer["registered_name"] or optimizer["class_name"],
                "config": optimizer["config"],
            }
            file.attrs["training_config"] = json.dumps(training).encode()
        write_layers(file.create_group("model_weights"), model)
        kept: Any = getattr(model, "optimizer", None)
        if include_optimizer and getattr(kept, "built", False):
            group = file.create_group("optimizer_weights")
            write_arrays(group, named(kept.variables))


def legacy(config: Any) -> Any:
    """Return a model's config with its layers named by class alone, as in HDF5."""
    if not isinstance(config, Mapping) or "layers" not in config:
        return config
    return {**config, "layers": [_entry(layer) for layer in config["layers"]]}


def _entry(layer: Mapping[str, Any]) -> dict[str, Any]:
    known = str(layer["module"] or "").startswith("keras")
    name = layer["class_name"] if known else layer["registered_name"]
    if known:  # By the class, not by the name that Keras exports it under.
        name = PYTHON_NAMES.get(name, name)
    found = {"class_name": name, "config": legacy(layer["config"])}
    return found | {k: layer[k] for k in ("name", "inbound_nodes") if k in layer}


def write_layers(group: h5py.Group, model: Any) -> None:
    """Write the weights, layer by layer of the outermost model."""
    layers = model.layers
    write_names(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"] = b"tensorflow"
    group.attrs["keras_version"] = KERAS_VERSION.encode()
    inside: set[int] = set()
    for layer in sorted(layers, key=lambda la: str(la.name)):
        weights = ordered(layer)
        inside |= {id(w) for w in weights}
        write_arrays(group.create_group(layer.name), named(weights))
    rest = [w for w in model.weights if id(w) not in inside]
    write_arrays(group.create_group("top_level_model_weights"), named(rest))


def ordered(layer: Any) -> list[Any]:
    """Return a layer's weights, those that are trained first."""
    weights = list(getattr(layer, "weights", ()))
    first = [w for w in weights if w.trainable]
    return [*first, *[w for w in weights if not w.trainable]]


def named(weights: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return weights under names of which none is another's or lies within it."""
    found: dict[str, Any] = {}
    for weight in weights:
        name = base = str(weight.path)
        count = 0
        while name in found:
            count += 1
            name = f"{base}_{count}"
        found[name] = array_of(weight)
    return list(found.items())


def write_arrays(group: h5py.Group, arrays: list[tuple[str, Any]]) -> None:
    """Write arrays and the list of their names."""
    write_names(group, "weight_names", [name for name, _ in arrays])
    for name, array in arrays:
        group.create_dataset(name, data=array)


def write_names(group: h5py.Group, name: str, values: list[str]) -> None:
    """Write a list of names, in pieces if it is too long for a header."""
    data = np.asarray([v.encode() for v in values]) if values else np.asarray([])
    count = 1
    while any(part.nbytes > _HEADER for part in np.array_split(data, count)):
        count += 1
    if count == 1:
        group.attrs[name] = data
        return
    for number, part in enumerate(np.array_split(data, count)):
        group.attrs[f"{name}{number}"] = part
