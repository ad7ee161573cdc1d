"""A layer for which the user registered a PyTorch module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import UnknownLayers
from keras2torch.layers.base import (
    INTERNAL,
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Weight,
)
from keras2torch.layers.text import literal

if TYPE_CHECKING:
    from keras2torch.plugins.making import MadeModule

Array = npt.NDArray[Any]


@dataclass(eq=False, kw_only=True, init=False)
class Replaced(Layer):
    """A custom layer, written as what :func:`keras2torch.register` made of it.

    The graph holds the Keras layer alone, its config and its weights: the module's
    source never comes from a file but from what is registered here and now.

    Attributes
    ----------
    class_name
        The Keras class.
    config
        The Keras config.
    stored
        Name and shape of each weight, as ``[name, [3, 3]]``.
    takes_mask, hands_mask
        Whether the module reads a mask, and whether it goes on.
    result
        Dtype of what comes out.
    """

    arguments = ("inputs", *(f"argument_{i}" for i in range(1, 10)))

    class_name: str = ""
    config: Any = None
    stored: Any = None
    takes_mask: bool = False
    hands_mask: bool = False
    result: str = "float32"
    made_module: Any = field(default=None, init=False, repr=False)
    made_arrays: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._masking()

    def _masking(self) -> None:
        passes = "pass" if self.hands_mask else "stop"
        vars(self)["masking"] = "use" if self.takes_mask else passes

    def make(self, arrays: Mapping[str, Array]) -> None:
        """Call what is registered for it.

        Raises
        ------
        UnknownLayers
            If nothing is.
        """
        from keras2torch.plugins import active, find
        from keras2torch.plugins.making import make

        replacement = find(active(), self.name, self.class_name)
        if replacement is None:
            raise UnknownLayers([(self.name, self.class_name)])
        self.stored = [[n, list(a.shape)] for n, a in arrays.items()]
        config: Mapping[str, Any] = self.config or {}
        made = make(replacement, self.name, self.class_name, config, arrays)
        self.made_module, self.made_arrays = made, dict(arrays)
        self.takes_mask = made.takes_mask
        self.hands_mask = replacement.passes_mask
        self._masking()

    def bind(self, values: Mapping[str, Any], kept: Any) -> None:
        """Take what was made before, or make it from the values of a graph."""
        if kept is None:
            self.make({n: np.asarray(v.const_value.numpy()) for n, v in values.items()})
        else:
            self.made_module = kept

    @property
    def made(self) -> MadeModule:
        """What the user's function made."""
        made: MadeModule = self.made_module
        return made

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """Return what the file has."""
        return [Weight(str(n), tuple(shape)) for n, shape in self.stored or ()]

    def call_shapes(self, options: dict[str, Any], *shapes: Shape) -> list[Shape]:
        """Return what running the module showed."""
        return [tuple(s) for s in options["outputs"]]

    def output_dtype(self, *dtypes: str) -> str:
        """Return what running the module showed."""
        return self.result

    def passes_mask(self) -> bool:
        """If it was registered so."""
        return self.hands_mask

    # -- PyTorch
    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Images channels first, if it was registered so."""
        order = self.made.layout
        return [order(t.rank) for t in call.inputs], [
            order(t.rank) for t in call.outputs
        ]

    def brings(self) -> frozenset[str]:
        """The user's classes, functions and constants."""
        return frozenset(self.made.source.pieces)

    def module(self, call: Call) -> Module:
        """The user's constructor call."""
        made = self.made
        inside = made.module
        frozen = [
            f"{{self}}{_member(name)}.requires_grad_(False)"
            for name, p in inside.named_parameters()
            if not p.requires_grad
        ]
        return Module(
            made.source.text,
            dict(made.sources),
            init=tuple(frozen),
            pieces=dict(made.source.pieces),
            imports=tuple(made.source.imports.values()),
        )

    def forward(self, call: Call, module: str) -> Forward:
        """``self.norm(x)``, with the other arguments of the Keras call."""
        parts = [t.name for t in call.inputs]
        parts += [f"{k}={t.name}" for k, t in call.named.items()]
        parts += [f"{k}={literal(v)}" for k, v in self.extra(call.options).items()]
        masks = [m.name if m is not None else "None" for m in call.masks]
        if self.takes_mask and any(m != "None" for m in masks):
            told = masks[0] if len(masks) == 1 else f"[{', '.join(masks)}]"
            parts.append(f"mask={told}")
        text = f"{module}({', '.join(parts)})"
        if not call.options["sequence"]:
            return Forward(text)
        return (
            Forward(f"{text}[0]")
            if len(call.outputs) == 1
            else Forward(text, unpack=True)
        )

    @staticmethod
    def extra(options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the plain arguments of a Keras call that the module gets too."""
        ours = ("outputs", "sequence", "training")
        return {
            k: v
            for k, v in options.items()
            if k not in ours and not k.startswith("argument_")
        }


def _member(name: str) -> str:
    """Return the access to a parameter: ``[0].weight``."""
    return "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in name.split("."))


INTERNAL["Replaced"] = Replaced
