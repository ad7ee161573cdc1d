"""An LSTM reads digits row by row: the second bias stays at zero."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

# %% data: eight rows are eight steps
images, y = load_digits().images[:1500], load_digits().target[:1500]
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(y)

# %% model
lstm = nn.LSTM(input_size=8, hidden_size=16, batch_first=True)
head = nn.Linear(16, 10)

# %% bias: the forget gate starts at one
nn.init.zeros_(lstm.bias_ih_l0)
nn.init.ones_(lstm.bias_ih_l0[16:32])
nn.init.zeros_(lstm.bias_hh_l0)
lstm.bias_hh_l0.requires_grad_(False)
start = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().view(4, 16)

# %% weights: the gates are in the same order
rng = np.random.default_rng(0)
kernel, recurrent, weight = (
    torch.from_numpy(rng.normal(0, 0.2, shape))
    for shape in [(8, 64), (16, 64), (16, 10)]
)
with torch.no_grad():
    lstm.weight_ih_l0.copy_(kernel.T)
    lstm.weight_hh_l0.copy_(recurrent.T)
    head.weight.copy_(weight.T)
    head.bias.zero_()

# %% outputs, and states to go on from
outputs, (h, c) = lstm(x[:4])  # h and c have an axis for stacked layers in front
further, _ = lstm(x[4:8], (h, c))
outputs, h, c, further = (v.detach() for v in (outputs, h[0], c[0], further))

# %% one step of training
optimizer = torch.optim.SGD([*lstm.parameters(), *head.parameters()], lr=0.2)


def train_step(inputs, targets):
    optimizer.zero_grad()
    _, (last, _) = lstm(inputs)
    loss = nn.functional.cross_entropy(head(last[-1]), targets)
    loss.backward()
    optimizer.step()
    return loss.item()


train_step(x[:50], y[:50])
bias = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().view(4, 16)
first_step = bias - start

# %% train
history = []
for epoch in range(4):
    batches = zip(x.split(50), y.split(50), strict=True)
    losses = [train_step(inputs, targets) for inputs, targets in batches]
    history.append(sum(losses) / len(losses))
    print(f"epoch {epoch + 1}: loss {history[-1]:.4f}")

# %% results
bias = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().view(4, 16)
results = {
    "bias at the start": start,
    "outputs": outputs,
    "h": h,
    "c": c,
    "outputs after other states": further,
    "loss": history,
    "first change of the bias": first_step,
    "change of the bias": bias - start,
}
print("bias, mean of each gate:", bias.mean(dim=1))
