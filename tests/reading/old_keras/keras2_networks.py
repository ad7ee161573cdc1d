"""Models of the layers of Keras 2 and 3: the second half of the list."""

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
def td_model():
    inner = Sequential(
        [
            L.Conv2D(3, 3, input_shape=(8, 8, 2)),
            L.BatchNormalization(),
            L.Flatten(),
            L.Dense(3),
        ]
    )
    i = Input(shape=(4, 8, 8, 2))
    x = L.TimeDistributed(inner)(i)
    x = L.Bidirectional(L.LSTM(3))(x)
    return Model(i, x)


@model
def multi_io():
    a = Input(shape=(10,), name="title")
    b = Input(shape=(5,), name="tags")
    x = L.Dense(4, activation="relu")(a)
    y = L.concatenate([x, b])
    p = L.Dense(1, activation="sigmoid", name="pri")(y)
    q = L.Dense(4, activation="softmax", name="dep")(y)
    mo = Model([a, b], [p, q])
    mo.compile(
        "adadelta",
        loss={"pri": "binary_crossentropy", "dep": "categorical_crossentropy"},
        loss_weights={"pri": 1.0, "dep": 0.2},
        metrics={"pri": "mae", "dep": ["accuracy"]},
    )
    return mo


@model
def convlstm():
    s = Sequential()
    s.add(
        L.ConvLSTM2D(
            4, 3, padding="same", return_sequences=True, input_shape=(3, 6, 6, 2)
        )
    )
    s.add(L.BatchNormalization())
    s.add(L.ConvLSTM2D(3, 2, strides=1, go_backwards=True))
    s.add(L.Flatten())
    s.add(L.Dense(2))
    return s


@model
def local():
    i = Input(shape=(8, 7, 2))
    x = L.LocallyConnected2D(3, 3, strides=(2, 1), activation="relu")(i)
    y = L.Reshape((-1, 3))(x)
    y = L.LocallyConnected1D(4, 2)(y)
    return Model(i, [x, y])


@model
def cells():
    i = Input(shape=(6, 3))
    x = L.RNN([L.LSTMCell(4), L.GRUCell(5)], return_sequences=True)(i)
    y = L.RNN(L.SimpleRNNCell(4))(x)
    z = L.StackedRNNCells([L.LSTMCell(3), L.LSTMCell(4)])
    z = L.RNN(z)(x)
    return Model(i, [y, z])


@model
def cudnn():
    i = Input(shape=(6, 3))
    x = L.CuDNNLSTM(4, return_sequences=True)(i)
    x = L.Bidirectional(L.CuDNNGRU(3, return_sequences=True))(x)
    y = L.CuDNNGRU(4)(x)
    mo = Model(i, y)
    return mo


@model
def noise_misc():
    i = Input(shape=(6,))
    x = L.GaussianDropout(0.2)(i)
    x = L.AlphaDropout(0.1)(x)
    x = L.Dense(
        4,
        kernel_regularizer="l2",
        bias_constraint="non_neg",
        kernel_constraint=keras.constraints.max_norm(2.0),
    )(x)
    x = L.Activation("softsign")(x)
    x = L.Activation("linear")(x)
    x = L.Activation("exponential")(x)
    return Model(i, x)


@model
def layer_norm_mha():
    i = Input(shape=(6, 8))
    x = L.MultiHeadAttention(2, 4)(i, i)
    x = L.LayerNormalization()(L.Add()([x, i]))
    y = L.Attention()([x, i])
    z = L.AdditiveAttention()([x, i])
    w = L.Dense(8, activation="gelu")(y)
    w = L.Activation("swish")(w)
    return Model(i, [w, z])


@model
def masked_heads():
    i = Input(shape=(7,), dtype="int32")
    x = L.Embedding(20, 6, mask_zero=True)(i)
    for rate in (0.0, 0.1):
        y = L.MultiHeadAttention(2, 4, dropout=rate)(x, x)
        x = L.LayerNormalization()(L.Add()([x, y]))
    mo = Model(i, L.Flatten()(x))
    mo._toks = True
    return mo


@model
def cropped():
    i = Input(shape=(7, 10, 3))
    parts = [L.RandomCrop(*size)(i) for size in ((4, 5), (9, 5), (7, 10))]
    return Model(i, [L.Flatten()(x) for x in parts])


@model
def masked_groups():
    i = Input(shape=(7,), dtype="int32")
    x = L.Embedding(20, 6, mask_zero=True)(i)
    x = L.GroupQueryAttention(4, 4, 2, dropout=0.1)(x, x)
    mo = Model(i, L.Flatten()(x))
    mo._toks = True
    return mo


