"""Rows for csv, scalars for TensorBoard, and a stop where the loss is no number."""

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# Only where TensorFlow is installed too: TensorBoard is not to import it.
sys.modules.setdefault("tensorboard.compat.notf", sys)
from torch.utils.tensorboard import SummaryWriter  # noqa: E402

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=32)

# %% model
model = nn.Linear(64, 10)
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# %% loggers
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
train = SummaryWriter(folder / "train")
validation = SummaryWriter(folder / "validation")
(folder / "log.csv").write_text("epoch,loss,val_loss\n")

# %% train, with a rate that breaks in the third epoch
steps = 0
for epoch, rate in enumerate([0.1, 0.1, float("nan"), 0.1]):
    optimizer.param_groups[0]["lr"] = rate
    total = seen = 0
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        steps += 1
        seen += len(inputs)
        total += loss.item() * len(inputs)
        stop = not np.isfinite(total)
        if stop:
            print(f"step {steps}: the loss is {loss.item()}")
            break
    with torch.no_grad():
        val_loss = criterion(model(x[1500:]), y[1500:]).item()
    with open(folder / "log.csv", "a", newline="") as file:
        csv.writer(file).writerow([epoch, total / seen, val_loss])
    train.add_scalar("epoch_loss", total / seen, epoch)
    validation.add_scalar("epoch_loss", val_loss, epoch)
    if stop:
        break
train.close()
validation.close()

# %% read both back
table = np.genfromtxt(folder / "log.csv", delimiter=",", names=True)
print(table.dtype.names, *table, sep="\n")
scalars = {}
for name in ("train", "validation"):
    events = EventAccumulator(str(folder / name)).Reload().Scalars("epoch_loss")
    scalars[name] = [event.value for event in events]

# %% results
results = {"header": table.dtype.names, "rows": table.tolist()}
results |= {"scalars": scalars, "steps": steps}
