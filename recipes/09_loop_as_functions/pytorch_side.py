"""The loop as three functions: `get_data`, `loss_batch`, `fit`."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
device = "cuda" if torch.cuda.is_available() else "cpu"


# %% get_data
def get_data(train_set, val_set, batch_size, shuffle=True):
    return (
        DataLoader(train_set, batch_size, shuffle=shuffle),
        DataLoader(val_set, batch_size * 2),
    )


train_set = TensorDataset(x[:1500], y[:1500])
val_set = TensorDataset(x[1500:], y[1500:])
loaders = get_data(train_set, val_set, batch_size=32, shuffle=False)

# %% model
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
model.to(device)

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))


# %% loss_batch
def loss_batch(model, criterion, inputs, targets, optimizer=None):
    """A step where there is an optimizer; without one, only the loss."""
    loss = criterion(model(inputs.to(device)), targets.to(device))
    if optimizer is not None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item(), len(inputs)


# %% fit
def fit(epochs, model, criterion, optimizer, train_loader, val_loader):
    history = {"loss": [], "val_loss": []}
    for epoch in range(epochs):
        model.train()
        train = [
            loss_batch(model, criterion, *batch, optimizer) for batch in train_loader
        ]
        model.eval()
        with torch.no_grad():
            val = [loss_batch(model, criterion, *batch) for batch in val_loader]
        for name, pairs in (("loss", train), ("val_loss", val)):
            losses, sizes = zip(*pairs, strict=True)
            history[name].append(float(np.average(losses, weights=sizes)))
        print(f"epoch {epoch + 1}:", {k: round(v[-1], 4) for k, v in history.items()})
    return history


optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
first = fit(2, model, F.cross_entropy, optimizer, *loaders)

# %% fit again, from where it stopped
second = fit(1, model, F.cross_entropy, optimizer, *loaders)

# %% results
results = {
    "loss": first["loss"],
    "val_loss": first["val_loss"],
    "loss, again": second["loss"],
    "val_loss, again": second["val_loss"],
}
