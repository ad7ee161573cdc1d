"""trainable=False at every level."""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()


def _block(keras: Any, name: str, channels: int = 4) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((8, 8, channels)),
            layers.Conv2D(4, 3, padding="same", name=f"{name}_conv"),
            layers.BatchNormalization(name=f"{name}_norm"),
            layers.ReLU(name=f"{name}_relu"),
        ],
        name=name,
    )


@TABLE.model()
def one_layer(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(5, trainable=False)(inputs)
    x = layers.BatchNormalization(trainable=False)(x)
    x = layers.BatchNormalization()(x)
    return keras.Model(inputs, layers.Dense(3)(x))


@TABLE.model()
def whole_model(keras: Any) -> Any:
    inputs = keras.Input((8, 8, 3))
    x = _block(keras, "block", 3)(inputs)
    made = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(x))
    made.trainable = False
    return made


@TABLE.model()
def whole_model_with_mask(keras: Any) -> Any:
    """The mask's operations are layers of Keras 3's model, and have no flag."""
    layers = keras.layers
    inputs = keras.Input((5, 3))
    x = layers.Activation("tanh")(layers.Masking()(inputs))
    made = keras.Model(inputs, layers.LSTM(4)(x))
    made.trainable = False
    return made


@TABLE.model("keras")
def under_spectral_norm(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    still = layers.Conv2D(4, 3, trainable=False)
    x = layers.SpectralNormalization(still)(inputs)
    x = layers.Flatten()(layers.SpectralNormalization(layers.Conv2D(2, 3))(x))
    return keras.Model(inputs, layers.Dense(2)(x))


@TABLE.model()
def nested_base(keras: Any) -> Any:
    layers = keras.layers
    base = _block(keras, "base", 3)
    base.trainable = False
    inputs = keras.Input((8, 8, 3))
    x = _block(keras, "head")(base(inputs))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))


@TABLE.model()
def unfrozen_top_of_base(keras: Any) -> Any:
    """The fine-tuning idiom: unfreeze a base, freeze its first layers and norms."""
    layers = keras.layers
    base = _block(keras, "base", 3)
    base.trainable = True
    for layer in base.layers[:-1]:
        layer.trainable = layer.name.endswith("conv")
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(base(inputs))
    return keras.Model(inputs, layers.Dense(2)(x))


@TABLE.model()
def thawed_inside_frozen(keras: Any) -> Any:
    """A layer set trainable after its model was frozen."""
    layers = keras.layers
    base = _block(keras, "base", 3)
    base.trainable = False
    base.get_layer("base_conv").trainable = True
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(base(inputs))
    return keras.Model(inputs, layers.Dense(2)(x))


@TABLE.model()
def frozen_twice_nested(keras: Any) -> Any:
    layers = keras.layers
    inner = _block(keras, "inner", 3)
    middle = keras.Sequential(
        [layers.Input((8, 8, 3)), inner, _block(keras, "second")], name="middle"
    )
    inner.trainable = False
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(middle(inputs))
    return keras.Model(inputs, layers.Dense(2)(x))


