"""What a Keras model tracks: weights, layers, lists and dicts of layers."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: which digit, and whether it is odd
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
targets = {"digit": y, "odd": y % 2}


# %% a model with a weight of its own, a list and a dict of layers
class Reader(keras.Model):
    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=(64,), initializer="ones")
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.blocks = [keras.layers.Dense(32, "relu") for _ in range(3)]
        self.heads = {
            "digit": keras.layers.Dense(10),
            "odd": keras.layers.Dense(2),
        }

    def call(self, x, training=False):
        if training:
            self.seen.assign_add(1)
        x = x * self.scale
        for block in self.blocks:
            x = block(x)
        return {name: head(x) for name, head in self.heads.items()}


model = Reader()
model(x[:1])

# %% the same weights on both sides
rng = np.random.default_rng(0)
for layer in [*model.blocks, *model.heads.values()]:
    layer.set_weights([rng.normal(0, 0.2, w.shape) for w in layer.weights])

# %% printing it
model.summary()
for weight in model.trainable_weights:
    print(weight.path, weight.shape)

# %% train
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss={"digit": loss, "odd": loss},
)
history = model.fit(x, targets, batch_size=32, epochs=2, shuffle=False, verbose=2)

# %% results
sizes = [int(np.prod(w.shape)) for w in model.trainable_weights]
results = {
    "parameters": sum(sizes),
    "sizes": sorted(sizes),
    "not trained": len(model.non_trainable_weights),
    "batches seen": model.seen,
    "scale": model.scale,
    "loss": history.history["loss"],
}
