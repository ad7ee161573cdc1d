"""Where the configs of Keras 3.15's layers differ from their definitions' fields.

Measured: ``tests/saving/test_configs.py`` compares every layer's config with Keras'.
"""

from __future__ import annotations

from typing import Any

_SAYS_ACTIVITY = (
    "Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose "
    "DepthwiseConv1D DepthwiseConv2D Embedding GRU LSTM MultiHeadAttention "
    "SeparableConv1D SeparableConv2D SimpleRNN".split()
)

# What stands in a config though nobody may have given it.
EXTRA: dict[str, dict[str, Any]] = {
    kind: {"activity_regularizer": None} for kind in _SAYS_ACTIVITY
}
EXTRA["Dense"] = {"quantization_config": None}
EXTRA["Embedding"] |= {"quantization_config": None}

# Arguments that Keras does not write down.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "ActivityRegularization": ("activity_regularizer",),
    "AdditiveAttention": ("score_mode",),
    "GRU": ("use_cudnn",),
    "LSTM": ("use_cudnn",),
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
    "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D LeakyReLU Masking "
    "MaxPooling1D MaxPooling2D MaxPooling3D ReLU Reshape Softmax SpatialDropout1D "
    "SpatialDropout2D SpatialDropout3D UnitNormalization".split()
)
# Their dtype is a name, not a policy.
PLAIN_DTYPE = frozenset({"SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"})
