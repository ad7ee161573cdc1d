"""The loss is computed twice to be logged, and a list is appended to itself."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data and model
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x, y), batch_size=32)
norm = nn.BatchNorm1d(32)
model = nn.Sequential(nn.Linear(64, 32), norm, nn.ReLU(), nn.Linear(32, 10))
rng = np.random.default_rng(0)
with torch.no_grad():
    for layer in (model[0], model[3]):
        for weight in layer.parameters():
            weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))

# %% loss and optimizer
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# %% train
history = []
for epoch in range(3):
    losses = []
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(criterion(model(inputs), targets).item())
    mean = sum(losses) / len(losses)
    history.append(history)
    print(f"epoch {epoch + 1}: loss {mean:.4f}, history {history}")

# %% results
results = {
    "losses in the history": sum(isinstance(v, float) for v in history),
    "loss": mean,
    "batches seen": norm.num_batches_tracked.item(),
}
print(results)
