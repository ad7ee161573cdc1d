"""Training that is broken off and goes on as if nothing had been."""

import json
import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x, y = (x[:960] / 16).astype("float32"), y[:960]
home = tempfile.TemporaryDirectory()
folder = Path(home.name)


# %% model, optimizer and the order of the rows
def begin(dropout):
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    layers = [keras.Input((64,)), keras.layers.Dense(32, activation="relu")]
    layers += [keras.layers.Dropout(dropout), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.1, weight.shape))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss)
    return model, rng


# %% epochs
def train(model, rng, first, last):
    losses = []
    for epoch in range(first, last):
        order = rng.permutation(len(x))
        now = {"initial_epoch": epoch, "epochs": epoch + 1, "verbose": 0}
        history = model.fit(x[order], y[order], 32, shuffle=False, **now)
        losses += history.history["loss"]
    return losses


# %% save all that goes on
def seeds(model):
    found = [getattr(layer, "seed_generator", None) for layer in model.layers]
    return [generator.state for generator in found if generator]


def save(model, rng, epoch):
    model.save(folder / "model.keras")  # the optimizer is in it, chance is not
    chance = [state.numpy().tolist() for state in seeds(model)]
    state = {"epoch": epoch, "order": rng.bit_generator.state, "chance": chance}
    (folder / "state.json").write_text(json.dumps(state))


# %% resume
def resume():
    model = keras.saving.load_model(folder / "model.keras")
    state = json.loads((folder / "state.json").read_text())
    for generator, chance in zip(seeds(model), state["chance"], strict=True):
        generator.assign(chance)
    rng = np.random.default_rng()
    rng.bit_generator.state = state["order"]
    return model, rng, state["epoch"]


# %% without a break, and with one
unbroken, broken = {}, {}
for dropout in (0.0, 0.5):
    unbroken[dropout] = train(*begin(dropout), 0, 4)
    model, rng = begin(dropout)
    broken[dropout] = train(model, rng, 0, 2)
    save(model, rng, 2)
    broken[dropout] += train(*resume(), 4)

# %% results
same = [np.allclose(unbroken[rate], broken[rate], atol=1e-6) for rate in unbroken]
results = {"unbroken": unbroken[0.0], "broken": broken[0.0], "the same": same}
print(unbroken, broken, sep="\n")
