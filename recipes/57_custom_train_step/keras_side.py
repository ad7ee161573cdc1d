"""`train_step` of one's own: a GAN with two optimizers, and distillation."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

# %% data: digits, and noise for the generator
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
rng = np.random.default_rng(0)
noise = rng.normal(size=(len(x), 8)).astype("float32")


# %% networks with the same weights on both sides
def network(*sizes, last=None, kind=keras.Sequential):
    hidden = layers.Dense(sizes[1], activation="relu")
    outputs = layers.Dense(sizes[2], activation=last)
    model = kind([keras.Input((sizes[0],)), hidden, outputs])
    model.set_weights([rng.normal(0, 0.2, w.shape) for w in model.weights])
    return model


generator, critic = network(8, 32, 64, last="sigmoid"), network(64, 32, 1)
known = LogisticRegression(max_iter=200).fit(x, y)
teacher = keras.Sequential([keras.Input((64,)), layers.Dense(10)])
teacher.set_weights([known.coef_.T, known.intercept_])


# %% GAN: two optimizers
class GAN(keras.Model):
    def __init__(self):
        super().__init__()
        self.means = [keras.metrics.Mean("critic"), keras.metrics.Mean("generator")]
        self.critic_optimizer = keras.optimizers.SGD(0.05, momentum=0.5)
        self.generator_optimizer = keras.optimizers.SGD(0.2, momentum=0.5)
        self.bce = keras.losses.BinaryCrossentropy(from_logits=True)

    def train_step(self, data):
        real, noise = data
        yes, no = ops.ones_like(noise[:, :1]), ops.zeros_like(noise[:, :1])
        fake = generator(noise)
        weights = critic.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.bce(yes, critic(real)) + self.bce(no, critic(fake))
        self.critic_optimizer.apply(tape.gradient(loss, weights), weights)
        self.means[0].update_state(loss)
        weights = generator.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.bce(yes, critic(generator(noise)))
        self.generator_optimizer.apply(tape.gradient(loss, weights), weights)
        self.means[1].update_state(loss)
        return {mean.name: mean.result() for mean in self.means}


# %% GAN: train
gan = GAN()
gan.compile()
adversaries = gan.fit(x, noise, 128, epochs=3, shuffle=False, verbose=2).history


# %% distillation: the loss asks a teacher
class Student(keras.Sequential):
    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        hard = keras.losses.sparse_categorical_crossentropy(y, y_pred, from_logits=True)
        wanted, given = ops.softmax(teacher(x) / 4), ops.softmax(y_pred / 4)
        soft = keras.losses.kl_divergence(wanted, given)
        return ops.mean(0.3 * hard + 0.7 * 4**2 * soft)


# %% distillation: train
student = network(64, 16, 10, kind=Student)
student.compile(keras.optimizers.SGD(0.05))
distilled = student.fit(x, y, 128, epochs=3, shuffle=False, verbose=2).history

# %% results
results = adversaries | {"digits": generator(noise[:2])}
results["distilled"] = distilled["loss"]
