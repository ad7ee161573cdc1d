"""Cross-entropy of logits, and of probabilities as Keras computes it."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
one_hot = keras.utils.to_categorical(y)

# %% a model that ends with softmax
model = keras.Sequential(
    [keras.Input(shape=(64,)), keras.layers.Dense(10, activation="softmax")]
)
rng = np.random.default_rng(0)
model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])

# %% train
model.compile(optimizer="sgd", loss="categorical_crossentropy")
history = model.fit(x, one_hot, epochs=3, shuffle=False, verbose=2)

# %% probabilities: from a model that is sure of itself, and wrong
kernel, bias = model.get_weights()
model.set_weights([5 * kernel, bias])
probabilities = model.predict(x[:100], verbose=0)

# %% scores that do not sum to one
scores = probabilities[:, 1:] + np.float32(0.1)
scored = y[:100] % 9

# %% the losses of probabilities
categorical = keras.losses.CategoricalCrossentropy(reduction=None)
sparse = keras.losses.SparseCategoricalCrossentropy(reduction=None)
binary = keras.losses.BinaryCrossentropy(reduction=None)

# %% a sigmoid that has reached 0 and 1
sure = keras.ops.sigmoid([[-200.0], [-60.0], [60.0], [60.0]])
sure = sure.numpy()  # else Keras would remember the logits
truth = keras.ops.array([[1.0], [0.0], [1.0], [0.0]])

# %% results
results = {
    "fit": history.history["loss"],
    "probabilities": categorical(one_hot[:100], probabilities),
    "scores": categorical(keras.utils.to_categorical(scored, 9), scores),
    "sparse scores": sparse(scored, scores),
    "sigmoid": binary(truth, sure),
}
print("largest:", {name: float(max(v)) for name, v in results.items()})
