"""Where the configs of Keras 3.15's layers differ from their definitions' fields.

Measured: ``tests/saving/test_configs.py`` compares every layer's config with Keras'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from keras2torch.layers.audio import MelSpectrogram
from keras2torch.layers.augmentation_base import ImageLayer
from keras2torch.layers.definitions import REGISTRY

_SAYS_ACTIVITY = (
    "Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose "
    "ConvLSTM1D ConvLSTM2D ConvLSTM3D DepthwiseConv1D "
    "DepthwiseConv2D EinsumDense Embedding GRU GroupQueryAttention LSTM "
    "MultiHeadAttention SeparableConv1D SeparableConv2D SimpleRNN".split()
)

# What stands in a config though nobody may have given it.
EXTRA: dict[str, dict[str, Any]] = {
    kind: {"activity_regularizer": None} for kind in _SAYS_ACTIVITY
}
EXTRA["Dense"] = {"quantization_config": None}
EXTRA["EinsumDense"] |= {"quantization_config": None}
EXTRA["Embedding"] |= {"quantization_config": None}
EXTRA["MaxNumBoundingBoxes"] = {"data_format": "channels_last"}
EXTRA["ReversibleEmbedding"] = EXTRA["Embedding"]
EXTRA["StringLookup"] = {"oov_method": "floormod"}

# Arguments that Keras does not write down.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "ActivityRegularization": ("activity_regularizer",),
    "AdditiveAttention": ("score_mode",),
    "CategoryEncoding": ("sparse",),
    "Discretization": ("trainable",),
    "GRU": ("use_cudnn",),
    "GroupQueryAttention": ("flash_attention",),
    "HashedCrossing": ("trainable",),
    "LSTM": ("use_cudnn",),
    "MaxNumBoundingBoxes": ("fill_value",),
    "RandomGrayscale": ("seed",),
    "MultiHeadAttention": ("flash_attention",),
    "SimpleRNN": ("seed",),
    "SpatialDropout1D": ("trainable",),
    "SpatialDropout2D": ("trainable",),
    "SpatialDropout3D": ("trainable",),
}
# Built from the start, so that their configs say no shape.
BUILT_AT_ONCE = frozenset(
    "Activation ActivityRegularization AlphaDropout AveragePooling1D AveragePooling2D "
    "AveragePooling3D Dropout ELU GaussianDropout GaussianNoise "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
    "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D Identity LeakyReLU "
    "Masking MaxPooling1D MaxPooling2D MaxPooling3D ReLU Reshape Softmax "
    "SpatialDropout1D SpatialDropout2D SpatialDropout3D UnitNormalization".split()
)
# Built for no shape: their configs say an empty one.
BUILT_FOR_NOTHING = frozenset({"IntegerLookup", "StringLookup"})
# Their dtype is a name, not a policy.
PLAIN_DTYPE = frozenset(
    "Discretization HashedCrossing SpatialDropout1D SpatialDropout2D "
    "SpatialDropout3D".split()
)

_PER_AXIS = frozenset("kernel_size strides dilation_rate pool_size output_size".split())
_ENDS = re.compile(r"(ZeroPadding|Cropping)(\d)D")


def stated(kind: str, key: str, fields: Mapping[str, Any]) -> Any:
    """Return an argument as Keras keeps it: a size for each axis, defaults filled in.

    Parameters
    ----------
    kind
        The layer's class.
    key
        The argument.
    fields
        All arguments as they were given.
    """
    value = fields[key]
    cls = REGISTRY.get(kind)
    if cls is not None and issubclass(cls, (ImageLayer, MelSpectrogram)):
        # Bounds for one number, a range in order.
        kept = cls(**fields).kept()
        if key in kept:
            return kept[key]
    found = re.search(r"(\d)D", kind)
    rank = int(found[1]) if found else 0
    if key == "data_format":
        return value or "channels_last"
    if key == "strides" and value is None and "pool_size" in fields:
        return stated(kind, "pool_size", fields)
    if key == "value_dim" and value is None:
        return fields["key_dim"]
    if (
        kind == "Normalization"
        and key == "axis"
        and not isinstance(value, (list, tuple))
    ):
        return [] if value is None else [value]
    listed = (("MultiHeadAttention", "output_shape"), ("EinsumDense", "output_shape"))
    if (kind, key) in (*listed, ("MultiHeadAttention", "attention_axes")):
        return [value] if isinstance(value, int) else value
    if key == "padding" and isinstance(value, str):
        return value.lower()
    each = key in _PER_AXIS or (key == "size" and rank > 1) or key == "output_padding"
    if each and rank and isinstance(value, int):
        return [value] * rank
    if key in ("padding", "cropping") and (ends := _ENDS.fullmatch(kind)):
        return _both_ends(value, int(ends[2]))
    return value


def _both_ends(value: Any, rank: int) -> Any:
    if isinstance(value, int):
        value = [value] * (rank if rank > 1 else 2)
    if rank == 1:
        return list(value)
    return [[v, v] if isinstance(v, int) else list(v) for v in value]
