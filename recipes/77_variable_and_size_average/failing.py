"""A loop in the words of 2017: it runs, and two of them no longer do what they say."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.autograd import Variable
from torch.utils.data import DataLoader, TensorDataset

# %% data and model
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
train_loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=30)
val_loader = DataLoader(TensorDataset(x[1500:], y[1500:]), batch_size=99)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))

# %% loss and optimizer
criterion = nn.CrossEntropyLoss(size_average=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# %% train
for epoch in range(3):
    for inputs, targets in train_loader:
        inputs, targets = Variable(inputs), Variable(targets)
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: loss of the last batch {loss.item():.4f}")

# %% validate
total, correct = 0, 0
for inputs, targets in val_loader:
    inputs, targets = Variable(inputs, volatile=True), Variable(targets)
    logits = model(inputs)
    total += criterion(logits, targets)
    correct += (logits.data.max(1)[1] == targets).sum()
print(f"validation: loss {total / 297:.4f}, accuracy {correct / 297:.4f}")

# %% what the sum of the losses keeps alive
nodes, waiting = set(), [getattr(total, "grad_fn", None)]
while waiting:
    node = waiting.pop()
    if node is not None and node not in nodes:
        nodes.add(node)
        waiting += [before for before, _ in node.next_functions]

# %% results
results = {"accuracy": correct / 297, "graph": len(nodes)}
print(results)
