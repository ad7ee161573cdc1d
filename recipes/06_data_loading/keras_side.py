"""Batches in Keras: `tf.data`, or the arguments of `fit`."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")


# %% a dataset that makes its samples
def brighter(index):
    factor = tf.random.uniform((), 0.8, 1.2, dtype=tf.float64)
    image = tf.gather(x, index) * tf.cast(factor, tf.float32)
    return image, tf.gather(y, index), index, factor


# %% a loader for training: shuffled, made by two workers
train_loader = (
    tf.data.Dataset.range(1500)
    .shuffle(1500)
    .map(brighter, num_parallel_calls=2)
    .batch(32)
    .prefetch(2)
)

# %% a loader for validation: as it is, twice the batch size
val_set = tf.data.Dataset.from_tensor_slices((x[1500:], y[1500:]))
val_loader = val_set.batch(64)

# %% two epochs
sizes, orders, factors = [], [], []
for epoch in range(2):
    order = []
    for images, _labels, index, factor in train_loader:
        sizes.append(len(images))
        order += index.numpy().tolist()
        factors += factor.numpy().tolist()
    orders.append(order)
    print(f"epoch {epoch + 1} begins with samples {order[:5]}")

# %% validation
layer = keras.layers.Dense(10, use_bias=False)
model = keras.Sequential([keras.Input((64,)), layer])
rng = np.random.default_rng(0)
model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(loss=loss)
val_loss = model.evaluate(val_loader, verbose=0)

# %% results
results = {
    "batches": [len(train_loader), len(val_loader)],
    "sizes": sizes,
    "each once": [sorted(order) == list(range(1500)) for order in orders],
    "shuffled": orders[0] != sorted(orders[0]),
    "shuffled again": orders[0] != orders[1],
    "factors": len(set(factors)),
    "validation loss": val_loss,
}
