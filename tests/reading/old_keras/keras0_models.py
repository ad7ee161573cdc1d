"""Models of every layer that Keras 0.3 has; it ran on Python 2.7 and Theano."""

# ruff: noqa: F403, F405 - a list of models, and Keras 0.3 had no other imports.

import numpy as np
from keras.layers.advanced_activations import *
from keras.layers.containers import Graph as GraphLayer
from keras.layers.containers import Sequential as Stack
from keras.layers.convolutional import *
from keras.layers.core import *
from keras.layers.embeddings import *
from keras.layers.noise import *
from keras.layers.normalization import *
from keras.layers.recurrent import *
from keras.layers.wrappers import *
from keras.models import Graph, Sequential

MODELS = []


def model(function):
    MODELS.append(function)
    return function


def stack(*layers):
    made = Sequential()
    for layer in layers:
        made.add(layer)
    return made


def words(*shape):
    return np.random.RandomState(3).randint(1, 20, shape).astype("int32")


def padded(*shape):
    found = words(*shape)
    found[1, 3:] = 0
    found[2, -1] = 0
    return found


@model
def dense():
    made = stack(
        Dense(8, input_dim=5, activation="relu"),
        Activation("tanh"),
        Dropout(0.3),
        Dense(7, activation="hard_sigmoid"),
        GaussianNoise(0.1),
        GaussianDropout(0.2),
        ActivityRegularization(0.1, 0.1),
        Dense(3, activation="softmax", W_regularizer="l2", W_constraint="nonneg"),
    )
    made.compile("adam", "categorical_crossentropy", class_mode="categorical")
    return made


@model
def activations():
    return stack(
        Dense(8, input_dim=5),
        LeakyReLU(0.2),
        Dense(7),
        PReLU(),
        Dense(6),
        ELU(0.5),
        Dense(6, activation="softplus"),
        ThresholdedReLU(0.3),
        Dense(5),
    )


@model
def strange_activations():
    return stack(
        Dense(8, input_dim=5),
        SReLU(),
        Dense(7),
        ParametricSoftplus(),
        Dense(6),
        ThresholdedLinear(0.3),
    )


@model
def normalized():
    made = stack(
        Dense(6, input_dim=5),
        BatchNormalization(),
        Dense(4),
        BatchNormalization(epsilon=0.01, momentum=0.7),
    )
    made.compile("rmsprop", "mse")
    return made


@model
def normalized_by_sample():
    return stack(Dense(6, input_dim=5), BatchNormalization(mode=1), Dense(2))


@model
def images():
    made = stack(
        ZeroPadding2D((1, 2), input_shape=(3, 12, 11)),
        Convolution2D(4, 3, 3, activation="relu"),
        BatchNormalization(axis=1),
        MaxPooling2D((2, 2)),
        Convolution2D(5, 2, 3, subsample=(2, 1)),
        PReLU(),
        UpSampling2D((2, 1)),
        AveragePooling2D((2, 2), strides=(1, 2)),
        Flatten(),
        Dense(4, activation="sigmoid"),
    )
    made.compile("sgd", "binary_crossentropy")
    return made


@model
def images_last():
    return stack(
        Convolution2D(4, 3, 3, dim_ordering="tf", input_shape=(7, 9, 3)),
        MaxPooling2D((2, 3), dim_ordering="tf"),
        UpSampling2D((2, 2), dim_ordering="tf"),
        ZeroPadding2D((1, 1), dim_ordering="tf"),
        Permute((3, 1, 2)),
        Flatten(),
        Dense(2),
    )


@model
def volumes():
    return stack(
        Convolution3D(3, 2, 2, 3, input_shape=(2, 6, 7, 6)),
        MaxPooling3D((2, 2, 2)),
        UpSampling3D((2, 1, 2)),
        ZeroPadding3D((1, 0, 1)),
        Flatten(),
        Dense(2),
    )


