"""Layers that learn from data before training: `adapt`."""

from pydoc_data.topics import topics

import numpy as np
from keras import layers
from sklearn.datasets import load_wine

# %% numbers, names and texts; the last column of numbers never changes
numbers = load_wine().data.astype("float32")
numbers = np.column_stack([numbers, np.full(len(numbers), 3, "float32")])
seen, unseen = numbers[:150], numbers[150:]
names = ["red", "white", "red", "rosé", "white", "red", "sparkling"]
texts = [topics[name] for name in sorted(topics)][:60]
new = "Don't yield_to\u00a0Émile: YIELD the Émigré's value, zyzzyva!"

# %% Normalization
normalization = layers.Normalization()
normalization.adapt(seen)
unseen[0, -1] = 4
normalized = normalization(unseen)  # in the last column (4 - 3) / 1e-7

# %% StringLookup
lookup = layers.StringLookup()
lookup.adapt(names)
indices = lookup(["white", "red", "green"])
back = layers.StringLookup(vocabulary=lookup.get_vocabulary(), invert=True)
words = [word.numpy().decode() for word in back(indices)]

# %% StringLookup, several hot
hot = layers.StringLookup(vocabulary=lookup.get_vocabulary(), output_mode="multi_hot")
several = hot([["red", "white"], ["red", "red"], ["green", "rosé"]])

# %% TextVectorization: the vocabulary
vectorization = layers.TextVectorization(
    max_tokens=500, output_mode="int", output_sequence_length=200
)
vectorization.adapt(texts)
vocabulary = vectorization.get_vocabulary()

# %% TextVectorization: numbers for words
tokens = vectorization([*texts[:4], new])

# %% results
results = {"normalized": normalized[:, :-1], "constant": normalized[:, -1]}
results |= {"names": lookup.get_vocabulary(), "indices": indices, "words": words}
results |= {"several": several, "vocabulary": vocabulary, "tokens": tokens}
results["words of the new text"] = int((tokens[-1] != 0).numpy().sum())
print(*lookup.get_vocabulary(), *vocabulary[2:12], np.array(tokens[-1, :9]))
