"""Models as users write them: made, saved, and loaded again with this file.

Each function under ``case`` returns a model and what it is called with. The file is
the ``--custom-objects`` of the conversions; under tf_keras its import is another.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

CASES = {}
rng = np.random.default_rng(7)


def case(function):
    CASES[function.__name__] = function
    return function


def floats(*shape):
    return rng.normal(size=shape).astype("float32")


def whole(limit, *shape):
    return rng.integers(0, limit, shape).astype("int32")


class Model(keras.Model):
    """A subclassed model without arguments."""

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


# ------------------------------------------------------------------ what is random
class Sampling(layers.Layer):
    def call(self, inputs):
        mean, log_var = inputs
        return mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))


@case
def sampling():
    x = keras.Input((6,))
    h = layers.Dense(5, activation="relu")(x)
    mean, log_var = layers.Dense(3)(h), layers.Dense(3)(h)
    z = Sampling()([mean, log_var])
    return keras.Model(x, [mean, log_var, z]), floats(3, 6)


class StochasticDepth(layers.Layer):
    def __init__(self, rate=0.2, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}

    def call(self, x, training=None):
        if training:
            keep = 1 - self.rate
            shape = (tf.shape(x)[0],) + (1,) * (len(x.shape) - 1)
            return x / keep * tf.floor(keep + tf.random.uniform(shape, 0, 1))
        return x


class AlwaysNoisy(layers.Layer):
    def call(self, x):
        batch = tf.shape(x)[0]
        noise = tf.random.uniform((batch, 2), -2.0, 3.0)
        picked = tf.random.truncated_normal((batch, 1), 0.5, 0.2)
        return tf.concat([x * picked, noise], -1)


@case
def noises():
    x = keras.Input((6,))
    h = StochasticDepth()(layers.Dense(5)(x))
    h = AlwaysNoisy()(h)
    return keras.Model(x, layers.Dense(2)(h)), floats(3, 6)


class ImageNoise(layers.Layer):
    def call(self, x):
        return x + 0.3 * tf.random.normal(tf.shape(x))


@case
def image_noise():
    x = keras.Input((9, 7, 3))
    h = layers.Conv2D(4, 3)(x)
    h = ImageNoise()(h)
    return keras.Model(x, layers.Conv2D(2, 3)(h)), floats(2, 9, 7, 3)


# -------------------------------------------------- known layers with own functions
def shifted_relu(x):
    return tf.nn.relu(x - 0.1) * 1.5


def small(shape, dtype=None, **kwargs):
    return tf.random.normal(shape, stddev=0.1, dtype=dtype or "float32")


class Penalty(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 0.01 * tf.reduce_sum(tf.abs(x))

    def get_config(self):
        return {}


class Positive(keras.constraints.Constraint):
    def __call__(self, w):
        return tf.nn.relu(w)

    def get_config(self):
        return {}


@case
def own_activation():
    x = keras.Input((12, 10, 3))
    h = layers.Conv2D(4, 3, activation=shifted_relu, kernel_initializer=small)(x)
    h = layers.DepthwiseConv2D(3, activation=shifted_relu, padding="same")(h)
    h = layers.Activation(shifted_relu)(h)
    h = layers.Flatten()(h)
    h = layers.Dense(
        5,
        activation=shifted_relu,
        kernel_regularizer=Penalty(),
        kernel_constraint=Positive(),
    )(h)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 12, 10, 3)


class OwnActivations(Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv1D(5, 3, activation=shifted_relu)
        self.dense = layers.Dense(4, activation=lambda x: x * tf.sigmoid(1.7 * x))
        self.act = layers.Activation(shifted_relu)

    def call(self, x):
        return self.dense(self.act(self.conv(x)) + 0.1)


@case
def own_activation_subclassed():
    return OwnActivations(), floats(2, 11, 3)


@case
def own_activation_lstm():
    x = keras.Input((7, 4))
    h = layers.LSTM(5, activation=shifted_relu, return_sequences=True)(x)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 7, 4)


# -------------------------------------------------------------------------- inputs
class TwoArguments(Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = layers.Dense(4), layers.Dense(4)

    def call(self, x, y, training=False):
        return self.a(x) * tf.nn.tanh(self.b(y))


class Outer(Model):
    def __init__(self):
        super().__init__()
        self.inner = TwoArguments()
        self.head = layers.Dense(3)

    def call(self, inputs, training=None):
        x, y = inputs["x"], inputs["y"]
        return self.head(self.inner(x, y, training=training))


@case
def arguments():
    return Outer(), {"x": floats(3, 5), "y": floats(3, 6)}


@case
def two_arguments():
    return TwoArguments(), (floats(3, 5), floats(3, 6)), "spread"


class Tokens(Model):
    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(20, 6)
        self.table = layers.Dense(6)
        self.head = layers.Dense(3)

    def call(self, inputs):
        ids, label = inputs
        x = tf.reduce_mean(self.embedding(ids), 1)
        return self.head(x + self.table(tf.one_hot(label, 5)))


@case
def token_inputs():
    return Tokens(), [whole(20, 3, 7), whole(5, 3)]


class Nested(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4)

    def call(self, inputs):
        a, (b, c) = inputs["a"], inputs["rest"]
        return {"sum": self.dense(a) + b, "both": [tf.concat([b, c], -1), c]}


@case
def nested_inputs():
    inputs = {"a": floats(3, 5), "rest": [floats(3, 4), floats(3, 2)]}
    return Nested(), inputs


@keras.utils.register_keras_serializable()
class Feature(Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(4, 3, strides=2)
        self.pool = layers.GlobalAveragePooling2D()

    def call(self, x):
        return self.pool(tf.nn.relu(self.conv(x)))

    def compute_output_shape(self, shape):
        return (shape[0], 4)


@case
def subclassed_in_functional():
    x = keras.Input((13, 11, 3))
    h = layers.Conv2D(3, 3, padding="same")(x)
    h = Feature(name="feature")(h)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 13, 11, 3)


class AroundFunctional(Model):
    def __init__(self):
        super().__init__()
        i = keras.Input((13, 11, 3))
        h = layers.MaxPooling2D()(layers.Conv2D(4, 3)(i))
        self.backbone = keras.Model(i, h, name="backbone")
        self.seq = keras.Sequential([layers.Dense(5, "relu"), layers.Dense(2)])

    def call(self, x):
        return self.seq(tf.reduce_max(self.backbone(x * 2.0 - 1.0), [1, 2]))


@case
def functional_in_subclassed():
    return AroundFunctional(), floats(2, 13, 11, 3)


# ----------------------------------------------------------------- recurrence, wraps
@keras.utils.register_keras_serializable()
class MinimalRNNCell(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="uniform", name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units),
            initializer="uniform",
            name="recurrent_kernel",
        )
        self.built = True

    def call(self, inputs, states):
        h = tf.matmul(inputs, self.kernel)
        output = tf.tanh(h + tf.matmul(states[0], self.recurrent_kernel))
        return output, [output]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@case
def own_cell():
    x = keras.Input((7, 4))
    h = layers.RNN(MinimalRNNCell(5), return_sequences=True)(x)
    h = layers.RNN(MinimalRNNCell(6))(h)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 7, 4)


@case
def own_cell_open_length():
    x = keras.Input((None, 4))
    h = layers.RNN(MinimalRNNCell(5), return_sequences=True)(x)
    h = layers.RNN(MinimalRNNCell(6), go_backwards=True)(h)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 7, 4)


@case
def own_cell_bidirectional():
    x = keras.Input((7, 4))
    h = layers.Bidirectional(layers.RNN(MinimalRNNCell(5), return_sequences=True))(x)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 7, 4)


@case
def own_cell_stacked():
    x = keras.Input((7, 4))
    h = layers.RNN([MinimalRNNCell(5), layers.LSTMCell(3)])(x)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 7, 4)


@case
def own_cell_masked():
    x = keras.Input((7,), dtype="int32")
    h = layers.Embedding(9, 4, mask_zero=True)(x)
    h = layers.RNN(MinimalRNNCell(5), return_sequences=True)(h)
    h = layers.RNN(MinimalRNNCell(5))(h)
    return keras.Model(x, layers.Dense(2)(h)), whole(9, 3, 7)


class Gate(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(
            name="w", shape=(shape[-1],), initializer="ones", trainable=True
        )

    def call(self, x):
        return x * tf.sigmoid(self.w)

    def compute_output_shape(self, shape):
        return shape


@case
def time_distributed_own():
    x = keras.Input((5, 6))
    h = layers.TimeDistributed(Gate())(x)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 5, 6)


@case
def time_distributed_model():
    x = keras.Input((4, 9, 8, 2))
    h = layers.TimeDistributed(Feature())(x)
    return keras.Model(x, layers.LSTM(3)(h)), floats(2, 4, 9, 8, 2)


class WeightNorm(layers.Wrapper):
    def build(self, shape):
        if not self.layer.built:
            self.layer.build(shape)
            self.layer.built = True
        self.g = self.add_weight(
            name="g", shape=(self.layer.kernel.shape[-1],), initializer="ones"
        )
        self.built = True

    def call(self, x):
        v = tf.convert_to_tensor(self.layer.kernel)
        w = self.g * v / tf.sqrt(tf.reduce_sum(v * v, [0, 1, 2]))
        return tf.nn.conv2d(x, w, 1, "SAME") + self.layer.bias


@case
def own_wrapper():
    x = keras.Input((9, 8, 3))
    h = WeightNorm(layers.Conv2D(4, 3, padding="same"))(x)
    h = layers.ReLU()(h)
    return keras.Model(x, layers.Conv2D(2, 3)(h)), floats(2, 9, 8, 3)


class ScaledDense(layers.Dense):
    def call(self, x):
        return super().call(x) * 0.5 + 1.0


class StandardConv(layers.Conv2D):
    def call(self, x):
        k = tf.convert_to_tensor(self.kernel)
        mean = tf.reduce_mean(k, [0, 1, 2], keepdims=True)
        std = tf.math.reduce_std(k, [0, 1, 2], keepdims=True)
        y = tf.nn.conv2d(x, (k - mean) / (std + 1e-5), self.strides, "SAME")
        return y + self.bias


class CenteredEmbedding(layers.Embedding):
    def call(self, inputs):
        out = super().call(inputs)
        return out - tf.reduce_mean(out, -1, keepdims=True)


class CosineLSTM(layers.LSTM):
    """Only its own: the call is Keras'."""


