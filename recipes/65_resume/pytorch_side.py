"""Training that is broken off and goes on as if nothing had been."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x[:960] / 16, dtype=torch.float32), torch.tensor(y[:960])
home = tempfile.TemporaryDirectory()
path = Path(home.name) / "checkpoint.pt"


# %% model, optimizer and the order of the rows
def begin(dropout):
    torch.manual_seed(1)
    rng = np.random.default_rng(0)
    layers = nn.Linear(64, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, 10)
    model = nn.Sequential(*layers)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return model, optimizer, rng


# %% epochs
def train(model, optimizer, rng, first, last):
    losses = []
    model.train()
    for _epoch in range(first, last):
        total = 0.0
        for chosen in torch.from_numpy(rng.permutation(len(x))).split(32):
            loss = nn.functional.cross_entropy(model(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        losses.append(total / len(x))
    return losses


# %% save all that goes on
def save(model, optimizer, rng, epoch):
    state = {"epoch": epoch, "order": rng.bit_generator.state}
    state |= {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state | {"chance": torch.get_rng_state()}, path)


# %% resume
def resume(dropout):
    model, optimizer, rng = begin(dropout)
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    rng.bit_generator.state = state["order"]
    torch.set_rng_state(state["chance"])
    return model, optimizer, rng, state["epoch"]


# %% without a break, and with one
unbroken, broken = {}, {}
for dropout in (0.0, 0.5):
    unbroken[dropout] = train(*begin(dropout), 0, 4)
    begun = begin(dropout)
    broken[dropout] = train(*begun, 0, 2)
    save(*begun, 2)
    broken[dropout] += train(*resume(dropout), 4)

# %% results
same = [np.allclose(unbroken[rate], broken[rate], atol=1e-6) for rate in unbroken]
results = {"unbroken": unbroken[0.0], "broken": broken[0.0], "the same": same}
print(unbroken, broken, sep="\n")
