"""Which dtypes the layers of a model compute in, and what the module does about it.

Keras has a policy for each layer (``keras/src/dtype_policies``, 3.15). A module has one
dtype: float64 where every layer computes in it, float32 elsewhere. A mixed policy keeps
float32 weights and computes in half precision, which in PyTorch is ``torch.autocast``
around the call, in training above all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from keras2torch.layers.definitions import Functional, Layer
from keras2torch.layout import GraphPlan

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
_INSIDE = ("layer", "backward_layer", "forward_layer", "cell", "cells")
_HALF = ("float16", "bfloat16")


@dataclass(frozen=True)
class Precision:
    """What the layers of a model compute in.

    Attributes
    ----------
    policies
        Name of a policy → the paths of its layers.
    """

    policies: dict[str, tuple[str, ...]]

    @property
    def double(self) -> bool:
        """Whether all of it is in float64."""
        return set(self.policies) == {"float64"}

    @property
    def autocast(self) -> str | None:
        """The half precision of the model's mixed layers; ``None`` without any."""
        found = {_MIXED[p]: len(n) for p, n in self.policies.items() if p in _MIXED}
        return max(found, key=found.__getitem__) if found else None

    @property
    def half(self) -> str | None:
        """The half precision that any layer computes in."""
        plain = [name for name in _HALF if name in self.policies]
        return self.autocast or (plain[0] if plain else None)

    @property
    def name(self) -> str:
        """The policy, or those of a model that has several: the most frequent first."""
        ordered = sorted(self.policies.items(), key=lambda item: -len(item[1]))
        return ", ".join(name for name, _ in ordered) or "float32"

    def notes(self) -> list[tuple[str, str]]:
        """Return pairs of layer path and what the module computes otherwise."""
        autocast, told = self.autocast, []
        for policy, paths in self.policies.items():
            where = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1}"
            if len(paths) > 1:
                where += " other" + "s" * (len(paths) > 2)
            if _is_whole(policy):
                why = f"its dtype {policy} is not followed: it computes in floats"
            elif policy == "float64" and not self.double:
                why = "it computes in float64 in Keras, in float32 here"
            elif policy in _HALF:
                why = f"its weights are {policy} in Keras, float32 here"
            elif policy in _MIXED and _MIXED[policy] != autocast:
                why = f"{policy} in Keras, under autocast {autocast} like the others"
            elif policy == "float32" and autocast:
                why = (
                    "float32 in Keras; under autocast PyTorch decides by operation "
                    f"(softmax and losses in float32, a linear layer in {autocast})"
                )
            else:
                continue
            told.append((where, why))
        return told


def precision_of(plan: GraphPlan) -> Precision:
    """Return what the layers of a plan compute in."""
    found: dict[str, dict[str, None]] = {}
    for step in plan.layer_steps():
        layer: Any = step.node.layer
        if isinstance(layer, Functional):
            continue
        every = {name: getattr(layer, name, None) for name in ("dtype", *_INSIDE)}
        for policy in _named(every):
            if _is_floating(policy) or any(
                is_cut(layer, policy, t.dtype) for t in step.writes
            ):
                found.setdefault(policy, {})[step.node.path] = None
    return Precision({policy: tuple(paths) for policy, paths in found.items()})


def is_cut(layer: Layer, policy: str, output: str) -> bool:
    """Whether Keras cuts to integers what comes out of a layer here in floats.

    The dtype of a layer that counts categories only says of what kind the counts are.
    """
    counts = "output_mode" in vars(layer)
    return _is_whole(policy) and not counts and output.startswith(("float", "bfloat"))


def _is_whole(policy: str) -> bool:
    return policy.startswith(("int", "uint"))


def _is_floating(policy: str) -> bool:
    return policy in _MIXED or policy.startswith(("float", "bfloat"))


def _named(config: dict[str, Any]) -> Iterator[str]:
    """Give the policies in a config; a wrapper computes in those that it holds."""
    held = [config.get(name) for name in _INSIDE]
    inside = [
        one["config"]
        for inner in held
        for one in (inner if isinstance(inner, list) else [inner])
        if isinstance(one, dict) and isinstance(one.get("config"), dict)
    ]
    for own in inside:
        yield from _named(own)
    if not inside and isinstance(config.get("dtype"), str):
        yield config["dtype"]
