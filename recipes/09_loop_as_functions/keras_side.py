"""`compile` and two calls of `fit`: the loop is Keras'."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")

# %% get_data
train_set = (x[:1500], y[:1500])
val_set = (x[1500:], y[1500:])

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

# %% loss_batch
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.05, momentum=0.9),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)

# %% fit
first = model.fit(
    *train_set,
    batch_size=32,
    epochs=2,
    validation_data=val_set,
    validation_batch_size=64,
    shuffle=False,
    verbose=2,
)

# %% fit again, from where it stopped
second = model.fit(
    *train_set,
    batch_size=32,
    epochs=1,
    validation_data=val_set,
    validation_batch_size=64,
    shuffle=False,
    verbose=2,
)

# %% results
results = {
    "loss": first.history["loss"],
    "val_loss": first.history["val_loss"],
    "loss, again": second.history["loss"],
    "val_loss, again": second.history["val_loss"],
}
