"""A `Dataset` of single rows and an `IterableDataset`, in a `DataLoader`."""

from itertools import chain, islice, repeat

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils import data

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")


# %% a dataset: an item is a batch
class Digits(data.Dataset):  # here an item is one row: DataLoader makes the batches
    def __len__(self):
        return len(x)

    def __getitem__(self, number):
        return x[number], y[number]


class Order(data.Sampler):  # asked anew in every epoch
    def __init__(self):
        self.rng = np.random.default_rng(1)

    def __len__(self):
        return len(x)

    def __iter__(self):
        return iter(self.rng.permutation(len(x)))


# %% a generator: it reads from the first row to the last
class Stream(data.IterableDataset):
    def __iter__(self):
        worker = data.get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for number in range(first, len(x), step):
            yield x[number], y[number]


# %% the same weights on both sides
rng = np.random.default_rng(0)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
with torch.no_grad():
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.1, weight.shape[::-1]).T))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def train(batches):
    total = count = 0
    for inputs, labels in batches:
        loss = nn.functional.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total, count = total + loss.item() * len(inputs), count + len(inputs)
    print(f"loss {total / count:.4f}")
    return total / count


# %% train on the dataset: one pass is an epoch
loader = data.DataLoader(Digits(), batch_size=32, sampler=Order())
passes = [train(loader) for _epoch in range(3)]

# %% train on the generator: so many steps are an epoch
endless = chain.from_iterable(repeat(data.DataLoader(Stream(), batch_size=32)))
steps = [train(islice(endless, 40)) for _epoch in range(3)]

# %% two workers read
fork = {"num_workers": 2, "prefetch_factor": 2, "multiprocessing_context": "fork"}
seen = sum(len(labels) for _, labels in data.DataLoader(Stream(), 32, **fork))

# %% results
results = {"passes": passes, "steps": steps, "seen by two workers": seen}
