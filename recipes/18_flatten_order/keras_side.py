"""Flatten behind a convolution, and Reshape back to an image."""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

# %% data
digits = load_digits()
x = digits.images[..., None].astype("float32") / 16
y = digits.target

# %% from an image to a vector, and back to an image
encoder = keras.Sequential(
    [
        keras.Input(shape=(8, 8, 1)),
        layers.Conv2D(5, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(10),
    ]
)
decoder = keras.Sequential(
    [
        keras.Input(shape=(10,)),
        layers.Dense(4 * 4 * 3),
        layers.Reshape((4, 4, 3)),
        layers.UpSampling2D(2),
    ]
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
for model in (encoder, decoder):
    model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])

# %% what comes out before training
logits = encoder(x[:4])
images = decoder(logits)

# %% train
encoder.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
history = encoder.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0)
print(history.history)

# %% the way back: the trained kernel, as Keras keeps it
kernel = encoder.layers[-1].kernel

# %% results
results = {
    "logits": logits,
    "images": images,
    "loss": history.history["loss"],
    "trained kernel": kernel,
}
