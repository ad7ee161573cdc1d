"""Training and predicting batch by batch, and collecting what came out."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)

# %% model with the same weights on both sides
device = "cuda" if torch.cuda.is_available() else "cpu"
rng = np.random.default_rng(0)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).to(device)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)

# %% train on batches: an answer is of one batch, before its step
answers = []
model.train()
for start in range(0, 1500, 32):
    inputs = x[:1500][start : start + 32].to(device)
    labels = y[:1500][start : start + 32].to(device)
    logits = model(inputs)
    loss = criterion(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    right = (logits.argmax(dim=1) == labels).float()
    answers.append([loss.item(), right.mean().item()])

# %% test on a batch
model.eval()
with torch.no_grad():
    inputs, labels = x[1500:].to(device), y[1500:].to(device)
    logits = model(inputs)
    right = (logits.argmax(dim=1) == labels).float()
    tested = [criterion(logits, labels).item(), right.mean().item()]

# %% predict in batches
with torch.no_grad():
    logits = [model(inputs.to(device)).cpu() for inputs in x.split(256)]
probabilities = torch.cat(logits).softmax(dim=1)

# %% predictions and labels of a shuffled dataset
loader = DataLoader(TensorDataset(x, y), batch_size=256, shuffle=True)
predicted, wanted = [], []
with torch.no_grad():
    for inputs, labels in loader:
        predicted.append(model(inputs.to(device)).argmax(dim=1).cpu())
        wanted.append(labels)
predicted, wanted = torch.cat(predicted), torch.cat(wanted)
confusion = torch.bincount(wanted * 10 + predicted, minlength=100).view(10, 10)

# %% results
results = {"answers": answers, "tested": tested, "confusion": confusion}
results |= {"probabilities": probabilities[::90], "rows": len(probabilities)}
results["accuracy"] = (predicted == wanted).float().mean().item()
print(*answers[-1], *tested, results["accuracy"])
