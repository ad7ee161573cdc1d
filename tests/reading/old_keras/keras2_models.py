"""Models of the layers of Keras 2 and 3: the first half of the list."""

import os

if os.environ.get("OLD_KERAS") == "tf":
    from tensorflow import keras
else:
    import keras

L = keras.layers
Model, Sequential, Input = keras.models.Model, keras.models.Sequential, L.Input
ver = getattr(keras, "__version__", "2.2.4")
MODELS = []


def model(function):
    MODELS.append(function)
    return function


def has(name):
    return hasattr(L, name)


@model
def dense_acts():
    s = Sequential()
    s.add(L.Dense(12, activation="relu", input_shape=(7,)))
    s.add(L.LeakyReLU(0.15))
    s.add(L.Dense(11))
    s.add(L.PReLU())
    s.add(L.Dense(10, activation="hard_sigmoid"))
    s.add(L.ELU(0.7))
    s.add(L.Dense(9, activation="softplus"))
    s.add(L.ThresholdedReLU(0.3) if has("ThresholdedReLU") else L.ReLU(threshold=0.3))
    s.add(L.Dense(8, activation="selu"))
    s.add(L.BatchNormalization())
    s.add(L.GaussianNoise(0.1))
    s.add(L.Dropout(0.2))
    s.add(L.Activation("tanh"))
    s.add(L.Dense(5, activation="softmax"))
    s.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return s


@model
def relu_layer():
    i = Input(shape=(6, 6, 3))
    x = L.Conv2D(4, 3, padding="same")(i)
    x = L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2)(x)
    x = L.Softmax(axis=-1)(x)
    x = L.PReLU(shared_axes=[1, 2])(x)
    x = L.Activation("elu")(x)
    return Model(i, x)


@model
def cnn():
    s = Sequential(
        [
            L.Conv2D(
                6,
                (3, 3),
                strides=(2, 2),
                padding="same",
                activation="relu",
                input_shape=(17, 14, 3),
            ),
            L.BatchNormalization(axis=-1, momentum=0.9),
            L.MaxPooling2D((2, 2), padding="same"),
            L.ZeroPadding2D(((1, 2), (0, 1))),
            L.Conv2D(5, (2, 3), dilation_rate=2, padding="same", use_bias=False),
            L.AveragePooling2D((3, 3), strides=1, padding="same"),
            L.Flatten(),
            L.Dense(4, activation="sigmoid"),
        ]
    )
    s.compile("rmsprop", "binary_crossentropy")
    return s


@model
def cnn_first():
    i = Input(shape=(3, 12, 10))
    x = L.Conv2D(4, 3, data_format="channels_first", padding="same")(i)
    x = L.BatchNormalization(axis=1)(x)
    x = L.Permute((2, 3, 1))(x)
    x = L.MaxPooling2D(2)(x)
    x = L.Flatten()(x)
    x = L.Dense(3)(x)
    return Model(i, x)


@model
def bn_axis_first():
    i = Input(shape=(3, 5, 4))
    x = L.BatchNormalization(axis=1, scale=False)(i)
    x = L.BatchNormalization(axis=2, center=False)(x)
    x = L.ZeroPadding2D(1, data_format="channels_first")(x)
    x = L.Flatten()(x)
    x = L.Dense(3)(x)
    x = L.BatchNormalization(scale=False, center=False)(x)
    return Model(i, x)


@model
def conv1d_causal():
    i = Input(shape=(20, 4))
    x = L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu")(i)
    x = L.ZeroPadding1D(2)(x)
    x = L.Conv1D(5, 4, strides=2, padding="same")(x)
    x = L.Cropping1D((1, 1))(x)
    x = L.UpSampling1D(2)(x)
    a = L.MaxPooling1D(2)(x)
    b = L.AveragePooling1D(2, padding="same")(x)
    return Model(
        i,
        [
            L.GlobalMaxPooling1D()(a),
            L.GlobalAveragePooling1D()(b),
            L.SpatialDropout1D(0.3)(x),
        ],
    )


