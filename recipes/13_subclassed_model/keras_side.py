"""A subclassed Model: layers in a list, and another answer in training."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: the digits from 5 on are rare in training, not in validation
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
kept = np.flatnonzero((y[:1500] < 5) | (np.arange(1500) % 8 == 0))
x_train, y_train, x_val, y_val = x[kept], y[kept], x[1500:], y[1500:]
prior = np.bincount(y_train) / len(y_train)


# %% model
class Adjusted(keras.Model):
    def __init__(self, prior, depth=2):
        super().__init__()
        self.log_prior = np.log(prior).astype("float32")
        self.blocks = [keras.layers.Dense(64, activation="relu") for _ in range(depth)]
        self.head = keras.layers.Dense(10)

    def call(self, x, training=False):
        for block in self.blocks:
            x = x + block(x)
        logits = self.head(x)
        if training:
            # What is rare has to win by more.
            logits = logits + self.log_prior
        return logits


model = Adjusted(prior)

# %% the same weights on both sides
model(x[:1])  # before the first call there are no weights
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])

# %% train and validate
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(x_train, y_train, batch_size=32, epochs=3, shuffle=False, verbose=0)
val_loss, val_accuracy = model.evaluate(x_val, y_val, verbose=0)
print(history.history["loss"], val_loss, val_accuracy)

# %% both answers
in_training = model(x_val[:4], training=True)
in_use = model(x_val[:4])

# %% results
results = {
    "loss": history.history["loss"],
    "val_loss": val_loss,
    "val_accuracy": val_accuracy,
    "in training": in_training,
    "in use": in_use,
}
