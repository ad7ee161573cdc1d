"""Models of every layer that Keras 1 has, in either order of axes."""

# ruff: noqa: F403, F405, RUF005 - a list of models.

import os

import keras
from keras import backend as K
from keras.layers import *
from keras.layers import merge
from keras.models import Model, Sequential

ORDER = os.environ.get("ORDER", "tf")
if hasattr(K, "set_image_dim_ordering"):
    K.set_image_dim_ordering(ORDER)
MODELS = []


def model(function):
    MODELS.append(function)
    return function


def img(rows, columns, channels):
    if ORDER == "th":
        return (channels, rows, columns)
    return (rows, columns, channels)


@model
def acts():
    s = Sequential(
        [
            Dense(8, input_dim=5, activation="relu"),
            LeakyReLU(0.2),
            Dense(7),
            PReLU(),
            Dense(6, activation="hard_sigmoid"),
            ELU(0.5),
            Dense(6),
            ThresholdedReLU(0.3),
            BatchNormalization(),
            Dense(6),
            SReLU(),
            GaussianNoise(0.1),
            GaussianDropout(0.2),
            Dense(3, activation="softmax"),
        ]
    )
    s.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return s


@model
def acts2():
    s = Sequential(
        [
            Dense(8, input_dim=5, activation="relu"),
            LeakyReLU(0.2),
            Dense(7),
            PReLU(),
            Dense(6, activation="hard_sigmoid"),
            ELU(0.5),
            Dense(6),
            ThresholdedReLU(0.3),
            BatchNormalization(),
            Dense(6),
            GaussianNoise(0.1),
            GaussianDropout(0.2),
            Dense(3, activation="softmax"),
        ]
    )
    s.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return s


@model
def cnn():
    s = Sequential(
        [
            ZeroPadding2D((1, 2), input_shape=img(12, 11, 3)),
            Convolution2D(4, 3, 3, activation="relu", border_mode="same"),
            BatchNormalization(axis=1 if ORDER == "th" else -1),
            MaxPooling2D((2, 2)),
            Convolution2D(5, 2, 3, subsample=(2, 1), border_mode="valid", bias=False),
            AveragePooling2D((2, 2), border_mode="valid"),
            Dropout(0.5),
            Flatten(),
            Dense(4, activation="sigmoid"),
        ]
    )
    s.compile("sgd", "mse")
    return s


@model
def cnn_same():
    s = Sequential(
        [
            Convolution2D(
                4,
                3,
                3,
                input_shape=img(13, 11, 3),
                border_mode="same",
                subsample=(2, 2),
            ),
            AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2), border_mode="valid"),
            UpSampling2D((2, 3)),
            Cropping2D(((1, 0), (0, 2))),
            Permute((2, 3, 1)),
            SpatialDropout2D(0.2),
            GlobalAveragePooling2D(),
        ]
    )
    return s


@model
def pool_same():
    s = Sequential(
        [
            MaxPooling2D(
                (3, 3), strides=(2, 2), border_mode="same", input_shape=img(13, 11, 3)
            ),
            GlobalMaxPooling2D(),
        ]
    )
    return s


@model
def pool_same_avg():
    s = Sequential(
        [
            AveragePooling2D(
                (3, 3), strides=(2, 2), border_mode="same", input_shape=img(13, 11, 3)
            ),
            GlobalMaxPooling2D(),
        ]
    )
    return s


@model
def conv_full_th():
    s = Sequential(
        [
            Convolution2D(4, 3, 3, input_shape=img(6, 7, 2), border_mode="full"),
            Flatten(),
        ]
    )
    return s


@model
def conv_half():
    s = Sequential(
        [
            Convolution2D(4, 3, 5, input_shape=img(6, 7, 2), border_mode="half"),
            Flatten(),
        ]
    )
    return s


@model
def conv1d():
    s = Sequential(
        [
            Convolution1D(
                4, 3, input_shape=(14, 3), activation="tanh", border_mode="same"
            ),
            ZeroPadding1D(1),
            Convolution1D(5, 2, subsample_length=2),
            Cropping1D((1, 0)),
            UpSampling1D(2),
            MaxPooling1D(2),
            AveragePooling1D(pool_length=2, stride=1),
            AtrousConvolution1D(4, 2, atrous_rate=2),
            GlobalMaxPooling1D(),
        ]
    )
    return s


