"""MobileNetV2: inverted residuals (Sandler et al. 2018, arXiv 1801.04381)."""

from __future__ import annotations

from typing import Any

from keras2torch import layers
from keras2torch.applications.building import (
    Request,
    Tensor,
    called,
    correct_pad,
    divisible,
)
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.imagenet_utils import scaled as preprocess_input
from keras2torch.applications.mobilenet import among, size_of_weights, square
from keras2torch.applications.pretrained import GOOGLE, Published

# Filters, stride of the first block, and number of blocks.
_STAGES = (
    (16, 1, 1),
    (24, 2, 2),
    (32, 2, 3),
    (64, 2, 4),
    (96, 1, 3),
    (160, 2, 3),
    (320, 1, 1),
)
_SIZES = (96, 128, 160, 192, 224)
_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


def _published(alpha: float, size: int) -> Published:
    text = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}"
    return Published(f"{GOOGLE}mobilenet_v2/", (f"{text}.h5", f"{text}_no_top.h5"))


def _norm(x: Tensor, name: str) -> Tensor:
    return layers.BatchNormalization(epsilon=1e-3, momentum=0.999, name=name)(x)


def _pointwise(x: Tensor, filters: int, name: str) -> Tensor:
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=name)(x)
    return _norm(x, f"{name}_BN")


def _block(x: Tensor, filters: int, stride: int, number: int) -> Tensor:
    prefix = f"block_{number}_" if number else "expanded_conv_"
    before, channels = x, x.shape[-1]
    if number:
        x = _pointwise(x, 6 * channels, f"{prefix}expand")
        x = layers.ReLU(6.0, name=f"{prefix}expand_relu")(x)
    if stride == 2:
        x = layers.ZeroPadding2D(correct_pad(x, 3), name=f"{prefix}pad")(x)
    x = layers.DepthwiseConv2D(
        3,
        strides=stride,
        use_bias=False,
        padding="same" if stride == 1 else "valid",
        name=f"{prefix}depthwise",
    )(x)
    x = _norm(x, f"{prefix}depthwise_BN")
    x = layers.ReLU(6.0, name=f"{prefix}depthwise_relu")(x)
    x = _pointwise(x, filters, f"{prefix}project")
    if channels == filters and stride == 1:
        return layers.Add(name=f"{prefix}add")([before, x])
    return x


def MobileNetV2(
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Any:
    """Return MobileNetV2."""
    shown = input_shape
    if shown is None and hasattr(input_tensor, "shape"):
        shown = input_tensor.shape[1:]
    size = square(shown, _SIZES)
    request = Request(
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        _published(alpha, size),
        default_size=size,
    )
    request.check_tensor()
    shape = request.shape()
    if request.imagenet:
        among("alpha", alpha, _ALPHAS)
        shape = (size_of_weights(shape, _SIZES), *shape[1:])
    entry = request.entry()
    first = divisible(32 * alpha)
    x = layers.Conv2D(
        first, 3, strides=2, padding="same", use_bias=False, name="Conv1"
    )(entry)
    x = layers.ReLU(6.0, name="Conv1_relu")(_norm(x, "bn_Conv1"))
    number = 0
    for filters, stride, count in _STAGES:
        for i in range(count):
            width = divisible(int(filters * alpha))
            x = _block(x, width, 1 if i else stride, number)
            number += 1
    # The paper widens the last convolution, but never narrows it.
    last = divisible(1280 * alpha) if alpha > 1.0 else 1280
    x = layers.Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
    x = layers.ReLU(6.0, name="out_relu")(_norm(x, "Conv_1_bn"))
    if include_top:
        x = request.scores(layers.GlobalAveragePooling2D()(x))
    else:
        x = request.pooled(x)
    return request.model(entry, x, f"mobilenetv2_{alpha:0.2f}_{shape[0]}")


called(
    MobileNetV2,
    "MobileNetV2",
    __name__,
    "Return MobileNetV2.",
    alpha="How wide it is, by its usual width.",
)

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]
