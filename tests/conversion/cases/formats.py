"""data_format of every spatial layer, in whole models and mixed within one."""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()
FIRST, LAST = "channels_first", "channels_last"
# Size per axis, the channels beside: odd and even.
SIZES = (11, 8, 7)


def _shape(rank: int, data_format: str, channels: int = 6) -> tuple[int, ...]:
    sizes = SIZES[:rank]
    return (channels, *sizes) if data_format == FIRST else (*sizes, channels)


# Class → arguments that differ from row to row; {n} is the number of spatial axes.
SPATIAL: dict[str, list[dict[str, Any]]] = {
    "Conv{n}D": [
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"filters": 4, "kernel_size": 2, "activation": "softmax"},
        {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "groups": 2},
    ],
    "Conv{n}DTranspose": [
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"filters": 4, "kernel_size": 2, "strides": 3},
    ],
    "MaxPooling{n}D": [{"pool_size": 2}, {"pool_size": 3, "padding": "same"}],
    "AveragePooling{n}D": [{"pool_size": 2}, {"pool_size": 3, "padding": "same"}],
    "GlobalMaxPooling{n}D": [{}, {"keepdims": True}],
    "GlobalAveragePooling{n}D": [{}, {"keepdims": True}],
}
DEPTHWISE: dict[str, list[dict[str, Any]]] = {
    "DepthwiseConv{n}D": [
        {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2}
    ],
    "SeparableConv{n}D": [
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"filters": 5, "kernel_size": 2, "depth_multiplier": 2, "activation": "relu"},
    ],
}
PLANAR: dict[str, list[dict[str, Any]]] = {
    "SpatialDropout2D": [{"rate": 0.3}],
    "SpatialDropout3D": [{"rate": 0.3}],
    "UpSampling2D": [{"size": (2, 3)}, {"interpolation": "bilinear"}],
    "UpSampling3D": [{"size": 2}],
    "ZeroPadding2D": [{"padding": ((1, 2), (0, 3))}],
    "ZeroPadding3D": [{"padding": (1, 2, 0)}],
    "Cropping2D": [{"cropping": ((1, 2), (0, 3))}],
    "Cropping3D": [{"cropping": (1, 2, 0)}],
}


def _side_by_side(rank: int, data_format: str) -> Any:
    """Return the builder of all layers of a rank, each on the same input."""

    def build(keras: Any) -> Any:
        layers = keras.layers
        inputs = keras.Input(_shape(rank, data_format))
        found = []
        for kind, options in _rows(rank):
            x = getattr(layers, kind)(data_format=data_format, **options)(inputs)
            if len(x.shape) > 2:
                x = layers.Flatten(data_format=data_format)(x)
            found.append(layers.Dense(2)(x))
        return keras.Model(inputs, layers.Concatenate()(found))

    return build


def _rows(rank: int) -> Any:
    for table in (SPATIAL, DEPTHWISE if rank < 3 else {}, PLANAR):
        for name, rows in table.items():
            kind = name.format(n=rank)
            if kind.removesuffix("Transpose").endswith(f"{rank}D"):
                yield from ((kind, options) for options in rows)


for _rank in (1, 2, 3):
    for _format in (FIRST, LAST):
        TABLE.add(f"rank_{_rank}_{_format[9:]}", _side_by_side(_rank, _format))


def _whole(keras: Any, data_format: str, recurrent: bool = False) -> Any:
    """Return a residual CNN in a format; every layer that has one is told."""
    layers, axis = keras.layers, 1 if data_format == FIRST else -1
    told = {"data_format": data_format}
    inputs = keras.Input((3, 16, 14) if data_format == FIRST else (16, 14, 3))
    x = layers.ZeroPadding2D(1, **told)(inputs)
    x = layers.Conv2D(8, 3, strides=2, **told)(x)
    x = layers.BatchNormalization(axis=axis)(x)
    x = y = layers.PReLU(shared_axes=[2, 3] if data_format == FIRST else [1, 2])(x)
    y = layers.SeparableConv2D(8, 3, padding="same", **told)(y)
    y = layers.LayerNormalization(axis=axis)(y)
    y = layers.SpatialDropout2D(0.2, **told)(y)
    gate = layers.GlobalAveragePooling2D(keepdims=True, **told)(y)
    gate = layers.Conv2D(8, 1, activation="sigmoid", **told)(gate)
    x = layers.Add()([x, layers.Multiply()([y, gate])])
    x = layers.Concatenate(axis=axis)([x, layers.MaxPooling2D(1, **told)(x)])
    x = layers.Softmax(axis=axis)(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", **told)(x)
    x = layers.Cropping2D(1, **told)(x)
    x = layers.UpSampling2D(2, **told)(x)
    x = layers.AveragePooling2D(2, **told)(x)
    if recurrent:
        x = layers.Reshape((4, -1))(x)
        x = layers.GRU(5)(x)
        return keras.Model(inputs, layers.Dense(2)(x))
    x = layers.Flatten(**told)(x)
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(x))


