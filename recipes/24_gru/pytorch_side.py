"""Two kinds of GRU: PyTorch has the one, the other is ten lines."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

# %% data: eight rows are eight steps
images, y = load_digits().images[:1500], load_digits().target[:1500]
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(y)


# %% reset before the product
class ResetBeforeGRU(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.inputs = nn.Linear(features, 3 * units)  # z, r, h
        self.gates = nn.Linear(units, 2 * units, bias=False)  # z, r
        self.candidate = nn.Linear(units, units, bias=False)

    def forward(self, x):
        h = x.new_zeros(len(x), self.candidate.in_features)
        outputs = []
        for step in self.inputs(x).unbind(dim=1):
            x_z, x_r, x_h = step.chunk(3, dim=-1)
            h_z, h_r = self.gates(h).chunk(2, dim=-1)
            z, r = torch.sigmoid(x_z + h_z), torch.sigmoid(x_r + h_r)
            h = z * h + (1 - z) * torch.tanh(x_h + self.candidate(r * h))
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)


before = ResetBeforeGRU(8, 16)

# %% reset after the product
after = nn.GRU(8, 16, batch_first=True)
rzn = [*range(16, 32), *range(16), *range(32, 48)]  # Keras has z, r, h

# %% the same weights on both sides
rng = np.random.default_rng(0)
kernel, recurrent, bias, weight = (
    torch.tensor(rng.normal(0, 0.3, shape), dtype=torch.float32)
    for shape in [(8, 48), (16, 48), (2, 48), (16, 10)]
)
with torch.no_grad():
    after.weight_ih_l0.copy_(kernel.T[rzn])
    after.weight_hh_l0.copy_(recurrent.T[rzn])
    after.bias_ih_l0.copy_(bias[0][rzn])
    after.bias_hh_l0.copy_(bias[1][rzn])
    before.inputs.weight.copy_(kernel.T)
    before.inputs.bias.copy_(bias[0])
    before.gates.weight.copy_(recurrent.T[:32])
    before.candidate.weight.copy_(recurrent.T[32:])

# %% outputs
outputs = {"before": before(x[:4])[0], "after": after(x[:4])[0]}

# %% train
losses = {}
for name, gru in [("before", before), ("after", after)]:
    head = nn.Linear(16, 10)
    head.load_state_dict({"weight": weight.T, "bias": torch.zeros(10)})
    optimizer = torch.optim.SGD([*gru.parameters(), *head.parameters()], lr=0.2)
    history = losses[f"loss, {name}"] = []
    for epoch in range(3):
        total = 0.0
        for inputs, targets in zip(x.split(50), y.split(50), strict=True):
            optimizer.zero_grad()
            _, h = gru(inputs)
            loss = nn.functional.cross_entropy(head(h[-1]), targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(inputs)
        history.append(total / len(x))
        print(f"{name}, epoch {epoch + 1}: loss {history[-1]:.4f}")

# %% results
results = outputs | losses
results["bias, before"] = before.inputs.bias
results["bias, after"] = torch.stack([after.bias_ih_l0[rzn], after.bias_hh_l0[rzn]])
