"""A module of one's own: a parameter, a buffer, and a function in `forward`."""

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data: thirteen features of very different sizes
x, y = load_wine(return_X_y=True)
order = np.random.default_rng(0).permutation(len(x))
x, y = torch.tensor(x[order]).float(), torch.tensor(y[order])
loader = DataLoader(TensorDataset(x[:120], y[:120]), batch_size=32)


# %% a layer with a gain that is learnt and a peak that is kept
class PeakScale(nn.Module):
    """Divide each feature by the largest value seen, times a gain."""

    def __init__(self, features, gain=1.0):
        super().__init__()
        self.gain = nn.Parameter(torch.full((features,), gain))
        self.register_buffer("peak", torch.ones(features))

    def forward(self, inputs):
        if self.training:
            largest = inputs.detach().abs().amax(dim=0)
            self.peak.copy_(self.peak.maximum(largest))
        return self.gain * inputs / self.peak


# %% the model: two such layers and a function between layers
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = PeakScale(13, 0.3)
        self.hidden = nn.Linear(13, 16)
        self.rescale = PeakScale(32)
        self.head = nn.Linear(32, 3)

    def forward(self, inputs):
        t = self.hidden(self.scale(inputs))
        t = torch.cat([t, -t], dim=-1).relu()
        return self.head(self.rescale(t))


model = Net()

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for layer in (model.hidden, model.head):
        for weight in layer.parameters():
            weight.copy_(torch.from_numpy(rng.normal(0, 0.5, weight.shape[::-1]).T))

# %% train
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for _ in range(5):
    model.train()
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for scale in (model.scale, model.rescale):
                scale.gain.clamp_(min=0)
    print(f"loss of the last batch: {loss.item():.4f}")

# %% results
model.eval()
results = {
    "gain": model.scale.gain,
    "peak": model.scale.peak,
    "predictions": model(x[120:]),
    "numbers in the file": sum(v.numel() for v in model.state_dict().values()),
    "numbers that are learnt": sum(p.numel() for p in model.parameters()),
}
