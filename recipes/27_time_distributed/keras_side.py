"""A small network applied to each of five digits in a row."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: rows of five digits, and their sum
images, digits = load_digits().images[:1500], load_digits().target[:1500]
x = (images / 16).astype("float32").reshape(300, 5, 8, 8, 1)
y = digits.reshape(300, 5).sum(axis=1, keepdims=True) / 10

# %% layers
each = keras.layers.TimeDistributed
conv = each(keras.layers.Conv2D(8, 3, activation="relu"))
norm = each(keras.layers.BatchNormalization())
pool = each(keras.layers.GlobalAveragePooling2D())
dense = each(keras.layers.Dense(1))

# %% model
inputs = keras.Input(shape=(5, 8, 8, 1))
frames = conv(inputs)
normed = norm(frames)
values = dense(pool(normed))
outputs = keras.layers.Lambda(lambda values: keras.ops.sum(values, axis=1))(values)
model = keras.Model(inputs, outputs)
parts = keras.Model(inputs, [frames, normed, values])

# %% the same weights on both sides
rng = np.random.default_rng(0)
for layer in (conv, dense):
    layer.set_weights([rng.normal(0, 0.3, w.shape) for w in layer.get_weights()])

# %% each step by itself
frames, normed, values = parts(x[:4], training=True)

# %% a recurrent layer inside: it begins anew for every digit
lstm = each(keras.layers.LSTM(6))
lstm.build((None, 5, 8, 8))
lstm.set_weights([rng.normal(0, 0.3, w.shape) for w in lstm.get_weights()])
read = lstm(x[:4, ..., 0])

# %% train
model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.02), loss="mse")
history = model.fit(x, y, batch_size=30, epochs=5, shuffle=False, verbose=2)

# %% results
results = {
    "convolution": frames[:, :, ::2, ::2],
    "batch norm": normed[:, :, ::2, ::2],
    "values": values,
    "read": read,
    "loss": history.history["loss"],
    "running mean": norm.get_weights()[2],
}
print(frames.shape, normed.shape, values.shape, read.shape)
