"""Modules that are not written out: a user's layer, any ``nn.Module``.

The class of the model takes them as arguments of its constructor and calls them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from keras2torch.layers.base import (
    INTERNAL,
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
)
from keras2torch.layers.text import literal


@dataclass(eq=False, kw_only=True, init=False)
class Given(Layer):
    """A module that the model is given.

    What a call looks like travels in its options: ``structure`` is JSON of the
    arguments, ``{"$": 2}`` standing for the third tensor; ``outputs`` are the shapes
    that come out, ``dtypes`` their dtypes, ``returns`` is ``"tensor"``, ``"sequence"``
    or a list of keys.

    Attributes
    ----------
    takes_mask
        Whether ``call`` has an argument ``mask``.
    gives_mask
        Whether ``compute_mask`` is its own.
    hands_mask
        Whether a mask goes on as it came.
    joins_masks
        Whether masks that come make another, which has no rule here.
    images_first
        Whether images go in and come out channels first, as torch's modules want them.
    result
        Dtype of what comes out.
    """

    class_name: str = "Module"
    takes_mask: bool = False
    gives_mask: bool = False
    hands_mask: bool = False
    joins_masks: bool = False
    images_first: bool = False
    result: str = "float32"

    def __post_init__(self) -> None:
        uses = self.takes_mask or self.gives_mask
        vars(self)["masking"] = (
            "use" if uses else ("pass" if self.hands_mask else "stop")
        )

    def passes_mask(self) -> bool:
        """If it hands it on."""
        return self.hands_mask

    def makes_mask(self, masked: Any) -> bool:
        """If it computes one."""
        if self.joins_masks and not self.gives_mask and any(masked):
            raise self.unsupported(
                f"the mask that a {self.class_name} makes of those that come, beside "
                "an activity_regularizer or an activation of one's own, has no rule"
            )
        return self.gives_mask

    def call_shapes(self, options: dict[str, Any], *shapes: Shape) -> list[Shape]:
        """Return what running it showed."""
        return [tuple(s) for s in options["outputs"]]

    def output_dtype(self, *dtypes: str) -> str:
        """Return what running it showed."""
        return self.result

    def call_dtypes(
        self, options: dict[str, Any], count: int, *dtypes: str
    ) -> list[str]:
        """Return what running it showed."""
        return list(options["dtypes"]) if "dtypes" in options else [self.result] * count

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keras' order, but for torch's own modules on images."""

        def wanted(rank: int) -> Layout:
            first = self.images_first and rank > 3
            return Layout.channels_first(rank) if first else Layout.keras(rank)

        ins = [wanted(t.rank) for t in call.inputs]
        return ins, [wanted(t.rank) for t in call.outputs]

    def module(self, call: Call) -> Module:
        """The argument of the constructor."""
        return Module("", given=True)

    def forward(self, call: Call, module: str) -> Forward:
        """``self.patches(x)`` with the arguments of the Keras call."""
        structure = json.loads(call.options["structure"])
        names = [t.name for t in call.inputs]
        parts = [_text(a, names) for a in structure["args"]]
        parts += [f"{k}={_text(v, names)}" for k, v in structure["kwargs"].items()]
        masks = [m.name if m is not None else "None" for m in call.masks]
        told = ", ".join(masks) if len(masks) == 1 else f"[{', '.join(masks)}]"
        if self.takes_mask and any(m != "None" for m in masks):
            parts.append(f"mask={told}")
        text = f"{module}({', '.join(parts)})"
        mask = None
        if self.gives_mask:
            first = _text(structure["args"][0], names) if structure["args"] else "None"
            mask = f"{module}.compute_mask({first}, {told or 'None'})"
        returns = call.options["returns"]
        if returns == "tensor":
            return Forward(text, mask=mask)
        if returns == "sequence":
            if len(call.outputs) == 1:
                return Forward(f"{text}[0]", mask=mask)
            return Forward(text, mask=mask, unpack=True)
        name = f"{module.removeprefix('self.')}_results"
        results = [f"{name}[{literal(key)}]" for key in returns]
        return Forward(results, before=(f"{name} = {text}",), mask=mask)


INTERNAL["Given"] = Given


def _text(value: Any, names: list[str]) -> str:
    if isinstance(value, dict) and set(value) == {"$"}:
        return names[value["$"]]
    if isinstance(value, dict):
        inner = ", ".join(f"{literal(k)}: {_text(v, names)}" for k, v in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(_text(v, names) for v in value)}]"
    return literal(value)
