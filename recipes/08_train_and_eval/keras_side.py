"""The base with dropout, and a look at the validation data in mid-epoch."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
x_train, y_train = x[:1500], y[:1500]
x_val, y_val = x[1500:], y[1500:]


# %% model, its dropout always drops the same
class Drop(keras.layers.Layer):
    def call(self, x, training=False):
        keep = np.random.default_rng(1).random(x.shape[1]) < 0.5
        return x * keep.astype("float32") * 2 if training else x


model = keras.Sequential(
    [
        keras.Input(shape=(64,)),
        keras.layers.Dense(32, activation="relu"),
        Drop(),
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

# %% train, with a look at the validation data in mid-epoch
looks = []


class Look(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 19:
            logits = self.model(x_val, training=False)
            looks.append(float(self.model.loss(y_val, logits)))


history = model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=3,
    validation_data=(x_val, y_val),
    shuffle=False,
    verbose=2,
    callbacks=[Look()],
)

# %% results
results = history.history | {"mid-epoch": looks}
