"""Hostile pieces of Keras files, made when the tests run."""

from __future__ import annotations

import ast
import base64
import io
import json
import marshal
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Config = dict[str, Any]
# What injected text would call, if it ever became code.
CALLED = frozenset({"os", "system", "eval", "exec", "open", "subprocess", "__import__"})


def code_of(text: str) -> str:
    """Return a function's bytecode as Keras stores it."""
    function = eval(f"lambda x, **k: ({text}, x)[1]")
    return base64.b64encode(marshal.dumps(function.__code__)).decode()


def writes(marker: Path) -> str:
    """Return an expression that leaves a file behind."""
    return f"__import__('pathlib').Path({str(marker)!r}).write_text('ran')"


def keras2_function(marker: Path) -> list[Any]:
    """Return a function as Keras 2 writes it."""
    return [code_of(writes(marker)), None, None]


def keras3_function(marker: Path) -> Config:
    """Return a function as Keras 3 writes it."""
    inner = {"code": code_of(writes(marker)), "defaults": None, "closure": None}
    return {"class_name": "__lambda__", "config": inner}


def layer(kind: str, name: str, **config: Any) -> Config:
    """Return a serialized layer."""
    return {"class_name": kind, "config": {"name": name, **config}, "name": name}


def lambda_(marker: Path, three: bool, name: str = "code", **config: Any) -> Config:
    """Return a Lambda in the way of Keras 2 or 3."""
    config = {"trainable": True, "dtype": "float32", **config}
    if three:
        made = layer("Lambda", name, function=keras3_function(marker), **config)
        return {"module": "keras.layers", **made, "registered_name": None}
    return layer(
        "Lambda",
        name,
        **{"function": keras2_function(marker), "function_type": "lambda", **config},
    )


def stack(
    *layers: Config, name: str = "stack", sizes: tuple[int, ...] = (3,)
) -> Config:
    """Return a Sequential on that input, with a Dense of 3 units in front."""
    first = layer("Dense", "d", units=3, batch_input_shape=[None, *sizes])
    first["config"]["activation"] = "linear"
    return {
        "class_name": "Sequential",
        "config": {"name": name, "layers": [first, *layers]},
    }


KERNEL = np.arange(9, dtype="f4").reshape(3, 3) / 9


def legacy_weights(group: Any, model: Config, version: str) -> None:
    """Write a kernel and a bias for each layer that may have one."""
    names = [entry["config"]["name"] for entry in model["config"]["layers"]]
    group.attrs["layer_names"] = [n.encode() for n in names]
    group.attrs["keras_version"] = version.encode()
    group.attrs["backend"] = b"tensorflow"
    for name, entry in zip(names, model["config"]["layers"], strict=True):
        inner = group.require_group(name)
        there = entry["class_name"] == "Dense"
        inner.attrs["weight_names"] = [b"kernel:0", b"bias:0"] if there else []
        if there:
            inner["kernel:0"], inner["bias:0"] = KERNEL, np.ones(3, "f4")


def h5_file(path: Path, model: Config, version: str, training: Any = None) -> Path:
    """Write a legacy HDF5 file."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version
        file.attrs["model_config"] = json.dumps(model)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        legacy_weights(file.create_group("model_weights"), model, version)
    return path


def keras_file(path: Path, model: Config, version: str, training: Any = None) -> Path:
    """Write a .keras archive."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        count = 0
        for entry in model["config"]["layers"]:
            if entry["class_name"] == "Dense":
                at = "layers/dense" + (f"_{count}" if count else "")
                file[f"{at}/vars/0"], file[f"{at}/vars/1"] = KERNEL, np.ones(3, "f4")
                count += 1
    config = {**model, "compile_config": training} if training is not None else model
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("model.weights.h5", buffer.getvalue())
    return path


def text_files(
    path: Path, model: Config, version: str, yaml: bool
) -> tuple[Path, Path]:
    """Write an architecture and its weights."""
    import yaml as yaml_module

    config = {**model, "keras_version": version, "backend": "tensorflow"}
    text = yaml_module.safe_dump(config) if yaml else json.dumps(config)
    path.write_text(text)
    weights = path.with_suffix(".weights.h5")
    with h5py.File(weights, "w") as file:
        legacy_weights(file, model, version)
    return path, weights


def identifiers(source: str) -> set[str]:
    """Return every name that source looks up; a model's own members left out."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and node.attr != "eval":
            own = isinstance(node.value, ast.Name) and node.value.id == "self"
            found |= set() if own else {node.attr}
    return found


def imported(source: str) -> set[str]:
    """Return what source imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or ".")
    return found
