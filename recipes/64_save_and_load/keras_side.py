"""Saving: weights in a file, a whole model in a file, weights in memory."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
home = tempfile.TemporaryDirectory()
folder = Path(home.name)


# %% model
def build():
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(32, activation="relu"),
            layers.BatchNormalization(epsilon=1e-5),
            layers.Dense(10),
        ]
    )


# %% the same weights on both sides
rng = np.random.default_rng(0)
model = build()
model.set_weights([rng.uniform(0.1, 0.5, w.shape) for w in model.weights])
before = model.predict(x[:5], verbose=0)

# %% weights in a file: the code builds the model
model.save_weights(folder / "model.weights.h5")
again = build()
again.load_weights(folder / "model.weights.h5")
from_weights = again.predict(x[:5], verbose=0)

# %% the whole model in a file
model.save(folder / "model.keras")
whole = keras.saving.load_model(folder / "model.keras")
from_whole = whole.predict(x[:5], verbose=0)

# %% a copy in memory, for any device
kept = model.get_weights()
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.SGD(0.5), loss)
model.fit(x, y, batch_size=len(x), epochs=1, shuffle=False, verbose=0)
model.set_weights(kept)
put_back = model.predict(x[:5], verbose=0)

# %% a part of a model: names decide
other = keras.Sequential([keras.Input((64,)), *build().layers[:-1]])
other.load_weights(folder / "model.weights.h5", skip_mismatch=True)
inner = other.predict(x[:5], verbose=0)

# %% results
results = {"before": before, "from weights": from_weights, "put back": put_back}
results |= {"from whole": from_whole, "a part": inner}
print(sorted(path.name for path in folder.iterdir()), before[0, :3], inner[0, :3])
