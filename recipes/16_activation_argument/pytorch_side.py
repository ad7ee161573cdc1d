"""A Linear has no activation: it is the next line, with every number spelled out."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

# %% data: digits as sequences, and logits of three classes for every pixel
digits = torch.tensor(load_digits().images[:4] / 16, dtype=torch.float32)
rng = np.random.default_rng(0)
pixels = torch.tensor(rng.normal(size=(4, 8, 8, 3)), dtype=torch.float32)
pixels = pixels.permute(0, 3, 1, 2)
linear = nn.Linear(8, 6)
with torch.no_grad():
    linear.weight.copy_(torch.from_numpy(rng.normal(size=(8, 6)).T))
    linear.bias.copy_(torch.from_numpy(rng.normal(size=6)))
h = linear(digits)

# %% as an argument
results = {"relu": torch.relu(h), "swish": F.silu(h)}

# %% leaky_relu: the name and the layer have two slopes
results["leaky_relu"] = F.leaky_relu(h, negative_slope=0.2)
results["LeakyReLU"] = F.leaky_relu(h, negative_slope=0.3)

# %% gelu: the activation and the function have two formulas
results["gelu"] = F.gelu(h)
results["ops.gelu"] = F.gelu(h, approximate="tanh")

# %% hard_sigmoid: Keras 3 and Keras 2 have two slopes
results["hard_sigmoid"] = F.hardsigmoid(h)
results["hard_sigmoid of Keras 2"] = (0.2 * h + 0.5).clamp(0, 1)

# %% softmax: the last axis
results["softmax of steps"] = h.softmax(dim=-1)
results["softmax of pixels"] = pixels.softmax(dim=1).permute(0, 2, 3, 1)

# %% PReLU: one slope for each channel, at first zero
prelu = nn.PReLU(num_parameters=3, init=0.0)
results["PReLU"] = prelu(pixels).permute(0, 2, 3, 1)

# %% results
print({name: value.min().item() for name, value in results.items()})
