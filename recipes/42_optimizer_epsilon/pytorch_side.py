"""Three optimizers that take the steps which Keras takes."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)


# %% Adam: epsilon before the bias correction
class KerasAdam(torch.optim.Adam):
    def step(self, closure=None):
        for group in self.param_groups:
            epsilon = group.setdefault("epsilon", group["eps"])  # as it was given
            group["t"] = group.get("t", 0) + 1
            group["eps"] = epsilon / (1 - group["betas"][1] ** group["t"]) ** 0.5
        return super().step(closure)


# %% RMSprop: epsilon under the root
class KerasRMSprop(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, rho=0.9, momentum=0.0, eps=1e-7):
        super().__init__(params, dict(lr=lr, rho=rho, momentum=momentum, eps=eps))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in (w for w in group["params"] if w.grad is not None):
                state = self.state[w]
                mean = state.setdefault("square_mean", torch.zeros_like(w))
                velocity = state.setdefault("velocity", torch.zeros_like(w))
                mean.lerp_(w.grad**2, 1 - group["rho"])
                root = (mean + group["eps"]).sqrt()
                velocity.mul_(group["momentum"]).add_(group["lr"] * w.grad / root)
                w.sub_(velocity)


# %% SGD: the rate inside the velocity
class KerasSGD(torch.optim.Optimizer):
    def __init__(self, params, lr=0.01, momentum=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in (w for w in group["params"] if w.grad is not None):
                velocity = self.state[w].setdefault("velocity", torch.zeros_like(w))
                velocity.mul_(group["momentum"]).sub_(group["lr"] * w.grad)
                w.add_(velocity)


# %% train; after each epoch the rate drops to a tenth
def train(optimizer_class, **settings):
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for w in model.parameters():
            w.copy_(torch.from_numpy(rng.normal(0, 0.1, w.shape[::-1]).T))
    optimizer = optimizer_class(model.parameters(), **settings)
    drop = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
    for _ in range(2):
        for inputs, targets in zip(x.split(32), y.split(32), strict=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        drop.step()
    loss = nn.functional.cross_entropy(model(x), y).item()
    print(optimizer_class.__name__, "loss:", loss)
    return [w.detach().t() for w in model.parameters()]


# %% results
results = {
    "Adam": train(KerasAdam, lr=0.001, eps=1e-7),
    "RMSprop": train(KerasRMSprop, lr=0.001, momentum=0.9),
    "SGD": train(KerasSGD, lr=0.1, momentum=0.9),
}
