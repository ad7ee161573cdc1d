"""Callbacks: when each hook is called, and what it is given."""

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

# %% callbacks
events, running = [], []


class Recorder(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        events.append("train begin")

    def on_train_batch_end(self, batch, logs=None):
        events.append(f"batch {batch} end")
        running.append(logs["loss"])

    def on_test_begin(self, logs=None):
        events.append("test begin")

    def on_test_end(self, logs=None):
        events.append("test end")

    def on_epoch_end(self, epoch, logs=None):
        events.append(f"epoch {epoch} end")
        logs["gap"] = logs["val_loss"] - logs["loss"]
        if logs["val_accuracy"] > 0.7:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        events.append("train end")


begin = keras.callbacks.LambdaCallback(
    on_epoch_begin=lambda epoch, logs: events.append(f"epoch {epoch} begin"),
)

# %% train
history = model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=3,
    validation_data=(x_val, y_val),
    shuffle=False,
    callbacks=[Recorder(), begin],
    verbose=2,
)

# %% results
results = history.history | {"events": events, "running loss": running}
print(events[:4], events[-3:])
