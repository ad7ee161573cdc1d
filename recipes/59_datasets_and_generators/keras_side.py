"""A `PyDataset` and a generator as the data of `fit`."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")


# %% a dataset: an item is a batch
class Digits(keras.utils.PyDataset):
    def __init__(self, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.batch_size, self.rng = batch_size, np.random.default_rng(1)
        self.order = np.arange(len(x))

    def __len__(self):
        return -(-len(x) // self.batch_size)

    def __getitem__(self, number):
        start = number * self.batch_size
        chosen = self.order[start : start + self.batch_size]
        return x[chosen], y[chosen]

    def on_epoch_end(self):  # called once before the first epoch, too
        self.order = self.rng.permutation(len(x))


# %% a generator: it reads from the first row to the last
def stream():
    while True:
        for start in range(0, len(x), 32):
            yield x[start : start + 32], y[start : start + 32]


# %% the same weights on both sides
rng = np.random.default_rng(0)
layers = [keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10)]
model = keras.Sequential(layers)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
model.compile(
    optimizer=keras.optimizers.SGD(0.1),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)

# %% train on the dataset: one pass is an epoch
dataset = Digits(batch_size=32)
passes = model.fit(dataset, epochs=3, shuffle=False, verbose=2)

# %% train on the generator: so many steps are an epoch
steps = model.fit(stream(), steps_per_epoch=40, epochs=3, shuffle=False, verbose=2)

# %% two workers read
readers = Digits(batch_size=32, workers=2, max_queue_size=4)
seen = len(model.predict(readers, verbose=0))

# %% results
results = {
    "passes": passes.history["loss"],
    "steps": steps.history["loss"],
    "seen by two workers": seen,
}
