"""Class numbers against one-hot rows: two losses for the same thing."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x, y = (x[:1790] / 16).astype("float32"), y[:1790]
one_hot = keras.utils.to_categorical(y, num_classes=10)

# %% model
model = keras.Sequential([keras.Input(shape=(64,)), keras.layers.Dense(10)])
rng = np.random.default_rng(0)
weights = [rng.normal(size=(64, 10)), rng.normal(size=10)]


# %% the same training for labels of any form
def train(labels, loss):
    model.set_weights(weights)
    model.compile(optimizer="sgd", loss=loss, metrics=["accuracy"])
    history = model.fit(x, labels, epochs=3, shuffle=False, verbose=0).history
    print(history)
    return history


# %% class numbers, a column of them, one-hot rows
sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
categorical = keras.losses.CategoricalCrossentropy(from_logits=True)
numbers = train(y, sparse)
column = train(y[:, None], sparse)
rows = train(one_hot, categorical)

# %% a label for each of ten steps
steps = model.predict(x, verbose=0).reshape(-1, 10, 10)
labels = y.reshape(-1, 10)
per_step = sparse(labels, steps)
one_hot_steps = categorical(keras.utils.to_categorical(labels, 10), steps)

# %% a class that does not count
ignoring = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
ignored = ignoring(labels, steps)

# %% one output for each sample
odd = (y % 2).astype("float32")
one_output = keras.losses.MeanSquaredError()(odd, x[:, 20:21])

# %% results
results = {
    "numbers": numbers,
    "column": column,
    "one-hot": rows,
    "per step": per_step,
    "per step, one-hot": one_hot_steps,
    "ignored": ignored,
    "one output": one_output,
}
