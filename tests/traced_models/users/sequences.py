"""Sequence models: attention, recurrence, dilated convolutions."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


# ------------------------------------------------------------- transformer, subclassed
@keras.utils.register_keras_serializable()
class TokenAndPosition(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.maxlen, self.vocab_size, self.embed_dim = maxlen, vocab_size, embed_dim
        self.token_emb = layers.Embedding(vocab_size, embed_dim, mask_zero=True)

    def build(self, input_shape):
        self.pos_emb = self.add_weight(
            name="pos_emb",
            shape=(self.maxlen, self.embed_dim),
            initializer="random_normal",
        )
        super().build(input_shape)

    def call(self, x):
        length = tf.shape(x)[-1]
        return self.token_emb(x) + self.pos_emb[tf.newaxis, :length, :]

    def compute_mask(self, inputs, mask=None):
        return self.token_emb.compute_mask(inputs)

    def get_config(self):
        return {
            **super().get_config(),
            "maxlen": self.maxlen,
            "vocab_size": self.vocab_size,
            "embed_dim": self.embed_dim,
        }


@keras.utils.register_keras_serializable()
class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.ff_dim, self.rate = ff_dim, rate
        self.supports_masking = True
        self.att = layers.MultiHeadAttention(num_heads, embed_dim // num_heads)
        self.ffn = keras.Sequential(
            [layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs, mask=None, training=None):
        attention_mask = None
        if mask is not None:
            attention_mask = mask[:, tf.newaxis, :]
        attn = self.att(inputs, inputs, attention_mask=attention_mask)
        attn = self.dropout1(attn, training=training)
        out1 = self.layernorm1(inputs + attn)
        ffn_output = self.ffn(out1)
        ffn_output = self.dropout2(ffn_output, training=training)
        return self.layernorm2(out1 + ffn_output)

    def get_config(self):
        return {
            **super().get_config(),
            "embed_dim": self.embed_dim,
            "num_heads": self.num_heads,
            "ff_dim": self.ff_dim,
            "rate": self.rate,
        }


@keras.utils.register_keras_serializable()
class TransformerClassifier(keras.Model):
    def __init__(self, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.embedding = TokenAndPosition(24, 40, 12)
        self.blocks = [TransformerBlock(12, 3, 20) for _ in range(depth)]
        self.pooling = layers.GlobalAveragePooling1D()
        self.dropout = layers.Dropout(0.1)
        self.classifier = layers.Dense(3, activation="softmax")

    def call(self, inputs, training=None):
        x = self.embedding(inputs)
        for block in self.blocks:
            x = block(x, training=training)
        x = self.pooling(x)
        x = self.dropout(x, training=training)
        return self.classifier(x)

    def get_config(self):
        return {**super().get_config(), "depth": self.depth}


def transformer():
    return TransformerClassifier(name="transformer")


# ----------------------------------------------------- causal self-attention by hand
@keras.utils.register_keras_serializable(package="gpt")
class CausalSelfAttention(layers.Layer):
    def __init__(self, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads

    def build(self, input_shape):
        self.dim = int(input_shape[-1])
        self.qkv = layers.Dense(3 * self.dim, name="qkv")
        self.out = layers.Dense(self.dim, name="out")
        self.qkv.build(input_shape)
        self.out.build(input_shape)

    def call(self, x):
        batch, steps = tf.shape(x)[0], tf.shape(x)[1]
        depth = self.dim // self.num_heads
        qkv = tf.reshape(self.qkv(x), (batch, steps, 3, self.num_heads, depth))
        q, k, v = tf.unstack(tf.transpose(qkv, (2, 0, 3, 1, 4)), num=3)
        scores = tf.matmul(q, k, transpose_b=True) / tf.math.sqrt(
            tf.cast(depth, x.dtype)
        )
        causal = tf.linalg.band_part(tf.ones((steps, steps), x.dtype), -1, 0)
        scores = scores * causal - 1e9 * (1.0 - causal)
        weights = tf.nn.softmax(scores, axis=-1)
        x = tf.transpose(tf.matmul(weights, v), (0, 2, 1, 3))
        return self.out(tf.reshape(x, (batch, steps, self.dim)))

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads}


@keras.utils.register_keras_serializable(package="gpt")
class TinyGPT(keras.Model):
    """The embedding's matrix is the head's too."""

    def __init__(self, vocab_size=30, maxlen=16, dim=12, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size, self.maxlen, self.dim = vocab_size, maxlen, dim
        self.wte = layers.Embedding(vocab_size, dim)
        self.wpe = layers.Embedding(maxlen, dim)
        self.attn = [CausalSelfAttention(3) for _ in range(2)]
        self.ln = [layers.LayerNormalization() for _ in range(3)]
        self.mlp = [
            keras.Sequential([layers.Dense(24, activation="gelu"), layers.Dense(dim)])
            for _ in range(2)
        ]

    def call(self, tokens):
        positions = tf.range(tf.shape(tokens)[1])
        x = self.wte(tokens) + self.wpe(positions)
        for i in range(2):
            x = x + self.attn[i](self.ln[i](x))
            x = x + self.mlp[i](x)
        x = self.ln[2](x)
        return tf.matmul(x, self.wte.embeddings, transpose_b=True)

    def get_config(self):
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "maxlen": self.maxlen,
            "dim": self.dim,
        }


def weight_tying():
    return TinyGPT(name="tiny_gpt")


# ------------------------------------------------- attention pooling, as on a forum
class AttentionWithContext(layers.Layer):
    """Hierarchical attention's pooling: weights W, b and a context vector u."""

    def __init__(self, bias=True, **kwargs):
        self.supports_masking = True
        self.bias = bias
        super().__init__(**kwargs)

    def build(self, input_shape):
        size = input_shape[-1]
        self.W = self.add_weight(
            name="W", shape=(size, size), initializer="glorot_uniform"
        )
        if self.bias:
            self.b = self.add_weight(name="b", shape=(size,), initializer="zeros")
        self.u = self.add_weight(name="u", shape=(size,), initializer="random_normal")

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, x, mask=None):
        uit = tf.tensordot(x, self.W, axes=1)
        if self.bias:
            uit += self.b
        uit = tf.tanh(uit)
        ait = tf.tensordot(uit, self.u, axes=1)
        a = tf.exp(ait)
        if mask is not None:
            a *= tf.cast(mask, a.dtype)
        a /= tf.reduce_sum(a, axis=1, keepdims=True) + 1e-7
        return tf.reduce_sum(x * tf.expand_dims(a, -1), axis=1)

    def get_config(self):
        return {**super().get_config(), "bias": self.bias}


