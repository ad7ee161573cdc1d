"""The least that a callback asks of a model, over torch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from keras2torch import callbacks
from keras2torch.callbacks.progbar import Progbar
from keras2torch.training.variables import Parameter

LIBRARY = SimpleNamespace(**vars(callbacks), Progbar=Progbar)


class Optimizer:
    """A rate as Keras keeps it, in float32, and one slot."""

    use_ema = False

    def __init__(self, variables: list[Parameter]) -> None:
        self._rate = 0.0
        self.slot = torch.zeros(2)
        self.iterations = Parameter(torch.tensor(0), requires_grad=False)
        # As torch's optimizers have them.
        self.param_groups: list[dict[str, Any]] = [{"params": variables}]
        self.state: dict[Any, dict[str, Any]] = {v: {} for v in variables}

    @property
    def learning_rate(self) -> float:
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._rate = float(np.float32(value))

    def state_dict(self) -> dict[str, Any]:
        return {
            "state": {0: {"slot": self.slot, "step": self.iterations}},
            "param_groups": [{"lr": self._rate, "betas": (0.9, 0.999), "params": [0]}],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.slot = state["state"][0]["slot"].clone()
        self.iterations.assign(state["state"][0]["step"])
        self._rate = state["param_groups"][0]["lr"]
        assert state["param_groups"][0]["betas"] == (0.9, 0.999)


class Model(nn.Module):
    """One weight, three metrics."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = Parameter(torch.zeros(1, 1))
        self.kernel.path = "model/dense/kernel"
        self.layers = [SimpleNamespace(name="dense", weights=[self.kernel])]
        self.optimizer = Optimizer([self.kernel])
        self._initial_epoch: int | None = None
        self.history: Any = None
        inside = [
            SimpleNamespace(name="mse", _direction="down"),
            SimpleNamespace(name="accuracy", _direction="up"),
            SimpleNamespace(name="hits"),
        ]
        loss = SimpleNamespace(name="loss")
        self.metrics = [loss, SimpleNamespace(name="compile_metrics", metrics=inside)]
        self.built = True
        self.stop_training = False

    @property
    def trainable_variables(self) -> list[Parameter]:
        return [self.kernel]

    def get_weights(self) -> list[np.ndarray]:
        return [self.kernel.numpy()]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.kernel.assign(weights[0])
