"""Validation is recorded, and its sum holds on to every batch."""

import weakref

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.data import DataLoader, TensorDataset

# %% data and model
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
train_loader = DataLoader(TensorDataset(x[:797], y[:797]), batch_size=32)
val_loader = DataLoader(TensorDataset(x[797:], y[797:]), batch_size=100)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))

# %% loss and optimizer
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


# %% what is kept for a backward pass
class Saved:
    def __init__(self, tensor):
        self.tensor = tensor.detach()
        alive.add(self)


def kilobytes():
    weights = {w.data_ptr() for w in model.parameters()}
    sizes = {s.tensor.data_ptr(): s.tensor.nbytes for s in alive}
    return sum(n for at, n in sizes.items() if at not in weights) / 1000


alive = weakref.WeakSet()
watched = saved_tensors_hooks(Saved, lambda saved: saved.tensor)

# %% train
kept = []
for epoch in range(2):
    model.train()
    for inputs, targets in train_loader:
        optimizer.zero_grad()
        criterion(model(inputs), targets).backward()
        optimizer.step()

    model.eval()
    total = 0.0
    with watched:
        for inputs, targets in val_loader:
            loss = criterion(model(inputs), targets)
            total += loss * len(inputs)
            kept.append(kilobytes())
    print(f"epoch {epoch + 1}: val_loss {total / 1000:.4f}")
    print(f"kB kept, batch by batch: {kept[-10:]}")

# %% results
results = {"kilobytes kept": kept, "val_loss": total / 1000}
