"""Batch normalization with Keras' momentum, epsilon and biased variance."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=16)


# %% the layer: what is kept of the batches
class BatchNorm(nn.BatchNorm1d):
    """Keeps the variance divided by n, as Keras 3 does, not by n - 1."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        dims = [d for d in range(x.ndim) if d != 1]
        var, mean = torch.var_mean(x.detach(), dims, correction=0)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var, self.momentum)
        # Without statistics it uses those of the batch.
        return F.batch_norm(
            x, None, None, self.weight, self.bias, training=True, eps=self.eps
        )


norm = BatchNorm(32, momentum=1 - 0.99, eps=1e-3)
print(1 - norm.momentum, norm.eps)

# %% model
model = nn.Sequential(nn.Linear(64, 32), norm, nn.ReLU(), nn.Linear(32, 10))

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in [*model[0].parameters(), *model[-1].parameters()]:
        drawn = rng.normal(0, 0.1, weight.shape[::-1]).T
        weight.copy_(torch.from_numpy(drawn))

# %% train
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
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

# %% validate
model.eval()
with torch.no_grad():
    val_loss = criterion(model(x[1500:]), y[1500:]).item()
print(history["loss"], val_loss)

# %% results
results = {
    "loss": history["loss"],
    "val_loss": val_loss,
    "moving mean": norm.running_mean,
    "moving variance": norm.running_var,
}