@model
def conv3d():
    i = Input(shape=(6, 7, 8, 2))
    x = L.Conv3D(3, 2, strides=(1, 2, 1), padding="same", activation="tanh")(i)
    x = L.MaxPooling3D(2)(x)
    x = L.UpSampling3D(2)(x)
    x = L.ZeroPadding3D(1)(x)
    x = L.Cropping3D(((1, 0), (0, 1), (1, 1)))(x)
    x = (
        L.Conv3DTranspose(2, 3, strides=2, padding="same")(x)
        if has("Conv3DTranspose")
        else x
    )
    x = L.AveragePooling3D(2, padding="same")(x)
    return Model(i, [x, L.GlobalMaxPooling3D()(x), L.GlobalAveragePooling3D()(x)])


@model
def transposed():
    i = Input(shape=(5, 6, 3))
    a = L.Conv2DTranspose(4, 3, strides=2, padding="same")(i)
    b = L.Conv2DTranspose(
        4, (2, 3), strides=(3, 2), padding="valid", activation="relu"
    )(i)
    c = L.Conv2DTranspose(2, 4, strides=2, padding="same", use_bias=False)(a)
    return Model(i, [a, b, c])


@model
def transposed_first():
    i = Input(shape=(3, 5, 6))
    a = L.UpSampling2D(2, data_format="channels_first")(i)
    a = L.Cropping2D(1, data_format="channels_first")(a)
    a = L.GlobalAveragePooling2D(data_format="channels_first")(a)
    b = (
        L.Flatten(data_format="channels_first")(i)
        if "data_format" in L.Flatten.__init__.__code__.co_varnames
        else L.Flatten()(i)
    )
    b = L.Dense(4)(b)
    return Model(i, [a, b])


@model
def separable():
    i = Input(shape=(9, 8, 3))
    x = L.SeparableConv2D(5, 3, depth_multiplier=2, padding="same", activation="relu")(
        i
    )
    x = L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same")(x)
    x = L.UpSampling2D((2, 3))(x)
    x = L.Cropping2D(((1, 0), (0, 2)))(x)
    x = L.GlobalMaxPooling2D()(x)
    return Model(i, x)


@model
def separable1d():
    i = Input(shape=(9, 3))
    x = L.SeparableConv1D(5, 3, depth_multiplier=2, padding="same", activation="relu")(
        i
    )
    return Model(i, x)


@model
def upsample_bilinear():
    i = Input(shape=(4, 5, 2))
    x = L.UpSampling2D(2, interpolation="bilinear")(i)
    x = L.Conv2D(2, 3)(x)
    return Model(i, x)


@model
def lstm_stack():
    s = Sequential(
        [
            L.Embedding(20, 6, input_length=9)
            if int(ver[0]) < 3
            else L.Embedding(20, 6),
            L.LSTM(7, return_sequences=True),
            L.LSTM(5, go_backwards=True, recurrent_activation="hard_sigmoid"),
            L.Dense(3, activation="softmax"),
        ]
    )
    if int(ver[0]) >= 3:
        s.build((None, 9))
    s.compile("nadam", "sparse_categorical_crossentropy", metrics=["acc"])
    s._toks = True
    return s


@model
def gru_mix():
    i = Input(shape=(8, 4))
    a = L.GRU(5, return_sequences=True)(i)
    b = L.GRU(5, reset_after=True, recurrent_activation="sigmoid")(a)
    c = L.GRU(6, reset_after=False)(a)
    d = L.SimpleRNN(4, activation="relu", go_backwards=True, return_sequences=True)(a)
    e = L.GRU(3, implementation=2, use_bias=False, activation="relu")(d)
    return Model(i, [b, c, d, e])


