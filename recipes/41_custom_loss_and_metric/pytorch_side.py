"""A loss and a metric of one's own, and two losses with weights."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data: which digit, and how much ink in each row of the image
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x[:1792] / 16, dtype=torch.float32), torch.tensor(y[:1792])
ink = x.reshape(-1, 8, 8).sum(dim=2)
loader = DataLoader(TensorDataset(x, y, ink), batch_size=32)


# %% a custom loss
def pinball(prediction, target):
    """Too little costs nine times as much as too much."""
    missing = target - prediction
    return torch.maximum(0.9 * missing, -0.1 * missing).mean()


# %% a custom metric: its state is a table of what was taken for what
class MacroF1:
    def __init__(self, classes):
        self.table = torch.zeros(classes, classes)

    def update(self, logits, targets):
        classes = len(self.table)
        truth = F.one_hot(targets, classes).float()
        guess = F.one_hot(logits.argmax(dim=1), classes).float()
        self.table += truth.t() @ guess

    def result(self):
        right = self.table.diagonal()
        both = self.table.sum(dim=0) + self.table.sum(dim=1)
        return (2 * right / both.clamp(min=1)).mean().item()


# %% a model with two heads
model = nn.ModuleDict(
    {
        "hidden": nn.Linear(64, 32),
        "digit": nn.Linear(32, 10),
        "ink": nn.Linear(32, 8),
    }
)
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))

# %% several losses, with weights
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
loss_weights = torch.tensor([1.0, 0.3])

# %% train
history = {"loss": [], "digit_loss": [], "ink_loss": [], "digit_f1": []}
for epoch in range(3):
    f1, sums = MacroF1(10), torch.zeros(2)
    for inputs, digits, amounts in loader:
        optimizer.zero_grad()
        hidden = model["hidden"](inputs).relu()
        logits, guess = model["digit"](hidden), model["ink"](hidden)
        losses = torch.stack([criterion(logits, digits), pinball(guess, amounts)])
        (loss_weights * losses).sum().backward()
        optimizer.step()
        sums += losses.detach() * len(inputs)
        f1.update(logits, digits)
    means = sums / len(x)
    history["loss"].append((loss_weights * means).sum().item())
    history["digit_loss"].append(means[0].item())
    history["ink_loss"].append(means[1].item())
    history["digit_f1"].append(f1.result())
    print(f"epoch {epoch + 1}:", {k: round(v[-1], 4) for k, v in history.items()})

# %% results
results = history
