"""Saving: weights in a file, a whole model in a file, weights in memory."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

# %% data
x, y = load_digits(return_X_y=True)
device = "cuda" if torch.cuda.is_available() else "cpu"
x = torch.tensor(x / 16, dtype=torch.float32, device=device)
y = torch.tensor(y, device=device)
home = tempfile.TemporaryDirectory()
folder = Path(home.name)


# %% model
def build():
    return nn.Sequential(
        nn.Linear(64, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Linear(32, 10)
    )


def predict(model):
    with torch.no_grad():
        return model.to(device).eval()(x[:5]).cpu()


# %% the same weights on both sides
rng = np.random.default_rng(0)
model = build().to(device)
with torch.no_grad():
    for weight in model.state_dict().values():
        if weight.is_floating_point():  # not the counter of BatchNorm
            values = rng.uniform(0.1, 0.5, weight.shape[::-1]).T
            weight.copy_(torch.from_numpy(values))
before = predict(model)

# %% weights in a file: the code builds the model
torch.save(model.state_dict(), folder / "model.pt")
again = build()
saved = torch.load(folder / "model.pt", map_location="cpu", weights_only=True)
again.load_state_dict(saved)
from_weights = predict(again)

# %% the whole model in a file
torch.save(model, folder / "whole.pt")  # a pickle: names the classes, holds no code
whole = torch.load(folder / "whole.pt", map_location="cpu", weights_only=False)
from_whole = predict(whole)

# %% a copy in memory, for any device
kept = {name: weight.cpu().clone() for name, weight in model.state_dict().items()}
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
nn.functional.cross_entropy(model.train()(x), y).backward()
optimizer.step()
model.load_state_dict(kept)
put_back = predict(model)

# %% a part of a model: names decide
other = build()[:-1]
missed = other.load_state_dict(saved, strict=False)
inner = predict(other)

# %% results
results = {"before": before, "from weights": from_weights, "put back": put_back}
results |= {"from whole": from_whole, "a part": inner}
print(missed, before[0, :3], inner[0, :3])
