"""The layers stand in `__init__`, the graph is the code of `forward`."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x, y), batch_size=32)


# %% the layers, and how they are joined
class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(64, 32)
        self.gate = nn.Linear(32, 32)
        self.wide = nn.Linear(32, 32)
        self.deep = nn.Linear(32, 32)
        self.head = nn.Linear(32 + 32, 10)

    def features(self, x):
        stem = torch.relu(self.stem(x))
        gate = torch.sigmoid(self.gate(stem))
        wide = torch.relu(self.wide(stem))
        skip = torch.relu(wide + self.deep(wide))
        return torch.cat([skip * gate, stem], dim=-1)

    def forward(self, x):
        return self.head(self.features(x))


model = Gated()

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    # Keras sorts the layers of a graph by depth, PyTorch as __init__ does.
    for layer in [model.stem, model.wide, model.deep, model.gate, model.head]:
        for weight in layer.parameters():
            drawn = rng.normal(0, 0.1, weight.shape[::-1]).T
            weight.copy_(torch.from_numpy(drawn))
print([name for name, _ in model.named_children()])

# %% train
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
history = {"loss": []}
for _ in range(3):
    total = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    history["loss"].append(total / len(x))
print(history)

# %% what is computed on the way
seen = {}
hook = model.deep.register_forward_hook(
    lambda module, inputs, output: seen.update(deep=output.detach())
)
features = model.features(x[:4])
hook.remove()

# %% results
results = {
    "loss": history["loss"],
    "features": features,
    "before the skip": seen["deep"],
}
