"""What `adapt` learned, in plain Python and two buffers."""

import re
import string
from collections import Counter
from pydoc_data.topics import topics

import torch
from sklearn.datasets import load_wine
from torch import nn

# %% numbers, names and texts; the last column of numbers never changes
numbers = torch.tensor(load_wine().data, dtype=torch.float32)
numbers = torch.column_stack([numbers, torch.full((len(numbers),), 3.0)])
seen, unseen = numbers[:150], numbers[150:]
names = ["red", "white", "red", "rosé", "white", "red", "sparkling"]
texts = [topics[name] for name in sorted(topics)][:60]
new = "Don't yield_to\u00a0Émile: YIELD the Émigré's value, zyzzyva!"


# %% Normalization
class Normalization(nn.Module):
    def __init__(self, seen):
        super().__init__()
        deviation = seen.std(dim=0, correction=0).clamp(min=1e-7)
        self.register_buffer("mean", seen.mean(dim=0))
        self.register_buffer("deviation", deviation)

    def forward(self, x):
        return (x - self.mean) / self.deviation


normalization = Normalization(seen)
unseen[0, -1] = 4
normalized = normalization(unseen)


# %% StringLookup
def by_frequency(words):
    counted = Counter(words)  # the count decides, then the word, both backwards
    order = sorted(counted.items(), key=lambda pair: pair[::-1], reverse=True)
    return [word for word, _count in order]


known = ["[UNK]", *by_frequency(names)]
lookup = {word: i for i, word in enumerate(known)}
indices = torch.tensor([lookup.get(w, 0) for w in ["white", "red", "green"]])
words = [known[i] for i in indices]

# %% StringLookup, several hot
several = torch.zeros(3, len(known))
for row, chosen in enumerate([["red", "white"], ["red", "red"], ["green", "rosé"]]):
    several[row, [lookup.get(word, 0) for word in chosen]] = 1

# %% TextVectorization: the vocabulary
standardize = str.maketrans(
    string.ascii_uppercase, string.ascii_lowercase, string.punctuation
)


def split(text):
    return re.findall(r"\S+", text.translate(standardize), re.ASCII)


vocabulary = by_frequency(word for text in texts for word in split(text))
vocabulary = ["", "[UNK]", *vocabulary[: 500 - 2]]

# %% TextVectorization: numbers for words
number = {word: i for i, word in enumerate(vocabulary)}
tokens = torch.zeros(5, 200, dtype=torch.long)
for row, text in zip(tokens, [*texts[:4], new], strict=True):
    found = torch.tensor([number.get(word, 1) for word in split(text)])
    row[: len(found)] = found[:200]

# %% results
results = {"normalized": normalized[:, :-1], "constant": normalized[:, -1]}
results |= {"names": known, "indices": indices, "words": words}
results |= {"several": several, "vocabulary": vocabulary, "tokens": tokens}
results["words of the new text"] = int((tokens[-1] != 0).numpy().sum())
print(*known, *vocabulary[2:12], tokens[-1, :9].numpy())
