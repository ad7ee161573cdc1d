"""The base, with messages for batches and epochs, and a bar."""

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
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# %% messages
messages = {"batch": [], "loss": [], "accuracy": []}


class EveryTenth(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch % 10 == 9:
            messages["batch"].append(batch + 1)
            messages["loss"].append(logs["loss"])
            messages["accuracy"].append(logs["accuracy"])
            print(f" batch {batch + 1}: loss {logs['loss']:.4f}")


# %% train
history = model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=3,
    validation_data=(x_val, y_val),
    shuffle=False,
    verbose=1,
    callbacks=[EveryTenth()],
)

# %% results
results = history.history
results = results | {f"bar, {name}": seen for name, seen in messages.items()}