def attention_pooling():
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(35, 9, mask_zero=True)(tokens)
    x = layers.Bidirectional(layers.GRU(6, return_sequences=True))(x)
    x = AttentionWithContext()(x)
    return keras.Model(tokens, layers.Dense(1, activation="sigmoid")(x))


class BahdanauAttention(layers.Layer):
    """Returns a tuple: the context and the weights."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.W1 = layers.Dense(units)
        self.W2 = layers.Dense(units)
        self.V = layers.Dense(1)

    def call(self, query, values):
        query_with_time_axis = tf.expand_dims(query, 1)
        score = self.V(tf.nn.tanh(self.W1(query_with_time_axis) + self.W2(values)))
        attention_weights = tf.nn.softmax(score, axis=1)
        context_vector = tf.reduce_sum(attention_weights * values, axis=1)
        return context_vector, attention_weights

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def tuple_layer():
    sequence = keras.Input((13, 5), name="sequence")
    values, state = layers.GRU(7, return_sequences=True, return_state=True)(sequence)
    context, weights = BahdanauAttention(6)(state, values)
    outputs = layers.Dense(4)(layers.Concatenate()([context, state]))
    return keras.Model(sequence, [outputs, weights])


# --------------------------------------------------------------------------- TCN
class ResidualBlock(layers.Layer):
    def __init__(self, filters, kernel_size, dilation_rate, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.dilation_rate, self.dropout = dilation_rate, dropout
        self.convs = []
        self.drops = []
        for i in range(2):
            self.convs.append(
                layers.Conv1D(
                    filters,
                    kernel_size,
                    padding="causal",
                    dilation_rate=dilation_rate,
                    activation="relu",
                    name=f"conv_{i}",
                )
            )
            self.drops.append(layers.SpatialDropout1D(dropout))
        self.match = None

    def build(self, input_shape):
        shape = tuple(input_shape)
        for conv in self.convs:
            conv.build(shape)
            shape = (*shape[:-1], self.filters)
        if input_shape[-1] != self.filters:
            self.match = layers.Conv1D(self.filters, 1, padding="same", name="match")
            self.match.build(input_shape)
        super().build(input_shape)

    def call(self, x, training=None):
        out = x
        for conv, drop in zip(self.convs, self.drops, strict=True):
            out = drop(conv(out), training=training)
        skip = x if self.match is None else self.match(x)
        return tf.nn.relu(out + skip), out

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation_rate": self.dilation_rate,
            "dropout": self.dropout,
        }


def tcn():
    series = keras.Input((23, 4), name="series")
    x = series
    skips = []
    for dilation in (1, 2, 4):
        x, skip = ResidualBlock(8, 3, dilation)(x)
        skips.append(skip)
    x = layers.Add()(skips)
    x = layers.Lambda(lambda t: t[:, -1, :], name="last_step")(x)
    return keras.Model(series, layers.Dense(2)(x), name="tcn")


# ------------------------------------------------------------------------- WaveNet
@keras.utils.register_keras_serializable(package="wavenet")
class GatedConv(layers.Layer):
    def __init__(self, filters, dilation, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.dilation = filters, dilation
        options = {"padding": "causal", "dilation_rate": dilation}
        self.filter_conv = layers.Conv1D(filters, 2, **options)
        self.gate_conv = layers.Conv1D(filters, 2, **options)
        self.residual = layers.Conv1D(filters, 1)
        self.skip = layers.Conv1D(filters, 1)

    def call(self, x):
        gated = tf.tanh(self.filter_conv(x)) * tf.sigmoid(self.gate_conv(x))
        return {"residual": x + self.residual(gated), "skip": self.skip(gated)}

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "dilation": self.dilation,
        }


@keras.utils.register_keras_serializable(package="wavenet")
class WaveNet(keras.Model):
    def __init__(self, filters=6, dilations=(1, 2, 4), **kwargs):
        super().__init__(**kwargs)
        self.filters, self.dilations = filters, tuple(dilations)
        self.front = layers.Conv1D(filters, 1)
        self.stack = [GatedConv(filters, d) for d in self.dilations]
        self.head = layers.Conv1D(5, 1)

    def call(self, inputs):
        x = self.front(inputs)
        total = 0.0
        for block in self.stack:
            out = block(x)
            x = out["residual"]
            total = total + out["skip"]
        return self.head(tf.nn.relu(total))

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "dilations": self.dilations,
        }


def wavenet():
    return WaveNet(name="wavenet")


# ------------------------------------------------------------------ a cell of one's own
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
        prev_output = states[0]
        h = tf.matmul(inputs, self.kernel)
        output = tf.nn.tanh(h + tf.matmul(prev_output, self.recurrent_kernel))
        return output, [output]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def rnn_cell():
    series = keras.Input((9, 4), name="series")
    x = layers.RNN(MinimalRNNCell(6), return_sequences=True)(series)
    x = layers.RNN(MinimalRNNCell(5))(x)
    return keras.Model(series, layers.Dense(2)(x))


# ------------------------------------------------------------------ gating and experts
class SpatialGatingUnit(layers.Layer):
    """gMLP's: half of the channels gates the other, mixed along the sequence."""

    def build(self, input_shape):
        steps, channels = int(input_shape[1]), int(input_shape[2]) // 2
        self.norm = layers.LayerNormalization()
        self.norm.build((None, steps, channels))
        self.spatial_w = self.add_weight(
            name="spatial_w", shape=(steps, steps), initializer="random_normal"
        )
        self.spatial_b = self.add_weight(
            name="spatial_b", shape=(steps, 1), initializer="ones"
        )

    def call(self, x):
        u, v = tf.split(x, 2, axis=-1)
        v = tf.einsum("ij,bjd->bid", self.spatial_w, self.norm(v)) + self.spatial_b
        return u * v


