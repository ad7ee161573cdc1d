"""A graph with two branches, a skip connection and a concatenation."""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")

# %% the layers, and how they are joined
inputs = keras.Input(shape=(64,))
stem = layers.Dense(32, activation="relu", name="stem")(inputs)
gate = layers.Dense(32, activation="sigmoid", name="gate")(stem)
wide = layers.Dense(32, activation="relu", name="wide")(stem)
deep = layers.Dense(32, name="deep")(wide)

skip = layers.Activation("relu")(layers.Add()([wide, deep]))
gated = layers.Multiply(name="gated")([skip, gate])
joined = layers.Concatenate(name="joined")([gated, stem])
outputs = layers.Dense(10, name="head")(joined)
model = keras.Model(inputs, outputs)

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
print([layer.name for layer in model.layers if layer.weights])

# %% train
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
history = model.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0).history
print(history)

# %% what is computed on the way
features = keras.Model(inputs, joined)
before_skip = keras.Model(inputs, model.get_layer("deep").output)

# %% results
results = {
    "loss": history["loss"],
    "features": features(x[:4]),
    "before the skip": before_skip(x[:4]),
}
