"""Half the bits for arithmetic, all of them for weights: autocast."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
train_set = TensorDataset(x[:1500], y[:1500])
val_set = TensorDataset(x[1500:], y[1500:])
train_loader = DataLoader(train_set, batch_size=32)
val_loader = DataLoader(val_set, batch_size=64)

# %% half precision
device = "cuda" if torch.cuda.is_available() else "cpu"
half = torch.float16  # torch.bfloat16 needs no scaler
scaler = torch.amp.GradScaler(device, enabled=half is torch.float16)

# %% model
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).to(device)

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))

# %% loss and optimizer
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# %% train
history = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
for epoch in range(3):
    model.train()
    total = correct = 0.0
    for inputs, targets in train_loader:
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        with torch.autocast(device, dtype=half):
            logits = model(inputs)
            loss = criterion(logits, targets)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        total += loss.item() * len(inputs)
        correct += (logits.argmax(dim=1) == targets).sum().item()
    history["loss"].append(total / len(train_set))
    history["accuracy"].append(correct / len(train_set))

    model.eval()
    total = correct = 0.0
    with torch.no_grad():
        for inputs, targets in val_loader:
            inputs, targets = inputs.to(device), targets.to(device)
            with torch.autocast(device, dtype=half):
                logits = model(inputs)
                loss = criterion(logits, targets)
            total += loss.item() * len(inputs)
            correct += (logits.argmax(dim=1) == targets).sum().item()
    history["val_loss"].append(total / len(val_set))
    history["val_accuracy"].append(correct / len(val_set))
    print(f"epoch {epoch + 1}:", {name: round(v[-1], 4) for name, v in history.items()})

# %% results
results = {
    "loss": history["loss"],
    "val_loss": history["val_loss"],
    "weights": model[2].weight.T,
    "dtypes": [str(t.dtype)[len("torch.") :] for t in (model[0].weight, logits)],
}
print("weights and logits:", results["dtypes"])