def gmlp():
    sequence = keras.Input((10, 8), name="sequence")
    x = sequence
    for _ in range(2):
        h = layers.LayerNormalization()(x)
        h = layers.Dense(16, activation="gelu")(h)
        h = SpatialGatingUnit()(h)
        x = layers.Add()([x, layers.Dense(8)(h)])
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(sequence, layers.Dense(3)(x), name="gmlp")


class FourierGate(layers.Layer):
    """GFNet's idea on a sequence: a learned complex filter between two transforms."""

    def build(self, input_shape):
        shape = (int(input_shape[1]) // 2 + 1, int(input_shape[2]))
        self.real = self.add_weight(name="real", shape=shape, initializer="ones")
        self.imag = self.add_weight(name="imag", shape=shape, initializer="zeros")

    def call(self, x):
        steps = x.shape[1]
        spectrum = tf.signal.rfft(tf.transpose(x, (0, 2, 1)))
        gate = tf.complex(tf.transpose(self.real), tf.transpose(self.imag))
        mixed = tf.signal.irfft(spectrum * gate, fft_length=[steps])
        return tf.transpose(mixed, (0, 2, 1))


def spectral_gating():
    sequence = keras.Input((12, 6), name="sequence")
    x = layers.Add()([sequence, FourierGate()(layers.LayerNormalization()(sequence))])
    x = layers.GlobalMaxPooling1D()(x)
    return keras.Model(sequence, layers.Dense(3)(x))


class MixtureOfExperts(layers.Layer):
    def __init__(self, num_experts, units, **kwargs):
        super().__init__(**kwargs)
        self.num_experts, self.units = num_experts, units

    def build(self, input_shape):
        size = int(input_shape[-1])
        self.expert_kernels = self.add_weight(
            name="expert_kernels",
            shape=(size, self.units, self.num_experts),
            initializer="glorot_uniform",
        )
        self.expert_bias = self.add_weight(
            name="expert_bias",
            shape=(self.units, self.num_experts),
            initializer="zeros",
        )
        self.gate = layers.Dense(self.num_experts, activation="softmax")
        self.gate.build(input_shape)

    def call(self, inputs):
        experts = tf.einsum("bi,iue->bue", inputs, self.expert_kernels)
        experts = tf.nn.relu(experts + self.expert_bias)
        return tf.einsum("bue,be->bu", experts, self.gate(inputs))

    def get_config(self):
        return {
            **super().get_config(),
            "num_experts": self.num_experts,
            "units": self.units,
        }


def mixture_of_experts():
    features = keras.Input((11,), name="features")
    shared = MixtureOfExperts(4, 9)(features)
    towers = []
    for task in ("ctr", "cvr"):
        tower = layers.Dense(5, activation="relu", name=f"{task}_hidden")(shared)
        towers.append(layers.Dense(1, activation="sigmoid", name=task)(tower))
    return keras.Model(features, towers)


class FourierFeatures(layers.Layer):
    def __init__(self, gaussian_projection=8, scale=1.0, seed=7, **kwargs):
        super().__init__(**kwargs)
        self.gaussian_projection, self.scale, self.seed = (
            gaussian_projection,
            scale,
            seed,
        )

    def build(self, input_shape):
        rng = np.random.RandomState(self.seed)
        size = (int(input_shape[-1]), self.gaussian_projection)
        self.B = (rng.normal(size=size) * self.scale).astype("float32")

    def call(self, x):
        projected = 2.0 * np.pi * tf.matmul(x, tf.cast(self.B, x.dtype))
        return tf.concat([tf.sin(projected), tf.cos(projected)], axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "gaussian_projection": self.gaussian_projection,
            "scale": self.scale,
            "seed": self.seed,
        }


def fourier_features():
    """An implicit image: coordinates in, colours out."""
    coordinates = keras.Input((2,), name="coordinates")
    x = FourierFeatures()(coordinates)
    x = layers.Dense(16, activation="relu")(x)
    x = layers.Dense(16, activation="relu")(x)
    return keras.Model(coordinates, layers.Dense(3, activation="sigmoid")(x))


class PositionalEncoding(layers.Layer):
    """Sines made with numpy in __init__, as in TensorFlow's tutorial."""

    def __init__(self, position, d_model, **kwargs):
        super().__init__(**kwargs)
        self.position, self.d_model = position, d_model
        depth = d_model / 2
        positions = np.arange(position)[:, np.newaxis]
        rates = 1 / (10000 ** (np.arange(depth)[np.newaxis, :] / depth))
        angles = positions * rates
        table = np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)
        self.table = table.astype("float32")

    def call(self, x):
        length = tf.shape(x)[1]
        x *= tf.math.sqrt(tf.cast(self.d_model, x.dtype))
        return x + tf.cast(self.table[tf.newaxis, :, :], x.dtype)[:, :length, :]

    def get_config(self):
        return {
            **super().get_config(),
            "position": self.position,
            "d_model": self.d_model,
        }


