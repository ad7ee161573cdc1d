"""Batch normalization in training and in use, with Keras' defaults."""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")

# %% the layer: what is kept of the batches
norm = layers.BatchNormalization()
print(norm.momentum, norm.epsilon)

# %% model
model = keras.Sequential(
    [
        keras.Input(shape=(64,)),
        layers.Dense(32),
        norm,
        layers.ReLU(),
        layers.Dense(10),
    ]
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
for dense in (model.layers[0], model.layers[-1]):
    dense.set_weights([rng.normal(0, 0.1, w.shape) for w in dense.get_weights()])

# %% train
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
history = model.fit(
    x[:1500], y[:1500], batch_size=16, epochs=2, shuffle=False, verbose=0
)

# %% validate
val_loss = model.evaluate(x[1500:], y[1500:], verbose=0)
print(history.history["loss"], val_loss)

# %% results
results = {
    "loss": history.history["loss"],
    "val_loss": val_loss,
    "moving mean": norm.moving_mean,
    "moving variance": norm.moving_variance,
}
