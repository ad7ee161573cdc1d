"""Log-softmax without the largest logit: exp is never above 1."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data and model
x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16 * 255, dtype=torch.float32)  # as in an image file
y = torch.tensor(y)
loader = DataLoader(TensorDataset(x, y), batch_size=32)
model = nn.Linear(64, 10)
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))


# %% loss and optimizer
def log_softmax(logits):
    logits = logits - logits.amax(dim=1, keepdim=True)
    return logits - logits.exp().sum(dim=1, keepdim=True).log()


optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

# %% train
history = {"loss": [], "accuracy": []}
for epoch in range(10):
    total = correct = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        logits = model(inputs)
        rows = torch.arange(len(targets))
        loss = -log_softmax(logits)[rows, targets].mean()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
        correct += (logits.argmax(dim=1) == targets).sum().item()
    history["loss"].append(total / len(x))
    history["accuracy"].append(correct / len(x))
    print(f"epoch {epoch + 1}:", {k: round(v[-1], 4) for k, v in history.items()})

# %% results
results = history
