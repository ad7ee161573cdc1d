"""Which weights Keras constrains, and the statements that do so in ``train.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from keras2torch.layers.definitions import REGISTRY, Layer, from_config, to_config
from keras2torch.program import Program
from keras2torch.program.held import access
from keras2torch.program.weights import TorchWeight
from keras2torch.training.text import literal, number, shown

_CLASSES = {
    "max_norm": "maxnorm",
    "maxnorm": "maxnorm",
    "min_max_norm": "minmaxnorm",
    "minmaxnorm": "minmaxnorm",
    "non_neg": "nonneg",
    "nonneg": "nonneg",
    "unit_norm": "unitnorm",
    "unitnorm": "unitnorm",
}


@dataclass
class Constraints:
    """The constraints of a program.

    Attributes
    ----------
    lines
        Statements on ``model``, to be run after a step without gradients.
    uses
        Pieces that they need.
    notes
        What is not applied.
    """

    lines: list[str] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def constraints_of(program: Program) -> Constraints:
    """Return what a step of Keras does to the weights after the optimizer."""
    made = Constraints()
    rules: dict[str, dict[str, Any]] = {}
    for step in program.plan.layer_steps():
        if step.node.path not in rules:
            rules[step.node.path] = _rules(step.node.layer)
    for path, found in rules.items():
        weights = [w for w in program.weights if w.path == path and not w.held]
        left = set(found)
        for weight in weights:
            parts = [found.get(name) for name in weight.source.weights]
            if not any(parts):
                continue
            left -= set(weight.source.weights)
            if not weight.trainable:
                continue
            text = None
            if all(part == parts[0] for part in parts):
                text = _text(parts[0], weight, made.uses)
            if text is None:
                made.notes.append(
                    f"layer {shown(path)}: the constraint {shown(str(parts[0]))} of "
                    f"{shown(weight.name)} is not applied"
                )
            else:
                made.lines.append(text)
        there = {name for w in weights for name in w.source.weights}
        for name in sorted(left & there):
            made.notes.append(
                f"layer {shown(path)}: its constraint on {shown(name)} is not applied"
            )
    return made


def _rules(layer: Layer) -> dict[str, Any]:
    """Return weight name → constraint: what holds of regularizers holds of them."""
    kind = type(layer).__name__
    if REGISTRY.get(kind) is not type(layer):
        return {}
    config = to_config(layer)
    if "_constraint" not in str(config):
        return {}
    return from_config(kind, _exchanged(config)).regularizers()


def _exchanged(value: Any) -> Any:
    """Return a config whose constraints stand in the places of its regularizers."""
    if isinstance(value, (list, tuple)):
        return [_exchanged(v) for v in value]
    if not isinstance(value, Mapping):
        return value
    found = {}
    for key, inner in value.items():
        if key.endswith("_regularizer"):
            stem = key.removesuffix("_regularizer")
            found[key] = None if stem == "activity" else value.get(f"{stem}_constraint")
        elif key.endswith("_constraint"):
            stem = key.removesuffix("_constraint")
            found.setdefault(f"{stem}_regularizer", inner)
            found[key] = None
        else:
            found[key] = _exchanged(inner)
    return found


def _text(config: Any, weight: TorchWeight, uses: set[str]) -> str | None:
    """Return the statement for one parameter; ``None`` if nobody can say it."""
    if isinstance(config, str):
        config = {"class_name": config, "config": {}}
    kind = _CLASSES.get(str(config.get("class_name", "")).lower())
    given: dict[str, Any] = dict(config.get("config") or {})
    name = access("model", weight.name)
    if kind == "nonneg":
        return f"{name}.clamp_(min=0.0)"
    if kind is None:
        return None
    dim = _dims(given.get("axis", 0), weight)
    if dim is None:
        return None
    where = literal(dim[0] if len(dim) == 1 else tuple(dim))
    if kind == "unitnorm":
        uses.add("unit_norm")
        return f"{name}.copy_(unit_norm({name}, {where}))"
    uses.add("limited_norm")
    low, rate = float(given.get("min_value", 0.0)), float(given.get("rate", 1.0))
    usual = 2.0 if kind == "maxnorm" else 1.0
    high = float(given.get("max_value", given.get("m", usual)))
    text = f"{name}, {where}"
    if kind == "minmaxnorm" and low:
        text += f", low={number(low)}"
    text += f", high={number(high)}"
    if kind == "minmaxnorm" and rate != 1.0:
        text += f", rate={number(rate)}"
    return f"{name}.copy_(limited_norm({text}))"


def _dims(axis: Any, weight: TorchWeight) -> list[int] | None:
    """Return Keras' axes in the order of the parameter, if its axes are Keras'."""
    axes: Sequence[Any] = axis if isinstance(axis, (list, tuple)) else [axis]
    rank = len(weight.values[0].shape or ()) if weight.values else 0
    if not rank or not all(type(a) is int and -rank <= a < rank for a in axes):
        return None
    order = weight.source.order(rank)
    if order is None:
        return _by_trial([a % rank for a in axes], weight)
    return sorted(order.index(a % rank) for a in axes)


def _by_trial(axes: list[int], weight: TorchWeight) -> list[int] | None:
    """Find the axes of a parameter that is more than a transpose of one weight.

    The gates of a recurrent kernel change places, two axes of a depthwise one become
    one: the norms are the same then, at other places.
    """
    if len(weight.values) != 1:
        return None
    shape = tuple(int(n) for n in weight.values[0].shape or ())  # type: ignore[arg-type]
    numbered = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    made = weight.source(numbered)
    if made.size != numbered.size:
        return None
    wanted = np.sort(np.square(numbered).sum(tuple(axes)).ravel())
    for count in range(1, made.ndim + 1):
        for dims in combinations(range(made.ndim), count):
            found = np.sort(np.square(made).sum(dims).ravel())
            if found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-12):
                return list(dims)
    return None
