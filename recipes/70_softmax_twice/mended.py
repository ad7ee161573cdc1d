"""The model ends with logits; the loss alone applies softmax."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data and model
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x, y), batch_size=32)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))

# %% loss and optimizer
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# %% train
history = {"loss": [], "accuracy": []}
for epoch in range(10):
    total = correct = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
        correct += (outputs.argmax(dim=1) == targets).sum().item()
    history["loss"].append(total / len(x))
    history["accuracy"].append(correct / len(x))
    print(f"epoch {epoch + 1}:", {k: round(v[-1], 4) for k, v in history.items()})

# %% results
results = history
