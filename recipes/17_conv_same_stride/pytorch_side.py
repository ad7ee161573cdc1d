"""`same` with stride 2: the padding, computed from the size of the input."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

# %% data: an even and an odd size
images = torch.tensor(load_digits().images[:4, None] / 16, dtype=torch.float32)
even, odd = images, images[:, :, :7, :7]


# %% a convolution with the same weights on both sides
def padding(n, kernel, stride):
    """What Keras adds before and behind n pixels: the odd one goes behind."""
    steps = math.ceil(n / stride)
    total = max((steps - 1) * stride + kernel - n, 0)
    return total // 2, total - total // 2


def same(x, kernel=3, stride=2, value=0.0):
    height, width = x.shape[-2:]
    left, right = padding(width, kernel, stride)
    top, bottom = padding(height, kernel, stride)
    return F.pad(x, (left, right, top, bottom), value=value)


conv = nn.Conv2d(1, 5, kernel_size=3, stride=2)
rng = np.random.default_rng(0)
with torch.no_grad():
    kernel = torch.from_numpy(rng.normal(size=(3, 3, 1, 5)))
    conv.weight.copy_(kernel.permute(3, 2, 0, 1))
    conv.bias.copy_(torch.from_numpy(rng.normal(size=5)))

# %% max pooling does the same
pool = nn.MaxPool2d(3, stride=2)

# %% average pooling does not count the padding
mean = nn.AvgPool2d(3, stride=2)


# %% results
def channels_last(x):
    return x.detach().permute(0, 2, 3, 1)


results = {
    "even size": channels_last(conv(same(even))),
    "odd size": channels_last(conv(same(odd))),
    "max pooling": channels_last(pool(same(-even, value=-torch.inf))),
    "average pooling": channels_last(
        mean(same(even)) / mean(same(torch.ones_like(even)))
    ),
}
print({name: tuple(value.shape) for name, value in results.items()})
