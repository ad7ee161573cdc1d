"""TensorFlow without Keras: what a SavedModel's signature alone says."""

import numpy as np
import tensorflow as tf


class Recommender(tf.Module):
    def __init__(self, users=20, items=30, dim=6):
        super().__init__(name="recommender")
        rng = np.random.default_rng(3)
        self.users = tf.Variable(rng.normal(size=(users, dim)), dtype=tf.float32)
        self.items = tf.Variable(rng.normal(size=(items, dim)), dtype=tf.float32)
        self.bias = tf.Variable(rng.normal(size=(items,)), dtype=tf.float32)
        self.mean = tf.Variable(3.5, trainable=False)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int32, name="user"),
            tf.TensorSpec([None, None], tf.int32, name="candidates"),
        ]
    )
    def score(self, user, candidates):
        u = tf.gather(self.users, user)
        v = tf.gather(self.items, candidates)
        scores = tf.einsum("bd,bnd->bn", u, v) + tf.gather(self.bias, candidates)
        return {"scores": scores + self.mean, "best": tf.argmax(scores, axis=1)}


class ConvNet(tf.Module):
    """Weights in variables, tf.nn for the rest."""

    def __init__(self):
        super().__init__(name="conv_net")
        rng = np.random.default_rng(4)

        def variable(*shape, trainable=True):
            value = rng.normal(size=shape) * 0.3
            return tf.Variable(value.astype("float32"), trainable=trainable)

        self.kernels = [variable(3, 3, 3, 6), variable(3, 3, 6, 8)]
        self.biases = [variable(6), variable(8)]
        self.gamma, self.beta = variable(6), variable(6)
        self.mean = variable(6, trainable=False)
        self.variance = tf.Variable(tf.abs(variable(6)) + 0.5, trainable=False)
        self.dense = variable(8, 4)

    @tf.function(
        input_signature=[tf.TensorSpec([None, 17, 14, 3], tf.float32, name="image")]
    )
    def predict(self, image):
        x = tf.nn.conv2d(image, self.kernels[0], strides=1, padding="SAME")
        x = tf.nn.relu(tf.nn.bias_add(x, self.biases[0]))
        x = tf.nn.batch_normalization(
            x, self.mean, self.variance, self.beta, self.gamma, 1e-3
        )
        x = tf.nn.max_pool2d(x, 2, 2, padding="VALID")
        x = tf.nn.conv2d(x, self.kernels[1], strides=2, padding="SAME")
        x = tf.nn.relu(tf.nn.bias_add(x, self.biases[1]))
        x = tf.reduce_mean(x, axis=[1, 2])
        return {"probabilities": tf.nn.softmax(tf.matmul(x, self.dense))}


def recommender():
    module = Recommender()
    return module, module.score


def conv_net():
    module = ConvNet()
    return module, module.predict
