"""Digits read from both ends: PyTorch concatenates, the rest is arithmetic."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

# %% data: eight rows are eight steps, some of them padding
x = torch.tensor(load_digits().images[:4] / 16, dtype=torch.float32)
lengths = torch.tensor([8, 3, 5, 1])

# %% the same weights on both sides
rng = np.random.default_rng(0)
shapes = [(8, 64), (16, 64), (64,)]
forward = [torch.from_numpy(rng.normal(0, 0.3, shape).T) for shape in shapes]
backward = [torch.from_numpy(rng.normal(0, 0.3, shape).T) for shape in shapes]


@torch.no_grad()
def set_weights(layer, weights, end="l0"):
    for name, value in zip(["weight_ih", "weight_hh", "bias_ih"], weights, strict=True):
        getattr(layer, f"{name}_{end}").copy_(value)
    getattr(layer, f"bias_hh_{end}").zero_().requires_grad_(False)


lstm = nn.LSTM(8, 16, batch_first=True, bidirectional=True)
set_weights(lstm, forward)
set_weights(lstm, backward, "l0_reverse")

# %% every step: merge modes
outputs, (h, c) = lstm(x)
ahead, back = outputs.chunk(2, dim=-1)
modes = {
    "concat": outputs,
    "sum": ahead + back,
    "mul": ahead * back,
    "ave": (ahead + back) / 2,
    "None": (ahead, back),
}

# %% one vector: each direction's last step
last = torch.cat([h[0], h[1]], dim=-1)

# %% states
h, h_back = h

# %% padding
packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
packed, (h_masked, _) = lstm(packed)
masked, _ = pad_packed_sequence(packed, batch_first=True, total_length=8)
masked_last = torch.cat([h_masked[0], h_masked[1]], dim=-1)

# %% go_backwards alone: the outputs stay reversed
alone = nn.LSTM(8, 16, batch_first=True)
set_weights(alone, backward)
reversed_outputs, _ = alone(x.flip(1))

# %% two directions that are not alike
one_way, other_way = nn.LSTM(8, 16, batch_first=True), nn.RNN(8, 12, batch_first=True)
set_weights(one_way, forward)
simple = [rng.normal(0, 0.3, shape).T for shape in [(8, 12), (12, 12), (12,)]]
set_weights(other_way, [torch.from_numpy(value) for value in simple])
mixed = torch.cat([one_way(x)[0], other_way(x.flip(1))[0].flip(1)], dim=-1)

# %% results
results = {
    **modes,
    "last": last,
    "h": [h, h_back],
    "masked": masked,
    "masked, last": masked_last,
    "go_backwards": reversed_outputs,
    "mixed": mixed,
}
print({name: tuple(v.shape) for name, v in modes.items() if name != "None"})
