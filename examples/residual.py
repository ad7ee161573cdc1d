"""A subclassed Keras model, as research code writes them.

``python residual.py`` saves ``residual.keras``, and

``keras2torch convert residual.keras --custom-objects residual.py`` converts it.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable()
class Residual(layers.Layer):
    """Two convolutions and a learned scale beside a shortcut."""

    def __init__(self, filters, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.conv1 = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)
        self.norm1 = layers.BatchNormalization()
        self.conv2 = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.norm2 = layers.BatchNormalization()
        self.dropout = layers.Dropout(0.2)
        self.shortcut = layers.Conv2D(filters, 1, strides)

    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(self.conv1.filters,))
        super().build(shape)

    def call(self, x):
        h = tf.nn.relu(self.norm1(self.conv1(x)))
        h = self.dropout(self.norm2(self.conv2(h)))
        return tf.nn.relu(h * self.scale * 0.5 + self.shortcut(x))


@keras.saving.register_keras_serializable()
class ResidualNet(keras.Model):
    """A stack of them, in a Python loop."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stages = [Residual(16), Residual(24, 2), Residual(32, 2)]
        self.head = layers.Dense(10)

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.head(tf.reduce_mean(x, axis=[1, 2]))


if __name__ == "__main__":
    model = ResidualNet()
    model(np.zeros((2, 33, 33, 3), "float32"))
    model.save("residual.keras")
