"""Flatten counts channels first: the rows and columns of a Linear are moved once."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
digits = load_digits()
x = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x, y), batch_size=32)

# %% from an image to a vector, and back to an image
encoder = nn.Sequential(
    nn.Conv2d(1, 5, kernel_size=3),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(5 * 6 * 6, 10),
)
decoder = nn.Sequential(
    nn.Linear(10, 3 * 4 * 4),
    nn.Unflatten(1, (3, 4, 4)),
    nn.Upsample(scale_factor=2),
)

# %% the same weights on both sides
rng = np.random.default_rng(0)


def draw(*shape):
    return torch.from_numpy(rng.normal(0, 0.1, shape))


conv, dense, start = encoder[0], encoder[3], decoder[0]
with torch.no_grad():
    conv.weight.copy_(draw(3, 3, 1, 5).permute(3, 2, 0, 1))
    conv.bias.copy_(draw(5))
    # What Flatten makes: height, width, channels -> channels, height, width.
    kernel = draw(6 * 6 * 5, 10).reshape(6, 6, 5, 10)
    dense.weight.copy_(kernel.permute(3, 2, 0, 1).flatten(1))
    dense.bias.copy_(draw(10))
    # What Reshape takes: the same for the outputs, kernel and bias.
    kernel = draw(10, 4 * 4 * 3).reshape(10, 4, 4, 3)
    start.weight.copy_(kernel.permute(3, 1, 2, 0).flatten(0, 2))
    start.bias.copy_(draw(4 * 4 * 3).reshape(4, 4, 3).permute(2, 0, 1).flatten())

# %% what comes out before training
with torch.no_grad():
    logits = encoder(x[:4])
    images = decoder(logits)

# %% train
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
history = {"loss": []}
for _ in range(2):
    total = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(encoder(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    history["loss"].append(total / len(x))
print(history)

# %% the way back: the trained kernel, as Keras keeps it
kernel = dense.weight.unflatten(1, (5, 6, 6)).permute(2, 3, 1, 0).flatten(0, 2)

# %% results
results = {
    "logits": logits,
    "images": images.permute(0, 2, 3, 1),
    "loss": history["loss"],
    "trained kernel": kernel,
}
