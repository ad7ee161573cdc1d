"""PyTorch replacements for the classes of keras_layers.py: a plugin."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as func
from torch import Tensor, nn

import keras2torch

FLOOR = -math.inf


def gate(x: Tensor, y: Tensor) -> Tensor:
    """Multiply: a function that a class below uses."""
    return torch.mul(x, y)


class Gated(nn.Module):
    """The names of its parts are its own."""

    def __init__(self, sizes: tuple[int, int, int], *, bias: bool = True) -> None:
        super().__init__()
        first, second, units = sizes
        self.linear = nn.Linear(first, units, bias=bias)
        self.gate = nn.Linear(second, units, bias=False)
        self.slope = nn.Parameter(torch.zeros(units))
        self.register_buffer("seen", torch.zeros(units))

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return two tensors."""
        x = gate(self.linear(x), func.linear(y, self.gate.weight))
        return x * self.slope, x + self.seen


# In HDF5 the parts are called as their layers are, in .keras as their attributes.
@keras2torch.register("Mine>Gated")
def gated(config: dict[str, Any], weights: dict[str, Any]) -> nn.Module:
    """Fill the state dict."""
    array = {
        k.replace("/0", "/kernel").replace("/1", "/bias"): weights[k] for k in weights
    }
    slope = array["slope"] if "slope" in array else array["0"]
    seen = array["seen"] if "seen" in array else array["1"]
    units = config["units"]
    made = Gated((len(array["inner/kernel"]), len(array["gate/kernel"]), units))
    state = {
        "linear.weight": array["inner/kernel"].T.copy(),
        "linear.bias": array["inner/bias"],
        "gate.weight": array["gate/kernel"].T.copy(),
        "slope": slope,
        "seen": seen,
    }
    made.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    return made


@keras2torch.register("MaskedMax")
class LongestStep(nn.Module):
    """A registered class is called with config and weights itself."""

    def __init__(self, config: dict[str, Any], weights: dict[str, Any]) -> None:
        super().__init__()
        assert not weights

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Leave masked steps out."""
        if mask is not None:
            x = x.masked_fill(~mask[..., None], FLOOR)
        return x.amax(dim=1)


class L1(nn.Module):
    """Of two tensors."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the distance of each feature."""
        return (x - y).abs()


@keras2torch.register("distance")
def distance(config: dict[str, Any], weights: dict[str, Any]) -> nn.Module:
    """Replace one Lambda by its layer's name."""
    return L1()