for _format in (FIRST, LAST):
    for _recurrent in (False, True):
        TABLE.add(
            f"whole_{_format[9:]}" + ("_recurrent" if _recurrent else ""),
            lambda keras, f=_format, r=_recurrent: _whole(keras, f, r),
        )


@TABLE.model()
def image_data_format_first(keras: Any) -> Any:
    """The format is the session's default; no layer is told."""
    layers = keras.layers
    keras.backend.set_image_data_format(FIRST)
    inputs = keras.Input((3, 15, 12))
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    x = layers.BatchNormalization(axis=1)(x)
    x = layers.MaxPooling2D()(x)
    x = layers.DepthwiseConv2D(3)(x)
    x = layers.Flatten()(x)
    made = keras.Model(inputs, layers.Dense(3)(x))
    keras.backend.set_image_data_format(LAST)
    return made


@TABLE.model()
def permuted_between(keras: Any) -> Any:
    """Channels first and last in one model, a Permute between."""
    layers = keras.layers
    inputs = keras.Input((10, 9, 3))
    x = layers.Conv2D(5, 3, activation="relu")(inputs)
    x = layers.Permute((3, 1, 2))(x)
    x = layers.Conv2D(4, 3, data_format=FIRST)(x)
    x = layers.BatchNormalization(axis=1)(x)
    x = layers.Permute((2, 3, 1))(x)
    x = layers.Conv2D(3, 2)(x)
    return keras.Model(inputs, layers.GlobalMaxPooling2D()(x))


@TABLE.model()
def read_in_both(keras: Any) -> Any:
    """One tensor that a channels-first and a channels-last layer read, as it is."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 8))
    first = layers.Conv2D(4, 3, data_format=FIRST, padding="same")(inputs)
    last = layers.Conv2D(8, 3, data_format=LAST, padding="same")(inputs)
    first = layers.GlobalAveragePooling2D(data_format=FIRST)(first)
    last = layers.GlobalAveragePooling2D(data_format=LAST)(last)
    flat = layers.Flatten(data_format=FIRST)(inputs)
    flat = layers.Dense(4)(flat)
    return keras.Model(inputs, layers.Concatenate()([first, last, flat]))


@TABLE.model()
def normalized_over_others(keras: Any) -> Any:
    """Normalization and softmax over axes that are no channels."""
    layers = keras.layers
    inputs = keras.Input((6, 5, 4))
    x = layers.Conv2D(3, 1)(inputs)
    x = layers.BatchNormalization(axis=1)(x)
    x = layers.LayerNormalization(axis=[1, 2])(x)
    x = layers.BatchNormalization(axis=2)(x)
    x = layers.Softmax(axis=[1, 2])(x)
    x = layers.GroupNormalization(groups=2, axis=1)(x)
    return keras.Model(inputs, layers.UnitNormalization(axis=(1, 3))(x))


@TABLE.model()
def convolved_in_time(keras: Any) -> Any:
    """ConvLSTM1D, 2D and TimeDistributed convolutions, channels first."""
    layers = keras.layers
    inputs = keras.Input((4, 3, 7, 6))
    x = layers.TimeDistributed(layers.Conv2D(4, 3, data_format=FIRST))(inputs)
    x = layers.ConvLSTM2D(3, 2, data_format=FIRST, return_sequences=True)(x)
    x = layers.TimeDistributed(layers.GlobalMaxPooling2D(data_format=FIRST))(x)
    return keras.Model(inputs, layers.LSTM(4)(x))


@TABLE.model("keras")
def resized_first(keras: Any) -> Any:
    """Preprocessing that has a data_format."""
    layers = keras.layers
    inputs = keras.Input((3, 12, 10))
    x = layers.Resizing(8, 9, data_format=FIRST)(inputs)
    x = layers.CenterCrop(6, 5, data_format=FIRST)(x)
    x = layers.RandomFlip(data_format=FIRST)(x)
    return keras.Model(inputs, layers.Conv2D(4, 3, data_format=FIRST)(x))
