"""What went into a model's last sigmoid or softmax.

Keras on TensorFlow takes crossentropies from it, whatever ``from_logits`` says
(``keras/src/backend/tensorflow/nn.py``, _get_logits): a probability that is 0 or 1 in
float32 has no gradient left. The tensor carries it as an attribute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from keras2torch.program import Program
from keras2torch.program.classtext import ClassText
from keras2torch.training.logits import source_of_logits


@dataclass
class Tap:
    """Keeps what a module of a program returned, for one output.

    Attributes
    ----------
    output
        Which of the values that the program returns.
    """

    output: int
    value: torch.Tensor | None = None

    def keep(self, module: nn.Module, inputs: Any, result: Any) -> None:
        """Be the forward hook."""
        self.value = result

    def mark(self, outputs: list[Any], permute: Any = None) -> None:
        """Put the logits on the output that they led to."""
        value, self.value = self.value, None
        if value is None or self.output >= len(outputs):
            return
        if permute is not None:
            value = permute(self.output, value)
        output = outputs[self.output]
        if value.shape == output.shape:
            output._keras_logits = value


def taps(program: Program, net: nn.Module) -> list[Tap]:
    """Hook the layers before last activations of a program."""
    text = program.classes[-1]
    found = []
    for i, tensor in enumerate(program.outputs):
        if not tensor.shape or tensor.dtype == "bool":
            continue
        at = tensor.layout.position(-1)
        dim = -1 if at == tensor.rank - 1 else at
        for activation in ("sigmoid", "softmax"):
            module = _module(text, net, i, activation, dim)
            if module is not None:
                tap = Tap(i)
                module.register_forward_hook(tap.keep)
                found.append(tap)
                break
    return found


def _module(
    text: ClassText, net: nn.Module, output: int, activation: str, dim: int
) -> nn.Module | None:
    name = source_of_logits(text.forward, output, activation, dim)
    if name is None:
        return None
    found = getattr(net, name)
    return found if isinstance(found, nn.Module) else None
