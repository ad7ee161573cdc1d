"""What each operation of Keras becomes, by its class name in Keras 3.

A rule is a function of the call and of what the operation takes, by Keras' own names
and defaults. Names that Keras does not have are of functions of TensorFlow that compute
something else (:mod:`keras2torch.reading.tensorflow_names`).
"""

from keras2torch.reading.operation_calls import Rule
from keras2torch.reading.rules import (
    activations,
    arithmetic,
    diagonals,
    images,
    indexing,
    joining,
    kernels,
    linear,
    networks,
    reductions,
    shaping,
    tensorflow,
    unary,
)

RULES: dict[str, Rule] = {
    **activations.RULES,
    **arithmetic.RULES,
    **diagonals.RULES,
    **images.RULES,
    **indexing.RULES,
    **joining.RULES,
    **kernels.RULES,
    **linear.RULES,
    **networks.RULES,
    **reductions.RULES,
    **shaping.RULES,
    **tensorflow.RULES,
    **unary.RULES,
}

__all__ = ["RULES"]
