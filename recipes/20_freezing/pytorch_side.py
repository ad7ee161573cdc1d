"""A frozen backbone: no gradients, and its BatchNorm stays in eval mode."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=32)


# %% model: a backbone that is frozen, and a head that learns
class Classifier(nn.Module):
    def __init__(self, rate):
        super().__init__()
        norm = nn.BatchNorm1d(32, momentum=1 - 0.99, eps=1e-3)
        self.backbone = nn.Sequential(
            nn.Linear(64, 32), norm, nn.ReLU(), nn.Dropout(rate)
        )
        self.head = nn.Linear(32, 10)
        self.backbone.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        for part in self.backbone.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                part.eval()
        return self

    def forward(self, x):
        return self.head(self.backbone(x))


model = Classifier(rate=0.0)
learning = [p for p in model.parameters() if p.requires_grad]
print(len(learning), "weights learn")

# %% the same weights on both sides, as if the backbone had been trained
rng = np.random.default_rng(0)
dense, norm, _, _ = model.backbone
state = [norm.weight, norm.bias, norm.running_mean, norm.running_var]
with torch.no_grad():
    for weight in [*dense.parameters(), *state, *model.head.parameters()]:
        drawn = rng.normal(0, 0.1, weight.shape[::-1]).T
        drawn = abs(drawn) + 0.5 if drawn.shape == (32,) else drawn
        weight.copy_(torch.from_numpy(drawn))

# %% train and validate
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(learning, lr=0.1, momentum=0.9)
history = {"loss": []}
for _ in range(2):
    model.train()
    total = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    history["loss"].append(total / 1500)
model.eval()
with torch.no_grad():
    val_loss = criterion(model(x[1500:]), y[1500:]).item()
print(history["loss"], val_loss)

# %% Dropout is not in use: frozen, it still drops
noisy = Classifier(rate=0.5).train()
drops = bool((noisy(x[:8]) != noisy(x[:8])).any())

# %% results
results = {"loss": history["loss"], "val_loss": val_loss}
results |= {"kernel": dense.weight.T, "moving mean": norm.running_mean}
results |= {"frozen Dropout drops": drops}
