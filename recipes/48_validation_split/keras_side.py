"""`validation_split` takes the last samples, before anything is shuffled."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
order = np.argsort(y, kind="stable")  # sorted by class, as many files are
x, y = x[order], y[order]
x = (x / 16).astype("float32")
x_train, y_train = x, y

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

# %% train
history = model.fit(
    x_train,
    y_train,
    batch_size=2000,  # all in one: their order changes nothing
    epochs=3,
    validation_split=0.2,
    shuffle=True,
    verbose=2,
)

# %% results
results = history.history
