"""A Module: `call` is `forward`, and `training` belongs to the object."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data: the digits from 5 on are rare in training, not in validation
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
kept = torch.nonzero((y[:1500] < 5) | (torch.arange(1500) % 8 == 0))[:, 0]
x_train, y_train, x_val, y_val = x[kept], y[kept], x[1500:], y[1500:]
prior = torch.bincount(y_train) / len(y_train)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32)


# %% model
class Adjusted(nn.Module):
    def __init__(self, prior, depth=2):
        super().__init__()
        self.register_buffer("log_prior", torch.log(prior))
        self.blocks = nn.ModuleList(nn.Linear(64, 64) for _ in range(depth))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        for block in self.blocks:
            x = x + torch.relu(block(x))
        logits = self.head(x)
        if self.training:
            # What is rare has to win by more.
            logits = logits + self.log_prior
        return logits


model = Adjusted(prior)

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        drawn = rng.normal(0, 0.1, weight.shape[::-1]).T
        weight.copy_(torch.from_numpy(drawn))

# %% train and validate
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
    history["loss"].append(total / len(x_train))
model.eval()
with torch.no_grad():
    logits = model(x_val)
val_loss = criterion(logits, y_val).item()
val_accuracy = (logits.argmax(dim=1) == y_val).float().mean().item()
print(history["loss"], val_loss, val_accuracy)

# %% both answers
in_training = model.train()(x_val[:4])
in_use = model.eval()(x_val[:4])

# %% results
results = {
    "loss": history["loss"],
    "val_loss": val_loss,
    "val_accuracy": val_accuracy,
    "in training": in_training,
    "in use": in_use,
}
