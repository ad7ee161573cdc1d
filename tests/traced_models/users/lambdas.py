"""Functional models around Lambda layers."""

import keras
import tensorflow as tf
from keras import layers


def l2_normalize(x):
    return tf.math.l2_normalize(x, axis=-1)


def lambda_named():
    inputs = keras.Input((9,), name="features")
    x = layers.Dense(12, activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(7)(x)
    outputs = layers.Lambda(l2_normalize, name="embedding")(x)
    return keras.Model(inputs, outputs, name="embedder")


def rescale(factor, offset):
    return layers.Lambda(lambda x: x * factor + offset, name="rescale")


def lambda_closure():
    image = keras.Input((19, 14, 3), name="image")
    x = rescale(1.0 / 127.5, -1.0)(image)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(4, activation="softmax")(x))


def euclidean_distance(vectors):
    x, y = vectors
    total = tf.reduce_sum(tf.square(x - y), axis=1, keepdims=True)
    return tf.sqrt(tf.maximum(total, 1e-7))


def lambda_multi_input():
    left = keras.Input((11,), name="left")
    right = keras.Input((11,), name="right")
    hidden = layers.Dense(8, activation="tanh")
    distance = layers.Lambda(euclidean_distance)([hidden(left), hidden(right)])
    return keras.Model([left, right], layers.Dense(1, activation="sigmoid")(distance))


def crop_steps(x, start, size):
    return x[:, start : start + size]


def lambda_arguments():
    series = keras.Input((17, 5), name="series")
    recent = layers.Lambda(crop_steps, arguments={"start": 9, "size": 8})(series)
    early = layers.Lambda(crop_steps, arguments={"start": 0, "size": 8})(series)
    x = layers.Concatenate()([layers.LSTM(6)(recent), layers.LSTM(4)(early)])
    return keras.Model(series, layers.Dense(3)(x))


def lambda_columns():
    """An index that is a default of the lambda (Keras 3 does not load its file)."""
    table = keras.Input((4, 6), name="table")
    branches = []
    for i in range(4):
        column = layers.Lambda(lambda x, i=i: x[:, i], name=f"row_{i}")(table)
        branches.append(layers.Dense(5, activation="relu")(column))
    x = layers.Add()(branches)
    return keras.Model(table, layers.Dense(2)(x))


def siamese_l1():
    """Koch's one-shot network: one encoder, the L1 distance of two embeddings."""
    encoder = keras.Sequential(
        [
            keras.Input((27, 25, 1)),
            layers.Conv2D(6, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="sigmoid"),
        ],
        name="encoder",
    )
    left = keras.Input((27, 25, 1), name="left")
    right = keras.Input((27, 25, 1), name="right")
    l1_layer = layers.Lambda(lambda tensors: abs(tensors[0] - tensors[1]), name="l1")
    l1_distance = l1_layer([encoder(left), encoder(right)])
    prediction = layers.Dense(1, activation="sigmoid", name="same")(l1_distance)
    return keras.Model([left, right], prediction, name="siamese")