@model
def bidir():
    i = Input(shape=(8, 4))
    a = L.Bidirectional(L.LSTM(5, return_sequences=True))(i)
    b = L.Bidirectional(L.GRU(4), merge_mode="sum")(a)
    c = L.Bidirectional(L.SimpleRNN(4, return_sequences=True), merge_mode="ave")(a)
    d = L.Bidirectional(L.LSTM(3), merge_mode="mul")(c)
    e = L.TimeDistributed(L.Dense(3, activation="relu"))(c)
    return Model(i, [b, d, e])


@model
def bidir_none():
    i = Input(shape=(6, 3))
    a, b = L.Bidirectional(L.GRU(4, return_sequences=True), merge_mode=None)(i)
    x = L.Concatenate()([a, b])
    return Model(i, x)


@model
def masked():
    i = Input(shape=(9,), dtype="int32")
    x = L.Embedding(20, 6, mask_zero=True)(i)
    x = L.LSTM(5, return_sequences=True)(x)
    x = L.Bidirectional(L.GRU(4))(x)
    x = L.Dense(2)(x)
    mo = Model(i, x)
    mo._toks = True
    return mo


@model
def masked_bidir_seq():
    i = Input(shape=(9,), dtype="int32")
    x = L.Embedding(20, 6, mask_zero=True)(i)
    x = L.Bidirectional(L.LSTM(4, return_sequences=True))(x)
    x = L.TimeDistributed(L.Dense(3))(x)
    x = L.Dropout(0.2)(x)
    x = L.SimpleRNN(4)(x)
    mo = Model(i, x)
    mo._toks = True
    return mo


@model
def masking():
    s = Sequential(
        [
            L.Masking(0.0, input_shape=(7, 3)),
            L.GRU(4, return_sequences=True),
            L.TimeDistributed(L.Dense(5)),
            L.LSTM(4),
        ]
    )
    s.compile("sgd", "mse")
    s._masky = True
    return s


@model
def stateful():
    s = Sequential(
        [
            L.LSTM(5, stateful=True, return_sequences=True, batch_input_shape=(4, 6, 3))
            if int(ver[0]) < 3
            else L.LSTM(5, stateful=True, return_sequences=True),
            L.GRU(4, stateful=True),
        ]
    )
    if int(ver[0]) >= 3:
        s.build((4, 6, 3))
    return s


@model
def seq2seq():
    ei = Input(shape=(5, 4))
    _, h, c = L.LSTM(6, return_state=True, name="enc")(ei)
    di = Input(shape=(7, 3))
    d = L.LSTM(6, return_sequences=True, return_state=True, name="dec")
    y, _, _ = d(di, initial_state=[h, c])
    y = L.Dense(4, activation="softmax")(y)
    mo = Model([ei, di], y)
    mo.compile("rmsprop", "categorical_crossentropy")
    return mo


@model
def gru_state():
    ei = Input(shape=(5, 4))
    _, h = L.GRU(6, return_state=True)(ei)
    di = Input(shape=(7, 3))
    y = L.GRU(6, return_sequences=True)(di, initial_state=h)
    return Model([ei, di], y)


@model
def merges():
    a = Input(shape=(6,))
    b = Input(shape=(6,))
    x = L.Dense(5)(a)
    y = L.Dense(5)(b)
    outs = [
        L.Add()([x, y]),
        L.Multiply()([x, y]),
        L.Average()([x, y]),
        L.Maximum()([x, y]),
        L.Concatenate()([x, y, a]),
        L.Dot(axes=1)([x, y]),
        L.Dot(axes=-1, normalize=True)([x, y]),
        L.Subtract()([x, y]),
        L.Minimum()([x, y]),
    ]
    mo = Model([a, b], outs)
    mo.compile("adam", loss="mse", loss_weights=[1.0] * len(outs))
    return mo


@model
def merge_axis():
    a = Input(shape=(4, 6))
    b = Input(shape=(4, 6))
    outs = [
        L.Concatenate(axis=1)([a, b]),
        L.Dot(axes=2)([a, b]),
        L.Dot(axes=(1, 1))([a, b]),
        L.Dot(axes=(2, 2), normalize=True)([a, b]),
        L.Add()([a, b, a]),
    ]
    outs.append(L.Dense(3)(L.Flatten()(outs[0])))
    return Model([a, b], outs)


