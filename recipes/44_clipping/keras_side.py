"""Gradient clipping: three arguments of the optimizer."""

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
    optimizer=keras.optimizers.SGD(learning_rate=0.1, clipnorm=0.1),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# %% train
history = model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=3,
    validation_data=(x_val, y_val),
    shuffle=False,
    verbose=2,
)

# %% the other two: the gradients of a batch after clipping
trained = model.get_weights()


def clipped(**limit):
    model.set_weights(trained)
    model.compile(keras.optimizers.SGD(learning_rate=1.0, **limit), model.loss)
    model.train_on_batch(x_train[:32], y_train[:32])
    return [w - new for w, new in zip(trained, model.get_weights(), strict=True)]


# %% results
results = history.history
results["global_clipnorm"] = clipped(global_clipnorm=0.1)
results["clipvalue"] = clipped(clipvalue=0.01)
