"""Keras' initial weights, drawn by `nn.init`."""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)


# %% what is compared: each in units of its own size
def spread(kernel, fan):
    kernel = kernel.detach() * fan**0.5
    return [kernel.std(), kernel.abs().max()]


def products(rows):
    return (rows @ rows.T)[:4, :4]


# %% the default of Dense and Conv2D: glorot_uniform, and no bias
def as_in_keras(layer):
    if isinstance(layer, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


dense, conv = nn.Linear(800, 1250), nn.Conv2d(200, 400, 3)
nn.Sequential(dense, conv).apply(as_in_keras)
default = {
    "Dense": spread(dense.weight, 800),
    "bias": spread(dense.bias, 800),
    "Conv2D": spread(conv.weight, 9 * 200),
}

# %% he, lecun and glorot, uniform
he = nn.init.kaiming_uniform_(torch.empty(1250, 800), nonlinearity="relu")
lecun = nn.init.kaiming_uniform_(torch.empty(1250, 800), nonlinearity="linear")
uniform = {"he_uniform": spread(he, 800), "lecun_uniform": spread(lecun, 800)}


# %% he, lecun and glorot, normal: cut at two sigma, and widened again
def cut_normal(weight, variance):
    sigma = variance**0.5 / 0.87962566
    return nn.init.trunc_normal_(weight, std=sigma, a=-2 * sigma, b=2 * sigma)


normal = {}
for name, variance in (
    ("he_normal", 2 / 800),
    ("lecun_normal", 1 / 800),
    ("glorot_normal", 2 / (800 + 1250)),
):
    normal[name] = spread(cut_normal(torch.empty(1250, 800), variance), 800)

# %% the default of Embedding
table = nn.Embedding(2000, 500)
nn.init.uniform_(table.weight, -0.05, 0.05)
embedding = {"Embedding": spread(table.weight, 1)}

# %% orthogonal: a matrix, a convolution, the gates of a recurrent layer
matrix = nn.init.orthogonal_(torch.empty(60, 200))
kernel = nn.init.orthogonal_(torch.empty(8, 4, 3, 3))
recurrent = nn.init.orthogonal_(nn.LSTM(5, 32).weight_hh_l0)
orthogonal = {
    "orthogonal": products(matrix),
    "orthogonal, Conv2D": products(kernel.flatten(1)),
    "orthogonal, LSTM": products(recurrent.detach().T),
}

# %% what that does to a signal: ten wide layers with relu
signal = torch.from_numpy(np.random.default_rng(0).normal(size=(64, 800))).float()
with torch.no_grad():
    for _ in range(10):
        layer = nn.Linear(800, 800).apply(as_in_keras)
        signal = layer(signal).relu()
print("spread over the samples behind ten layers:", signal.std(dim=0).mean())

# %% results
results = {**default, **uniform, **normal, **embedding, **orthogonal}
