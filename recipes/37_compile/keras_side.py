"""`compile` with strings: what they stand for is looked up by Keras."""

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
        keras.layers.Dense(10, activation="softmax"),
    ]
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])

# %% loss, metrics and optimizer
top_3 = keras.metrics.SparseTopKCategoricalAccuracy(k=3, name="top_3")
model.compile(
    optimizer="sgd",
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy", top_3],
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

# %% other names of losses
truth, guess = x_val, 0.05 + 0.9 * x_val[::-1]
names = ["mse", "mae", "huber", "binary_crossentropy", "poisson"]
losses = {n: np.mean(keras.losses.get(n)(truth, guess)) for n in names}
print(losses)

# %% results
results = history.history
results["losses"] = list(losses.values())