@TABLE.model()
def in_wrappers(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((5, 4))
    x = layers.TimeDistributed(layers.Dense(4, trainable=False))(inputs)
    x = layers.TimeDistributed(layers.Dense(4), trainable=False)(x)
    x = layers.Bidirectional(layers.LSTM(3, trainable=False, return_sequences=True))(x)
    x = layers.Bidirectional(
        layers.GRU(3, return_sequences=True),
        backward_layer=layers.GRU(
            3, return_sequences=True, go_backwards=True, trainable=False
        ),
    )(x)
    x = layers.Bidirectional(layers.GRU(3), trainable=False)(x)
    return keras.Model(inputs, layers.Dense(2)(x))


@TABLE.model()
def model_in_time(keras: Any) -> Any:
    """TimeDistributed of a model, frozen as a whole or in part."""
    layers = keras.layers
    whole, part = _block(keras, "whole", 3), _block(keras, "part", 4)
    whole.trainable = False
    part.get_layer("part_norm").trainable = False
    inputs = keras.Input((3, 8, 8, 3))
    x = layers.TimeDistributed(whole)(inputs)
    x = layers.TimeDistributed(part)(x)
    x = layers.TimeDistributed(layers.BatchNormalization(trainable=False))(x)
    x = layers.TimeDistributed(layers.GlobalMaxPooling2D())(x)
    return keras.Model(inputs, layers.LSTM(4)(x))


@TABLE.model()
def shared_and_frozen(keras: Any) -> Any:
    layers = keras.layers
    left, right = keras.Input((6,)), keras.Input((6,))
    dense = layers.Dense(4, trainable=False)
    norm = layers.BatchNormalization(trainable=False)
    x = layers.Concatenate()([norm(dense(left)), norm(dense(right))])
    return keras.Model([left, right], layers.Dense(2)(x))


@TABLE.model()
def every_kind(keras: Any) -> Any:
    """Frozen layers of other families."""
    layers, off = keras.layers, {"trainable": False}
    tokens = keras.Input((6,), dtype="int32")
    x = layers.Embedding(12, 8, **off)(tokens)
    x = layers.LayerNormalization(**off)(x)
    x = layers.MultiHeadAttention(2, 4, **off)(x, x)
    x = layers.Conv1D(6, 3, **off)(x)
    x = layers.SeparableConv1D(6, 2, **off)(x)
    x = layers.PReLU(alpha_initializer="uniform", **off)(x)
    x = layers.GRU(4, return_sequences=True, **off)(x)
    x = layers.LSTM(4, **off)(x)
    return keras.Model(tokens, layers.Dense(2)(x))


@TABLE.model()
def first_frozen_in_wrappers(keras: Any) -> Any:
    """What is frozen comes before what trains; tf_keras lists it behind."""
    layers = keras.layers
    block = keras.Sequential([_block(keras, "one", 3), _block(keras, "two")], name="b")
    block.layers[0].get_layer("one_conv").trainable = False
    inputs = keras.Input((3, 8, 8, 3))
    x = layers.TimeDistributed(block)(inputs)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    frozen = layers.GRU(3, return_sequences=True, trainable=False)
    other = layers.GRU(3, return_sequences=True, go_backwards=True)
    x = layers.Bidirectional(frozen, backward_layer=other)(x)
    return keras.Model(inputs, layers.Dense(2)(x))


@TABLE.model()
def frozen_by_the_constructor(keras: Any) -> Any:
    """Keras 3 does not hand this flag on to the layers inside; Keras 2 does."""
    layers = keras.layers
    inner = keras.Sequential([layers.Input((4,)), layers.Dense(4)], name="inner")
    outer = keras.Sequential([layers.Input((4,)), layers.Dense(4), inner], name="outer")
    outer.trainable = False
    inner.layers[-1].trainable = True
    inputs = keras.Input((5, 4))
    x = layers.TimeDistributed(outer)(inputs)
    x = layers.RNN(layers.GRUCell(3), trainable=False, return_sequences=True)(x)
    x = layers.RNN(layers.LSTMCell(3, trainable=False), return_sequences=True)(x)
    x = layers.MultiHeadAttention(2, 3, trainable=False)(x, x)
    return keras.Model(inputs, layers.GRU(3, trainable=False)(x))


@TABLE.model()
def thawed_in_a_frozen_model(keras: Any) -> Any:
    """The model's own flag stops everything, whatever its layers say."""
    inputs = keras.Input((6,))
    made = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Dense(4)(inputs)))
    made.trainable = False
    made.layers[-1].trainable = True
    return made


@TABLE.model()
def thawed_in_a_frozen_stack(keras: Any) -> Any:
    """A Sequential's own flag is not in what Keras 3 saves."""
    layers = keras.layers
    made = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dense(3)])
    made.trainable = False
    made.layers[-1].trainable = True
    return made