@model
def conv3d():
    sh = (2, 6, 7, 6) if ORDER == "th" else (6, 7, 6, 2)
    s = Sequential(
        [
            Convolution3D(3, 2, 2, 3, input_shape=sh),
            MaxPooling3D((2, 2, 2)),
            UpSampling3D((2, 2, 2)),
            ZeroPadding3D((1, 1, 1)),
            Cropping3D(((1, 0), (0, 1), (0, 0))),
            Flatten(),
            Dense(2),
        ]
    )
    return s


@model
def deconv():
    sh = img(10, 12, 4)
    i = Input(batch_shape=(4,) + img(5, 6, 3))
    x = Deconvolution2D(
        4, 2, 2, output_shape=(4,) + sh, subsample=(2, 2), border_mode="valid"
    )(i)
    return Model(i, x)


@model
def deconv_same():
    sh = img(10, 12, 4)
    i = Input(batch_shape=(4,) + img(5, 6, 3))
    x = Deconvolution2D(
        4, 3, 3, output_shape=(4,) + sh, subsample=(2, 2), border_mode="same"
    )(i)
    return Model(i, x)


@model
def deconv_odd():
    sh = img(6, 7, 4)
    i = Input(batch_shape=(4,) + img(4, 5, 3))
    x = Deconvolution2D(
        4, 3, 3, output_shape=(4,) + sh, border_mode="valid", activation="relu"
    )(i)
    return Model(i, x)


@model
def separable():
    i = Input(shape=img(8, 8, 3))
    x = SeparableConvolution2D(4, 3, 3, depth_multiplier=2, border_mode="same")(i)
    return Model(i, x)


@model
def rnns():
    i = Input(shape=(6, 4))
    a = LSTM(5, return_sequences=True, dropout_W=0.2, dropout_U=0.2)(i)
    b = GRU(4, inner_activation="sigmoid")(a)
    c = SimpleRNN(4, go_backwards=True)(a)
    d = LSTM(4, consume_less="gpu")(a)
    e = GRU(4, consume_less="gpu", go_backwards=True)(a)
    f = LSTM(3, consume_less="mem", forget_bias_init="zero", activation="relu")(a)
    return Model(i, [b, c, d, e, f])


@model
def embed():
    s = Sequential([Embedding(20, 6, input_length=8, dropout=0.2), LSTM(5), Dense(2)])
    s._toks = 1
    s.compile("rmsprop", "mse")
    return s


@model
def embed_nodrop():
    s = Sequential(
        [
            Embedding(20, 6, input_length=8),
            Dropout(0.2),
            Convolution1D(4, 3),
            MaxPooling1D(),
            LSTM(5),
            Dense(1),
            Activation("sigmoid"),
        ]
    )
    s._toks = 1
    s.compile("adam", "binary_crossentropy")
    return s


@model
def embed_mask():
    s = Sequential(
        [
            Embedding(20, 6, mask_zero=True, input_length=8),
            LSTM(5, return_sequences=True),
            GRU(4, return_sequences=True),
            TimeDistributed(Dense(3)),
            SimpleRNN(4),
        ]
    )
    s._toks = 1
    return s


@model
def bidir():
    i = Input(shape=(6, 4))
    a = Bidirectional(LSTM(5, return_sequences=True))(i)
    b = Bidirectional(GRU(4), merge_mode="sum")(a)
    c = Bidirectional(LSTM(3, consume_less="gpu"), merge_mode="ave")(a)
    d = Bidirectional(SimpleRNN(3), merge_mode="mul")(a)
    return Model(i, [b, c, d])


@model
def bidir_mask():
    s = Sequential(
        [
            Embedding(20, 6, mask_zero=True, input_length=8),
            Bidirectional(LSTM(5)),
            Dense(2),
        ]
    )
    s._toks = 1
    return s


@model
def bidir_first():
    s = Sequential(
        [
            Bidirectional(LSTM(5, return_sequences=True), input_shape=(6, 4)),
            Flatten(),
            Dense(2),
        ]
    )
    return s


@model
def masking():
    s = Sequential(
        [
            Masking(0.0, input_shape=(7, 3)),
            LSTM(4, return_sequences=True),
            TimeDistributedDense(3)
            if "TimeDistributedDense" in globals()
            else TimeDistributed(Dense(3)),
            GRU(3),
        ]
    )
    s._masky = 1
    return s


@model
def td_dense():
    s = Sequential(
        [
            LSTM(4, return_sequences=True, input_shape=(6, 3)),
            TimeDistributed(Dense(3, activation="relu")),
            TimeDistributed(Activation("tanh")),
            Flatten(),
            Dense(2),
        ]
    )
    return s


