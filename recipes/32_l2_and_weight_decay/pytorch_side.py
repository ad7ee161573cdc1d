"""A penalty is a line of the loss; decay is a line before, or in, the step."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim import SGD, AdamW

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
batches = list(zip(x[:1500].split(50), y[:1500].split(50), strict=True))


# %% train a network, the same weights on both sides
def train(make_optimizer, l1=0.0, l2=0.0, decay=0.0):
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.from_numpy(rng.normal(0, 0.2, weight.shape[::-1]).T))
    kernels = [weight for weight in model.parameters() if weight.ndim > 1]
    biases = [weight for weight in model.parameters() if weight.ndim == 1]
    optimizer = make_optimizer(kernels, biases)
    criterion = nn.CrossEntropyLoss()

    def loss_of(inputs, targets):
        penalty = sum(l1 * k.abs().sum() + l2 * k.square().sum() for k in kernels)
        return criterion(model(inputs), targets) + penalty

    found = {"loss": [], "val_loss": []}
    for _ in range(3):
        total = 0.0
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss = loss_of(inputs, targets)
            loss.backward()
            with torch.no_grad():
                for weight in [*kernels, *biases]:
                    weight.mul_(1 - optimizer.param_groups[0]["lr"] * decay)
            optimizer.step()
            total += loss.item() * 50
        found["loss"].append(total / 1500)
        with torch.no_grad():
            found["val_loss"].append(loss_of(x[1500:], y[1500:]).item())
    return {"kernel": kernels[1].T, "bias": biases[1], **found}


# %% a penalty: part of the loss, on kernels only
def sgd(kernels, biases):
    return SGD([*kernels, *biases], lr=0.1, momentum=0.9)


runs = {"L2": train(sgd, l2=0.003), "L1L2": train(sgd, l1=3e-4, l2=0.003)}


# %% the same penalty, left to the optimizer
def sgd_l2(kernels, biases):
    groups = [{"params": kernels, "weight_decay": 2 * 0.003}, {"params": biases}]
    return SGD(groups, lr=0.1, momentum=0.9)


trained = train(sgd_l2)
runs["by optimizer"] = {name: trained[name] for name in ("kernel", "bias")}

# %% decay: part of the step, on everything
runs["decay"] = train(sgd, decay=0.01)


# %% AdamW, without decay for biases
def adamw(kernels, biases):
    groups = [{"params": kernels}, {"params": biases, "weight_decay": 0.0}]
    return AdamW(groups, lr=0.01, weight_decay=0.004, eps=1e-12)


runs["AdamW"] = train(adamw)

# %% results
results = {f"{run}, {k}": v for run, found in runs.items() for k, v in found.items()}
print({name: v[-1] for name, v in results.items() if name.endswith("loss")})
