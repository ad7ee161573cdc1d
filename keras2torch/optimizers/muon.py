"""Muon: matrices move along an orthogonal matrix, everything else by AdamW.

Source: ``keras/src/optimizers/muon.py`` (3.15).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import torch

from keras2torch.optimizers.base import Optimizer, Rate, one_minus_power
from keras2torch.optimizers.layout import Chosen, Tensors
from keras2torch.optimizers.slices import square
from keras2torch.training.variables import Variable


class Muon(Optimizer):
    """Make the momentum of each matrix orthogonal by Newton's and Schulz's iteration.

    Parameters
    ----------
    adam_beta_1, adam_beta_2, adam_weight_decay, epsilon, adam_lr_ratio
        AdamW for variables that have not two axes, or are excluded.
    weight_decay
        Of the matrices.
    exclude_layers
        Patterns; variables with one in their path go by AdamW.
    exclude_embeddings
        Whether variables with "embedding" in their path do.
    muon_a, muon_b, muon_c, ns_steps
        The polynomial of the iteration, and how often.
    momentum, nesterov
        Of the matrices.
    rms_rate
        Size of an update's elements, by the longer side; ``None`` leaves it.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = (
        "adam_beta_1",
        "adam_beta_2",
        "epsilon",
        "exclude_layers",
        "muon_a",
        "muon_b",
        "muon_c",
        "adam_lr_ratio",
        "momentum",
        "ns_steps",
        "nesterov",
        "exclude_embeddings",
        "adam_weight_decay",
        "rms_rate",
    )

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate
        self.exclude_layers: Sequence[str] = exclude_layers or []

    def _should_use_adamw(self, variable: Any) -> bool:
        if len(variable.shape) != 2:
            return True
        if self.exclude_embeddings and "embedding" in variable.path.lower():
            return True
        return any(re.search(key, variable.path) for key in self.exclude_layers)

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self._momentums: list[Variable] = []
        self._velocities: list[Variable | None] = []
        for weight in self._layout.variables:
            own = self.add_variable_from_reference(weight, "momentum")
            self._momentums.append(own)
            adam = self._should_use_adamw(weight)
            self._velocities.append(
                self.add_variable_from_reference(weight, "velocity") if adam else None
            )

    def _decay_of(self, variable: Variable) -> float:
        adam = self._should_use_adamw(variable)
        return float((self.adam_weight_decay if adam else self.weight_decay) or 0.0)

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        place = {id(t): n for n, t in enumerate(chosen.tensors)}
        for number, variable in chosen.variables:
            g = variable.keras(lambda t: grads[place[id(t)]])
            m, v = self._momentums[number], self._velocities[number]
            w = variable.keras()
            if v is None:
                mean = m.keras() * self.momentum + g
                m.assign(mean)
                ahead = g + self.momentum * mean if self.nesterov else mean
                update = self._orthogonal(ahead)
                if self.rms_rate is not None:
                    update = update * (math.sqrt(max(update.shape)) * self.rms_rate)
                variable.assign(w - rate * update)
                continue
            step = self._updates() + 1
            first = one_minus_power(self.adam_beta_1, step, w.dtype)
            second = one_minus_power(self.adam_beta_2, step, w.dtype)
            alpha = rate * self.adam_lr_ratio * math.sqrt(second) / first
            mean = torch.lerp(m.keras(), g, 1.0 - self.adam_beta_1)
            squared = variable.keras(lambda t: square(grads, place[id(t)]))
            mean_square = torch.lerp(v.keras(), squared, 1.0 - self.adam_beta_2)
            m.assign(mean)
            v.assign(mean_square)
            variable.assign(w - mean * alpha / (mean_square.sqrt() + self.epsilon))

    def _orthogonal(self, x: torch.Tensor) -> torch.Tensor:
        tall = x.shape[-2] > x.shape[-1]
        if tall:
            x = x.T
        x = x / (torch.linalg.matrix_norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            a = x @ x.T
            x = self.muon_a * x + (self.muon_b * a + self.muon_c * a @ a) @ x
        return x.T if tall else x
