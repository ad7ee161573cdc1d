"""The base with dropout, and a look at the validation data in mid-epoch."""

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


# %% model, its dropout always drops the same
class Drop(nn.Module):
    def forward(self, x):
        keep = np.random.default_rng(1).random(x.shape[1]) < 0.5
        return x * torch.tensor(keep, device=x.device) * 2 if self.training else x


device = "cuda" if torch.cuda.is_available() else "cpu"
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), Drop(), nn.Linear(32, 10))
model.to(device)

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))

# %% loss and optimizer
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# %% train, with a look at the validation data in mid-epoch
looks = []
history = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
for epoch in range(3):
    model.train()  # the validation of the epoch before left it in eval
    total = correct = 0.0
    for batch, (inputs, targets) in enumerate(train_loader):
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
        correct += (logits.argmax(dim=1) == targets).sum().item()
        if batch == 19:
            model.eval()
            with torch.no_grad():
                loss = criterion(model(x[1500:].to(device)), y[1500:].to(device))
            looks.append(loss.item())
            model.train()  # or the epoch goes on without dropout
    history["loss"].append(total / len(train_set))
    history["accuracy"].append(correct / len(train_set))

    model.eval()
    total = correct = 0.0
    with torch.no_grad():
        for inputs, targets in val_loader:
            inputs, targets = inputs.to(device), targets.to(device)
            logits = model(inputs)
            loss = criterion(logits, targets)
            assert not loss.requires_grad
            total += loss.item() * len(inputs)
            correct += (logits.argmax(dim=1) == targets).sum().item()
    history["val_loss"].append(total / len(val_set))
    history["val_accuracy"].append(correct / len(val_set))
    print(f"epoch {epoch + 1}:", {name: round(v[-1], 4) for name, v in history.items()})

# %% results
results = history | {"mid-epoch": looks}
