"""Makes Keras models with random weights and statistics (runs in a Keras process).

Usage: ``python make_models.py FOLDER [NAME …]``: writes ``NAME.keras`` and ``NAME.h5``.
"""

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

MODELS = {}


def model(make):
    """Register a builder under its name."""
    MODELS[make.__name__] = make
    return make


@model
def cnn():
    """BatchNorm, Dropout, ``same`` with stride 2 on odd and even sizes, Flatten."""
    return keras.Sequential(
        [
            layers.Input((29, 22, 3)),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.Conv2D(12, (5, 2), strides=(2, 3), padding="same", use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.ReLU(),
            layers.MaxPooling2D(2, padding="same"),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(16, activation="relu", kernel_regularizer="l2"),
            layers.Dropout(0.5),
            layers.Dense(5, activation="softmax"),
        ],
        name="cnn",
    )


@model
def bilstm():
    """A text classifier with masked padding."""
    tokens = layers.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(50, 12, mask_zero=True)(tokens)
    x = layers.Bidirectional(layers.LSTM(7, return_sequences=True))(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Bidirectional(layers.LSTM(5))(x)
    x = layers.Dense(1, activation="sigmoid")(x)
    return keras.Model(tokens, x, name="text_classifier")


@model
def unet():
    """Skip connections around pooling and transposed convolutions."""

    def double(x, filters, name):
        for i in (1, 2):
            x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv{i}")(x)
            x = layers.BatchNormalization(name=f"{name}_bn{i}")(x)
            x = layers.Activation("relu", name=f"{name}_relu{i}")(x)
        return x

    image = layers.Input((32, 48, 1), name="image")
    down1 = double(image, 6, "down1")
    down2 = double(layers.MaxPooling2D()(down1), 8, "down2")
    x = double(layers.MaxPooling2D()(down2), 10, "bottom")
    x = layers.Conv2DTranspose(8, 2, strides=2, padding="same", name="up2")(x)
    x = double(layers.Concatenate(name="cat2")([x, down2]), 8, "fuse2")
    x = layers.Conv2DTranspose(6, 3, strides=2, padding="same", name="up1")(x)
    x = double(layers.Concatenate(name="cat1")([x, down1]), 6, "fuse1")
    x = layers.Conv2D(2, 1, activation="softmax", name="mask")(x)
    return keras.Model(image, x, name="unet")


@model
def siamese():
    """Two inputs through one shared sub-model."""
    image = layers.Input((20, 17, 1))
    x = layers.Conv2D(4, 3, activation="relu")(image)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(9, activation="tanh")(x)
    encoder = keras.Model(image, x, name="encoder")
    left = layers.Input((20, 17, 1), name="left")
    right = layers.Input((20, 17, 1), name="right")
    a, b = encoder(left), encoder(right)
    x = layers.Concatenate()([layers.Subtract()([a, b]), layers.Multiply()([a, b])])
    x = layers.Dense(1, activation="sigmoid")(x)
    return keras.Model([left, right], x, name="siamese")


@model
def transformer():
    """One encoder block."""
    x = inputs = layers.Input((11, 16), name="sequence")
    attended = layers.MultiHeadAttention(4, 4, name="attention")(x, x)
    attended = layers.Dropout(0.1)(attended)
    x = layers.LayerNormalization(epsilon=1e-6, name="norm1")(
        layers.Add()([x, attended])
    )
    h = layers.Dense(32, activation="gelu", name="feed1")(x)
    h = layers.Dense(16, name="feed2")(h)
    h = layers.Dropout(0.1)(h)
    x = layers.LayerNormalization(epsilon=1e-6, name="norm2")(layers.Add()([x, h]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(3)(x), name="transformer")


@model
def seq2seq():
    """Encoder states into a decoder; several outputs."""
    source = layers.Input((None, 6), name="source")
    target = layers.Input((None, 4), name="target")
    _, h, c = layers.LSTM(8, return_state=True, name="encoder")(source)
    decoded, _, _ = layers.LSTM(
        8, return_sequences=True, return_state=True, name="decoder"
    )(target, initial_state=[h, c])
    tokens = layers.TimeDistributed(layers.Dense(4, activation="softmax"))(decoded)
    gru = layers.GRU(5, reset_after=False, go_backwards=True, name="gru")(decoded)
    return keras.Model([source, target], [tokens, gru], name="seq2seq")


@model
def frozen():
    """A frozen base model with BatchNorm inside, nested twice."""
    base = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.SeparableConv2D(6, 3, padding="same", strides=2),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6.0),
        ],
        name="base",
    )
    base.trainable = False
    head = keras.Sequential(
        [
            layers.Input((8, 8, 6)),
            layers.DepthwiseConv2D(3),
            layers.GlobalMaxPooling2D(),
        ],
        name="head",
    )
    image = layers.Input((16, 16, 3))
    whole = keras.Sequential([layers.Input((16, 16, 3)), base, head], name="whole")
    return keras.Model(image, layers.Dense(2)(whole(image)), name="transfer")


