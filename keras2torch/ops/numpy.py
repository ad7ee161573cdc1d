"""``keras.ops.numpy``: what numpy has, on tensors.

Source: ``keras/src/ops/numpy.py`` (3.15).
"""

from keras2torch.ops.arithmetic import (
    abs,
    absolute,
    add,
    divide,
    equal,
    floor_divide,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    mod,
    multiply,
    negative,
    not_equal,
    power,
    subtract,
    true_divide,
)
from keras2torch.ops.products import (
    matmul,
)
from keras2torch.ops.shaping import (
    get_item,
    reshape,
    round,
    squeeze,
)

__all__ = [
    "abs",
    "absolute",
    "add",
    "divide",
    "equal",
    "floor_divide",
    "get_item",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "mod",
    "multiply",
    "negative",
    "not_equal",
    "power",
    "reshape",
    "round",
    "squeeze",
    "subtract",
    "true_divide",
]
