"""`DistributedDataParallel`: `torchrun --nproc-per-node=2 pytorch_side.py`."""

import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import distributed as dist
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, Subset, TensorDataset

# %% devices: those of the machine, or two made of one CPU
if dist.is_torchelastic_launched():
    dist.init_process_group()
else:  # without torchrun, one process
    dist.init_process_group(rank=0, world_size=1, store=dist.HashStore())
local = os.environ.get("LOCAL_RANK", 0)
rank, world = dist.get_rank(), dist.get_world_size()

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
train_set = TensorDataset(x[:1500], y[:1500])
val_set = TensorDataset(x[1500:], y[1500:])
mine = DistributedSampler(train_set, shuffle=False)
train_loader = DataLoader(train_set, batch_size=32 // world, sampler=mine)
val_loader = DataLoader(Subset(val_set, range(rank, len(val_set), world)), 64)

# %% model
device = f"cuda:{local}" if torch.cuda.is_available() else "cpu"
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).to(device)

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))
model = nn.parallel.DistributedDataParallel(model)

# %% loss and optimizer
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

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
    history["val_loss"].append(total / len(val_set))
    history["val_accuracy"].append(correct / len(val_set))
    sums = torch.tensor([values[-1] for values in history.values()], device=device)
    dist.all_reduce(sums)
    for values, of_all in zip(history.values(), sums.tolist(), strict=True):
        values[-1] = of_all
    if rank > 0:
        continue
    print(f"epoch {epoch + 1}:", {name: round(v[-1], 4) for name, v in history.items()})
dist.destroy_process_group()

# %% results
results = history
