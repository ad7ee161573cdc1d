"""Models of the layers that Keras 2 dropped, and of what few used."""

# ruff: noqa: F403, F405, RUF005 - a list of models.

import os

from keras.layers import *
from keras.models import Sequential

FIRST = os.environ.get("ORDER", "tf") == "th"
MODELS = []


def model(function):
    MODELS.append(function)
    return function


def img(rows, columns, channels):
    return (channels, rows, columns) if FIRST else (rows, columns, channels)


@model
def softplus():
    return Sequential([Dense(5, input_dim=4), ParametricSoftplus(), Dense(3)])


def learnt(**options):
    return Sequential(
        [
            Convolution2D(4, 2, 2, input_shape=img(6, 5, 3)),
            SReLU(**options),
            Convolution2D(3, 2, 2),
            ParametricSoftplus(**options),
            Flatten(),
            Dense(2),
        ]
    )


@model
def learnt_img():
    return learnt()


@model
def learnt_shared():
    return learnt(shared_axes=[2, 3] if FIRST else [1, 2])


@model
def highway_no_bias():
    return Sequential(
        [
            Dense(6, input_dim=4),
            Highway(activation="relu"),
            Highway(bias=False),
            MaxoutDense(4, nb_feature=3, bias=False),
            Dense(2),
        ]
    )


@model
def bn_modes():
    return Sequential(
        [
            Dense(6, input_dim=4),
            BatchNormalization(mode=1, epsilon=1e-2),
            Dense(5),
            BatchNormalization(mode=2),
            Dense(2),
        ]
    )


@model
def convlstm_bn():
    return Sequential(
        [
            ConvLSTM2D(
                3,
                3,
                3,
                border_mode="same",
                return_sequences=True,
                input_shape=(3,) + img(5, 6, 2),
            ),
            BatchNormalization(axis=2 if FIRST else -1),
            ConvLSTM2D(2, 3, 3, border_mode="valid", inner_activation="sigmoid"),
            Flatten(),
            Dense(2),
        ]
    )


@model
def recurrent_ways():
    return Sequential(
        [
            GRU(4, return_sequences=True, input_shape=(5, 3), consume_less="gpu"),
            SimpleRNN(3, return_sequences=True, consume_less="mem", go_backwards=True),
            Bidirectional(LSTM(3, consume_less="cpu", dropout_W=0.2)),
        ]
    )


@model
def steps_of_maxout():
    return Sequential(
        [
            TimeDistributedDense(4, input_shape=(5, 3)),
            TimeDistributed(MaxoutDense(3)),
            TimeDistributed(Highway()),
            Flatten(),
        ]
    )
