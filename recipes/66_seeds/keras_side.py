"""`set_random_seed`: one call for Python, NumPy and the backend."""

import random

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x, y = (x[:640] / 16).astype("float32"), y[:640]


# %% every source of chance
def seed_everything(seed):
    keras.utils.set_random_seed(seed)


# %% Python and NumPy give the same numbers on both sides
seed_everything(7)
drawn = [random.random(), np.random.rand()]


# %% a run with chance in it: weights, order, dropout
def run(seed):
    seed_everything(seed)
    layers = [
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model.fit(x, y, epochs=2, verbose=0).history["loss"]


runs = [run(1), run(1), run(2)]


# %% workers that draw
class Noisy(keras.utils.PyDataset):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rng = np.random.default_rng(7)

    def __len__(self):
        return 32

    def __getitem__(self, number):
        return self.rng.random((1, 1)), np.zeros((1, 1))


echo = keras.Sequential([keras.Input((1,)), keras.layers.Activation("linear")])
noise = echo.predict(Noisy(workers=2), verbose=0)

# %% results
results = {
    "drawn": drawn,
    "the same seed twice": runs[0] == runs[1],
    "another seed": runs[0] == runs[2],
    "different numbers of the workers": len(set(noise.ravel().tolist())),
}
print(*runs, results, sep="\n")
