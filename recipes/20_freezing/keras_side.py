"""A frozen backbone: its BatchNormalization is in use, also in training."""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")


# %% model: a backbone that is frozen, and a head that learns
def classifier(rate):
    backbone = keras.Sequential(
        [
            keras.Input(shape=(64,)),
            layers.Dense(32),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(rate),
        ],
        name="backbone",
    )
    backbone.trainable = False
    return keras.Sequential([keras.Input(shape=(64,)), backbone, layers.Dense(10)])


model = classifier(rate=0.0)
print(len(model.weights), "weights,", len(model.trainable_weights), "learn")

# %% the same weights on both sides, as if the backbone had been trained
rng = np.random.default_rng(0)
dense, norm, _, _ = model.get_layer("backbone").layers
for layer in (dense, norm, model.layers[-1]):
    drawn = [rng.normal(0, 0.1, w.shape) for w in layer.get_weights()]
    layer.set_weights([abs(w) + 0.5 if w.shape == (32,) else w for w in drawn])

# %% train and validate
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1, momentum=0.9),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
history = model.fit(
    x[:1500], y[:1500], batch_size=32, epochs=2, shuffle=False, verbose=0
)
val_loss = model.evaluate(x[1500:], y[1500:], verbose=0)
print(history.history["loss"], val_loss)

# %% Dropout is not in use: frozen, it still drops
noisy = classifier(rate=0.5)
twice = [noisy(x[:8], training=True) for _ in range(2)]
drops = bool(np.any(twice[0] != twice[1]))

# %% results
results = {
    "loss": history.history["loss"],
    "val_loss": val_loss,
    "kernel": dense.kernel,
    "moving mean": norm.moving_mean,
    "frozen Dropout drops": drops,
}
