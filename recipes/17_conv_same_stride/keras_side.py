"""`padding="same"` with stride 2: where the padding goes, in Keras."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: an even and an odd size
images = load_digits().images[:4, ..., None].astype("float32") / 16
even, odd = images, images[:, :7, :7]

# %% a convolution with the same weights on both sides
conv = keras.layers.Conv2D(5, 3, strides=2, padding="same")
conv.build((None, 8, 8, 1))
rng = np.random.default_rng(0)
conv.set_weights([rng.normal(size=w.shape) for w in conv.get_weights()])

# %% max pooling does the same
pool = keras.layers.MaxPooling2D(3, strides=2, padding="same")

# %% average pooling does not count the padding
mean = keras.layers.AveragePooling2D(3, strides=2, padding="same")

# %% results
results = {
    "even size": conv(even),
    "odd size": conv(odd),
    "max pooling": pool(-even),
    "average pooling": mean(even),
}
print({name: value.shape for name, value in results.items()})