@model
def tddense():
    s = Sequential(
        [
            LSTM(4, return_sequences=True, input_shape=(6, 3)),
            TimeDistributedDense(3, activation="relu"),
            Flatten(),
            Dense(2),
        ]
    )
    return s


@model
def dense3d():
    s = Sequential(
        [
            TimeDistributed(Dense(4), input_shape=(5, 3)),
            Permute((2, 1)),
            Reshape((2, 10)),
            Flatten(),
            RepeatVector(3),
            Highway() if False else Activation("tanh"),
            GRU(2),
        ]
    )
    return s


@model
def highway():
    s = Sequential([Dense(6, input_dim=4), Highway(activation="relu"), Dense(2)])
    return s


@model
def maxout():
    s = Sequential([MaxoutDense(6, nb_feature=3, input_dim=4), Dense(2)])
    return s


@model
def merge_seq():
    a = Sequential([Dense(4, input_dim=5, activation="relu"), BatchNormalization()])
    b = Sequential([Dense(4, input_dim=6)])
    s = Sequential([Merge([a, b], mode="concat"), Dense(3), Activation("softmax")])
    s.compile("adam", "mse")
    return s


@model
def merge_seq_deep():
    a = Sequential([Dense(4, input_dim=5)])
    b = Sequential([Dense(4, input_dim=6)])
    ab = Sequential([Merge([a, b], mode="sum"), Dense(4)])
    c = Sequential([Dense(4, input_dim=3)])
    s = Sequential([Merge([ab, c], mode="mul"), Dense(3)])
    return s


@model
def merge_seq_embed():
    a = Sequential([Embedding(20, 4, input_length=5), LSTM(4)])
    b = Sequential([Embedding(20, 4, input_length=6), Flatten(), Dense(4)])
    s = Sequential([Merge([a, b], mode="ave"), Dense(3)])
    s._toks = 1
    return s


@model
def merge_seq_layers():
    a = Sequential([Dense(4, input_dim=5)])
    b = Sequential([Dense(4, input_dim=5)])
    s = Sequential()
    s.add(Merge([a, b], mode="max"))
    s.add(Dense(3))
    s.add(BatchNormalization())
    return s


@model
def merge_seq_dot():
    a = Sequential([Embedding(20, 4, input_length=1), Reshape((4,))])
    b = Sequential([Embedding(20, 4, input_length=1), Reshape((4,))])
    s = Sequential()
    s.add(Merge([a, b], mode="dot", dot_axes=1))
    s._toks = 1
    return s


@model
def merge_seq_cos():
    a = Sequential([Dense(4, input_dim=5)])
    b = Sequential([Dense(4, input_dim=5)])
    s = Sequential()
    s.add(Merge([a, b], mode="cos", dot_axes=1))
    s.add(Flatten())
    return s


@model
def merge_same_input():
    b0 = Sequential([Dense(5, input_dim=4)])
    a = Sequential([b0, Dense(4)])
    b = Sequential([b0, Dense(4)])
    s = Sequential()
    s.add(Merge([a, b], mode="concat"))
    s.add(Dense(2))
    return s


@model
def merge_fn():
    a = Input(shape=(4,))
    b = Input(shape=(4,))
    x = Dense(5)(a)
    y = Dense(5)(b)
    outs = [merge([x, y], mode=q) for q in ("sum", "mul", "concat", "ave", "max")]
    outs.append(merge([x, y], mode="dot", dot_axes=1))
    outs.append(merge([x, y], mode="concat", concat_axis=1))
    return Model([a, b], outs)


@model
def merge_cos_fn():
    a = Input(shape=(4,))
    b = Input(shape=(4,))
    return Model([a, b], merge([a, b], mode="cos", dot_axes=1))


@model
def merge_dot3d():
    a = Input(shape=(3, 4))
    b = Input(shape=(5, 4))
    x = merge([a, b], mode="dot", dot_axes=(2, 2))
    c = merge([a, b], mode="concat", concat_axis=1)
    d = merge([a, x], mode="dot", dot_axes=[1, 1])
    return Model([a, b], [x, c, d])


@model
def merge_img():
    i = Input(shape=img(8, 8, 3))
    a = Convolution2D(3, 1, 1, border_mode="same")(i)
    b = Convolution2D(4, 3, 3, border_mode="same")(i)
    x = merge([a, b], mode="concat", concat_axis=1 if ORDER == "th" else 3)
    y = merge([a, i], mode="sum")
    x = MaxPooling2D((2, 2))(x)
    return Model(i, [Flatten()(x), y])


