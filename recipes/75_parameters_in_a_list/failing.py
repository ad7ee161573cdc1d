"""Layers in a plain Python list: the optimizer never sees them."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x, y), batch_size=32)


# %% model
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = [nn.Linear(64, 32), nn.Linear(32, 32)]
        self.scales = [torch.ones(32, requires_grad=True) for _ in self.hidden]
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        for layer, scale in zip(self.hidden, self.scales, strict=True):
            x = torch.relu(scale * layer(x))
        return self.head(x)


model = Net()
seen = sum(weight.numel() for weight in model.parameters())
print(seen, "parameters:", list(model.state_dict()))

# %% the same weights in every run
rng = np.random.default_rng(0)
with torch.no_grad():
    for layer in [*model.hidden, model.head]:
        for weight in layer.parameters():
            weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape)))

# %% train
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
accuracy = []
for epoch in range(5):
    correct = 0
    for inputs, targets in loader:
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
        correct += (logits.argmax(dim=1) == targets).sum().item()
    accuracy.append(correct / len(x))
    print(f"epoch {epoch + 1}: accuracy {accuracy[-1]:.4f}")

# %% results
results = {"accuracy": accuracy, "parameters": seen}
