"""The state of a training, as tensors and JSON: nothing in it can run.

``state_dict()`` of an optimizer is a nest of dicts, lists, numbers and tensors, with
integers for keys. The tensors go to safetensors, and the nest to JSON, where a tensor
is its name.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from keras2torch.random import SeedGenerator

Tensors = dict[str, torch.Tensor]


def encode(value: Any, path: str, tensors: Tensors) -> Any:
    """Return a nest as JSON holds it, and put its tensors into ``tensors``.

    Parameters
    ----------
    value
        Dicts, lists, tuples, tensors, arrays, numbers, strings, booleans, ``None``.
    path
        What the names of its tensors begin with.
    tensors
        Where they go.

    Raises
    ------
    TypeError
        If something else is in it.
    """
    if isinstance(value, torch.Tensor):
        # A copy: tied weights share memory, which safetensors does not store.
        copied = value.detach().to("cpu", copy=True).contiguous()
        return {"tensor": _keep(copied, path, tensors)}
    if isinstance(value, np.ndarray):
        return {"array": _keep(torch.from_numpy(np.array(value)), path, tensors)}
    if isinstance(value, np.generic):
        return encode(value.item(), path, tensors)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, Mapping):
        return {
            "dict": [
                [_key(k), encode(v, f"{path}.{k}", tensors)] for k, v in value.items()
            ]
        }
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        items = enumerate(value)
        return {kind: [encode(v, f"{path}.{i}", tensors) for i, v in items]}
    raise TypeError(
        f"{path} holds a {type(value).__name__}: a backup holds tensors, numbers, "
        "strings, and dicts and lists of them."
    )


def decode(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """Return the nest that `encode` was given."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "array":
        return tensors[content].numpy()
    if kind == "float":
        return float(content)
    if kind == "dict":
        return {k: decode(v, tensors) for k, v in content}
    items = [decode(v, tensors) for v in content]
    return tuple(items) if kind == "tuple" else items


def _keep(tensor: torch.Tensor, path: str, tensors: Tensors) -> str:
    # {"a.b": {"c": …}} and {"a": {"b.c": …}} are two.
    name = f"{path}~{len(tensors)}" if path in tensors else path
    tensors[name] = tensor
    return name


def _key(key: Any) -> str | int:
    if not isinstance(key, str | int):
        raise TypeError(f"a backup cannot hold a dict with the key {key!r}.")
    return key


def write(path: Path, nest: Mapping[str, Any]) -> None:
    """Write a nest to one file, whole or not at all."""
    tensors: Tensors = {}
    structure = encode(dict(nest), "state", tensors)
    beside = path.with_name(f"{path.name}.part")
    save_file(tensors, beside, metadata={"structure": json.dumps(structure)})
    put(beside, path)


def read(path: Path) -> Any:
    """Return the nest of a file.

    Raises
    ------
    OSError
        If the file is absent or damaged.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
        structure = json.loads(header["__metadata__"]["structure"])
        return decode(structure, load_file(path))
    except OSError:
        raise
    except Exception as error:
        # Whatever a damaged file makes its readers raise (SafetensorError, KeyError …).
        raise OSError(f"{path} is damaged ({error}).") from error


def put(beside: Path, path: Path) -> None:
    """Move a file that was written beside its place into it, as one step."""
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.replace(path)


def chance(model: Any) -> dict[str, Any]:
    """Return the state of every generator of random numbers that a training asks."""
    found: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "python": random.getstate(),
        "model": [
            g.state if isinstance(g, SeedGenerator) else g.get_state()
            for g in _generators(model)
        ],
    }
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_rng_state_all()
    return found


def set_chance(model: Any, found: Mapping[str, Any]) -> None:
    """Set the generators to the state that `chance` returned."""
    torch.set_rng_state(found["torch"])
    np.random.set_state(found["numpy"])
    random.setstate(found["python"])
    for generator, state in zip(_generators(model), found["model"], strict=False):
        if isinstance(generator, SeedGenerator):
            generator.state = state
        else:
            generator.set_state(state)
    if "cuda" in found and torch.cuda.device_count() == len(found["cuda"]):
        torch.cuda.set_rng_state_all(found["cuda"])


def _generators(model: Any) -> list[torch.Generator | SeedGenerator]:
    """Return the generators that the model and its modules keep (one shuffles)."""
    found = {
        id(value): value
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, torch.Generator | SeedGenerator)
    }
    return list(found.values())


def load_weights(model: Any, weights: Mapping[str, torch.Tensor]) -> None:
    """Give a model the weights of one that is built the same.

    By their order, as Keras has them in its files, where the names are others: layers
    that were not named are ``dense_1`` in one process and ``dense_4`` in the next.

    Raises
    ------
    ValueError
        If the model is another one.
    """
    own = model.state_dict()
    shapes = [tuple(w.shape) for w in weights.values()]
    if own.keys() != weights.keys() and shapes == [
        tuple(w.shape) for w in own.values()
    ]:
        weights = dict(zip(own, weights.values(), strict=True))
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"the backup is of another model: {error}") from error