@model
def bn_mode1():
    s = Sequential([Dense(6, input_dim=4), BatchNormalization(mode=1), Dense(2)])
    return s


@model
def bn_mode2():
    s = Sequential([Dense(6, input_dim=4), BatchNormalization(mode=2), Dense(2)])
    return s


@model
def bn_mode2_img():
    s = Sequential(
        [
            Convolution2D(4, 3, 3, input_shape=img(6, 5, 3)),
            BatchNormalization(mode=2),
            BatchNormalization(axis=2),
            Flatten(),
        ]
    )
    return s


@model
def bn_mode0():
    s = Sequential(
        [
            LSTM(4, return_sequences=True, input_shape=(5, 3)),
            BatchNormalization(),
            BatchNormalization(axis=1),
            Flatten(),
        ]
    )
    return s


@model
def nested():
    i = Input(shape=(5,))
    inner = Model(i, BatchNormalization()(Dense(4)(i)))
    seq = Sequential([Dense(4, input_dim=4), BatchNormalization(), Dense(3)])
    a = Input(shape=(5,))
    b = Input(shape=(5,))
    x = merge([inner(a), inner(b)], mode="mul")
    y = seq(x)
    return Model([a, b], y)


@model
def nested_seq():
    base = Sequential(
        [
            Convolution2D(4, 3, 3, input_shape=img(6, 5, 3)),
            BatchNormalization(axis=1),
            Flatten(),
        ]
    )
    s = Sequential([base, Dense(4), BatchNormalization(), Dense(2)])
    return s


@model
def nested_seq2():
    i = Input(shape=(5,))
    inner = Model(i, BatchNormalization()(Dense(4)(i)))
    s = Sequential([inner, Dense(4), BatchNormalization(), Dense(2)])
    return s


@model
def nested_frozen():
    i = Input(shape=(5,))
    x = Dense(4)(i)
    x = BatchNormalization()(x)
    x = Dense(4)(x)
    x = BatchNormalization()(x)
    inner = Model(i, x)
    inner.layers[1].trainable = False
    inner.layers[2].trainable = False
    a = Input(shape=(5,))
    y = Dense(2)(inner(a))
    mo = Model(a, y)
    mo.compile("sgd", "mse")
    return mo


@model
def td_model():
    inner = Sequential(
        [
            Convolution2D(3, 3, 3, input_shape=img(6, 6, 2)),
            Activation("relu"),
            Flatten(),
            Dense(3),
        ]
    )
    i = Input(shape=(4,) + img(6, 6, 2))
    x = TimeDistributed(inner)(i)
    x = LSTM(3)(x)
    return Model(i, x)


@model
def td_conv():
    s = Sequential(
        [
            TimeDistributed(Convolution2D(3, 3, 3), input_shape=(4,) + img(6, 6, 2)),
            TimeDistributed(MaxPooling2D((2, 2))),
            TimeDistributed(Flatten()),
            LSTM(3),
        ]
    )
    return s


@model
def convlstm():
    s = Sequential(
        [
            ConvLSTM2D(
                3,
                2,
                2,
                border_mode="same",
                return_sequences=True,
                input_shape=(3,) + img(5, 6, 2),
            ),
            ConvLSTM2D(2, 2, 3, border_mode="valid"),
            Flatten(),
        ]
    )
    return s


@model
def local():
    s = Sequential([LocallyConnected2D(3, 2, 2, input_shape=img(5, 6, 2)), Flatten()])
    return s


@model
def local1d():
    s = Sequential([LocallyConnected1D(3, 2, input_shape=(6, 2)), Flatten()])
    return s


@model
def stateful():
    s = Sequential(
        [
            LSTM(4, batch_input_shape=(4, 5, 3), stateful=True, return_sequences=True),
            GRU(3, stateful=True),
        ]
    )
    return s


@model
def shared():
    a = Input(shape=(4,), name="in_a")
    b = Input(shape=(4,), name="in_b")
    d = Dense(3, activation="tanh")
    x = merge([d(a), d(b)], mode="concat")
    mo = Model(
        input=[a, b],
        output=[Dense(2, name="o1")(x), Dense(1, activation="sigmoid", name="o2")(x)],
    )
    mo.compile(
        "adadelta",
        loss={"o1": "mse", "o2": "binary_crossentropy"},
        loss_weights={"o1": 1.0, "o2": 0.2},
    )
    return mo


