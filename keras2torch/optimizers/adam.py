"""Adam and its family.

Source: ``keras/src/optimizers/adam.py``, ``adamw.py``, ``adamax.py``, ``nadam.py``,
``lamb.py`` and ``schedule_free_adamw.py`` (3.15).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from keras2torch.optimizers.base import Optimizer, Rate, one_minus_power
from keras2torch.optimizers.layout import Chosen, Tensors, fusable
from keras2torch.optimizers.slices import Summed, add_squares, by_kind, magnitudes


def moments(
    chosen: Chosen, grads: Tensors, beta_1: float, beta_2: float
) -> tuple[Tensors, Tensors]:
    """Advance the means of the gradients and of their squares, and return them."""
    m, v = chosen["momentum"], chosen["velocity"]
    torch._foreach_lerp_(m, grads, 1.0 - beta_1)
    torch._foreach_mul_(v, beta_2)
    add_squares(v, grads, 1.0 - beta_2)
    return m, v


class Adam(Optimizer):
    """Adam with epsilon outside the bias correction ("epsilon hat" in the paper).

    Parameters
    ----------
    beta_1, beta_2
        Decay of the means of the gradients and of their squares.
    epsilon
        Added to the root.
    amsgrad
        Divide by the largest mean of squares so far.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.add_optimizer_variables(variables, ["momentum", "velocity"])
        if self.amsgrad:
            self.add_optimizer_variables(variables, "velocity_hat")

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        step = self._updates() + 1
        for part, g in by_kind(chosen, grads):
            dtype = part.tensors[0].dtype
            first = one_minus_power(self.beta_1, step, dtype)
            second = one_minus_power(self.beta_2, step, dtype)
            alpha = rate * math.sqrt(second) / first
            if fusable(part) and not isinstance(g, Summed):
                self._fused(part, g, step, alpha)
                continue
            if isinstance(g, Summed) and fusable(part) and g[0].is_cpu:
                self._fused_by_rows(part, g, step, alpha)
                continue
            m, v = moments(part, g, self.beta_1, self.beta_2)
            if self.amsgrad:
                torch._foreach_maximum_(part["velocity_hat"], v)
                v = part["velocity_hat"]
            roots = torch._foreach_sqrt(v)
            torch._foreach_add_(roots, self.epsilon)
            torch._foreach_addcdiv_(part.tensors, m, roots, value=-alpha)

    def _fused(self, part: Chosen, grads: Tensors, step: int, alpha: float) -> None:
        # Torch's kernel corrects the root, then adds epsilon: with these two taken
        # apart first, the same step as Keras' (tensorflow#9047).
        root = math.sqrt(1.0 - self.beta_2**step)
        torch._fused_adam_(
            part.tensors,
            grads,
            part["momentum"],
            part["velocity"],
            part["velocity_hat"] if self.amsgrad else [],
            part.counter(step),
            lr=alpha * (1.0 - self.beta_1**step) / root,
            beta1=self.beta_1,
            beta2=self.beta_2,
            weight_decay=0.0,
            eps=self.epsilon / root,
            amsgrad=self.amsgrad,
            maximize=False,
        )

    def _fused_by_rows(
        self, part: Chosen, grads: Summed, step: int, alpha: float
    ) -> None:
        """Move all rows at once, and those looked up again by squares of their own."""
        kept = []
        for place, rows in grads.rows.items():
            hit, at = torch.unique(rows, return_inverse=True)
            v = part["velocity"][place][hit].mul_(self.beta_2)
            v.index_add_(0, at, grads.values[place].square(), alpha=1.0 - self.beta_2)
            top = part["velocity_hat"][place][hit] if self.amsgrad else None
            kept.append((place, hit, part.tensors[place][hit], v, top))
        self._fused(part, grads, step, alpha)
        for place, hit, weight, v, top in kept:
            part["velocity"][place][hit] = v
            if top is not None:
                part["velocity_hat"][place][hit] = torch.maximum(top, v, out=v)
            root = v.sqrt_().add_(self.epsilon)
            m = part["momentum"][place][hit]
            part.tensors[place][hit] = weight.addcdiv_(m, root, value=-alpha)


