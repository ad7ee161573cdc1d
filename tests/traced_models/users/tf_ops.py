"""TensorFlow ops between layers of a functional model (Keras 2 alone allows it)."""

import keras
import tensorflow as tf
from keras import backend as K
from keras import layers


def tf_op_lambda():
    image = keras.Input((16, 13, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same")(image)
    mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    x = tf.nn.relu(x - mean) * 0.5 + tf.sigmoid(x)
    x = tf.concat([x, tf.reduce_max(x, axis=-1, keepdims=True)], axis=-1)
    x = tf.reshape(x, (-1, 16 * 13 * 9))
    x = tf.expand_dims(layers.Dense(6)(x), 1)
    x = tf.squeeze(tf.tile(x, [1, 1, 2]), axis=1)
    x = tf.where(x > 0.0, x, tf.exp(x) - 1.0)
    return keras.Model(image, layers.Dense(3)(x))


def tf_slicing():
    series = keras.Input((14, 6), name="series")
    last = series[:, -1]
    every = layers.LSTM(5, return_sequences=True)(series[:, ::2, 1:4])
    x = tf.concat([every[:, -1, :], last], axis=1)
    gate, value = tf.split(layers.Dense(8)(x), 2, axis=-1)
    return keras.Model(series, [tf.sigmoid(gate) * value, abs(last[:, :3] - 1.5)])


def tf_shapes():
    """tf.shape between layers: an unknown batch and an unknown length."""
    tokens = keras.Input((None, 6), name="tokens")
    batch, steps = tf.shape(tokens)[0], tf.shape(tokens)[1]
    x = layers.Dense(8)(tokens)
    x = tf.reshape(x, (batch, steps, 2, 4))
    x = tf.transpose(x, (0, 2, 1, 3))
    x = tf.matmul(x, x, transpose_b=True) / 2.0
    return keras.Model(tokens, tf.reduce_sum(tf.nn.softmax(x), axis=2))


def euclidean(vectors):
    x, y = vectors
    return K.sqrt(K.maximum(K.sum(K.square(x - y), axis=1, keepdims=True), K.epsilon()))


def backend_lambda():
    """Keras' own Siamese example of 2016: the backend's functions in Lambdas."""
    base = keras.Sequential([keras.Input((9, 8)), layers.Flatten()], name="base")
    base.add(layers.Dense(7, activation="relu"))
    left, right = keras.Input((9, 8)), keras.Input((9, 8))
    distance = layers.Lambda(euclidean, output_shape=(1,))([base(left), base(right)])
    flipped = layers.Lambda(lambda x: K.reverse(x, axes=1)[:, ::2])(left)
    mean = layers.Lambda(lambda x: K.mean(x, axis=1), name="mean")(flipped)
    return keras.Model([left, right], [distance, layers.Dense(2)(mean)])


class StepMask(layers.Layer):
    """Steps whose sum is not positive are no steps."""

    def compute_mask(self, inputs, mask=None):
        return tf.reduce_sum(inputs, axis=-1) > 0.0

    def call(self, inputs):
        return inputs * 1.0


class MaskedScale(layers.Layer):
    """Passes the mask on, and makes one of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer="ones"
        )

    def call(self, x, mask=None):
        x = x * self.scale
        if mask is None:
            return x
        return tf.where(mask[..., tf.newaxis], x, tf.zeros_like(x))


def own_mask():
    series = keras.Input((11, 4), name="series")
    x = StepMask()(series)
    x = MaskedScale()(x)
    x = layers.GRU(5, return_sequences=True)(x)
    return keras.Model(series, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
