"""MobileNet: depthwise convolutions (Howard et al. 2017, arXiv 1704.04861)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from keras2torch import layers
from keras2torch.applications.building import Request, Shape, Tensor, called
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.imagenet_utils import scaled as preprocess_input
from keras2torch.applications.pretrained import GOOGLE, Published

# Filters and stride of each block.
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)
_SIZES = (128, 160, 192, 224)
_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}


def square(shape: Shape | None, sizes: Sequence[int]) -> int:
    """Return the side of a square of one of these sizes, 224 of what is none."""
    for size in sizes:
        if shape is not None and tuple(shape[:2]) == (size, size):
            return size
    return 224


def size_of_weights(shape: Shape, sizes: Sequence[int]) -> int:
    """Return the size of the images that the weights are trained on; warn if others."""
    size = square(shape, sizes)
    if shape[:2] != (size, size):
        warnings.warn(
            "`input_shape` is undefined or not square, or its size is not one of "
            f"{', '.join(map(str, sizes))}: the weights for 224 x 224 are loaded.",
            stacklevel=3,
        )
    return size


def among(what: str, value: float, allowed: Sequence[float]) -> None:
    """Refuse a width for which no weights are published.

    Raises
    ------
    ValueError
        If it is none of those allowed.
    """
    if value not in allowed:
        raise ValueError(
            f"If imagenet weights are loaded, {what} can be one of "
            f"{', '.join(map(str, allowed))}. Received: {what}={value}"
        )


def _published(alpha: float, size: int) -> Published:
    text = f"mobilenet_{_ALPHAS.get(alpha)}_{size}_tf"
    return Published(f"{GOOGLE}mobilenet/", (f"{text}.h5", f"{text}_no_top.h5"))


def _normalized(x: Tensor, name: str) -> Tensor:
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def _block(
    x: Tensor, filters: int, stride: int, multiplier: int, number: int
) -> Tensor:
    if stride > 1:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    x = layers.DepthwiseConv2D(
        3,
        padding="valid" if stride > 1 else "same",
        depth_multiplier=multiplier,
        strides=stride,
        use_bias=False,
        name=f"conv_dw_{number}",
    )(x)
    x = _normalized(x, f"conv_dw_{number}")
    name = f"conv_pw_{number}"
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=name)(x)
    return _normalized(x, name)


def MobileNet(
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Any:
    """Return MobileNet."""
    size = square(input_shape, _SIZES)
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
    shape = request.shape()
    if request.imagenet:
        among("depth_multiplier", depth_multiplier, (1,))
        among("alpha", alpha, tuple(_ALPHAS))
        shape = (size_of_weights(shape, _SIZES), *shape[1:])
    entry = request.entry()
    x = layers.Conv2D(
        int(32 * alpha), 3, padding="same", use_bias=False, strides=2, name="conv1"
    )(entry)
    x = _normalized(x, "conv1")
    for number, (filters, stride) in enumerate(_BLOCKS, 1):
        x = _block(x, int(filters * alpha), stride, depth_multiplier, number)
    if include_top:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = layers.Reshape((classes,), name="reshape_2")(x)
        x = layers.Activation(classifier_activation, name="predictions")(x)
    else:
        x = request.pooled(x)
    return request.model(entry, x, f"mobilenet_{alpha:0.2f}_{shape[0]}")


called(
    MobileNet,
    "MobileNet",
    __name__,
    "Return MobileNet.",
    alpha="How wide it is, by its usual width.",
    depth_multiplier="Channels that a depthwise convolution makes of one.",
    dropout="Rate before the top.",
)

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]
