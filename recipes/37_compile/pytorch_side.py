"""`compile` as three objects: a loss, metrics, and an optimizer."""

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

# %% loss, metrics and optimizer
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def top_3(logits, targets):
    return (logits.topk(3, dim=1).indices == targets[:, None]).any(dim=1)


# %% train
names = "loss", "accuracy", "top_3", "val_loss", "val_accuracy", "val_top_3"
history = {name: [] for name in names}
for epoch in range(3):
    model.train()
    total = correct = near = 0.0
    for inputs, targets in train_loader:
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
        correct += (logits.argmax(dim=1) == targets).sum().item()
        near += top_3(logits, targets).sum().item()
    history["loss"].append(total / len(train_set))
    history["accuracy"].append(correct / len(train_set))
    history["top_3"].append(near / len(train_set))

    model.eval()
    total = correct = near = 0.0
    with torch.no_grad():
        for inputs, targets in val_loader:
            inputs, targets = inputs.to(device), targets.to(device)
            logits = model(inputs)
            total += criterion(logits, targets).item() * len(inputs)
            correct += (logits.argmax(dim=1) == targets).sum().item()
            near += top_3(logits, targets).sum().item()
    history["val_loss"].append(total / len(val_set))
    history["val_accuracy"].append(correct / len(val_set))
    history["val_top_3"].append(near / len(val_set))
    print(f"epoch {epoch + 1}:", {name: round(v[-1], 4) for name, v in history.items()})

# %% other names of losses
truth, guess = x[1500:], 0.05 + 0.9 * x[1500:].flip(0)
losses = [nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), nn.BCELoss()]
losses += [nn.PoissonNLLLoss(log_input=False, eps=1e-7)]

# %% results
results = history
results["losses"] = [criterion(guess, truth) for criterion in losses]