@model
def tfops():
    i = Input(shape=(6,))
    x = L.Dense(6)(i)
    y = x * 2.0 + i
    y = y - 1.0
    z = L.Concatenate()([y, x / 3.0])
    return Model(i, z[:, :5])


@model
def prep():
    i = Input(shape=(8, 8, 3))
    x = L.Rescaling(1 / 255.0)(i)
    x = L.Resizing(6, 6)(x)
    x = L.CenterCrop(4, 4)(x)
    x = L.RandomFlip()(x)
    x = L.Conv2D(2, 3)(x)
    x = L.UnitNormalization()(x)
    return Model(i, x)


@model
def var_len():
    i = Input(shape=(None, 4))
    x = L.Conv1D(5, 3, padding="same", strides=2)(i)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    x = L.GlobalMaxPooling1D()(x)
    mo = Model(i, x)
    mo._dim = 9
    return mo


@model
def var_img():
    i = Input(shape=(None, None, 3))
    x = L.Conv2D(5, 3, padding="same", strides=2)(i)
    x = L.MaxPooling2D(3, 2, padding="same")(x)
    x = L.AveragePooling2D(2, padding="same")(x)
    x = L.Conv2DTranspose(2, 3, strides=2, padding="same")(x)
    y = L.GlobalAveragePooling2D()(x)
    mo = Model(i, [x, y])
    mo._dim = 14
    return mo


@model
def unet():
    i = Input(shape=(16, 16, 1))
    c1 = L.Conv2D(4, 3, activation="relu", padding="same")(i)
    p = L.MaxPooling2D()(c1)
    c2 = L.Conv2D(6, 3, activation="relu", padding="same")(p)
    c2 = L.Dropout(0.5)(c2)
    u = L.concatenate(
        [L.Conv2DTranspose(4, 2, strides=2, padding="same")(c2), c1], axis=3
    )
    o = L.Conv2D(1, 1, activation="sigmoid")(u)
    mo = Model(i, o)
    mo.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return mo


@model
def resnet():
    i = Input(shape=(12, 12, 3))
    x = L.ZeroPadding2D(3)(i)
    x = L.Conv2D(6, 7, strides=2)(x)
    x = L.BatchNormalization(epsilon=1.001e-05)(x)
    x = L.Activation("relu")(x)
    s = x
    for _ in range(2):
        y = L.Conv2D(6, 3, padding="same")(s)
        y = L.BatchNormalization(axis=3)(y)
        y = L.Activation("relu")(y)
        s = L.add([y, s])
    o = L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(s))
    return Model(i, o)


@model
def shared_layer():
    a = Input(shape=(6,))
    b = Input(shape=(6,))
    d = L.Dense(4, activation="tanh")
    n = L.BatchNormalization()
    x = n(d(a))
    y = n(d(b))
    z = L.Dense(4)(L.Concatenate()([x, y]))
    w = L.Dense(4)
    return Model([a, b], [w(w(z)), w(x)])


@model
def dropout_rnn():
    i = Input(shape=(6, 4))
    x = L.LSTM(5, dropout=0.2, recurrent_dropout=0.3, return_sequences=True)(i)
    x = L.GRU(5, dropout=0.2, recurrent_dropout=0.1, unroll=True)(x)
    x = L.LSTM(4, unit_forget_bias=False, use_bias=False, implementation=1)(
        L.RepeatVector(3)(x)
    )
    return Model(i, x)


@model
def conv1d_first():
    i = Input(shape=(4, 20))
    x = L.MaxPooling1D(2, data_format="channels_first")(i)
    x = L.GlobalAveragePooling1D(data_format="channels_first")(x)
    return Model(i, x)


@model
def conv_groups():
    i = Input(shape=(8, 8, 4))
    x = L.Conv2D(6, 3, groups=2)(i)
    x = L.Conv1DTranspose(3, 3, strides=2)(L.Reshape((-1, 6))(x))
    x = L.DepthwiseConv1D(3)(x) if has("DepthwiseConv1D") else x
    return Model(i, x)


@model
def global_keepdims():
    i = Input(shape=(8, 8, 4))
    x = L.GlobalAveragePooling2D(keepdims=True)(i)
    x = L.Multiply()([i, x])
    x = L.GroupNormalization(2)(x) if has("GroupNormalization") else x
    return Model(i, x)