@case
def subclass_of_layer():
    x = keras.Input((10, 9, 3))
    h = StandardConv(4, 3, strides=2, padding="same")(x)
    h = layers.Flatten()(h)
    h = ScaledDense(5, activation="relu")(h)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 10, 9, 3)


@case
def subclass_without_call():
    x = keras.Input((7,), dtype="int32")
    h = CenteredEmbedding(9, 5)(x)
    h = CosineLSTM(6)(h)
    return keras.Model(x, layers.Dense(2)(h)), whole(9, 2, 7)


# --------------------------------------------------------------------------- masks
class MaskedMean(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        if mask is None:
            return tf.reduce_mean(x, 1)
        m = tf.cast(mask, x.dtype)[:, :, None]
        return tf.reduce_sum(x * m, 1) / (tf.reduce_sum(m, 1) + 1e-6)

    def compute_mask(self, inputs, mask=None):
        return None


class Scale(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x):
        return x * 1.5 + 0.25


@case
def mask_through_layers():
    x = keras.Input((8,), dtype="int32")
    h = layers.Embedding(12, 5, mask_zero=True)(x)
    h = Scale()(h)
    h = layers.LSTM(6, return_sequences=True)(h)
    return keras.Model(x, layers.Dense(2)(MaskedMean()(h))), whole(12, 3, 8)


class Skip(layers.Layer):
    """Hands on its own mask."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x):
        return x[:, 1:] - x[:, :-1]

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else mask[:, 1:]


@case
def mask_made():
    x = keras.Input((8,), dtype="int32")
    h = layers.Embedding(12, 5, mask_zero=True)(x)
    h = Skip()(h)
    return keras.Model(x, layers.GRU(4)(h)), whole(12, 3, 8)


class Reader(Model):
    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(12, 6, mask_zero=True)
        self.lstm = layers.LSTM(6, return_sequences=True)
        self.attention = layers.MultiHeadAttention(2, 3)
        self.mean = MaskedMean()
        self.head = layers.Dense(3)

    def call(self, x):
        h = self.embedding(x)
        h = self.lstm(h)
        h = h + self.attention(h, h)
        mask = self.embedding.compute_mask(x)
        return self.head(self.mean(h, mask=mask))


@case
def mask_in_subclassed():
    return Reader(), whole(12, 3, 8)


# ------------------------------------------------------------------ what is shared
class Half(layers.Layer):
    def __init__(self, shared, **kwargs):
        super().__init__(**kwargs)
        self.shared = shared
        self.own = layers.Dense(4)

    def call(self, x):
        return self.own(self.shared(x))


class Shared(Model):
    def __init__(self):
        super().__init__()
        self.common = layers.Dense(5, activation="tanh")
        self.left, self.right = Half(self.common), Half(self.common)

    def call(self, x):
        return self.left(x) + self.right(x) * 2.0


@case
def shared_child():
    return Shared(), floats(3, 5)


class Moody(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4)

    def call(self, x, flip=False):
        y = self.dense(x)
        return -y if flip else tf.nn.relu(y)


class TwoMoods(Model):
    def __init__(self):
        super().__init__()
        self.moody = Moody()
        self.norm = layers.BatchNormalization()
        self.drop = layers.Dropout(0.5)

    def call(self, x):
        x = self.norm(self.drop(x), training=False)
        return self.moody(x) + self.moody(x, flip=True) * 0.3


@case
def called_in_two_ways():
    return TwoMoods(), floats(3, 4)


class Tied(Model):
    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(11, 6)
        self.gru = layers.GRU(6, return_sequences=True)

    def call(self, x):
        h = self.gru(self.embedding(x))
        return tf.matmul(h, self.embedding.embeddings, transpose_b=True)


@case
def tied():
    return Tied(), whole(11, 2, 7)


class Statistics(layers.Layer):
    def build(self, shape):
        n = shape[-1]
        self.scale = self.add_weight(name="scale", shape=(n,), initializer="ones")
        self.mean = self.add_weight(
            name="mean", shape=(n,), initializer="zeros", trainable=False
        )
        self.table = np.linspace(-1, 1, n).astype("float32")
        self.big = np.random.default_rng(1).normal(size=(n, 11)).astype("float32")

    def call(self, x, training=False):
        if training:
            self.mean.assign(0.9 * self.mean + 0.1 * tf.reduce_mean(x, 0))
        y = (x - self.mean) * self.scale + self.table
        return tf.matmul(y, self.big)


@case
def held():
    x = keras.Input((6,))
    return keras.Model(x, layers.Dense(2)(Statistics()(x))), floats(3, 6)


class Nameless(layers.Layer):
    def build(self, shape):
        self.gain = self.add_weight(shape=shape[-1:], initializer="ones")
        self.shift = self.add_weight(shape=shape[-1:], trainable=False)

    def call(self, x):
        h = tf.nn.relu(x * self.gain + self.shift)
        for k in range(6):
            h = tf.sin(h) + tf.cos(h * (k + 0.5))
        return h * self.gain


@case
def frozen_own():
    x = keras.Input((6,))
    frozen = Nameless(name="frozen", trainable=False)
    return keras.Model(x, Nameless(name="free")(frozen(x))), floats(3, 6)


# ------------------------------------------------------------ Keras' own, no rule
@case
def einsum_dense():
    x = keras.Input((5, 6))
    h = layers.EinsumDense("abc,cde->abde", (5, 3, 2), bias_axes="de")(x)
    h = layers.Flatten()(h)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 5, 6)


@case
def keras_own():
    x = keras.Input((6,))
    bins = layers.Discretization([-0.5, 0.0, 0.7])(x)
    h = layers.Embedding(4, 3)(bins)
    h = layers.EinsumDense("abc,cd->abd", (6, 5), bias_axes="d")(h)
    h = layers.LSTM(4)(h)
    return keras.Model(x, layers.Dense(2)(h)), floats(3, 6)


@case
def attention_rank_4():
    x = keras.Input((3, 5, 6))
    h = layers.MultiHeadAttention(2, 3, attention_axes=(2,))(x, x)
    return keras.Model(x, layers.Dense(2)(h)), floats(2, 3, 5, 6)


@case
def spectral():
    x = keras.Input((9, 8, 3))
    h = layers.SpectralNormalization(layers.Conv2D(4, 3))(x)
    return keras.Model(x, layers.Conv2D(2, 3)(h)), floats(2, 9, 8, 3)


# --------------------------------------------------------------------- control flow
class Branch(layers.Layer):
    @tf.function
    def call(self, x):
        if tf.reduce_mean(x) > 0:  # noqa: SIM108 (what is tested)
            y = x * 2.0
        else:
            y = x - 1.0
        return tf.cond(tf.reduce_max(y) > 1.0, lambda: y + 0.5, lambda: -y)


class Powers(layers.Layer):
    @tf.function
    def call(self, x):
        y = tf.zeros_like(x)
        for k in tf.range(3):
            y = y + x / (1.0 + tf.cast(k, x.dtype))
        return y


@case
def branch():
    x = keras.Input((6,))
    return keras.Model(x, layers.Dense(2)(Branch()(layers.Dense(4)(x)))), floats(3, 6)


@case
def static_loop():
    x = keras.Input((6,))
    return keras.Model(x, layers.Dense(2)(Powers()(layers.Dense(4)(x)))), floats(3, 6)


class Mapped(layers.Layer):
    def call(self, x):
        return tf.map_fn(lambda t: t / (1.0 + tf.reduce_max(tf.abs(t))), x)


@case
def mapped():
    x = keras.Input((6,))
    return keras.Model(x, layers.Dense(2)(Mapped()(layers.Dense(4)(x)))), floats(3, 6)


# ----------------------------------------------------------- kernels of TensorFlow
class Kernels(layers.Layer):
    def call(self, x):
        parts = [
            tf.nn.gelu(x),
            x * tf.stop_gradient(tf.sigmoid(x)),
            tf.math.erfc(x),
            tf.math.cumprod(x, 1),
            tf.math.xlogy(tf.nn.relu(x), tf.abs(x) + 1.0),
            tf.math.xdivy(tf.nn.relu(x), tf.abs(x) + 1.0),
            tf.math.multiply_no_nan(x, tf.nn.relu(x)),
            tf.linalg.cross(x[:, :3], x[:, 3:]),
            tf.nn.sigmoid_cross_entropy_with_logits(tf.sigmoid(x), x),
            tf.norm(tf.reshape(x, [-1, 2, 3]), axis=-1),
            tf.reshape(tf.linalg.diag(x), [-1, 36]),
            tf.linalg.diag_part(tf.reshape(x, [-1, 2, 3])),
            tf.reshape(
                tf.linalg.set_diag(tf.reshape(x, [-1, 2, 3]), x[:, :2]), [-1, 6]
            ),
            tf.math.xlog1py(tf.nn.relu(x), tf.abs(x)),
        ]
        return tf.concat(parts, -1)


class Segments(layers.Layer):
    def call(self, x):
        swapped = tf.transpose(x)
        total = tf.math.unsorted_segment_sum(swapped, [0, 1, 0, 2, 2, 1], 3)
        most = tf.math.unsorted_segment_max(swapped, [0, 1, 0, 2, 2, 1], 3)
        some = tf.math.unsorted_segment_sum(swapped, [2, -1, 0, 1, -1, 1], 3)
        pairs = tf.reshape(swapped, [3, 2, -1])
        paired = tf.math.unsorted_segment_min(pairs, [[0, 1], [2, 0], [1, 0]], 3)
        return tf.transpose(total * most + some * paired)


@case
def kernels():
    x = keras.Input((6,))
    h = layers.Dense(6)(x)
    h = layers.Concatenate()([Kernels()(h), Segments()(h)])
    return keras.Model(x, layers.Dense(2)(h)), floats(3, 6)


class Patches(layers.Layer):
    def call(self, x):
        x = tf.pad(x, [[0, 0], [1, 1], [2, 1], [0, 0]], "SYMMETRIC")
        ones = [1, 1, 1, 1]
        small = tf.image.extract_patches(x, [1, 2, 3, 1], [1, 2, 2, 1], ones, "SAME")
        apart = [1, 2, 2, 1]
        far = tf.image.extract_patches(x, [1, 2, 2, 1], [1, 2, 2, 1], apart, "VALID")
        return tf.reduce_mean(tf.abs(small), [1, 2]), tf.reduce_max(far, [1, 2])


@case
def patches():
    x = keras.Input((9, 8, 3))
    small, far = Patches()(layers.Conv2D(3, 3)(x))
    return keras.Model(x, [layers.Dense(2)(small), far]), floats(2, 9, 8, 3)


# ------------------------------------------------------------------------ attributes
class Odd(Model):
    def __init__(self):
        super().__init__()
        self.type = layers.Dense(4)
        self.forward = layers.Dense(4)
        self.parts = {"a": layers.Dense(4), "b": [layers.Dense(4), layers.Dense(4)]}
        self.late = None
        self.eval = layers.LayerNormalization()

    def call(self, x):
        if self.late is None:
            self.late = layers.Dense(4)
        x = self.forward(self.type(x))
        x = self.parts["a"](x)
        for part in self.parts["b"]:
            x = tf.nn.relu(part(x))
        return self.late(self.eval(x))


@case
def odd_attributes():
    return Odd(), floats(3, 4)


class Divergence(layers.Layer):
    def call(self, inputs):
        mean, log_var = inputs
        self.add_loss(0.5 * tf.reduce_sum(mean**2 + tf.exp(log_var) - log_var))
        return mean


@case
def adds_loss():
    x = keras.Input((6,))
    z = Divergence()([layers.Dense(3)(x), layers.Dense(3)(x)])
    return keras.Model(x, layers.Dense(2)(z)), floats(3, 6)


class OwnStep(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)
        self.drop = layers.Dropout(0.5)

    def train_step(self, data):
        return {}

    def call(self, x, training=None):
        if training:
            x = x + tf.random.normal(tf.shape(x))
        return self.drop(self.dense(x), training=training)


@case
def own_step():
    return OwnStep(), floats(3, 4)


class TrainsOtherwise(layers.Layer):
    def call(self, x, training=False):
        if training:
            return x * 3.0
        return x * 2.0


@case
def trains_otherwise():
    x = keras.Input((6,))
    return keras.Model(x, layers.Dense(2)(TrainsOtherwise()(x))), floats(3, 6)
