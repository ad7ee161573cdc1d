"""LSTMs over images, cells, and two directions that differ."""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()
ROWS, VIDEO = (5, 3), (5, 6, 7, 2)


def states(keras: Any, *sizes: int) -> list[Any]:
    return [keras.Input((n,)) for n in sizes]


@TABLE.model()
def cell(keras: Any) -> Any:
    x, h, c = states(keras, 3, 6, 6)
    out, (_, carry) = keras.layers.LSTMCell(6)(x, [h, c])
    return keras.Model([x, h, c], [out, carry])


@TABLE.model()
def cells(keras: Any) -> Any:
    layers = keras.layers
    x, h, c, g = states(keras, 3, 6, 6, 4)
    stack = layers.StackedRNNCells([layers.LSTMCell(6), layers.GRUCell(4)])
    out, made = stack(x, [[h, c], [g]])
    return keras.Model([x, h, c, g], [out, made[0][1]])


@TABLE.model()
def list_of_cells(keras: Any) -> Any:
    layers = keras.layers
    made = [layers.LSTMCell(4, dropout=0.2), layers.GRUCell(2)]
    x = keras.Input(ROWS)
    y = layers.RNN(made, return_sequences=True, go_backwards=True)(x)
    return keras.Model(x, y)


@TABLE.model()
def unlike_directions(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input(ROWS)
    back = layers.GRU(3, go_backwards=True, return_sequences=True)
    both = layers.Bidirectional(
        layers.LSTM(4, return_sequences=True), backward_layer=back
    )
    return keras.Model(x, both(layers.Masking()(x)))


@TABLE.model()
def stacked_directions(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input(ROWS)
    inside = layers.RNN([layers.LSTMCell(4), layers.GRUCell(2)])
    return keras.Model(x, layers.Bidirectional(inside, merge_mode="mul")(x))


@TABLE.model("tf_keras")
def backwards_first(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input(ROWS)
    inside = layers.LSTM(4, return_sequences=True, go_backwards=True)
    return keras.Model(x, layers.Bidirectional(inside)(x))


def video(keras: Any, x: Any) -> Any:
    layers = keras.layers
    y = layers.ConvLSTM2D(3, 3, return_sequences=True, dropout=0.2)(x)
    y = layers.BatchNormalization()(y)
    y = layers.Dropout(0.1)(y)
    y = layers.ConvLSTM2D(2, 2, return_sequences=True, go_backwards=True)(y)
    return keras.Model(x, layers.Conv3D(2, 2)(y))


@TABLE.model()
def frames(keras: Any) -> Any:
    return video(keras, keras.Input(VIDEO))


@TABLE.model("tf_keras")
def frames_of_any_size(keras: Any) -> Any:
    return video(keras, keras.Input((None, None, None, 2)))


@TABLE.model()
def frames_to_frames(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input(VIDEO)
    _, h, c = layers.ConvLSTM2D(3, 3, padding="same", return_state=True)(x)
    decoder = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)
    return keras.Model(x, decoder(x, initial_state=[h, c]))


@TABLE.model()
def frames_both_ways(keras: Any) -> Any:
    layers = keras.layers
    inside = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)
    return keras.Sequential(
        [
            keras.Input((5, 84)),
            layers.Masking(),
            layers.Reshape(VIDEO),
            layers.Bidirectional(inside),
        ]
    )


@TABLE.model()
def frames_kept(keras: Any) -> Any:
    layer = keras.layers.ConvLSTM2D(3, 3, stateful=True)
    return keras.Sequential([keras.Input(batch_shape=(2, *VIDEO)), layer])


@TABLE.model()
def rows_of_rows(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input(VIDEO)
    return keras.Model(x, layers.TimeDistributed(layers.ConvLSTM1D(3, 2))(x))


@TABLE.model()
def volumes(keras: Any) -> Any:
    layer = keras.layers.ConvLSTM3D(2, 2, strides=2, padding="same")
    return keras.Sequential([keras.Input((3, 4, 5, 6, 2)), layer])


@TABLE.model()
def stacks_of_one(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input(ROWS)
    y = layers.RNN([layers.GRUCell(4)], return_sequences=True)(x)
    inside = layers.RNN(layers.StackedRNNCells([layers.LSTMCell(3)]))
    return keras.Model(x, [y, layers.Bidirectional(inside)(y)])


@TABLE.model()
def masks_on_their_way(keras: Any) -> Any:
    """What hands a mask on depends on the Keras."""
    layers = keras.layers
    x = keras.Input(ROWS)
    y = layers.Masking()(x)
    through = [
        layers.Identity(),
        layers.Rescaling(0.5),
        layers.Normalization(mean=[0.5, 0.0, -0.5], variance=[2.0, 1.0, 0.5]),
    ]
    return keras.Model(x, [layers.LSTM(2)(layer(y)) for layer in through])


@TABLE.model("keras")
def masks_under_spectral_norm(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input(ROWS)
    y = layers.SpectralNormalization(layers.Dense(3))(layers.Masking()(x))
    z = layers.SpectralNormalization(layers.Conv1D(3, 1))(layers.Masking()(x))
    return keras.Model(x, [layers.LSTM(2)(y), layers.LSTM(2)(z)])


@TABLE.model("keras")
def one_mask_is_named(keras: Any) -> Any:
    """The query's mask is given and the value's comes with it."""
    layers = keras.layers
    x, z = keras.Input(ROWS), keras.Input((4, 3))
    steps = keras.Input((5,), dtype="bool")
    y = layers.GroupQueryAttention(2, 2, 1)(x, layers.Masking()(z), query_mask=steps)
    w = layers.MultiHeadAttention(2, 2)(x, layers.Masking()(z), query_mask=steps)
    return keras.Model([x, z, steps], [y, w])
