"""An LSTM over digits, row by row, that runs over the rows which count."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

# %% data: rows of -1 behind, in front, anywhere; one image has nothing else
images, y = load_digits().images[:1000] / 16, load_digits().target[:1000]
rng = np.random.default_rng(0)
rows, lengths = np.arange(8), rng.integers(1, 9, (1000, 1))
masks = {
    "behind": rows < lengths,
    "in front": rows[::-1] < lengths,
    "anywhere": rng.random((1000, 8)) < 0.5,
}
masks["anywhere"][0] = False
padded = {
    name: torch.tensor(np.where(mask[..., None], images, -1)).float()
    for name, mask in masks.items()
}

# %% model
lstm = nn.LSTM(8, 16, batch_first=True)
head = nn.Linear(16, 10)

# %% the same weights on both sides
lstm.bias_hh_l0.requires_grad_(False).zero_()  # Keras has one bias: see 23
parameters = [w for w in [*lstm.parameters(), *head.parameters()] if w.requires_grad]
with torch.no_grad():
    for weight in parameters:
        weight.copy_(torch.from_numpy(rng.normal(0, 0.2, weight.shape[::-1]).T))


# %% padding behind: the last valid step
def last_valid(x):
    lengths = (x != -1).any(dim=-1).sum(dim=1).cpu()
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    _, (h, _) = lstm(packed)
    return h[-1]


last = last_valid(padded["behind"][:5])


# %% any mask: a masked step repeats the output before it
def masked_lstm(x):
    mask = (x != -1).any(dim=-1)
    order = (~mask).int().argsort(dim=1, stable=True)  # what counts goes first
    x = x.take_along_dim(order.unsqueeze(-1), dim=1)
    lengths = mask.sum(dim=1).clamp(min=1).cpu()  # packing wants one step
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    packed, (h, c) = lstm(packed)
    outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=8)
    seen = mask.cumsum(dim=1).unsqueeze(-1)  # steps so far
    outputs = outputs.take_along_dim((seen - 1).clamp(min=0), dim=1) * (seen > 0)
    return outputs, *(state[-1] * (seen[:, -1] > 0) for state in (h, c))


sequences = {name: masked_lstm(x[:5]) for name, x in padded.items()}

# %% train
optimizer = torch.optim.SGD(parameters, lr=1.0)
x, y, history = padded["behind"], torch.from_numpy(y), []
for _ in range(5):
    total = 0.0
    for inputs, targets in zip(x.split(50), y.split(50), strict=True):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(head(last_valid(inputs)), targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    history.append(total / len(x))

# %% results
results = {"last": last, "loss": history}
for name, (outputs, h, c) in sequences.items():
    results |= {f"outputs, {name}": outputs, f"h, {name}": h, f"c, {name}": c}
print("loss", history, outputs[1, :, 0].detach().numpy())
