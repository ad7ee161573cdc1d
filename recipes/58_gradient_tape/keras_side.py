"""`GradientTape`: Grad-CAM, and a penalty on the gradient of the inputs."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
images = (x / 16).astype("float32").reshape(-1, 8, 8, 1)

# %% model
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(8, 3, padding="same", activation="tanh", name="conv"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(16, activation="tanh"),
        layers.Dense(10),
    ]
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])

# %% gradients of the inputs
inputs = tf.constant(images[:32])
with tf.GradientTape() as tape:
    tape.watch(inputs)
    scores = tf.reduce_max(model(inputs), axis=1)
saliency = tape.gradient(scores, inputs)

# %% Grad-CAM: what the convolution saw of the predicted class
inner = keras.Model(model.inputs, [model.get_layer("conv").output, *model.outputs])
with tf.GradientTape() as tape:
    maps, logits = inner(inputs)
    scores = tf.reduce_max(logits, axis=1)
channels = tf.reduce_mean(tape.gradient(scores, maps), axis=(1, 2))
cam = tf.nn.relu(tf.einsum("bhwc,bc->bhw", maps, channels))

# %% gradient penalty: a gradient of a gradient
optimizer = keras.optimizers.SGD(0.1)
criterion = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
losses, penalties = [], []
for i in range(0, 320, 32):
    inputs, labels = tf.constant(images[i : i + 32]), y[i : i + 32]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            logits = model(inputs)
            scores = tf.reduce_max(logits, axis=1)
        slopes = tape.gradient(scores, inputs)
        norms = tf.sqrt(tf.reduce_sum(slopes**2, axis=(1, 2, 3)))
        penalty = tf.reduce_mean((norms - 1) ** 2)
        loss = criterion(labels, logits) + 2 * penalty
    gradients = outer.gradient(loss, model.trainable_weights)
    optimizer.apply(gradients, model.trainable_weights)
    losses.append(float(loss))
    penalties.append(float(penalty))

# %% several gradients from one tape, and one that is not there
weight, unused = tf.Variable(3.0), tf.Variable(1.0)
with tf.GradientTape(persistent=True) as tape:
    square, cube = weight**2, weight**3
several = [tape.gradient(square, weight), tape.gradient(cube, weight)]
missing = tape.gradient(square, unused)

# %% results
results = {"saliency": saliency[:4], "cam": cam[:4], "losses": losses}
results |= {"penalties": penalties, "several": several, "missing": str(missing)}
print({name: results[name] for name in ["penalties", "several", "missing"]})
