"""Losses from inside the model: `forward` returns them, the loop adds them."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

# %% data
x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
x_train, x_val = x[:1500], x[1500:]
train_loader = DataLoader(x_train, batch_size=64)
val_loader = DataLoader(x_val, batch_size=64)


# %% a layer that adds a loss and changes nothing
def correlation(code):
    centred = code - code.mean(dim=0)
    together = centred.T @ centred / len(code)
    off_diagonal = together * (1 - torch.eye(code.shape[-1], device=code.device))
    return off_diagonal.square().sum()


# %% model: a sparse code, squeezed and unfolded
class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(64, 12)
        self.decoder = nn.Linear(12, 64)

    def forward(self, inputs):
        code = self.encoder(inputs).relu()
        extra = {
            "activity": 3e-3 * code.abs().sum() / len(code),
            "correlation": 2.0 * correlation(code),
        }
        return self.decoder(code), extra


model = Autoencoder()

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.2, weight.shape[::-1]).T))

# %% train
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
history = {"loss": [], "val_loss": []}
for epoch in range(3):
    for training, loader in ((True, train_loader), (False, val_loader)):
        model.train(training)
        total = 0.0
        with torch.set_grad_enabled(training):
            for inputs in loader:
                rebuilt, extra = model(inputs)
                loss = criterion(rebuilt, inputs) + sum(extra.values())
                if training:
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                total += loss.item() * len(inputs)
        name = "loss" if training else "val_loss"
        history[name].append(total / len(loader.dataset))
    print(f"epoch {epoch + 1}:", {n: v[-1] for n, v in history.items()})

# %% what each part adds, for one batch
rebuilt, extra = model(x_val[:64])
parts = [criterion(rebuilt, x_val[:64]), *extra.values()]

# %% results
results = {
    "loss": history["loss"],
    "validation loss": history["val_loss"],
    "parts": torch.stack(parts),
    "weights": model.encoder.weight.T[20:28],
}
print({name: part.item() for name, part in extra.items()})
