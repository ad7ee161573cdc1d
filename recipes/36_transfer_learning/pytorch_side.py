"""Learn the digits 0 to 4, keep what sees, learn 5 to 9 with a new top."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

# %% data: the old task and the new one
digits = load_digits()
x, y = torch.tensor(digits.images[:, None] / 16).float(), torch.tensor(digits.target)
old_x, old_y = x[y < 5], y[y < 5]
new_x, new_y = x[y >= 5], y[y >= 5] - 5


# %% a network with a top that can be left out
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        first, second = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 32, 3)
        self.base = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())
        self.head = nn.Linear(32, 5)

    def forward(self, image):
        return self.head(self.base(image).mean(dim=(2, 3)))


# %% the same weights on both sides
rng = np.random.default_rng(0)


@torch.no_grad()
def start(model):
    for weight in model.parameters():
        w = rng.normal(0, 0.2, weight.shape[::-1])
        weight.copy_(torch.tensor(w.transpose(3, 2, 0, 1) if w.ndim == 4 else w.T))


# %% pretraining
def train(model, parameters, x, y):
    optimizer = torch.optim.SGD(parameters, lr=0.05, momentum=0.9)
    losses = []
    for _ in range(2):
        total = 0.0
        for inputs, targets in zip(x.split(32), y.split(32), strict=True):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(inputs)
        losses.append(total / len(x))
    return losses


model = Network()
start(model)
losses = train(model, model.parameters(), old_x, old_y)

# %% cut the top: include_top=False
model.head = nn.Identity()
features = model(new_x[:2])

# %% freeze, and train a new top
model.base.requires_grad_(False)
model.head = nn.Linear(32, 5)
start(model.head)
losses += train(model, model.head.parameters(), new_x, new_y)
frozen = model.base[0].weight.clone()

# %% unfreeze, with two learning rates
model.base.requires_grad_(True)
base, head = model.base.parameters(), model.head.parameters()
groups = [{"params": head}, {"params": base, "lr": 0.005}]
losses += train(model, groups, new_x, new_y)

# %% results
results = {"losses": losses, "features": features}
results["frozen kernel"] = frozen.permute(2, 3, 1, 0)
results["tuned kernel"] = model.base[0].weight.permute(2, 3, 1, 0)
results["accuracy"] = (model(new_x).argmax(dim=1) == new_y).float().mean()
print(losses, results["accuracy"])