@model
def shapes():
    i = Input(shape=(4, 6))
    a = L.Permute((2, 1))(i)
    b = L.Reshape((3, -1))(a)
    c = L.Flatten()(b)
    d = L.RepeatVector(3)(c)
    e = L.Dense(4)(d)
    f = L.ActivityRegularization(0.01)(e)
    return Model(i, [a, b, f])


@model
def nested():
    i = Input(shape=(8,))
    x = L.Dense(6, activation="relu")(i)
    x = L.BatchNormalization()(x)
    inner = Model(i, x, name="inner")
    s2 = Sequential(name="stack")
    s2.add(L.Dense(6, input_shape=(6,)))
    s2.add(L.BatchNormalization())
    s2.add(L.Dense(3))
    a = Input(shape=(8,))
    b = Input(shape=(8,))
    y = L.Concatenate()([inner(a), inner(b)])
    y = L.Dense(6)(y)
    y = s2(y)
    return Model([a, b], y)


@model
def nested_frozen():
    i = Input(shape=(8,))
    x = L.Dense(6, name="fa")(i)
    x = L.BatchNormalization(name="fb")(x)
    x = L.Dense(6, name="fc")(x)
    x = L.BatchNormalization(name="fd")(x)
    inner = Model(i, x, name="inner")
    inner.layers[1].trainable = False
    inner.layers[2].trainable = False
    a = Input(shape=(8,))
    y = inner(a)
    y = L.Dense(2)(y)
    mo = Model(a, y)
    mo.compile("adam", "mse")
    return mo


@model
def nested_all_frozen():
    base = Sequential(name="base")
    base.add(L.Conv2D(4, 3, input_shape=(8, 8, 3), padding="same"))
    base.add(L.BatchNormalization())
    base.add(L.Conv2D(4, 3))
    base.add(L.BatchNormalization())
    base.trainable = False
    s = Sequential()
    s.add(base)
    s.add(L.Flatten())
    s.add(L.Dense(5))
    s.add(L.BatchNormalization())
    s.add(L.Dense(2, activation="softmax"))
    s.compile("sgd", "categorical_crossentropy")
    return s


@model
def nested_deep():
    s0 = Sequential(name="s0")
    s0.add(L.Dense(4, input_shape=(5,)))
    s0.add(L.BatchNormalization())
    s1 = Sequential(name="s1")
    s1.add(s0)
    s1.add(L.Dense(4))
    s1.add(L.BatchNormalization())
    s0.trainable = False
    i = Input(shape=(5,))
    x = s1(i)
    x = L.Dense(3)(x)
    x = L.BatchNormalization()(x)
    mid = Model(i, x, name="mid")
    s = Sequential()
    s.add(mid)
    s.add(L.Dense(2))
    return s


@model
def siamese():
    base = Sequential(
        [
            L.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
            L.MaxPooling2D(),
            L.Flatten(),
            L.Dense(5),
        ]
    )
    a = Input(shape=(8, 8, 1))
    b = Input(shape=(8, 8, 1))
    x = base(a)
    y = base(b)
    z = L.Subtract()([x, y])
    z = L.Dense(1, activation="sigmoid")(z)
    mo = Model([a, b], z)
    mo.compile("adagrad", "binary_crossentropy")
    return mo


@model
def td_cnn():
    s = Sequential()
    s.add(
        L.TimeDistributed(
            L.Conv2D(3, 3, activation="relu", padding="same"), input_shape=(4, 8, 8, 2)
        )
    )
    s.add(L.TimeDistributed(L.MaxPooling2D(2)))
    s.add(L.TimeDistributed(L.BatchNormalization()))
    s.add(L.TimeDistributed(L.Flatten()))
    s.add(L.LSTM(4))
    s.add(L.Dense(2))
    return s
