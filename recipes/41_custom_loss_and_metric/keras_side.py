"""A loss and a metric of one's own, and two losses with weights."""

import keras
import numpy as np
from keras import ops
from sklearn.datasets import load_digits

# %% data: which digit, and how much ink in each row of the image
x, y = load_digits(return_X_y=True)
x, y = (x[:1792] / 16).astype("float32"), y[:1792]
ink = x.reshape(-1, 8, 8).sum(axis=2)


# %% a custom loss
def pinball(y_true, y_pred):
    """Too little costs nine times as much as too much."""
    missing = y_true - y_pred
    return ops.mean(ops.maximum(0.9 * missing, -0.1 * missing), axis=-1)


# %% a custom metric: its state is a table of what was taken for what
class MacroF1(keras.metrics.Metric):
    def __init__(self, classes, name="f1"):
        super().__init__(name=name)
        shape = (classes, classes)
        self.table = self.add_weight(shape=shape, initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        classes = self.table.shape[0]
        truth = ops.one_hot(ops.reshape(y_true, (-1,)), classes)
        guess = ops.one_hot(ops.argmax(y_pred, axis=-1), classes)
        self.table.assign_add(ops.matmul(ops.transpose(truth), guess))

    def result(self):
        right = ops.diagonal(self.table)
        both = ops.sum(self.table, axis=0) + ops.sum(self.table, axis=1)
        return ops.mean(2 * right / ops.maximum(both, 1))


# %% a model with two heads
inputs = keras.Input(shape=(64,))
hidden = keras.layers.Dense(32, activation="relu")(inputs)
heads = {
    "digit": keras.layers.Dense(10, name="digit")(hidden),
    "ink": keras.layers.Dense(8, name="ink")(hidden),
}
model = keras.Model(inputs, heads)
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])

# %% several losses, with weights
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss={
        "digit": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "ink": pinball,
    },
    loss_weights={"digit": 1.0, "ink": 0.3},
    metrics={"digit": MacroF1(10)},
)

# %% train
labels = {"digit": y, "ink": ink}
history = model.fit(x, labels, epochs=3, shuffle=False, verbose=2)

# %% results
results = history.history
