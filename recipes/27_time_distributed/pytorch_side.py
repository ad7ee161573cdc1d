"""Each of five digits in a row: the steps become part of the batch and return."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

# %% data: rows of five digits, and their sum
images, digits = load_digits().images[:1500], load_digits().target[:1500]
x = torch.tensor(images / 16, dtype=torch.float32).view(300, 5, 1, 8, 8)
y = torch.tensor(digits).view(300, 5).sum(dim=1, keepdim=True) / 10

# %% layers
conv = nn.Conv2d(1, 8, 3)
norm = nn.BatchNorm2d(8, eps=1e-3, momentum=0.01)
dense = nn.Linear(8, 1)


# %% model
def parts(x):
    frames = conv(x.flatten(0, 1)).relu().unflatten(0, x.shape[:2])
    normed = torch.stack([norm(step) for step in frames.unbind(dim=1)], dim=1)
    values = dense(normed.mean(dim=(-2, -1)))
    return frames, normed, values


def model(x):
    return parts(x)[2].sum(dim=1)


# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    kernel = torch.from_numpy(rng.normal(0, 0.3, (3, 3, 1, 8)))
    conv.weight.copy_(kernel.permute(3, 2, 0, 1))
    conv.bias.copy_(torch.from_numpy(rng.normal(0, 0.3, 8)))
    dense.weight.copy_(torch.from_numpy(rng.normal(0, 0.3, (8, 1)).T))
    dense.bias.copy_(torch.from_numpy(rng.normal(0, 0.3, 1)))

# %% each step by itself
with torch.no_grad():
    frames, normed, values = parts(x[:4])

# %% a recurrent layer inside: it begins anew for every digit
lstm = nn.LSTM(8, 6, batch_first=True)
with torch.no_grad():
    lstm.weight_ih_l0.copy_(torch.from_numpy(rng.normal(0, 0.3, (8, 24)).T))
    lstm.weight_hh_l0.copy_(torch.from_numpy(rng.normal(0, 0.3, (6, 24)).T))
    lstm.bias_ih_l0.copy_(torch.from_numpy(rng.normal(0, 0.3, 24)))
    lstm.bias_hh_l0.zero_()
    _, (h, _) = lstm(x[:4].squeeze(2).flatten(0, 1))
    read = h[-1].unflatten(0, (4, 5))

# %% train
weights = [w for layer in (conv, norm, dense) for w in layer.parameters()]
optimizer = torch.optim.SGD(weights, lr=0.02)
history = []
for epoch in range(5):
    losses = []
    for inputs, targets in zip(x.split(30), y.split(30), strict=True):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    history.append(sum(losses) / len(losses))
    print(f"epoch {epoch + 1}: loss {history[-1]:.4f}")

# %% results
results = {
    "convolution": frames[..., ::2, ::2].permute(0, 1, 3, 4, 2),
    "batch norm": normed[..., ::2, ::2].permute(0, 1, 3, 4, 2),
    "values": values,
    "read": read,
    "loss": history,
    "running mean": norm.running_mean,
}
print(*(tuple(v.shape) for v in (frames, normed, values, read)))
