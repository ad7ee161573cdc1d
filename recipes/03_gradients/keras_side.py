"""Gradients in Keras: a tape records, and hands them over."""

import keras
import tensorflow as tf
from keras import ops
from sklearn.datasets import load_diabetes

# %% data
x, y = load_diabetes(return_X_y=True)
x = (x / x.std(axis=0)).astype("float32")
y = ((y - y.mean()) / y.std()).astype("float32")
x_train, x_val, y_train, y_val = x[:350], x[350:], y[:350], y[350:]

# %% a gradient
w = keras.Variable([2.0, -1.0])
with tf.GradientTape() as tape:
    value = ops.sum(w**3)
gradient = tape.gradient(value, w.value)

# %% two gradients, added
with tf.GradientTape() as tape:
    value = ops.sum(5 * w)
added = gradient + tape.gradient(value, w.value)

# %% linear regression by hand
weight, bias = keras.Variable(ops.zeros(10)), keras.Variable(0.0)
for _ in range(20):
    with tf.GradientTape() as tape:
        loss = ops.mean((ops.matmul(x_train, weight) + bias - y_train) ** 2)
    slopes = tape.gradient(loss, [weight.value, bias.value])
    weight.assign_sub(0.1 * slopes[0])
    bias.assign_sub(0.1 * slopes[1])
print(f"by hand: loss {float(loss):.4f}")

# %% linear regression with a layer and an optimizer
model = keras.Sequential(
    [keras.Input((10,)), keras.layers.Dense(1, kernel_initializer="zeros")]
)
criterion = keras.losses.MeanSquaredError()
optimizer = keras.optimizers.SGD(learning_rate=0.1)

# %% training and validation in one loop
history = {"train": [], "val": []}
sets = {"train": (x_train, y_train), "val": (x_val, y_val)}
for _ in range(20):
    for phase, (inputs, targets) in sets.items():
        is_train = phase == "train"
        with tf.GradientTape() as tape:
            loss = criterion(targets, model(inputs, training=is_train))
        if is_train:
            slopes = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(slopes, model.trainable_variables)
        history[phase].append(float(loss))
print(f"with a layer: loss {history['train'][-1]:.4f}")

# %% results
results = {
    "gradient": gradient,
    "added": added,
    "by hand": weight,
    "with a layer": model.layers[0].kernel[:, 0],
    "losses": history,
}
