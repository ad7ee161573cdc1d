"""The model is set to training in every epoch, because validation ends it."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data and model
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:500], y[:500]), batch_size=20)
x_val, y_val = x[500:], y[500:]
torch.manual_seed(0)
norm, dropout = nn.BatchNorm1d(128), nn.Dropout(0.5)
model = nn.Sequential(nn.Linear(64, 128), norm, nn.ReLU(), dropout, nn.Linear(128, 10))

# %% loss and optimizer
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)

# %% train
history = {"accuracy": [], "val_accuracy": [], "batches": [], "dropped": []}
for epoch in range(3):
    model.train()
    correct = 0
    for inputs, targets in loader:
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
        correct += (logits.argmax(dim=1) == targets).sum().item()
    history["accuracy"].append(correct / 500)
    history["batches"].append(norm.num_batches_tracked.item())
    history["dropped"].append((dropout(torch.ones(10_000)) == 0).float().mean().item())

    model.eval()
    with torch.no_grad():
        hits = model(x_val).argmax(dim=1) == y_val
    history["val_accuracy"].append(hits.float().mean().item())
    print(f"epoch {epoch + 1}:", {name: round(v[-1], 4) for name, v in history.items()})

# %% results
results = history
