"""Seeds for Python, NumPy, torch, cuDNN, the order of rows and the workers."""

import os
import random

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, get_worker_info

# %% data
x, y = load_digits(return_X_y=True)
data = torch.tensor(x[:640] / 16, dtype=torch.float32), torch.tensor(y[:640])
device = "cuda" if torch.cuda.is_available() else "cpu"


# %% every source of chance
def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)  # the GPUs, too
    torch.backends.cudnn.benchmark = False
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)  # cuDNN's as well


# %% Python and NumPy give the same numbers on both sides
seed_everything(7)
drawn = [random.random(), np.random.rand()]


# %% a run with chance in it: weights, order, dropout
def run(seed):
    seed_everything(seed)
    layers = nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 10)
    model = nn.Sequential(*layers).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(TensorDataset(*data), 32, shuffle=True, generator=order)
    losses = []
    for _epoch in range(2):
        for inputs, labels in loader:
            logits = model(inputs.to(device))
            loss = nn.functional.cross_entropy(logits, labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


runs = [run(1), run(1), run(2)]


# %% workers that draw
class Noisy(Dataset):
    def __init__(self):
        self.rng = np.random.default_rng(7)

    def __len__(self):
        return 32

    def __getitem__(self, number):
        return self.rng.random()


def seed_worker(worker):
    get_worker_info().dataset.rng = np.random.default_rng(torch.initial_seed())


fork = {"num_workers": 2, "multiprocessing_context": "fork"}
noise = torch.cat([*DataLoader(Noisy(), worker_init_fn=seed_worker, **fork)])

# %% results
same = {"the same seed twice": runs[0] == runs[1], "another seed": runs[0] == runs[2]}
results = {"drawn": drawn, **same}
results["different numbers of the workers"] = len(set(noise.tolist()))
print([losses[-1] for losses in runs], results, sep="\n")
