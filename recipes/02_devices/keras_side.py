"""Devices in Keras: everything is where it is needed."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.datasets import load_digits

# %% data
digits = load_digits()
x = ops.convert_to_tensor(digits.images / 16, dtype="float32")
y = digits.target

# %% one device
print("GPUs:", tf.config.list_physical_devices("GPU"))


# %% a model that makes a tensor: each row knows how far down it is
class Rows(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(16, activation="relu")
        self.head = keras.layers.Dense(10)
        self.centre = ops.full((8,), 0.3)

    def call(self, x):
        down = ops.arange(x.shape[1], dtype="float32") / x.shape[1]
        x = x - self.centre + down[:, None]
        return self.head(ops.mean(self.hidden(x), axis=1))


model = Rows()
model(x[:1])

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])

# %% a copy of the data, and one of the model
moved = ops.copy(x[:64])
moved = moved - ops.mean(moved, axis=0)
kept = Rows()
kept(x[:1])
kept.set_weights(model.get_weights())

# %% train
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.5),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
history = model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=2)

# %% where everything is
logits = model(x[:64])
places = {logits.device, *(v.value.device for v in model.variables)}
print(places)

# %% results
results = {
    "loss": history.history["loss"],
    "logits": logits[:4],
    "kept": kept(x[:4]),
    "data": x[:4],
    "moved": moved[:4],
    "devices": len(places),
}