@model
def squeeze_excite():
    """Broadcasting between an image and one value per channel."""
    image = layers.Input((None, None, 4))
    x = layers.Conv2D(8, 3, padding="same", strides=2)(image)
    s = layers.GlobalAveragePooling2D()(x)
    s = layers.Reshape((1, 1, 8))(s)
    s = layers.Conv2D(2, 1, activation="swish")(s)
    s = layers.Conv2D(8, 1, activation="hard_sigmoid")(s)
    x = layers.Multiply()([x, s])
    x = layers.PReLU(shared_axes=[1, 2])(x)
    return keras.Model(image, layers.GlobalAveragePooling2D(keepdims=True)(x))


@model
def shared_sizes():
    """Shared layers on two image sizes, and a Dense on a Flatten and on an input."""
    left = layers.Input((7, 7, 3), name="left")
    right = layers.Input((8, 9, 3), name="right")
    flat = layers.Input((32,), name="flat")
    conv = layers.Conv2D(2, 3, strides=2, padding="same", name="conv")
    norm = layers.BatchNormalization(name="norm")
    pool = layers.MaxPooling2D(3, strides=2, padding="same", name="pool")
    mean = layers.GlobalAveragePooling2D(name="mean")
    dense = layers.Dense(4, name="dense")
    outputs = [mean(pool(norm(conv(image)))) for image in (left, right)]
    outputs += [dense(layers.Flatten()(norm(conv(left)))), dense(flat)]
    return keras.Model([left, right, flat], outputs, name="shared_sizes")


@model
def conv1d_mixed():
    """Conv1D in and out of recurrent layers, causal and dilated."""
    x = series = layers.Input((40, 3))
    x = layers.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    x = layers.SpatialDropout1D(0.2)(x)
    x = layers.MaxPooling1D(3, strides=2, padding="same")(x)
    x = layers.GRU(5, return_sequences=True)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv1D(4, 2, strides=2)(x)
    x = layers.Flatten()(x)
    return keras.Model(series, layers.Dense(2)(x))


def randomize(made, seed=0):
    """Give every weight random values; variances and scales stay positive."""
    rng = np.random.default_rng(seed)
    for layer in made._flatten_layers():
        if layer.weights and not getattr(layer, "layers", None):
            for w in layer.weights:
                if w.path in done or "seed" in w.name:
                    continue
                done.add(w.path)
                if "variance" in w.name or "gamma" in w.name:
                    value = rng.uniform(0.5, 1.5, w.shape)
                else:
                    value = rng.normal(0, 0.3, w.shape)
                w.assign(value.astype(w.dtype))


done = set()


def main():
    """Write the models."""
    folder = Path(sys.argv[1])
    for name in sys.argv[2:] or MODELS:
        keras.utils.clear_session()
        made = MODELS[name]()
        done.clear()
        randomize(made)
        made.compile("adam", "mse")
        made.save(folder / f"{name}.keras")
        made.save(folder / f"{name}.h5")


if __name__ == "__main__":
    main()
