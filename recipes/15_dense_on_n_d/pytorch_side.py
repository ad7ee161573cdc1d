"""A Linear acts on the last axis too, but that is not always the same one."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

# %% data: digits as eight steps of eight pixels, and as images of eight channels
digits = torch.tensor(load_digits().images[:64] / 16, dtype=torch.float32)
levels = (digits[:, None] > torch.arange(8)[:, None, None] / 8).float()
print(tuple(digits.shape), tuple(levels.shape))

# %% the same weights on both sides
rng = np.random.default_rng(0)
kernel, bias = rng.normal(size=(8, 8)), rng.normal(size=8)
dense = nn.Linear(8, 8)
with torch.no_grad():
    dense.weight.copy_(torch.from_numpy(kernel.T))
    dense.bias.copy_(torch.from_numpy(bias))

# %% on a sequence, step by step
logits = dense(digits)

# %% on an image, pixel by pixel
conv = nn.Conv2d(8, 8, kernel_size=1)
with torch.no_grad():
    conv.weight.copy_(dense.weight[:, :, None, None])
    conv.bias.copy_(dense.bias)
mixed = conv(levels)

# %% over two axes at once
kernel = torch.tensor(rng.normal(size=(8, 8, 3)), dtype=torch.float32)
bias = torch.tensor(rng.normal(size=3), dtype=torch.float32)
summed = torch.einsum("btf,tfu->bu", digits, kernel) + bias

# %% a loss for every step: which pixel of the row is the brightest?
brightest = digits.argmax(dim=-1)
loss = F.cross_entropy(logits.transpose(1, 2), brightest)
accuracy = (logits.argmax(dim=-1) == brightest).float().mean()
print("loss", loss.item(), "accuracy", accuracy.item())

# %% results
results = {
    "sequence": logits[:4],
    "image": mixed[:2].permute(0, 2, 3, 1),
    "two axes": summed[:4],
    "loss": loss,
    "accuracy": accuracy,
}
