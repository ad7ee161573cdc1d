"""Devices in PyTorch: model and data are moved, by hand, to one device."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

# %% data
digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32)
y = torch.tensor(digits.target)

# %% one device
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


# %% a model that makes a tensor: each row knows how far down it is
class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(8, 16)
        self.head = nn.Linear(16, 10)
        # A buffer moves with the module, a plain tensor would stay behind.
        self.register_buffer("centre", torch.full((8,), 0.3))

    def forward(self, x):
        down = torch.arange(x.shape[1], device=x.device) / x.shape[1]
        x = x - self.centre + down[:, None]
        return self.head(torch.relu(self.hidden(x)).mean(dim=1))


model = Rows()
assert model.to(device) is model  # in place: nothing to assign
# What stays behind fails on "meta", a device without memory: no GPU needed.
copy.deepcopy(model).to("meta")(x.to("meta"))
assert x.device.type == "cpu"  # Tensor.to returned another tensor

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.3, weight.shape[::-1]).T))

# %% a copy of the data, and one of the model
moved = x[:64].to(device, copy=True)
moved -= moved.mean(dim=0)
kept = copy.deepcopy(model).to("cpu")

# %% train
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
history = []
for epoch in range(2):
    total = 0.0
    for inputs, targets in zip(x.split(32), y.split(32), strict=True):
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    history.append(total / len(x))
    print(f"epoch {epoch + 1}: loss {history[-1]:.4f}")

# %% where everything is
logits = model(x[:64].to(device))
places = {logits.device, *(t.device for t in model.state_dict().values())}
print(places)

# %% results
results = {
    "loss": history,
    "logits": logits[:4],
    "kept": kept(x[:4]),
    "data": x[:4],
    "moved": moved[:4],
    "devices": len(places),
}
