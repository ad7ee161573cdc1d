"""Batches in PyTorch: a Dataset makes samples, a loader batches."""

import multiprocessing

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, get_worker_info

# %% data
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)


# %% a dataset that makes its samples
class Brighter(Dataset):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return 1500

    def __getitem__(self, index):
        factor = self.rng.uniform(0.8, 1.2)
        return x[index] * factor, y[index], index, factor


def own_factors(worker_id):
    # Each worker has a copy of the dataset, with the same generator.
    info = get_worker_info()
    info.dataset.rng = np.random.default_rng(info.seed)


# %% a loader for training: shuffled, made by two workers
can_fork = "fork" in multiprocessing.get_all_start_methods()
train_loader = DataLoader(
    Brighter(),
    batch_size=32,
    shuffle=True,
    num_workers=2 if can_fork else 0,
    multiprocessing_context="fork" if can_fork else None,
    worker_init_fn=own_factors,
    pin_memory=torch.cuda.is_available(),
)

# %% a loader for validation: as it is, twice the batch size
val_set = TensorDataset(x[1500:], y[1500:])
val_loader = DataLoader(val_set, batch_size=64)

# %% two epochs
sizes, orders, factors = [], [], []
for epoch in range(2):
    order = []
    for images, _labels, index, factor in train_loader:
        sizes.append(len(images))
        order += index.tolist()
        factors += factor.tolist()
    orders.append(order)
    print(f"epoch {epoch + 1} begins with samples {order[:5]}")

# %% validation
model = nn.Linear(64, 10, bias=False)
rng = np.random.default_rng(0)
with torch.no_grad():
    model.weight.copy_(torch.from_numpy(rng.normal(size=(64, 10)).T))
    total = sum(F.cross_entropy(model(a), b) * len(a) for a, b in val_loader)
val_loss = total / len(val_set)

# %% results
results = {
    "batches": [len(train_loader), len(val_loader)],
    "sizes": sizes,
    "each once": [sorted(order) == list(range(1500)) for order in orders],
    "shuffled": orders[0] != sorted(orders[0]),
    "shuffled again": orders[0] != orders[1],
    "factors": len(set(factors)),
    "validation loss": val_loss,
}