@model
def regs():
    s = Sequential(
        [
            Dense(
                4,
                input_dim=3,
                W_regularizer=keras.regularizers.l2(0.1),
                b_regularizer=keras.regularizers.l1(0.1),
                activity_regularizer=keras.regularizers.activity_l2(0.1),
                W_constraint=keras.constraints.maxnorm(2),
            ),
            ActivityRegularization(0.1, 0.1),
            Dense(3, init="he_normal", bias=False),
        ]
    )
    s.compile("adamax", "hinge")
    return s


@model
def prelu_shared():
    s = Sequential(
        [
            Convolution2D(4, 3, 3, input_shape=img(6, 5, 3)),
            PReLU(),
            PReLU(shared_axes=[2, 3]),
            Flatten(),
        ]
    )
    return s


@model
def softmax3d():
    s = Sequential(
        [LSTM(4, return_sequences=True, input_shape=(6, 3)), Activation("softmax")]
    )
    return s


@model
def vgg_like():
    s = Sequential()
    s.add(ZeroPadding2D((1, 1), input_shape=img(16, 16, 3)))
    for n in (4, 6):
        s.add(Convolution2D(n, 3, 3, activation="relu"))
        s.add(ZeroPadding2D((1, 1)))
        s.add(Convolution2D(n, 3, 3, activation="relu"))
        s.add(MaxPooling2D((2, 2), strides=(2, 2)))
    s.add(Flatten())
    s.add(Dense(8, activation="relu"))
    s.add(Dropout(0.5))
    s.add(Dense(3, activation="softmax"))
    return s


@model
def mask_merge():
    a = Input(shape=(6,))
    e = Embedding(20, 4, mask_zero=True)
    b = Input(shape=(6,))
    x = merge([e(a), e(b)], mode="sum")
    y = merge([e(a), e(b)], mode="concat")
    mo = Model([a, b], [LSTM(3)(x), LSTM(3)(y)])
    mo._toks = 1
    return mo


@model
def mask_td_bidir():
    a = Input(shape=(6,))
    x = Embedding(20, 4, mask_zero=True)(a)
    x = Bidirectional(LSTM(3, return_sequences=True), merge_mode="concat")(x)
    x = Dropout(0.5)(x)
    x = TimeDistributed(Dense(3, activation="softmax"))(x)
    mo = Model(a, x)
    mo._toks = 1
    return mo


@model
def lambda_merge():
    a = Sequential([Dense(4, input_dim=5)])
    b = Sequential([Dense(4, input_dim=5)])
    s = Sequential()
    s.add(Merge([a, b], mode=lambda x: x[0] - x[1], output_shape=lambda s: s[0]))
    s.add(Dense(2))
    return s


def graph_model():
    """Return a Graph, which Keras 1.0 and 1.1 kept from Keras 0.3."""
    from keras.models import Graph

    made = Graph()
    made.add_input(name="a", input_shape=(5,))
    made.add_input(name="b", input_shape=(5,))
    return made


@model
def graph():
    made = graph_model()
    made.add_node(Dense(4, activation="relu"), name="left", input="a")
    made.add_node(BatchNormalization(), name="norm", input="left")
    made.add_node(Dense(4), name="right", input="b")
    made.add_node(Dense(3), name="sum", inputs=["norm", "right"], merge_mode="sum")
    made.add_node(Dense(2), name="both", inputs=["sum", "b"])
    made.add_output(name="first", input="both")
    made.add_output(name="second", inputs=["left", "right"], merge_mode="mul")
    made.build()
    made.compile("rmsprop", {"first": "mse", "second": "mae"})
    return made


@model
def graph_shared():
    made = graph_model()
    made.add_shared_node(
        Dense(4, activation="relu"), "shared", ["a", "b"], outputs=["on_a", "on_b"]
    )
    made.add_node(Dense(3), name="one", input="on_a")
    made.add_node(Dense(3), name="two", input="on_b")
    made.add_node(Dense(2), name="end", inputs=["one", "two"], merge_mode="concat")
    made.add_output(name="out", input="end")
    made.build()
    made.compile("sgd", {"out": "mse"})
    return made


@model
def graph_shared_and_merged():
    made = graph_model()
    made.add_shared_node(Dense(4), "shared", ["a", "b"], merge_mode="sum")
    made.add_node(Dense(2), name="end", input="shared")
    made.add_output(name="out", input="end")
    made.build()
    made.compile("sgd", {"out": "mse"})
    return made
