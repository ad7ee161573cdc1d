"""Sizes found by a dry run of Lazy modules, or stated."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.parameter import is_lazy

# %% data
images = torch.tensor(load_digits().images[:4, None] / 16, dtype=torch.float32)

# %% a model without input sizes
model = nn.Sequential(
    nn.LazyConv2d(6, kernel_size=3, stride=2),
    nn.ReLU(),
    nn.LazyBatchNorm2d(eps=1e-3, momentum=0.01),
    nn.Flatten(),
    nn.LazyLinear(10),
)
ready = sum(not is_lazy(weight) for weight in model.parameters())

# %% the sizes, found by running it once
model.eval()  # otherwise this run would count in the moving averages
with torch.no_grad():
    model(images[:1])
model.train()
print(ready, "weights before,", len(list(model.parameters())), "after")
moving_variance = model[2].running_var.clone()

# %% the sizes, stated
side = (8 - 3) // 2 + 1  # (n + 2 * padding - kernel) // stride + 1
flat = 6 * side * side
stated = nn.Sequential(
    nn.Conv2d(1, 6, kernel_size=3, stride=2),
    nn.ReLU(),
    nn.BatchNorm2d(6, eps=1e-3, momentum=0.01),
    nn.Flatten(),
    nn.Linear(flat, 10),
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
conv, _, _, _, dense = model
with torch.no_grad():
    kernel = torch.from_numpy(rng.normal(size=(3, 3, 1, 6)))
    conv.weight.copy_(kernel.permute(3, 2, 0, 1))
    conv.bias.copy_(torch.from_numpy(rng.normal(size=6)))
    # Flatten counts channels first here: see recipe 18.
    kernel = torch.from_numpy(rng.normal(size=(side, side, 6, 10)))
    dense.weight.copy_(kernel.permute(3, 2, 0, 1).flatten(1))
    dense.bias.copy_(torch.from_numpy(rng.normal(size=10)))
stated.load_state_dict(model.state_dict())

# %% results
results = {
    "weights before": ready,
    "flat": flat,
    "moving variance": moving_variance,
    "found": model.eval()(images),
    "stated": stated.eval()(images),
}
