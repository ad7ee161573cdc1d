"""A Sequential with a Reshape and a Lambda in it."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")


# %% what no layer does
def highest(x):
    return keras.ops.max(x, axis=1)


# %% model
model = keras.Sequential(
    [
        keras.Input(shape=(64,)),
        keras.layers.Reshape((8, 8)),
        keras.layers.Conv1D(32, 3, activation="relu", name="conv"),
        keras.layers.Lambda(highest),
    ]
)
model.add(keras.layers.Dense(10, name="head"))

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])

# %% train
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
history = model.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0).history
print(history)

# %% a layer by its place or name, and a part of the model
kernel = model.layers[1].kernel
bias = model.get_layer("head").bias
features = keras.Model(model.inputs, model.layers[-2].output)

# %% results
results = {
    "loss": history["loss"],
    "kernel": keras.ops.transpose(kernel, (2, 1, 0)),
    "bias": bias,
    "features": features(x[:4]),
}
