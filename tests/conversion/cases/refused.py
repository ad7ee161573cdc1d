"""Arguments without a rule: each is an error that names it, and no guess."""

from __future__ import annotations

from typing import Any

from conversion.cases import Table

TABLE = Table()


def _refused(name: str, make: Any, shape: Any, *only: str) -> None:
    def build(keras: Any) -> Any:
        inputs = keras.Input(shape)
        return keras.Model(inputs, make(keras)(inputs))

    TABLE.add(name, build, *only)


IMAGE = (6, 5, 4)
_refused(
    "virtual_batch_size",
    lambda k: k.layers.BatchNormalization(virtual_batch_size=2),
    IMAGE,
    "tf_keras",
)
_refused(
    "axes",
    lambda k: k.layers.BatchNormalization(axis=[1, 3]),
    IMAGE,
    "tf_keras",
)


@TABLE.model("keras")
def quantized(keras: Any) -> Any:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    model.quantize("int8")
    return model


@TABLE.model("keras")
def policies_of_parts(keras: Any) -> Any:
    kinds = keras.dtype_policies
    query = kinds.DTypePolicy("mixed_bfloat16")
    policies = kinds.DTypePolicyMap("float32", {"attention/query": query})
    inputs = keras.Input((5, 8))
    attention = keras.layers.MultiHeadAttention(2, 4, name="attention", dtype=policies)
    return keras.Model(inputs, attention(inputs, inputs))


@TABLE.model("keras")
def lora(keras: Any) -> Any:
    """In .keras the kernel has what LoRA adds."""
    inputs = keras.Input((6,))
    layer = keras.layers.Dense(4, lora_rank=2)
    return keras.Model(inputs, layer(inputs))


@TABLE.model("tf_keras")
def ragged(keras: Any) -> Any:
    inputs = keras.Input((None, 3), ragged=True)
    return keras.Model(inputs, keras.layers.Dense(4)(inputs))
