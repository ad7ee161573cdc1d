"""Optimizers that scale each element by the gradients that it had.

Source: ``keras/src/optimizers/rmsprop.py``, ``adagrad.py``, ``adadelta.py``,
``ftrl.py`` and ``adafactor.py`` (3.15).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from keras2torch.optimizers.base import Optimizer, Rate
from keras2torch.optimizers.layout import Chosen, Tensors
from keras2torch.optimizers.slices import Summed, add_squares, square
from keras2torch.training.variables import Variable


class RMSprop(Optimizer):
    """RMSprop with epsilon under the root.

    Parameters
    ----------
    rho
        Decay of the mean of squares.
    momentum
        0 keeps none.
    epsilon
        Added under the root.
    centered
        Subtract the square of the mean gradient: divide by the deviation.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.add_optimizer_variables(variables, "velocity")
        if self.momentum > 0:
            self.add_optimizer_variables(variables, "momentum")
        if self.centered:
            self.add_optimizer_variables(variables, "average_gradient")

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        velocity = chosen["velocity"]
        torch._foreach_mul_(velocity, self.rho)
        add_squares(velocity, grads, 1.0 - self.rho)
        if self.centered:
            average = chosen["average_gradient"]
            torch._foreach_mul_(average, self.rho)
            torch._foreach_add_(average, grads, alpha=1.0 - self.rho)
            roots = torch._foreach_addcmul(velocity, average, average, value=-1.0)
            torch._foreach_add_(roots, self.epsilon)
        else:
            roots = torch._foreach_add(velocity, self.epsilon)
        torch._foreach_sqrt_(roots)
        if self.momentum > 0:
            momentum = chosen["momentum"]
            torch._foreach_mul_(momentum, self.momentum)
            torch._foreach_addcdiv_(momentum, grads, roots, value=rate)
            torch._foreach_sub_(chosen.tensors, momentum)
        else:
            torch._foreach_addcdiv_(chosen.tensors, grads, roots, value=-rate)


class Adagrad(Optimizer):
    """Adagrad with epsilon under the root.

    Parameters
    ----------
    initial_accumulator_value
        What the sums of squares begin with.
    epsilon
        Added under the root.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = ("initial_accumulator_value", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
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
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        start = float(self.initial_accumulator_value)
        self.add_optimizer_variables(variables, "accumulator", start)

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        total = chosen["accumulator"]
        add_squares(total, grads)
        roots = torch._foreach_add(total, self.epsilon)
        torch._foreach_sqrt_(roots)
        torch._foreach_addcdiv_(chosen.tensors, grads, roots, value=-rate)


class Adadelta(Optimizer):
    """Steps as large as the steps before, relative to the gradients.

    Parameters
    ----------
    rho
        Decay of the means of squares.
    epsilon
        Added under both roots.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = ("rho", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
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
        self.rho = rho
        self.epsilon = epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.add_optimizer_variables(
            variables, ["accumulated_grad", "accumulated_delta_var"]
        )

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        total, steps = chosen["accumulated_grad"], chosen["accumulated_delta_var"]
        torch._foreach_mul_(total, self.rho)
        add_squares(total, grads, 1.0 - self.rho)
        below = torch._foreach_add(total, self.epsilon)
        torch._foreach_sqrt_(below)
        step: Tensors = list(torch._foreach_add(steps, self.epsilon))
        torch._foreach_sqrt_(step)
        if isinstance(grads, Summed):
            step = grads.times(list(torch._foreach_div(step, below)))
        else:
            torch._foreach_mul_(step, grads)
            torch._foreach_div_(step, below)
        torch._foreach_mul_(steps, self.rho)
        add_squares(steps, step, 1.0 - self.rho)
        torch._foreach_add_(chosen.tensors, step, alpha=-rate)


class Ftrl(Optimizer):
    """Follow The Regularized Leader.

    Parameters
    ----------
    learning_rate_power
        At most 0: how the rate falls with the sums of squares.
    initial_accumulator_value
        What the sums of squares begin with.
    l1_regularization_strength, l2_regularization_strength
        The regularization within the method.
    l2_shrinkage_regularization_strength
        Added to the gradient, and not to its square.
    beta
        Added to the roots, as in the paper.

    Other parameters are those of :class:`Optimizer`.

    Raises
    ------
    ValueError
        If one of them has the wrong sign.
    """

    _options = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for name in self._options[:5]:
            value = getattr(self, name)
            falls = name == "learning_rate_power"
            if (value > 0.0) if falls else (value < 0.0):
                raise ValueError(
                    f"`{name}` needs to be {'negative' if falls else 'positive'} or "
                    f"zero. Received: {name}={value}."
                )

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        start = float(self.initial_accumulator_value)
        self.add_optimizer_variables(variables, ["accumulator", "linear"], [start, 0.0])

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        power = -self.learning_rate_power
        l1 = self.l1_regularization_strength
        shrinkage = self.l2_shrinkage_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2.0 * rate)
        total, linear, weights = chosen["accumulator"], chosen["linear"], chosen.tensors
        before = torch._foreach_pow(total, power)
        add_squares(total, grads)
        after = torch._foreach_pow(total, power)
        change = torch._foreach_sub(after, before)
        torch._foreach_div_(change, rate)
        torch._foreach_mul_(change, weights)
        torch._foreach_add_(linear, grads)
        if shrinkage:
            torch._foreach_add_(linear, weights, alpha=2.0 * shrinkage)
        torch._foreach_sub_(linear, change)
        torch._foreach_div_(after, rate)
        torch._foreach_add_(after, 2.0 * l2)
        clipped = torch._foreach_clamp_min(linear, -l1)
        torch._foreach_clamp_max_(clipped, l1)
        torch._foreach_sub_(clipped, linear)
        torch._foreach_copy_(weights, torch._foreach_div(clipped, after))


