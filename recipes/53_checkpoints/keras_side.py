"""ModelCheckpoint: a file for each epoch, and one for the best of them."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
x_train, y_train = x[:1500], y[:1500]
x_val, y_val = x[1500:], y[1500:]

# %% model
model = keras.Sequential(
    [
        keras.Input(shape=(64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10),
    ]
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])

# %% loss and optimizer
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=1.0),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# %% a file for each epoch, and one for the best
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
every = keras.callbacks.ModelCheckpoint(
    folder / "{epoch:02d}-{val_loss:.2f}.weights.h5",
    save_weights_only=True,
)
best = keras.callbacks.ModelCheckpoint(
    folder / "best.weights.h5",
    monitor="val_loss",
    save_best_only=True,
    save_weights_only=True,
)

# %% train
history = model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=3,
    validation_data=(x_val, y_val),
    shuffle=False,
    callbacks=[every, best],
    verbose=2,
)

# %% load each
loaded = {}
for path in sorted(folder.iterdir()):
    model.load_weights(path)
    name = path.name.removesuffix(".weights.h5")
    loaded[name] = model.evaluate(x_val, y_val, verbose=0)[0]
print(loaded)

# %% results
results = history.history | {"loaded": loaded, "best": loaded["best"]}