class AdamW(Adam):
    """Adam with weight decay of 0.004 unless another is given.

    Raises
    ------
    ValueError
        If ``weight_decay`` is ``None``.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            amsgrad=amsgrad,
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
        if self.weight_decay is None:
            raise ValueError(
                "Argument `weight_decay` must be a float. Received: weight_decay=None"
            )


class Adamax(Optimizer):
    """Adam by the largest gradient instead of the mean of squares.

    Parameters
    ----------
    beta_1, beta_2
        Decay of the mean of the gradients, and of the largest.
    epsilon
        Added to the largest.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.add_optimizer_variables(variables, ["momentum", "norm"])

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        m, u = chosen["momentum"], chosen["norm"]
        dtype = chosen.tensors[0].dtype
        torch._foreach_lerp_(m, grads, 1.0 - self.beta_1)
        torch._foreach_mul_(u, self.beta_2)
        torch._foreach_maximum_(u, magnitudes(grads))
        below = torch._foreach_add(u, self.epsilon)
        alpha = rate / one_minus_power(self.beta_1, self._updates() + 1, dtype)
        torch._foreach_addcdiv_(chosen.tensors, m, below, value=-alpha)


class Nadam(Optimizer):
    """Adam with Nesterov's momentum, whose beta grows by 0.96^step.

    Parameters
    ----------
    beta_1, beta_2
        Decay of the means of the gradients and of their squares.
    epsilon
        Added to the root.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.add_optimizer_variables(variables, ["momentum", "velocity"])
        self._u_product = self.add_variable((), 1.0, name="u_product")

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        step = self._updates() + 1
        now = self.beta_1 * (1.0 - 0.5 * 0.96**step)
        ahead = self.beta_1 * (1.0 - 0.5 * 0.96 ** (step + 1))
        # Kept where it can be saved, and never on a device: nobody waits for it.
        product = self._u_product.value.mul_(now).item()
        m, v = moments(chosen, grads, self.beta_1, self.beta_2)
        dtype = chosen.tensors[0].dtype
        roots = torch._foreach_div(v, one_minus_power(self.beta_2, step, dtype))
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, self.epsilon)
        mean = torch._foreach_mul(m, ahead / (1.0 - product * ahead))
        torch._foreach_add_(mean, grads, alpha=(1.0 - now) / (1.0 - product))
        torch._foreach_addcdiv_(chosen.tensors, mean, roots, value=-rate)


class Lamb(Optimizer):
    """Adam's direction, as long as the weight itself.

    Parameters
    ----------
    beta_1, beta_2
        Decay of the means of the gradients and of their squares.
    epsilon
        Added to the root.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        step = self._updates() + 1
        dtype = chosen.tensors[0].dtype
        m, v = moments(chosen, grads, self.beta_1, self.beta_2)
        roots = torch._foreach_div(v, one_minus_power(self.beta_2, step, dtype))
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, self.epsilon)
        update = list(torch._foreach_div(m, one_minus_power(self.beta_1, step, dtype)))
        torch._foreach_div_(update, roots)
        ratios = [
            torch.where((weight > 0) & (change > 0), weight / change, 1.0)
            for weight, change in zip(
                chosen.norms(chosen.tensors), chosen.norms(update), strict=True
            )
        ]
        torch._foreach_mul_(update, ratios)
        torch._foreach_add_(chosen.tensors, update, alpha=-rate)


class ScheduleFreeAdamW(Optimizer):
    """AdamW that averages weights instead of following a schedule.

    Parameters
    ----------
    beta_1, beta_2
        How near the weights are to the average, and decay of the mean of squares.
    epsilon
        Added to the root.
    warmup_steps
        Steps in which the rate grows along a line.

    Other parameters are those of :class:`Optimizer`.
    """

    _options = ("beta_1", "beta_2", "epsilon", "warmup_steps")

    def __init__(
        self,
        learning_rate: Rate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.add_optimizer_variables(variables, ["momentum", "velocity"])
        everything = self._layout.all
        if everything.tensors:
            with torch.no_grad():
                torch._foreach_copy_(everything["momentum"], everything.tensors)

    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        step = self._updates() + 1
        if self.warmup_steps > 0:
            rate *= min(step / self.warmup_steps, 1.0)
        z, v, y = chosen["momentum"], chosen["velocity"], chosen.tensors
        torch._foreach_mul_(v, self.beta_2)
        add_squares(v, grads, 1.0 - self.beta_2)
        dtype = chosen.tensors[0].dtype
        roots = torch._foreach_div(v, one_minus_power(self.beta_2, step, dtype))
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, self.epsilon)
        torch._foreach_addcdiv_(z, grads, roots, value=-rate)
        # x = (y - (1 - β₁)·z) / β₁ with the z of now: that is what Keras reads there.
        x = torch._foreach_sub(y, torch._foreach_mul(z, 1.0 - self.beta_1))
        torch._foreach_div_(x, self.beta_1)
        torch._foreach_lerp_(x, z, 1.0 / step)
        torch._foreach_mul_(x, self.beta_1)
        torch._foreach_add_(x, z, alpha=1.0 - self.beta_1)
        torch._foreach_copy_(y, x)
