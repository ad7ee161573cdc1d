"""Names of unequal length: one argument, and every layer knows what is padding."""

import unicodedata

import keras
import numpy as np

# %% names of arrows and signs, as numbers, padded with 0
names = [unicodedata.name(chr(i)).split() for i in range(0x2190, 0x2300)]
names = [name for name in names if len(name) > 1]
words = sorted({word for name in names for word in name})
number = {word: i for i, word in enumerate(words, start=1)}
names = [[number[word] for word in name] for name in names]
x = keras.utils.pad_sequences([name[:-1] for name in names], padding="post")
y = keras.utils.pad_sequences([name[1:] for name in names], padding="post")

# %% model: which word comes next?
vocabulary = len(words) + 1
inputs = keras.Input(shape=(None,), dtype="int32")
embedding = keras.layers.Embedding(vocabulary, 16, mask_zero=True)
hidden = keras.layers.Dense(32, activation="relu")(embedding(inputs))
outputs = keras.layers.Dense(vocabulary)(hidden)
model = keras.Model(inputs, outputs)

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])

# %% train: the loss and the accuracy get the mask too
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.5),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(x, y, batch_size=32, epochs=4, shuffle=False, verbose=2)

# %% one vector for a name: a mean over its words
mean = keras.layers.GlobalAveragePooling1D()(embedding(x[:8]))

# %% one vector for a name: a maximum, over the padding as well
maximum = keras.layers.GlobalMaxPooling1D()(embedding(x[:8]))

# %% results
results = {
    "loss": history.history["loss"],
    "accuracy": history.history["accuracy"],
    "vector of the padding": embedding.get_weights()[0][0],
    "mean": mean,
    "maximum": maximum,
}
print(x[:3])
print(results["vector of the padding"].round(2))