def positional_encoding():
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(25, 8)(tokens)
    x = PositionalEncoding(40, 8)(x)
    x = layers.Dropout(0.1)(x)
    attended = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.LayerNormalization()(x + attended)
    return keras.Model(tokens, layers.Dense(5)(x))


# ----------------------------------------------------- one norm for two orders of axes
class CrossMixing(layers.Layer):
    """Mixes steps, then features, each time after the same norm and the same tail."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.tail = keras.Sequential(
            [
                layers.Dense(8, activation=tf.nn.gelu),
                layers.Dense(8),
                layers.Dropout(0.2),
            ]
        )

    def build(self, input_shape):
        self.steps = layers.Dense(int(input_shape[1]), activation="tanh")
        self.features = layers.Dense(8)
        self.norm.build(input_shape)
        self.tail.build(input_shape)
        self.steps.build((None, 8, int(input_shape[1])))
        self.features.build(input_shape)
        super().build(input_shape)

    def call(self, x):
        mixed = self.steps(tf.transpose(self.norm(x), (0, 2, 1)))
        x = self.tail(x + tf.transpose(mixed, (0, 2, 1)))
        return self.tail(x + tf.nn.gelu(self.features(self.norm(x))))


def cross_mixing():
    sequence = keras.Input((11, 8), name="sequence")
    x = CrossMixing()(sequence)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(sequence, layers.Dense(3)(x), name="cross_mixing")


class NeighbourMean(layers.Layer):
    """Each node beside the mean of those it has an edge from: two, one or none."""

    EDGES = np.array([(0, 1), (0, 2), (1, 3), (3, 0), (3, 4)])

    def build(self, input_shape):
        shape = (int(input_shape[-1]), 5)
        self.weight = self.add_weight(name="weight", shape=shape)
        super().build(input_shape)

    def call(self, x):
        nodes = tf.transpose(x, (1, 0, 2))
        targets, sources = self.EDGES[:, 0], self.EDGES[:, 1]
        heard = tf.math.unsorted_segment_mean(tf.gather(nodes, sources), targets, 5)
        both = tf.concat([tf.matmul(nodes, self.weight), heard], axis=-1)
        return tf.transpose(both, (1, 0, 2))


def neighbour_mean():
    nodes = keras.Input((5, 4), name="nodes")
    x = NeighbourMean()(nodes)
    return keras.Model(nodes, layers.Dense(2)(x), name="neighbour_mean")