@model
def steps():
    return stack(
        Convolution1D(4, 3, input_shape=(14, 3)),
        ZeroPadding1D(1),
        Convolution1D(5, 2, subsample_length=2, activation="relu"),
        UpSampling1D(2),
        MaxPooling1D(2),
        AveragePooling1D(2, stride=1),
        Reshape((5, 6)),
        Permute((2, 1)),
        Flatten(),
        RepeatVector(2),
        GRU(3),
    )


@model
def recurrent():
    return stack(
        LSTM(5, return_sequences=True, input_shape=(6, 4), dropout_W=0.2),
        GRU(4, return_sequences=True, inner_activation="sigmoid"),
        SimpleRNN(4, go_backwards=True, return_sequences=True, activation="relu"),
        LSTM(3, go_backwards=True, forget_bias_init="zero"),
    )


@model
def stateful():
    return stack(
        LSTM(4, batch_input_shape=(4, 5, 3), stateful=True, return_sequences=True),
        GRU(3, stateful=True),
    )


@model
def time_distributed():
    made = stack(
        LSTM(4, return_sequences=True, input_shape=(6, 3)),
        TimeDistributedDense(3, activation="relu"),
        TimeDistributed(Dense(5)),
        Activation("softmax"),
    )
    made.compile("adagrad", "mse", sample_weight_mode="temporal")
    return made


@model
def merged_over_time():
    return stack(
        GRU(4, return_sequences=True, input_shape=(6, 3)),
        TimeDistributedMerge(mode="ave"),
        Dense(2),
    )


@model
def time_distributed_images():
    return stack(
        TimeDistributed(Convolution2D(3, 3, 3), input_shape=(4, 2, 6, 6)),
        TimeDistributed(Flatten()),
        LSTM(3),
    )


@model
def embedded():
    made = stack(
        Embedding(20, 6, input_length=8),
        LSTM(5),
        Dropout(0.5),
        Dense(1, activation="sigmoid"),
    )
    made.given = [words(4, 8)]
    made.compile("adam", "binary_crossentropy", class_mode="binary")
    return made


@model
def embedded_dropout():
    made = stack(Embedding(20, 6, input_length=8, dropout=0.25), Flatten(), Dense(2))
    made.given = [words(4, 8)]
    return made


@model
def masked():
    made = stack(
        Embedding(20, 6, mask_zero=True, input_length=7),
        LSTM(5, return_sequences=True),
        GRU(4, return_sequences=True),
        TimeDistributedDense(3),
        SimpleRNN(3),
    )
    made.given = [padded(4, 7)]
    return made


@model
def masking():
    made = stack(Masking(0.0, input_shape=(7, 3)), LSTM(4), Dense(2))
    given = np.random.RandomState(5).normal(size=(4, 7, 3)).astype("float32")
    given[1, 3:] = 0
    given[2, :2] = 0
    made.given = [given]
    return made


@model
def highway():
    return stack(Dense(6, input_dim=4), Highway(activation="tanh"), Dense(2))


@model
def maxout():
    return stack(MaxoutDense(6, nb_feature=3, input_dim=4), Dense(2))


@model
def branches():
    left = stack(Dense(4, input_dim=5, activation="relu"), BatchNormalization())
    right = stack(Dense(4, input_dim=6))
    made = stack(Merge([left, right], mode="concat"), Dense(3), Activation("softmax"))
    made.compile("adadelta", "categorical_crossentropy")
    return made


@model
def branches_in_branches():
    both = stack(
        Merge([stack(Dense(4, input_dim=5)), stack(Dense(4, input_dim=6))], "mul"),
        Dense(4),
    )
    third = stack(Dense(4, input_dim=3))
    return stack(Merge([both, third], mode="ave"), Dense(3))


@model
def branches_dot():
    left = stack(Dense(4, input_dim=5))
    right = stack(Dense(4, input_dim=6))
    return stack(Merge([left, right], mode="dot"), Dense(2))


@model
def branches_cos():
    left = stack(Dense(4, input_dim=5))
    right = stack(Dense(4, input_dim=6))
    return stack(Merge([left, right], mode="cos", dot_axes=1), Dense(2))


@model
def branches_of_sums():
    left = stack(Dense(4, input_dim=5))
    right = stack(Dense(4, input_dim=6))
    return stack(Merge([left, right], mode="sum"), BatchNormalization(), Dense(2))


