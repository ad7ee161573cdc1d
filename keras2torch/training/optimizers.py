"""Optimizers that torch.optim has not, or not with Keras' numbers.

Code that ``train.py`` receives as text, cut out by name. Sources:
``keras/src/optimizers/`` (3.15). Weight decay is not in here: in Keras it is the same
for every optimizer and comes before the step (:func:`decay_weights`).
"""

from collections.abc import Iterable

import torch


@torch.no_grad()
def clip_norms(parameters: list[torch.nn.Parameter], limit: float) -> None:
    """Scale down each gradient by itself to this norm (Keras' clipnorm)."""
    for p in parameters:
        if p.grad is not None:
            p.grad.mul_(limit / p.grad.norm().clamp(min=limit))


@torch.no_grad()
def clip_global_norm(parameters: list[torch.nn.Parameter], limit: float) -> None:
    """Scale down all gradients together to this norm (Keras' global_clipnorm)."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    for g in gradients:
        g.mul_(limit / norm.clamp(min=limit))


@torch.no_grad()
def decay_weights(parameters: list[torch.nn.Parameter], amount: float) -> None:
    """Shrink the weights, biases included, before the step and apart from it."""
    for p in parameters:
        p.mul_(1.0 - amount)


class KerasSGD(torch.optim.Optimizer):
    """SGD whose learning rate is inside the velocity.

    torch.optim.SGD multiplies the velocity by the rate of today: the same only as long
    as the rate does not change.
    """

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["velocity"] = torch.zeros_like(p)
                velocity = state["velocity"]
                velocity.mul_(momentum).sub_(p.grad, alpha=lr)
                if group["nesterov"]:
                    p.add_(velocity, alpha=momentum).sub_(p.grad, alpha=lr)
                else:
                    p.add_(velocity)


class KerasAdam(torch.optim.Optimizer):
    """Adam with epsilon outside the bias correction ("epsilon hat" in the paper).

    torch.optim.Adam corrects the root first and then adds epsilon, which is another
    step wherever gradients are small (tensorflow/tensorflow#9047).
    """

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        amsgrad: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "amsgrad": amsgrad}
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            beta_1, beta_2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["step"] = 0
                    state["m"] = torch.zeros_like(p)
                    state["v"] = torch.zeros_like(p)
                    state["v_hat"] = torch.zeros_like(p)
                state["step"] += 1
                t, m, v = state["step"], state["m"], state["v"]
                m.lerp_(p.grad, 1.0 - beta_1)
                v.mul_(beta_2).addcmul_(p.grad, p.grad, value=1.0 - beta_2)
                if group["amsgrad"]:
                    v = torch.maximum(state["v_hat"], v, out=state["v_hat"])
                lr = group["lr"] * (1.0 - beta_2**t) ** 0.5 / (1.0 - beta_1**t)
                p.addcdiv_(m, v.sqrt().add_(group["eps"]), value=-lr)


class KerasRMSprop(torch.optim.Optimizer):
    """RMSprop with epsilon under the root; torch.optim.RMSprop adds it to the root."""

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        eps: float = 1e-7,
        centered: bool = False,
    ) -> None:
        options = {"lr": lr, "rho": rho, "momentum": momentum, "eps": eps}
        super().__init__(params, {**options, "centered": centered})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            rho = group["rho"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["square"] = torch.zeros_like(p)
                    state["average"] = torch.zeros_like(p)
                    state["velocity"] = torch.zeros_like(p)
                square, average = state["square"], state["average"]
                square.mul_(rho).addcmul_(p.grad, p.grad, value=1.0 - rho)
                under = square + group["eps"]
                if group["centered"]:
                    average.lerp_(p.grad, 1.0 - rho)
                    under -= average.square()
                change = group["lr"] * p.grad / under.sqrt()
                velocity = state["velocity"].mul_(group["momentum"]).add_(change)
                p.sub_(velocity)


class KerasAdagrad(torch.optim.Optimizer):
    """Adagrad with epsilon under the root; torch.optim.Adagrad adds it to the root."""

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 0.001,
        initial_accumulator_value: float = 0.1,
        eps: float = 1e-7,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "start": initial_accumulator_value, "eps": eps}
        )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["sum"] = torch.full_like(p, group["start"])
                total = state["sum"].addcmul_(p.grad, p.grad)
                p.addcdiv_(p.grad, (total + group["eps"]).sqrt(), value=-group["lr"])


class Ftrl(torch.optim.Optimizer):
    """Follow The Regularized Leader, which torch.optim has not."""

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1: float = 0.0,
        l2: float = 0.0,
        l2_shrinkage: float = 0.0,
        beta: float = 0.0,
    ) -> None:
        options = {"lr": lr, "power": -learning_rate_power, "beta": beta}
        options |= {"start": initial_accumulator_value}
        super().__init__(
            params, {**options, "l1": l1, "l2": l2, "l2_shrinkage": l2_shrinkage}
        )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            lr, power, l1 = group["lr"], group["power"], group["l1"]
            l2 = group["l2"] + group["beta"] / (2.0 * lr)
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["sum"] = torch.full_like(p, group["start"])
                    state["linear"] = torch.zeros_like(p)
                before, linear = state["sum"], state["linear"]
                after = before + p.grad.square()
                sigma = (after.pow(power) - before.pow(power)) / lr
                linear += p.grad + 2.0 * group["l2_shrinkage"] * p - sigma * p
                quadratic = after.pow(power) / lr + 2.0 * l2
                p.copy_((linear.clamp(-l1, l1) - linear) / quadratic)
                state["sum"] = after


class Lion(torch.optim.Optimizer):
    """The sign of a momentum, which torch.optim has not."""

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            beta_1, beta_2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["m"] = torch.zeros_like(p)
                m = state["m"]
                p.sub_(torch.sign(m * beta_1 + p.grad * (1.0 - beta_1)) * group["lr"])
                m.mul_(beta_2).add_(p.grad, alpha=1.0 - beta_2)


class Lamb(torch.optim.Optimizer):
    """Adam scaled by the norm of each weight, which torch.optim has not."""

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            beta_1, beta_2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["step"] = 0
                    state["m"] = torch.zeros_like(p)
                    state["v"] = torch.zeros_like(p)
                state["step"] += 1
                t, m, v = state["step"], state["m"], state["v"]
                m.lerp_(p.grad, 1.0 - beta_1)
                v.mul_(beta_2).addcmul_(p.grad, p.grad, value=1.0 - beta_2)
                update = m / (1.0 - beta_1**t)
                update /= (v / (1.0 - beta_2**t)).sqrt() + group["eps"]
                weight, change = p.norm(), update.norm()
                both = (weight > 0) & (change > 0)
                p.sub_(group["lr"] * torch.where(both, weight / change, 1.0) * update)
