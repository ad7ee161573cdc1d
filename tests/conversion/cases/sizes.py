"""Sizes that the file leaves open, and fixed batches."""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()


@TABLE.model()
def strided_same(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = layers.SeparableConv2D(5, 2, strides=3, padding="same")(x)
    x = layers.AveragePooling2D(2, strides=2, padding="same")(x)
    return keras.Model(inputs, [x, layers.GlobalAveragePooling2D()(x)])


@TABLE.model()
def one_size_known(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((None, 14, 3))
    x = layers.Conv2D(4, (3, 2), strides=2, padding="same")(inputs)
    x = layers.MaxPooling2D((1, 2))(x)
    x = layers.Reshape((-1, 3 * 4))(x)
    return keras.Model(inputs, layers.LSTM(5)(x))


@TABLE.model()
def volume(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((None, None, None, 1))
    x = layers.Conv3D(3, 3, strides=2, padding="same")(inputs)
    x = layers.MaxPooling3D(2, padding="same")(x)
    x = layers.Conv3DTranspose(3, 3, strides=2, padding="same")(x)
    x = layers.UpSampling3D(2)(x)
    x = layers.ZeroPadding3D(1)(x)
    x = layers.Cropping3D(1)(x)
    return keras.Model(inputs, layers.GlobalMaxPooling3D()(x))


def _unet(keras: Any, up: str) -> Any:
    layers = keras.layers
    inputs = keras.Input((None, None, 2))
    x, skips = inputs, []
    for filters in (4, 6):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(x)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    for skip in reversed(skips):
        if up == "transposed":
            x = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(x)
        else:
            x = layers.UpSampling2D(2, interpolation=up)(x)
        x = layers.Concatenate()([x, skip])
        x = layers.Conv2D(4, 2, padding="same", activation="relu")(x)
    # TensorFlow rounds what it interpolates to float32, also in float64: a softmax,
    # of which much cancels, would show that in its gradients.
    last = "sigmoid" if up == "bilinear" else "softmax"
    return keras.Model(inputs, layers.Conv2D(2, 1, activation=last)(x))


for _up in ("transposed", "nearest", "bilinear"):
    TABLE.add(f"unet_{_up}", lambda keras, up=_up: _unet(keras, up))


@TABLE.model()
def padded_and_cropped(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.ZeroPadding2D(((1, 2), (3, 0)))(inputs)
    x = layers.Conv2DTranspose(4, 2, strides=3)(x)
    x = layers.Cropping2D(((2, 1), (0, 3)))(x)
    x = layers.Permute((2, 1, 3))(x)
    x = layers.SpatialDropout2D(0.1)(x)
    return keras.Model(inputs, layers.GlobalMaxPooling2D(keepdims=True)(x))


@TABLE.model()
def attention_over_pixels(keras: Any) -> Any:
    """Dot and attention over H·W, which nobody knows beforehand."""
    layers = keras.layers
    inputs = keras.Input((None, None, 8))
    x = layers.Reshape((-1, 8))(inputs)
    scores = layers.Softmax()(layers.Dot(axes=2)([x, x]))
    y = layers.Dot(axes=(2, 1))([scores, x])
    y = layers.Add()([x, y])
    z = layers.MultiHeadAttention(2, 4)(y, y)
    z = layers.Attention()([z, y])
    return keras.Model(inputs, [y, layers.GlobalAveragePooling1D()(z)])


@TABLE.model()
def pixels_to_sequence(keras: Any) -> Any:
    """The OCR idiom: columns of an image become steps."""
    layers = keras.layers
    inputs = keras.Input((None, 16, 1), name="image")
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = layers.TimeDistributed(layers.Flatten())(x)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


@TABLE.model()
def signal(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((None, 4))
    x = layers.Conv1D(6, 5, strides=2, padding="same")(inputs)
    x = layers.Conv1D(6, 3, padding="causal", dilation_rate=2)(x)
    x = layers.ZeroPadding1D((1, 2))(x)
    x = layers.MaxPooling1D(3, strides=2, padding="same")(x)
    x = layers.UpSampling1D(2)(x)
    x = layers.Cropping1D((1, 0))(x)
    x = layers.Conv1DTranspose(4, 3, strides=2, padding="same")(x)
    y = layers.GRU(3, return_sequences=True)(x)
    x = layers.Concatenate()([x, y])
    return keras.Model(inputs, [x, layers.GlobalMaxPooling1D()(x)])


@TABLE.model("keras")
def frames_apart(keras: Any) -> Any:
    """Time and image sizes open."""
    layers = keras.layers
    inputs = keras.Input((None, None, None, 2))
    x = layers.TimeDistributed(layers.Conv2D(3, 3, strides=2, padding="same"))(inputs)
    x = layers.Conv3D(3, 3, padding="same")(x)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    return keras.Model(inputs, layers.LSTM(3)(x))


@TABLE.model("tf_keras")
def frames(keras: Any) -> Any:
    """Time and image sizes open; Keras 3's ConvLSTM wants to know the latter."""
    layers = keras.layers
    inputs = keras.Input((None, None, None, 2))
    x = layers.TimeDistributed(layers.Conv2D(3, 3, strides=2, padding="same"))(inputs)
    x = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)(x)
    x = layers.Conv3D(3, 3, padding="same")(x)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    return keras.Model(inputs, layers.LSTM(3)(x))


@TABLE.model()
def fixed_batch(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input(batch_shape=(3, 6, 5, 2))
    x = layers.Conv2D(3, 2)(inputs)
    x = layers.Reshape((-1, 3))(x)
    return keras.Model(inputs, layers.GRU(3)(x))


@TABLE.model()
def stateful(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input(batch_shape=(2, 5, 4))
    x = layers.LSTM(4, stateful=True, return_sequences=True)(inputs)
    x = layers.GRU(3, stateful=True, return_sequences=True)(x)
    return keras.Model(inputs, layers.SimpleRNN(3, stateful=True)(x))


@TABLE.model()
def stateful_open_time(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input(batch_shape=(2, None, 4))
    return keras.Model(inputs, layers.LSTM(4, stateful=True)(inputs))


@TABLE.model()
def every_size_open(keras: Any) -> Any:
    """Only the rank is known, as in an element-wise model."""
    layers = keras.layers
    left, right = keras.Input((None, None)), keras.Input((None, None))
    x = layers.Add()([left, layers.ReLU()(right)])
    x = layers.Permute((2, 1))(x)
    return keras.Model([left, right], layers.Dot(axes=1)([x, layers.Softmax()(x)]))


@TABLE.model()
def shared_over_sizes(keras: Any) -> Any:
    """A fully convolutional body, called on an open and on a known size."""
    layers = keras.layers
    inner = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(inner)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    body = keras.Model(inner, layers.GlobalAveragePooling2D()(x), name="body")
    one, two = keras.Input((17, 14, 3)), keras.Input((None, None, 3))
    return keras.Model([one, two], layers.Subtract()([body(one), body(two)]))
