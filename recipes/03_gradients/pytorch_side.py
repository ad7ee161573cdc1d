"""Gradients in PyTorch: every operation records, `.grad` collects."""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

# %% data
x, y = load_diabetes(return_X_y=True)
x = torch.tensor(x / x.std(axis=0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)
x_train, x_val, y_train, y_val = x[:350], x[350:], y[:350], y[350:]

# %% a gradient
w = torch.tensor([2.0, -1.0], requires_grad=True)
value = (w**3).sum()
value.backward()
gradient = w.grad.clone()  # backward will add to w.grad itself

# %% two gradients, added
value = (5 * w).sum()
value.backward()
added = w.grad

# %% linear regression by hand
weight = torch.zeros(10, requires_grad=True)
bias = torch.zeros((), requires_grad=True)
for _ in range(20):
    loss = ((x_train @ weight + bias - y_train) ** 2).mean()
    loss.backward()
    with torch.no_grad():  # the update is no part of the model
        weight -= 0.1 * weight.grad
        bias -= 0.1 * bias.grad
        weight.grad.zero_()
        bias.grad.zero_()
print(f"by hand: loss {loss.item():.4f}")

# %% linear regression with a layer and an optimizer
model = nn.Linear(10, 1)
nn.init.zeros_(model.weight)
nn.init.zeros_(model.bias)
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# %% training and validation in one loop
history = {"train": [], "val": []}
sets = {"train": (x_train, y_train), "val": (x_val, y_val)}
for _ in range(20):
    for phase, (inputs, targets) in sets.items():
        is_train = phase == "train"
        model.train(is_train)
        with torch.set_grad_enabled(is_train):
            loss = criterion(model(inputs), targets[:, None])
        assert loss.requires_grad == is_train
        if is_train:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history[phase].append(loss.item())
print(f"with a layer: loss {history['train'][-1]:.4f}")

# %% results
results = {
    "gradient": gradient,
    "added": added,
    "by hand": weight,
    "with a layer": model.weight[0],
    "losses": history,
}
