"""Dtype policies: global, per layer, mixed in one model, and every way to write one."""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()


def _cnn(keras: Any, inputs: Any, **last: Any) -> Any:
    layers = keras.layers
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.LayerNormalization()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(4, name="logits")(x)
    return keras.Model(inputs, layers.Activation("softmax", name="p", **last)(x))


def _under(policy: str) -> Any:
    """Return the builder of a small CNN, made under a global policy."""

    def build(keras: Any) -> Any:
        keras.mixed_precision.set_global_policy(policy)
        made = _cnn(keras, keras.Input((12, 13, 3)))
        keras.mixed_precision.set_global_policy("float32")
        return made

    return build


for _policy in ("mixed_float16", "mixed_bfloat16", "float64", "float16", "bfloat16"):
    TABLE.add(f"global_{_policy}", _under(_policy))


@TABLE.model()
def output_in_float32(keras: Any) -> Any:
    """The keras.io idiom: the last activation in float32."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    inputs = keras.Input((12, 13, 3))
    return _cnn(keras, inputs, dtype="float32")


@TABLE.model()
def sequence_in_bfloat16(keras: Any) -> Any:
    """Embedding, recurrence and attention under mixed_bfloat16."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    layers = keras.layers
    tokens = keras.Input((9,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True)(tokens)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.GRU(5)(x)
    return keras.Model(tokens, layers.Dense(3, dtype="float32")(x))


@TABLE.model()
def images_in_float16(keras: Any) -> Any:
    """Rescaling and adapted Normalization before mixed layers."""
    import numpy as np

    keras.mixed_precision.set_global_policy("mixed_float16")
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = layers.Normalization(mean=np.array([0.1, 0.2, 0.3]), variance=[1.0, 2.0, 3.0])(
        x
    )
    x = layers.SeparableConv2D(5, 3, activation="swish")(x)
    x = layers.GlobalMaxPooling2D()(x)
    return keras.Model(inputs, layers.Dense(2, activation="sigmoid")(x))


@TABLE.model()
def each_its_own(keras: Any) -> Any:
    """A policy for each layer, as names and objects."""
    layers, policy = keras.layers, keras.mixed_precision.Policy
    inputs = keras.Input((6,))
    x = layers.Dense(8, activation="tanh", dtype="float64")(inputs)
    x = layers.Dense(7, activation="relu", dtype=policy("mixed_bfloat16"))(x)
    x = layers.Dense(6, dtype=policy("float32"))(x)
    y = layers.Dense(6, dtype="float16")(inputs)
    x = layers.Add(dtype="float32")([x, y])
    return keras.Model(inputs, layers.Dense(3, dtype="bfloat16")(x))


@TABLE.model()
def double_inside(keras: Any) -> Any:
    """One float64 layer in a float32 model, and one model in another policy."""
    layers = keras.layers
    inner_in = keras.Input((5,), dtype="float64")
    inner = keras.Model(
        inner_in,
        layers.Dense(4, activation="tanh", dtype="float64")(inner_in),
        name="inner",
    )
    inputs = keras.Input((6,))
    x = layers.Dense(5, activation="sigmoid")(inputs)
    x = inner(x)
    x = layers.Dense(3, dtype="float64")(x)
    return keras.Model(inputs, layers.Dense(2)(x))


@TABLE.model()
def rounded_between(keras: Any) -> Any:
    """A float16 cast whose rounding cannot be overlooked: large sums, then a ratio."""
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Activation("exponential", dtype="float16")(inputs)
    x = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, layers.Dense(2)(x))


@TABLE.model("keras")
def policy_map(keras: Any) -> Any:
    """DTypePolicyMap on a layer that holds layers."""
    layers = keras.layers
    policies = keras.dtype_policies.DTypePolicyMap(
        default_policy=keras.dtype_policies.DTypePolicy("mixed_bfloat16")
    )
    inputs = keras.Input((5, 8))
    x = layers.MultiHeadAttention(2, 4, dtype=policies)(inputs, inputs)
    x = layers.Dense(3, dtype=policies)(x)
    return keras.Model(inputs, x)


@TABLE.model()
def wrapped(keras: Any) -> Any:
    """The policy of a layer within TimeDistributed and Bidirectional."""
    layers = keras.layers
    inputs = keras.Input((5, 8))
    x = layers.TimeDistributed(layers.Dense(6, dtype="mixed_bfloat16"))(inputs)
    x = layers.Bidirectional(layers.GRU(4, dtype="float64"), dtype="float64")(x)
    return keras.Model(inputs, layers.Dense(3)(x))


@TABLE.model()
def half_inputs(keras: Any) -> Any:
    """Inputs declared in other dtypes than the layers compute in."""
    layers = keras.layers
    half = keras.Input((4,), dtype="float16", name="half")
    double = keras.Input((4,), dtype="float64", name="double")
    whole = keras.Input((4,), dtype="uint8", name="whole")
    xs = [layers.Dense(3)(half), layers.Dense(3)(double), layers.Rescaling(0.1)(whole)]
    return keras.Model([half, double, whole], layers.Concatenate()(xs))


@TABLE.model()
def sequential_double(keras: Any) -> Any:
    layers = keras.layers
    keras.backend.set_floatx("float64")
    keras.mixed_precision.set_global_policy("float64")
    made = keras.Sequential(
        [
            layers.Input((10, 3)),
            layers.Conv1D(4, 3, activation="gelu"),
            layers.LSTM(5),
            layers.Dense(2),
        ]
    )
    keras.backend.set_floatx("float32")
    return made


@TABLE.model("keras")
def quantized_int8(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(8, activation="relu")(inputs)
    made = keras.Model(inputs, layers.Dense(3)(x))
    made.quantize("int8")
    return made


@TABLE.model("keras")
def cut_to_integers(keras: Any) -> Any:
    """Keras 3 casts what goes into a layer to whole numbers, if it is told so."""
    inputs = keras.Input((6,))
    return keras.Model(inputs, keras.layers.ReLU(dtype="int32")(inputs))
