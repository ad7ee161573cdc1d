"""The losses are kept as numbers, and each graph goes with its batch."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x, y), batch_size=32)
criterion = nn.CrossEntropyLoss()


# %% what the graphs of the losses hold
def held(losses):
    waiting = [getattr(loss, "grad_fn", None) for loss in losses]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
    weights = [node.variable for node in seen if hasattr(node, "variable")]
    return len(seen), sum(weight.numel() for weight in weights)


# %% train three models, one after another
losses, nodes, weights = [], [], []
for rate in (0.01, 0.1, 1.0):
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for weight in model.parameters():
            new = rng.normal(0, 0.1, weight.shape[::-1]).T
            weight.copy_(torch.from_numpy(new))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    for kept, amount in zip((nodes, weights), held(losses), strict=True):
        kept.append(amount)
    print(f"rate {rate}: {nodes[-1]} nodes, {weights[-1]} weights are held")
print(f"last loss {losses[-1]:.4f}")

# %% results
results = {"nodes": nodes, "weights": weights, "loss": losses[-1]}
