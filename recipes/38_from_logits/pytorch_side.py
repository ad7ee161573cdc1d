"""Cross-entropy of logits, and of probabilities as Keras computes it."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
one_hot = F.one_hot(y).float()

# %% a model that ends with softmax
model = nn.Linear(64, 10)  # ends with logits: the loss has the softmax
rng = np.random.default_rng(0)
with torch.no_grad():
    model.weight.copy_(torch.from_numpy(rng.normal(size=(64, 10)).T))
    model.bias.copy_(torch.from_numpy(rng.normal(size=10)))

# %% train
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
history = []
for epoch in range(3):
    total = 0.0
    for inputs, targets in zip(x.split(32), one_hot.split(32), strict=True):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    history.append(total / len(x))
    print(f"epoch {epoch + 1}: loss {history[-1]:.4f}")

# %% probabilities: from a model that is sure of itself, and wrong
with torch.no_grad():
    model.weight.mul_(5)
    probabilities = model(x[:100]).softmax(dim=-1)

# %% scores that do not sum to one
scores = probabilities[:, 1:] + 0.1
scored = y[:100] % 9


# %% the losses of probabilities
def clip(p):
    return p.clamp(1e-7, 1 - 1e-7)


def categorical(targets, p):
    share = p / p.sum(dim=-1, keepdim=True)
    return -(targets * clip(share).log()).sum(dim=-1)


def sparse(targets, p):
    return F.cross_entropy(clip(p).log(), targets, reduction="none")


def binary(targets, p):
    loss = F.binary_cross_entropy(clip(p), targets, reduction="none")
    return loss.mean(dim=-1)


# %% a sigmoid that has reached 0 and 1
sure = torch.tensor([[-200.0], [-60.0], [60.0], [60.0]]).sigmoid()
truth = torch.tensor([[1.0], [0.0], [1.0], [0.0]])

# %% results
results = {
    "fit": history,
    "probabilities": categorical(one_hot[:100], probabilities),
    "scores": categorical(F.one_hot(scored, 9), scores),
    "sparse scores": sparse(scored, scores),
    "sigmoid": binary(truth, sure),
}
print("largest:", {name: float(max(v)) for name, v in results.items()})
