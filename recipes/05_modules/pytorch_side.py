"""What a Module registers: Parameters, buffers, Modules in containers."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

# %% data: which digit, and whether it is odd
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
targets = {"digit": y, "odd": y % 2}


# %% a model with a weight of its own, a list and a dict of layers
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(64))
        self.register_buffer("seen", torch.zeros(()))
        self.blocks = nn.ModuleList([nn.Linear(n, 32) for n in (64, 32, 32)])
        self.heads = nn.ModuleDict(
            {
                "digit": nn.Linear(32, 10),
                "odd": nn.Linear(32, 2),
            }
        )

    def forward(self, x):
        if self.training:
            self.seen += 1
        x = x * self.scale
        for block in self.blocks:
            x = torch.relu(block(x))
        return {name: head(x) for name, head in self.heads.items()}


model = Reader()

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for layer in [*model.blocks, *model.heads.values()]:
        for w in (layer.weight, layer.bias):
            w.copy_(torch.from_numpy(rng.normal(0, 0.2, w.shape[::-1]).T))

# %% printing it
print(model)
for name, weight in model.named_parameters():
    print(name, tuple(weight.shape))

# %% train
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
history = []
for epoch in range(2):
    total = 0.0
    for rows in torch.arange(len(x)).split(32):
        optimizer.zero_grad()
        logits = model(x[rows])
        loss = F.cross_entropy(logits["digit"], targets["digit"][rows])
        loss = loss + F.cross_entropy(logits["odd"], targets["odd"][rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    history.append(total / len(x))
    print(f"epoch {epoch + 1}: loss {history[-1]:.4f}")

# %% results
sizes = [w.numel() for w in model.parameters()]
results = {
    "parameters": sum(sizes),
    "sizes": sorted(sizes),
    "not trained": len(list(model.buffers())),
    "batches seen": model.seen,
    "scale": model.scale,
    "loss": history,
}
