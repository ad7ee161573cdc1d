"""A Sequential; what no layer does is a small Module."""

from collections import OrderedDict

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x, y), batch_size=32)


# %% what no layer does
class Rows(nn.Module):
    def forward(self, x):
        # Eight steps of eight pixels; Conv1d wants the steps last.
        return x.reshape(len(x), 8, 8).transpose(1, 2)


class Highest(nn.Module):
    def forward(self, x):
        return x.amax(dim=2)


# %% model
model = nn.Sequential(
    OrderedDict(
        rows=Rows(),
        conv=nn.Conv1d(8, 32, kernel_size=3),
        relu=nn.ReLU(),
        highest=Highest(),
    )
)
model.add_module("head", nn.Linear(32, 10))

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        # Keras' shape is this one read backwards: (steps, in, out), (in, out).
        drawn = rng.normal(0, 0.1, weight.shape[::-1]).T
        weight.copy_(torch.from_numpy(drawn))

# %% train
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
history = {"loss": []}
for _ in range(3):
    total = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    history["loss"].append(total / len(x))
print(history)

# %% a layer by its place or name, and a part of the model
kernel = model[1].weight
bias = model.head.bias
features = model[:-1]

# %% results
results = {
    "loss": history["loss"],
    "kernel": kernel,
    "bias": bias,
    "features": features(x[:4]),
}
