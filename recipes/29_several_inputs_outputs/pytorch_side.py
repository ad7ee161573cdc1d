"""Two digits and a sign: a forward with three arguments returns a dict."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, StackDataset

# %% data: left plus or minus right
images, digits = load_digits(return_X_y=True)
images, digits = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
rng = np.random.default_rng(0)
left, right = rng.integers(0, 1797, (2, 1500))
sign = torch.from_numpy(rng.choice([-1.0, 1.0], (1500, 1))).float()
inputs = {"left": images[left], "right": images[right], "sign": sign}
targets = {
    "left_digit": digits[left],
    "right_digit": digits[right],
    "result": digits[left] + sign[:, 0] * digits[right],
}


# %% model: one encoder and one classifier, each used twice
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(64, 32)
        self.classifier = nn.Linear(32, 10)
        self.hidden = nn.Linear(65, 32)
        self.value = nn.Linear(32, 1)

    def forward(self, left, right, sign):
        a, b = self.encoder(left).relu(), self.encoder(right).relu()
        joined = torch.cat([a, b, sign], dim=-1)
        return {
            "left_digit": self.classifier(a),
            "right_digit": self.classifier(b),
            "result": self.value(self.hidden(joined).relu()).squeeze(-1),
        }


model = Model()

# %% the same weights on both sides
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))

# %% a loss for each output, and their weights
cross_entropy, mse = nn.CrossEntropyLoss(), nn.MSELoss()
criteria = {"left_digit": cross_entropy, "right_digit": cross_entropy, "result": mse}
loss_weights = {"left_digit": 1.0, "right_digit": 0.5, "result": 0.02}
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# %% train
pairs = StackDataset(inputs=StackDataset(**inputs), targets=StackDataset(**targets))
loader = DataLoader(pairs, batch_size=32)
history, names = [], ["loss", *(f"{k}_loss" for k in criteria), "left_digit_accuracy"]
for epoch in range(4):
    means = dict.fromkeys(names, 0.0)
    for batch in loader:
        optimizer.zero_grad()
        outputs, wanted = model(**batch["inputs"]), batch["targets"]
        losses = {k: criteria[k](outputs[k], wanted[k]) for k in criteria}
        loss = sum(loss_weights[k] * losses[k] for k in criteria)
        loss.backward()
        optimizer.step()
        hits = outputs["left_digit"].argmax(dim=1) == wanted["left_digit"]
        means["left_digit_accuracy"] += hits.sum().item() / len(pairs)
        means["loss"] += loss.item() * len(hits) / len(pairs)
        for k in criteria:  # Keras: every batch counts the same, even a small one
            means[f"{k}_loss"] += losses[k].item() / len(loader)
    history.append(means)
    print(f"epoch {epoch + 1}:", {name: round(m, 4) for name, m in means.items()})

# %% results
results = {name: [means[name] for means in history] for name in names}
results["parameters"] = sum(weight.numel() for weight in model.parameters())
with torch.no_grad():
    results |= model(**{name: x[:4] for name, x in inputs.items()})
