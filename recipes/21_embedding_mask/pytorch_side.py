"""Names of unequal length: the mask is a tensor that you hand on."""

import unicodedata

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, TensorDataset

# %% names of arrows and signs, as numbers, padded with 0
names = [unicodedata.name(chr(i)).split() for i in range(0x2190, 0x2300)]
names = [name for name in names if len(name) > 1]
words = sorted({word for name in names for word in name})
number = {word: i for i, word in enumerate(words, start=1)}
names = [torch.tensor([number[word] for word in name]) for name in names]
x = pad_sequence([name[:-1] for name in names], batch_first=True)
y = pad_sequence([name[1:] for name in names], batch_first=True)

# %% model: which word comes next?
vocabulary = len(words) + 1
embedding = nn.Embedding(vocabulary, 16)
model = nn.Sequential(
    embedding, nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, vocabulary)
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    embedding.weight.copy_(torch.from_numpy(rng.normal(0, 0.3, (vocabulary, 16))))
    for weight in [*model[1].parameters(), *model[3].parameters()]:
        weight.copy_(torch.from_numpy(rng.normal(0, 0.3, weight.shape[::-1]).T))

# %% train: the loss and the accuracy get the mask too
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
history = {"loss": [], "accuracy": []}
for epoch in range(4):
    model.train()
    total = correct = counted = 0.0
    for inputs, targets in DataLoader(TensorDataset(x, y), batch_size=32):
        mask = inputs != 0
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits[mask], targets[mask])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)  # a batch counts by its names
        correct += (logits.argmax(dim=-1) == targets)[mask].sum().item()
        counted += mask.sum().item()  # an accuracy by its words
    history["loss"].append(total / len(x))
    history["accuracy"].append(correct / counted)
    print(f"epoch {epoch + 1}:", {name: round(v[-1], 4) for name, v in history.items()})

# %% one vector for a name: a mean over its words
vectors = embedding(x[:8]).detach()
mask = (x[:8] != 0).unsqueeze(-1)
mean = (vectors * mask).sum(dim=1) / mask.sum(dim=1)

# %% one vector for a name: a maximum, over the padding as well
maximum = vectors.amax(dim=1)

# %% results
results = {
    "loss": history["loss"],
    "accuracy": history["accuracy"],
    "vector of the padding": embedding.weight[0],
    "mean": mean,
    "maximum": maximum,
}
print(x[:3])
print(embedding.weight[0].detach().numpy().round(2))
