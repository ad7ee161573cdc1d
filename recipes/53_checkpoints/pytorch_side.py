"""torch.save in the loop: a file for each epoch, and one for the best of them."""

import tempfile
from pathlib import Path

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
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

# %% a file for each epoch, and one for the best
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)

# %% train
history = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
for epoch in range(3):
    model.train()
    total = correct = 0.0
    for inputs, targets in train_loader:
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
        correct += (logits.argmax(dim=1) == targets).sum().item()
    history["loss"].append(total / len(train_set))
    history["accuracy"].append(correct / len(train_set))
    model.eval()
    total = correct = 0.0
    with torch.no_grad():
        for inputs, targets in val_loader:
            inputs, targets = inputs.to(device), targets.to(device)
            logits = model(inputs)
            total += criterion(logits, targets).item() * len(inputs)
            correct += (logits.argmax(dim=1) == targets).sum().item()
    val_loss = total / len(val_set)
    torch.save(model.state_dict(), folder / f"{epoch + 1:02d}-{val_loss:.2f}.pt")
    if val_loss < min(history["val_loss"], default=torch.inf):
        torch.save(model.state_dict(), folder / "best.pt")
    history["val_loss"].append(total / len(val_set))
    history["val_accuracy"].append(correct / len(val_set))
    print(f"epoch {epoch + 1}:", {name: round(v[-1], 4) for name, v in history.items()})

# %% load each
loaded = {}
for path in sorted(folder.iterdir()):
    model.load_state_dict(torch.load(path, map_location=device, weights_only=True))
    with torch.no_grad():
        logits = model(x[1500:].to(device))
    loaded[path.stem] = criterion(logits, y[1500:].to(device)).item()
print(loaded)

# %% results
results = history | {"loaded": loaded, "best": loaded["best"]}
