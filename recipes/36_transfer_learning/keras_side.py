"""Learn the digits 0 to 4, keep what sees, learn 5 to 9 with a new top."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.datasets import load_digits

# %% data: the old task and the new one
digits = load_digits()
x, y = digits.images[..., None].astype("float32") / 16, digits.target
old_x, old_y = x[y < 5], y[y < 5]
new_x, new_y = x[y >= 5], y[y >= 5] - 5


# %% a network with a top that can be left out
def network(include_top=True):
    image = keras.Input((8, 8, 1))
    t = layers.Conv2D(8, 3, activation="relu")(image)
    t = layers.Conv2D(32, 3, activation="relu")(t)
    t = layers.GlobalAveragePooling2D()(t)
    return keras.Model(image, layers.Dense(5)(t) if include_top else t)


# %% the same weights on both sides
rng = np.random.default_rng(0)


def start(model):
    model.set_weights([rng.normal(0, 0.2, w.shape) for w in model.get_weights()])


# %% pretraining
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
fit = {"batch_size": 32, "epochs": 2, "shuffle": False, "verbose": 2}
full = network()
start(full)
full.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss_of)
losses = full.fit(old_x, old_y, **fit).history["loss"]

# %% cut the top: include_top=False
base = network(include_top=False)
base.set_weights(full.get_weights()[:-2])
features = base(new_x[:2])

# %% freeze, and train a new top
base.trainable = False
head = layers.Dense(5)
model = keras.Sequential([base, head])
model.build((None, 8, 8, 1))
start(head)
model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss_of)
losses += model.fit(new_x, new_y, **fit).history["loss"]
frozen = base.get_weights()[0]

# %% unfreeze, with two learning rates
base.trainable = True
slow, fast = (keras.optimizers.SGD(rate, momentum=0.9) for rate in (0.005, 0.05))
batches = tf.data.Dataset.from_tensor_slices((new_x, new_y)).batch(32)
for _ in range(2):
    mean = keras.metrics.Mean()
    for inputs, targets in batches:
        with tf.GradientTape() as tape:
            loss = loss_of(targets, model(inputs, training=True))
        g = tape.gradient(loss, [base.trainable_variables, head.trainable_variables])
        slow.apply(g[0], base.trainable_variables)
        fast.apply(g[1], head.trainable_variables)
        mean.update_state(loss, sample_weight=len(inputs))
    losses.append(float(mean.result()))
logits = model.predict(new_x, verbose=0)

# %% results
results = {
    "losses": losses,
    "features": features,
    "frozen kernel": frozen,
    "tuned kernel": base.get_weights()[0],
    "accuracy": float((logits.argmax(axis=1) == new_y).mean()),
}
print(losses, results["accuracy"])
