"""No layer says what comes in: Keras finds out when it sees it."""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

# %% data
images = load_digits().images[:4, ..., None].astype("float32") / 16

# %% a model without input sizes
model = keras.Sequential(
    [
        layers.Conv2D(6, 3, strides=2, activation="relu"),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dense(10),
    ]
)
ready = len(model.trainable_weights)

# %% the sizes, found by running it once
model.build((None, 8, 8, 1))
print(ready, "weights before,", len(model.trainable_weights), "after")
moving_variance = np.array(model.layers[1].moving_variance)

# %% the sizes, stated
stated = keras.Sequential([keras.Input(shape=(8, 8, 1)), *model.layers])
flat = stated.layers[-1].kernel.shape[0]

# %% the same weights on both sides
rng = np.random.default_rng(0)
conv, _, _, dense = model.layers
conv.set_weights([rng.normal(size=w.shape) for w in conv.get_weights()])
dense.set_weights([rng.normal(size=w.shape) for w in dense.get_weights()])

# %% results
results = {
    "weights before": ready,
    "flat": flat,
    "moving variance": moving_variance,
    "found": model(images),
    "stated": stated(images),
}
