"""Xception: separable convolutions with residuals (Chollet 2016, arXiv 1610.02357)."""

from __future__ import annotations

from typing import Any

from keras2torch import layers
from keras2torch.applications.building import Request, Tensor, called
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.imagenet_utils import scaled as preprocess_input
from keras2torch.applications.pretrained import tf_kernels

_PUBLISHED = tf_kernels(
    "xception",
    "xception",
    ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"),
)
# Filters of the blocks 2, 3, 4 and 13, which halve the image.
_HALVING = {2: (128, 128), 3: (256, 256), 4: (728, 728), 13: (728, 1024)}


def _conv(x: Tensor, filters: int, name: str, strides: int = 1) -> Tensor:
    conv = layers.Conv2D(filters, 3, strides=strides, use_bias=False, name=name)
    x = layers.BatchNormalization(name=f"{name}_bn")(conv(x))
    return layers.Activation("relu", name=f"{name}_act")(x)


def _separable(x: Tensor, filters: int, name: str) -> Tensor:
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def _residual(x: Tensor, filters: int) -> Tensor:
    conv = layers.Conv2D(filters, 1, strides=2, padding="same", use_bias=False)
    return layers.BatchNormalization()(conv(x))


def _block(x: Tensor, number: int) -> Tensor:
    name = f"block{number}"
    halving = number in _HALVING
    filters = _HALVING.get(number, (728, 728, 728))
    residual = _residual(x, filters[-1]) if halving else x
    for i, width in enumerate(filters, 1):
        if (number, i) != (2, 1):  # what comes into block 2 has gone through a ReLU
            x = layers.Activation("relu", name=f"{name}_sepconv{i}_act")(x)
        x = _separable(x, width, f"{name}_sepconv{i}")
    if halving:
        x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
    return layers.add([x, residual])


def Xception(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "xception",
) -> Any:
    """Return Xception."""
    request = Request(
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        _PUBLISHED,
        default_size=299,
        min_size=71,
    )
    entry = request.entry()
    x = _conv(entry, 32, "block1_conv1", strides=2)
    x = _conv(x, 64, "block1_conv2")
    for number in range(2, 14):
        x = _block(x, number)
    for i, filters in enumerate((1536, 2048), 1):
        x = _separable(x, filters, f"block14_sepconv{i}")
        x = layers.Activation("relu", name=f"block14_sepconv{i}_act")(x)
    return request.model(entry, request.head(x))


called(Xception, "Xception", __name__, "Return Xception.")

__all__ = ["Xception", "decode_predictions", "preprocess_input"]
