"""What a person calls the layers that nobody named.

Keras names them by class and counter, which runs on from model to model: ``conv2d_94``,
``re_lu_12``. Names that somebody gave stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

from keras2torch.layers.definitions import Layer
from keras2torch.layers.loops import own_class

# Class, without the number of its axes → what it is called in PyTorch code.
_SPOKEN = {
    "Conv": "conv",
    "ConvTranspose": "deconv",
    "DepthwiseConv": "depthwise",
    "SeparableConv": "separable",
    "ConvLSTM": "conv_lstm",
    "LocallyConnected": "local",
    "Dense": "fc",
    "EinsumDense": "projection",
    "BatchNormalization": "bn",
    "LayerNormalization": "norm",
    "GroupNormalization": "norm",
    "RMSNormalization": "norm",
    "UnitNormalization": "norm",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "PReLU": "prelu",
    "ELU": "elu",
    "ThresholdedReLU": "threshold",
    "Activation": "activation",
    "MaxPooling": "max_pool",
    "AveragePooling": "avg_pool",
    "GlobalMaxPooling": "global_pool",
    "GlobalAveragePooling": "global_pool",
    "AdaptiveMaxPooling": "adaptive_pool",
    "AdaptiveAveragePooling": "adaptive_pool",
    "UpSampling": "upsample",
    "ZeroPadding": "pad",
    "Cropping": "crop",
    "SpatialDropout": "dropout",
    "GaussianNoise": "noise",
    "MultiHeadAttention": "attention",
    "GroupQueryAttention": "attention",
    "AdditiveAttention": "attention",
    "SimpleRNN": "rnn",
    "CuDNNLSTM": "lstm",
    "CuDNNGRU": "gru",
    "RepeatVector": "repeat",
    "Add": "total",
    "Subtract": "difference",
    "Multiply": "product",
    "Concatenate": "joined",
}
# Names of classes in Keras 1, and in files of TensorFlow 1.
_OLDER = {
    "convolution": "conv",
    "atrousconvolution": "conv",
    "deconvolution": "convtranspose",
    "separableconvolution": "separableconv",
    "merge": "add",
}
_WITHIN = ("Bidirectional", "TimeDistributed")


def is_automatic(layer: Layer) -> bool:
    """Whether Keras made up the name of a layer.

    Examples
    --------
    >>> from keras2torch.layers.definitions import Conv2D
    >>> is_automatic(Conv2D(4, 3, name="conv2d_94"))
    True
    >>> is_automatic(Conv2D(4, 3, name="stem_conv"))
    False
    """
    if layer.name.startswith("tf."):
        return True
    plain = _plain(layer.name)
    kind = type(layer).__name__.lower()
    return not own_class(layer) and kind in (plain, _older(plain))


def spoken(layer: Layer) -> str:
    """Return what a layer is called: as the user has it, or by what it does.

    Examples
    --------
    >>> from keras2torch.layers.definitions import Conv2D, MaxPooling2D
    >>> spoken(Conv2D(4, 3, name="conv2d_94")), spoken(MaxPooling2D(name="pool1"))
    ('conv', 'pool1')
    """
    return by_class(layer) if is_automatic(layer) else layer.name


def called(layer: Layer) -> str:
    """Return the name of a layer as it is."""
    return layer.name


def by_class(layer: Layer) -> str:
    """Return what a layer is called by what it does."""
    kind = type(layer).__name__
    if kind in _WITHIN:
        inside: Any = layer
        parts = inside.inner
        return by_class(parts[0] if isinstance(parts, tuple) else parts)
    if layer.name.startswith("tf."):
        return re.sub(r"_\d+$", "", layer.name.rpartition(".")[2])
    plain = re.sub(r"[123]D(?=$|Transpose)", "", kind)
    return _SPOKEN.get(plain) or _snake(plain)


def argument(name: str, number: int) -> str:
    """Return what an input of several is called: ``x2`` where nobody named it.

    Examples
    --------
    >>> argument("input_layer_3", 2), argument("question", 1)
    ('x2', 'question')
    """
    automatic = re.fullmatch(r"(input|input_layer)(_\d+)?", name)
    return f"x{number}" if automatic else name


def _plain(name: str) -> str:
    return re.sub(r"(_\d+)?$", "", name).replace("_", "").lower()


def _older(name: str) -> str:
    found = re.fullmatch(r"(\D+)(\d?d?)", re.sub(r"v[12]$", "", name))
    if found is None:
        return name
    return f"{_OLDER.get(found[1], found[1])}{found[2]}"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
