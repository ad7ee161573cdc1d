"""Class numbers against one-hot rows: one loss, which goes by the dtype."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

# %% data
x, y = load_digits(return_X_y=True)
x = torch.tensor(x[:1790] / 16, dtype=torch.float32)
y = torch.tensor(y[:1790])
one_hot = F.one_hot(y, num_classes=10).float()

# %% model
model = nn.Linear(64, 10)
rng = np.random.default_rng(0)
weights = [rng.normal(size=(64, 10)).T, rng.normal(size=10)]


# %% the same training for labels of any form
def train(labels):
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(weight))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    history = {"accuracy": [], "loss": []}
    for _ in range(3):
        total = correct = 0.0
        for inputs, targets in zip(x.split(32), labels.split(32), strict=True):
            optimizer.zero_grad()
            logits = model(inputs)
            loss = F.cross_entropy(logits, targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(inputs)
            if targets.is_floating_point():
                targets = targets.argmax(dim=1)
            correct += (logits.argmax(dim=1) == targets).sum().item()
        history["accuracy"].append(correct / len(x))
        history["loss"].append(total / len(x))
    print(history)
    return history


# %% class numbers, a column of them, one-hot rows
numbers = train(y)
column = train(y[:, None].squeeze(1))
rows = train(one_hot)

# %% a label for each of ten steps
steps = model(x).detach().reshape(-1, 10, 10)
labels = y.reshape(-1, 10)
per_step = F.cross_entropy(steps.transpose(1, 2), labels)
one_hot_steps = F.cross_entropy(
    steps.flatten(0, 1), F.one_hot(labels, 10).float().flatten(0, 1)
)

# %% a class that does not count
ignored = F.cross_entropy(steps.transpose(1, 2), labels, ignore_index=0)

# %% one output for each sample
odd = (y % 2).float()
one_output = F.mse_loss(x[:, 20:21].squeeze(1), odd)

# %% results
results = {
    "numbers": numbers,
    "column": column,
    "one-hot": rows,
    "per step": per_step,
    "per step, one-hot": one_hot_steps,
    "ignored": ignored,
    "one output": one_output,
}
