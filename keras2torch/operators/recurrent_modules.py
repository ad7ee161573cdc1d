"""ONNX's LSTM, GRU and RNN as ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN``.

ONNX puts the gates in another order (LSTM: i, o, f, c; GRU: z, r, h) and the two
directions on an axis of their own; time comes first. What torch's modules cannot
compute runs step by step in the helpers that Keras' layers use too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Literal

import numpy as np

from keras2torch.layers.base import (
    Array,
    Call,
    Forward,
    Layout,
    Module,
    Source,
    Weight,
    made,
)
from keras2torch.layers.recurrence import temporary
from keras2torch.layers.text import Raw, short
from keras2torch.layers.text import call as call_text
from keras2torch.operators.modules import StoredModule, module

# For each gate in torch's order, its place in ONNX's.
_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
_DEFAULTS = {
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
    "RNN": ["Tanh"],
}
_ACTIVATIONS = {
    "Sigmoid": "nn.Sigmoid()",
    "Tanh": "nn.Tanh()",
    "Relu": "nn.ReLU()",
    "Elu": "nn.ELU()",
    "Softsign": "nn.Softsign()",
    "Softplus": "nn.Softplus()",
}
# With ONNX's own factors, 0.01 and 0.2, unless the file has others.
_WITH_ALPHA = {"LeakyRelu": 0.01, "HardSigmoid": 0.2, "Elu": 1.0}
# Of a tensor that the file has time first.
_BATCH_FIRST = Layout((1, 0, 2))


@module
class StoredRNN(StoredModule):
    """A recurrent layer in one or both directions.

    What comes out is torch's: (time, batch, directions · size), then the last states,
    (directions, batch, size).

    Attributes
    ----------
    operator
        ``"LSTM"``, ``"GRU"``, ``"RNN"``.
    activations
        Per direction as ONNX has them: the gates' first.
    second_bias
        Whether the second bias is anything but zeros: else it is frozen.
    linear_before_reset
        Of a GRU: whether the reset gate comes after the product, as in torch.
    """

    layout = "follow"

    input_size: int = 0
    hidden_size: int = 0
    direction: str = "forward"
    activations: list[str] = field(default_factory=list)
    bias: bool = True
    second_bias: bool = True
    linear_before_reset: bool = True

    @property
    def directions(self) -> int:
        """1 or 2."""
        return 2 if self.direction == "bidirectional" else 1

    def weights(self, *shapes: Any) -> list[Weight]:
        """``w``, ``r`` and both biases, the directions first."""
        n, size = self.directions, self.hidden_size
        wide = len(_GATES[self.operator]) * size
        found = [
            Weight("w", (n, wide, self.input_size)),
            Weight("r", (n, wide, size)),
        ]
        if self.bias:
            found.append(Weight("bias_w", (n, wide)))
            found.append(Weight("bias_r", (n, wide), trainable=self.second_bias))
        return found

    # -- layout: a Transpose of time and batch before it is batch_first
    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Batch first or time first, as it comes: torch knows both."""
        first = self._is_stepped() or call.x.layout == _BATCH_FIRST
        order = _BATCH_FIRST if first else Layout.keras(3)
        return [order], [order, *[Layout.keras(3) for _ in call.outputs[1:]]]

    def asks(self, call: Call) -> list[Layout]:
        """The helpers want the batch first; torch's own modules nothing."""
        return self.layouts(call)[0]

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """The features have one order."""
        return "refuses"

    # -- text
    def _is_stepped(self) -> bool:
        """Whether torch's own module does not compute it."""
        plain = self.activations == _DEFAULTS[self.operator] * self.directions
        if self.operator == "RNN":
            same = set(self.activations)
            plain = same in ({"Tanh"}, {"Relu"})
        return not plain or not self.linear_before_reset

    def _matrix(self, weight: str, direction: int) -> Source:
        order = _GATES[self.operator]

        def moved(a: Array) -> Array:
            blocks = np.split(a[direction], len(order))
            return np.concatenate([blocks[g] for g in order])

        told = "" if self.operator == "RNN" else ", gates reordered"
        part = f"direction {direction}" if self.directions > 1 else "first axis dropped"
        trainable = weight != "bias_r" or self.second_bias
        return made([weight], moved, f"{part}{told}", trainable=trainable)

    def _sources(self, direction: int, suffix: str) -> dict[str, Source]:
        names = {"weight_ih_l0": "w", "weight_hh_l0": "r"}
        if self.bias:
            names |= {"bias_ih_l0": "bias_w", "bias_hh_l0": "bias_r"}
        return {
            f"{torch}{suffix}": self._matrix(stored, direction)
            for torch, stored in names.items()
        }

    def _frozen(self, prefix: str, suffix: str) -> tuple[str, ...]:
        if not self.bias or self.second_bias:
            return ()
        name = f"{{self}}{prefix}.bias_hh_l0{suffix}"
        return (f"{name}.requires_grad_(False)  # all zeros",)

    def module(self, call: Call) -> Module:
        """``nn.LSTM(8, 16, batch_first=True, bidirectional=True)``."""
        if self._is_stepped():
            return self._stepped()
        relu = self.operator == "RNN" and "Relu" in self.activations
        text = call_text(
            f"nn.{self.operator}",
            self.input_size,
            self.hidden_size,
            **({"nonlinearity": "relu"} if relu else {}),
            bias=self.bias,
            batch_first=call.x.layout == _BATCH_FIRST,
            bidirectional=self.directions == 2,
        )
        weights, frozen = self._sources(0, ""), self._frozen("", "")
        if self.directions == 2:
            weights |= self._sources(1, "_reverse")
            frozen += self._frozen("", "_reverse")
        return Module(text, weights, init=frozen)

    def _stepped(self) -> Module:
        name = {"RNN": "SimpleRNN"}.get(self.operator, self.operator)
        helper, per = f"Stepped{name}", len(_DEFAULTS[self.operator])
        texts: list[str] = []
        weights: dict[str, Source] = {}
        init: tuple[str, ...] = ()
        prefixes = [""] if self.directions == 1 else ["forward_layer", "backward_layer"]
        for direction, prefix in enumerate(prefixes):
            given = self.activations[direction * per : (direction + 1) * per]
            texts.append(self._one(helper, given))
            dot = f"{prefix}." if prefix else ""
            for key, source in self._sources(direction, "").items():
                weights[f"{dot}{key}"] = source
            init += self._frozen(f".{prefix}" if prefix else "", "")
        helpers: tuple[str, ...] = (helper,)
        if any("HardSigmoidKeras2" in text for text in texts):
            helpers += ("HardSigmoidKeras2",)
        if self.directions == 1:
            return Module(texts[0], weights, helpers, init)
        text = call_text("BidirectionalRNN", *[Raw(t) for t in texts])
        return Module(text, weights, (*helpers, "BidirectionalRNN"), init)

    def _one(self, helper: str, given: Sequence[str]) -> str:
        known = [self._activation(name) for name in given]
        if self.operator == "LSTM" and known[1] != known[2]:
            raise self.unsupported("two activations of the cell that differ")
        # Gates come first in ONNX, last in the helpers.
        ordered = [known[0]] if self.operator == "RNN" else [known[1], known[0]]
        options: dict[str, Any] = {}
        if not self.linear_before_reset:
            options["reset_after"] = False
        if not self.bias:
            options["bias"] = False
        sizes = (self.input_size, self.hidden_size)
        return call_text(helper, *sizes, *[Raw(t) for t in ordered], **options)

    def _activation(self, name: str) -> str:
        kind, _, factor = name.partition(":")
        if kind in _WITH_ALPHA and factor:
            alpha = float(factor)
            if kind == "LeakyRelu":
                return call_text("nn.LeakyReLU", short(alpha))
            if kind == "Elu":
                return call_text("nn.ELU", short(alpha))
        if kind == "HardSigmoid" and abs(float(factor or 0.2) - 0.2) < 1e-6:
            return "HardSigmoidKeras2()"
        if kind not in _ACTIVATIONS:
            raise self.unsupported(f"the activation {name}")
        return _ACTIVATIONS[kind]

    def forward(self, call: Call, module: str) -> Forward:
        """``x, (h, c) = self.lstm(x)``; a single backward direction is flipped."""
        backwards = self.direction == "reverse"
        time = call.x.layout.position(0)
        x = f"{call.x.name}.flip({time})" if backwards else call.x.name
        count = 2 if self.operator == "LSTM" else 1
        states = [s.name for s in call.states]
        if states:
            x += f", {states[0]}" if count == 1 else f", ({', '.join(states)})"
        run = f"{module}({x})"
        flip = f".flip({time})" if backwards else ""
        ends = len(call.outputs) - 1
        told = ("", "h", "c")[: 1 + ends]
        if not any(call.reads(1 + i) for i in range(ends)):
            return Forward([f"{run}[0]{flip}", *["_"] * ends], names=told)
        names = [temporary(module, n) for n in ("h", "c")][:count]
        state = names[0] if count == 1 else f"({', '.join(names)})"
        if not call.reads(0):
            return Forward(["_", *names[:ends]], (f"_, {state} = {run}",), names=told)
        out = temporary(module, "out")
        before = (f"{out}, {state} = {run}",)
        return Forward([f"{out}{flip}", *names[:ends]], before, names=("out", "h", "c"))