@model
def se_block():
    i = Input(shape=(8, 8, 4))
    x = L.GlobalAveragePooling2D()(i)
    x = L.Reshape((1, 1, 4))(x)
    x = L.Dense(2, activation="relu")(x)
    x = L.Dense(4, activation="sigmoid")(x)
    x = L.multiply([i, x])
    x = L.Dense(3)(x)
    return Model(i, x)


@model
def embed_flat():
    i = Input(shape=(7,))
    x = L.Embedding(20, 5)(i)
    x = L.SpatialDropout1D(0.2)(x)
    y = L.Conv1D(4, 3, activation="relu")(x)
    y = L.GlobalMaxPooling1D()(y)
    x = L.Flatten()(x)
    x = L.Concatenate()([x, y])
    x = L.Dense(2)(x)
    mo = Model(i, x)
    mo._toks = True
    return mo


@model
def mask_merge():
    a = Input(shape=(7,))
    e = L.Embedding(20, 5, mask_zero=True)
    b = Input(shape=(7,))
    x = L.Add()([e(a), e(b)])
    y = L.Concatenate()([e(a), e(b)])
    z = L.LSTM(4)(x)
    w = L.LSTM(4, return_sequences=True)(y)
    w = L.GRU(3)(L.BatchNormalization()(w))
    mo = Model([a, b], [z, w])
    mo._toks = True
    return mo


@model
def mask_concat_time():
    a = Input(shape=(7,))
    e = L.Embedding(20, 5, mask_zero=True)
    b = Input(shape=(7,))
    y = L.Concatenate(axis=1)([e(a), e(b)])
    w = L.LSTM(4)(y)
    mo = Model([a, b], w)
    mo._toks = True
    return mo


@model
def mask_gap():
    a = Input(shape=(7,))
    x = L.Embedding(20, 5, mask_zero=True)(a)
    x = L.GlobalAveragePooling1D()(x)
    mo = Model(a, x)
    mo._toks = True
    return mo


@model
def mask_nested():
    i = Input(shape=(7, 5))
    inner = Model(i, L.LSTM(4, return_sequences=True)(i))
    a = Input(shape=(7,))
    x = L.Embedding(20, 5, mask_zero=True)(a)
    x = inner(x)
    x = L.LSTM(3)(x)
    mo = Model(a, x)
    mo._toks = True
    return mo


@model
def mask_bidir_none_flatten():
    a = Input(shape=(7,))
    x = L.Embedding(20, 5, mask_zero=True)(a)
    x = L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="concat")(x)
    x = L.Dense(3)(x)
    x = L.Activation("softmax")(x)
    mo = Model(a, x)
    mo._toks = True
    return mo


@model
def reg_init():
    i = Input(shape=(5,))
    x = L.Dense(
        4,
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_in", "normal")
        if int(ver[0]) < 3
        else "he_normal",
        kernel_regularizer=keras.regularizers.l1_l2(0.1, 0.2),
        activity_regularizer=keras.regularizers.l2(0.1),
    )(i)
    mo = Model(i, x)
    mo.compile(
        keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "mean_squared_error"
    )
    return mo


@model
def activ_layers_in_act():
    i = Input(shape=(5,))
    x = L.Dense(4, activation=L.LeakyReLU(0.1) if int(ver[0]) >= 2 else None)(i)
    return Model(i, x)


@model
def frozen_bidir():
    inner = Sequential()
    inner.add(L.Bidirectional(L.LSTM(3, return_sequences=True), input_shape=(5, 4)))
    inner.add(L.BatchNormalization())
    inner.add(L.TimeDistributed(L.Dense(3)))
    inner.layers[0].trainable = False
    inner.layers[2].trainable = False
    s = Sequential()
    s.add(inner)
    s.add(L.LSTM(2))
    s.compile("adamax", "mse")
    return s


@model
def frozen_td_model():
    inner = Sequential()
    inner.add(L.Dense(3, input_shape=(4,)))
    inner.add(L.BatchNormalization())
    inner.add(L.Dense(2))
    inner.layers[0].trainable = False
    s = Sequential()
    s.add(L.TimeDistributed(inner, input_shape=(5, 4)))
    s.add(L.LSTM(2))
    return s


@model
def same_names():
    base = Sequential(name="a")
    base.add(L.Dense(3, input_shape=(4,), name="d"))
    b2 = Sequential(name="b")
    b2.add(L.Dense(3, input_shape=(3,), name="d"))
    s = Sequential()
    s.add(base)
    s.add(b2)
    s.add(L.Dense(3, name="d"))
    return s