class Adafactor(Optimizer):
    """Scale by the means of squares along the rows and columns of each variable.

    Parameters
    ----------
    beta_2_decay
        How the decay of the means comes nearer to 1.
    epsilon_1, epsilon_2
        Added to squares, and the least size of a weight.
    clip_threshold
        Limit of an update's root mean square.
    relative_step
        The rate is at most 1/√step, unless it is a schedule.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = (
        "beta_2_decay",
        "epsilon_1",
        "epsilon_2",
        "clip_threshold",
        "relative_step",
    )

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self._kept: dict[int, tuple[Variable, Variable, Variable]] = {}
        for number, weight in enumerate(self._layout.variables):
            shape, kind = weight.shape, weight.dtype
            name = weight.name
            if len(shape) < 2:
                # Unused, but Keras' files have them.
                rows = self.add_variable((), dtype="int32", name=name)
                columns = self.add_variable((), dtype="int32", name=name)
            else:
                across = (*shape[:-2], shape[-1])
                rows = self.add_variable(shape[:-1], dtype=kind, name=name)
                columns = self.add_variable(across, dtype=kind, name=name)
            squares = self.add_variable_from_reference(weight, "velocity")
            self._kept[number] = rows, columns, squares

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        step = self._updates() + 1
        limit = 1.0 / math.sqrt(step)
        rho = min(rate, limit)
        decay = 1.0 - float(step) ** self.beta_2_decay
        place = {id(t): n for n, t in enumerate(chosen.tensors)}
        for number, variable in chosen.variables:
            g = variable.keras(lambda t: grads[place[id(t)]])
            w = variable.keras()
            rows, columns, kept = self._kept[number]
            squared = variable.keras(lambda t: square(grads, place[id(t)]))
            above = squared + self.epsilon_1
            if len(variable.shape) >= 2:
                r, c = rows.value, columns.value
                r.mul_(decay).add_(above.mean(-1), alpha=1.0 - decay)
                c.mul_(decay).add_(above.mean(-2), alpha=1.0 - decay)
                share = (r / r.mean(-1, keepdim=True)).unsqueeze(-1)
                v = share * c.unsqueeze(-2)
            else:
                v = kept.keras() * decay + above * (1.0 - decay)
            kept.assign(v)
            u = g / v.sqrt()
            size = _rms(u)
            if isinstance(grads, Summed):
                size = (squared / v).mean().sqrt()
            u = u / (size / self.clip_threshold).clamp(min=1.0)
            alpha = _rms(w).clamp(min=self.epsilon_2) * rho
            variable.assign(w - alpha * u)


def _rms(x: torch.Tensor) -> torch.Tensor:
    return x.square().mean().sqrt()