@model
def nested():
    inner = Stack([Dense(4, input_dim=5), BatchNormalization()])
    return stack(inner, Dense(3), Stack([Dense(2, input_dim=3), Activation("tanh")]))


@model
def auto_encoder():
    encoder = Stack([Dense(4, input_dim=6), Dense(3)])
    decoder = Stack([Dense(4, input_dim=3), Dense(6)])
    made = stack(AutoEncoder(encoder, decoder, output_reconstruction=True))
    made.compile("sgd", "mse")
    return made


@model
def shared_by_stacks():
    left = stack(Dense(4, input_dim=5))
    right = stack(Dense(4, input_dim=6))
    add_shared_layer(Dense(3, activation="relu"), [left, right])
    return stack(Merge([left, right], mode="concat"), Dense(2))


@model
def graph():
    made = Graph()
    made.add_input(name="image", input_shape=(3, 8, 8))
    made.add_input(name="facts", input_shape=(5,))
    made.add_node(Convolution2D(4, 3, 3), name="conv", input="image")
    made.add_node(BatchNormalization(axis=1), name="norm", input="conv")
    made.add_node(Flatten(), name="flat", input="norm")
    made.add_node(Dense(4), name="left", input="flat")
    made.add_node(Dense(4), name="right", input="facts")
    made.add_node(Dense(3), name="sum", inputs=["left", "right"], merge_mode="sum")
    made.add_node(Dense(2), name="both", inputs=["sum", "facts"])
    made.add_output(name="first", input="both")
    made.add_output(name="second", inputs=["left", "right"], merge_mode="mul")
    made.compile(
        "rmsprop", {"first": "mse", "second": "mae"}, loss_weights={"first": 0.3}
    )
    return made


@model
def graph_of_words():
    made = Graph()
    made.add_input(name="words", input_shape=(7,), dtype="int")
    made.add_node(Embedding(20, 5, input_length=7), name="embed", input="words")
    made.add_node(LSTM(4), name="forth", input="embed")
    made.add_node(LSTM(4, go_backwards=True), name="back", input="embed")
    made.add_node(Dropout(0.5), name="drop", inputs=["forth", "back"])
    made.add_node(Dense(1, activation="sigmoid"), name="last", input="drop")
    made.add_output(name="out", input="last")
    made.compile("adam", {"out": "binary_crossentropy"})
    made.given = [words(4, 7)]
    return made


@model
def graph_shared():
    made = Graph()
    made.add_input(name="a", input_shape=(5,))
    made.add_input(name="b", input_shape=(5,))
    made.add_shared_node(
        Dense(4, activation="relu"), "shared", ["a", "b"], outputs=["on_a", "on_b"]
    )
    made.add_node(Dense(3), name="one", input="on_a")
    made.add_node(Dense(3), name="two", input="on_b")
    made.add_node(Dense(2), name="end", inputs=["one", "two"], merge_mode="concat")
    made.add_output(name="out", input="end")
    return made


@model
def graph_shared_and_merged():
    made = Graph()
    made.add_input(name="a", input_shape=(5,))
    made.add_input(name="b", input_shape=(5,))
    made.add_shared_node(Dense(4), "shared", ["a", "b"], merge_mode="sum")
    made.add_node(Dense(2), name="end", input="shared")
    made.add_output(name="out", input="end")
    return made


@model
def graph_of_stacks():
    made = Graph()
    made.add_input(name="x", input_shape=(5,))
    inner = Stack([Dense(4, input_dim=5), BatchNormalization(), Dense(3)])
    made.add_node(inner, name="stack", input="x")
    made.add_node(Dense(2), name="end", input="stack")
    made.add_output(name="out", input="end")
    return made


@model
def graph_in_a_stack():
    inner = GraphLayer()
    inner.add_input(name="x", input_shape=(5,))
    inner.add_node(Dense(4), name="one", input="x")
    inner.add_node(Dense(4), name="two", input="x")
    inner.add_output(name="out", inputs=["one", "two"], merge_mode="mul")
    return stack(inner, Dense(2))
