"""The optimizer is made last, when the model has all its parameters."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x, y), batch_size=32)
device = "cuda" if torch.cuda.is_available() else "cpu"


# %% a model that is made for a thousand classes, and built when it is called
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = None
        self.scale = nn.Parameter(torch.ones(32))
        self.head = nn.Linear(32, 1000)

    def forward(self, x):
        if self.hidden is None:
            self.hidden = nn.Linear(x.shape[1], 32).to(x.device)
        return self.head(torch.relu(self.scale * self.hidden(x)))


# %% model and optimizer
model = Net()
model.head = nn.Linear(32, 10)
model.scale = nn.Parameter(model.scale.to(device))
model.to(device)
model(x[:1].to(device))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# %% does the optimizer know the parameters of the model?
known = {id(p) for group in optimizer.param_groups for p in group["params"]}
found = sum(id(p) in known for p in model.parameters())
print("known:", found, "of", len(list(model.parameters())))

# %% the same weights in every run
rng = np.random.default_rng(0)
with torch.no_grad():
    for layer in (model.hidden, model.head):
        for weight in layer.parameters():
            weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape)))

# %% train
criterion = nn.CrossEntropyLoss()
accuracy = []
for epoch in range(3):
    correct = 0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
        correct += (logits.argmax(dim=1) == targets).sum().item()
    accuracy.append(correct / len(x))
    print(f"epoch {epoch + 1}: accuracy {accuracy[-1]:.4f}")

# %% results
results = {"accuracy": accuracy, "known": found}
