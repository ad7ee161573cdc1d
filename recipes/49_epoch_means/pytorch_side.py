"""Sums over the batches of an epoch, divided at its end, cleared at its start."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
train_set = TensorDataset(x[:1500], y[:1500])
val_set = TensorDataset(x[1500:], y[1500:])
train_loader = DataLoader(train_set, batch_size=32)
val_loader = DataLoader(val_set, batch_size=64)

# %% model
device = "cuda" if torch.cuda.is_available() else "cpu"
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).to(device)

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))

# %% loss and optimizer
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def mean_iou(confusion):
    union = confusion.sum(dim=0) + confusion.sum(dim=1) - confusion.diagonal()
    return (confusion.diagonal() / union)[union > 0].mean().item()


# %% train
history = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
history |= {"iou": [], "val_iou": []}
for epoch in range(3):
    model.train()
    total = correct = 0.0
    confusions = []
    for inputs, targets in train_loader:
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
        cells = targets * 10 + logits.argmax(dim=1)
        confusions.append(cells.bincount(minlength=100).view(10, 10))
        total += loss.item() * len(inputs)
        correct += (logits.argmax(dim=1) == targets).sum().item()
    history["loss"].append(total / len(train_set))
    history["accuracy"].append(correct / len(train_set))
    history["iou"].append(mean_iou(sum(confusions)))

    model.eval()
    total = correct = 0.0
    confusions = []
    with torch.no_grad():
        for inputs, targets in val_loader:
            inputs, targets = inputs.to(device), targets.to(device)
            logits = model(inputs)
            cells = targets * 10 + logits.argmax(dim=1)
            confusions.append(cells.bincount(minlength=100).view(10, 10))
            total += criterion(logits, targets).item() * len(inputs)
            correct += (logits.argmax(dim=1) == targets).sum().item()
    history["val_loss"].append(total / len(val_set))
    history["val_accuracy"].append(correct / len(val_set))
    history["val_iou"].append(mean_iou(sum(confusions)))
    print(f"epoch {epoch + 1}:", {name: round(v[-1], 4) for name, v in history.items()})

# %% results
results = history
