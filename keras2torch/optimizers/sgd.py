"""SGD and Lion: the gradient, its momentum, or its sign.

Source: ``keras/src/optimizers/sgd.py`` and ``lion.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from keras2torch.optimizers.base import Optimizer, Rate
from keras2torch.optimizers.layout import Chosen, Tensors, fusable


class SGD(Optimizer):
    """Gradient descent with Keras' momentum: the learning rate is inside the velocity.

    Parameters
    ----------
    momentum
        Between 0 and 1; 0 keeps no velocity.
    nesterov
        Look one step ahead.

    Other parameters are those of :class:`Optimizer`.

    Raises
    ------
    ValueError
        If ``momentum`` is no float between 0 and 1.
    """

    _options = ("momentum", "nesterov")

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
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
        self.momentum = momentum
        self.nesterov = nesterov
        if not isinstance(momentum, float) or momentum < 0 or momentum > 1:
            raise ValueError("`momentum` must be a float between [0, 1].")

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        if self.momentum != 0:
            self.add_optimizer_variables(variables, "momentum")

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        if self.momentum == 0:
            torch._foreach_add_(chosen.tensors, grads, alpha=-rate)
            return
        for part, g in chosen.kinds(grads):
            velocity = part["momentum"]
            if fusable(part):
                # buf = m·buf + (1 - dampening)·(-g), w -= lr·buf: with these, Keras'.
                scaled = list(torch._foreach_mul(g, rate)) if self.nesterov else g
                torch._fused_sgd_(
                    part.tensors,
                    scaled,
                    velocity,
                    weight_decay=0.0,
                    momentum=self.momentum,
                    lr=-1.0,
                    dampening=0.0 if self.nesterov else 1.0 - rate,
                    nesterov=self.nesterov,
                    maximize=True,
                    is_first_step=False,
                )
                continue
            torch._foreach_mul_(velocity, self.momentum)
            torch._foreach_add_(velocity, g, alpha=-rate)
            if self.nesterov:
                torch._foreach_add_(part.tensors, velocity, alpha=self.momentum)
                torch._foreach_add_(part.tensors, g, alpha=-rate)
            else:
                torch._foreach_add_(part.tensors, velocity)


class Lion(Optimizer):
    """The sign of a momentum.

    Parameters
    ----------
    beta_1, beta_2
        How much of the momentum is in the sign, and how much of it stays.

    Other parameters are those of :class:`Optimizer`.

    Raises
    ------
    ValueError
        If ``beta_1`` is not between 0 and 1.
    """

    _options = ("beta_1", "beta_2")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        if beta_1 <= 0 or beta_1 > 1:
            raise ValueError(
                "Argument `beta_1` must be in the [0, 1] range. Otherwise, the "
                f"optimizer degenerates to SignSGD. Received: beta_1={beta_1}."
            )

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.add_optimizer_variables(variables, "momentum")

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        momentum = chosen["momentum"]
        direction = torch._foreach_mul(momentum, self.beta_1)
        torch._foreach_add_(direction, grads, alpha=1.0 - self.beta_1)
        torch._foreach_sign_(direction)
        torch._foreach_add_(chosen.tensors, direction, alpha=-rate)
        torch._foreach_mul_(momentum, self.beta_2)
        torch._foreach_add_(momentum, grads, alpha=1.0 - self.beta_2)
