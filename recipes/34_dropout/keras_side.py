"""Noise in training: what is dropped together, and how the rest is scaled."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

# %% ones: what a layer answers is then its noise
sequences = np.ones((2000, 10, 40), "float32")  # sample, step, channel
images = np.ones((2000, 4, 4, 40), "float32")  # sample, row, column, channel


def measure(outputs, together):
    """Share of zeros, value of the rest, share of maps dropped as a whole."""
    outputs = np.asarray(outputs)
    whole = outputs.max(axis=together) == outputs.min(axis=together)
    return np.array([(outputs == 0).mean(), outputs.max(), whole.mean()])


def spread(outputs):
    outputs = np.asarray(outputs)
    return np.array([outputs.std(), outputs.mean()])


# %% Dropout, and Dropout that shares its mask along an axis
plain = layers.Dropout(0.25)
shared = layers.Dropout(0.25, noise_shape=(None, 1, 40))

# %% SpatialDropout drops whole channels
spatial_1d = layers.SpatialDropout1D(0.25)
spatial_2d = layers.SpatialDropout2D(0.25)

# %% noise that is added, noise that is multiplied
noise = layers.GaussianNoise(0.3)
gaussian = layers.GaussianDropout(0.25)
alpha = layers.AlphaDropout(0.25)

# %% training
results = {
    "Dropout": measure(plain(sequences, training=True), 1),
    "noise_shape": measure(shared(sequences, training=True), 1),
    "SpatialDropout1D": measure(spatial_1d(sequences, training=True), 1),
    "SpatialDropout2D": measure(spatial_2d(images, training=True), (1, 2)),
    "GaussianNoise": spread(noise(sequences, training=True)),
    "GaussianDropout": spread(gaussian(sequences, training=True)),
    "AlphaDropout": np.unique(np.round(alpha(sequences, training=True), 5)),
}

# %% inference: nothing happens, and this is what a call by hand does
every = [plain, shared, spatial_1d, noise, gaussian, alpha]
results["inference"] = np.array([np.std(layer(sequences)) for layer in every])

# %% dropping in inference too (Monte Carlo dropout)
model = keras.Sequential([layers.Dropout(0.25), layers.LayerNormalization()])
first, second = (np.asarray(model(sequences[:1], training=True)) for _ in range(2))
results["passes differ"] = float((first != second).any())

# %% a seed
masks = [layers.Dropout(0.25, seed=1)(sequences, training=True) for _ in range(2)]
results["same mask"] = float(np.array_equal(*masks))

# %% results
print(results)
