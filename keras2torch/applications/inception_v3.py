"""Inception v3: towers side by side (Szegedy et al. 2015, arXiv 1512.00567)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from keras2torch import layers
from keras2torch.applications.building import Request, Tensor, called
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.imagenet_utils import scaled as preprocess_input
from keras2torch.applications.pretrained import tf_kernels

Kernel: TypeAlias = int | tuple[int, int]
# Convolutions of a tower from below: filters and kernel.
Tower: TypeAlias = Sequence[tuple[int, Kernel]]

_PUBLISHED = tf_kernels(
    "inception_v3",
    "inception_v3",
    ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
)


def conv(
    x: Tensor, filters: int, kernel: Kernel, strides: int = 1, pad: str = "same"
) -> Tensor:
    """Return a convolution, normalized and through a ReLU."""
    made = layers.Conv2D(filters, kernel, strides=strides, padding=pad, use_bias=False)
    x = layers.BatchNormalization(scale=False)(made(x))
    return layers.Activation("relu")(x)


def tower(x: Tensor, convs: Tower, *, halving: bool = False) -> Tensor:
    """Return one convolution after the other, the last at half the size if halving."""
    *first, (filters, kernel) = convs
    for width, size in first:
        x = conv(x, width, size)
    if halving:
        return conv(x, filters, kernel, 2, "valid")
    return conv(x, filters, kernel)


def stem(x: Tensor) -> Tensor:
    """Return 192 channels at an eighth of the size."""
    x = conv(x, 32, 3, 2, "valid")
    x = conv(x, 32, 3, pad="valid")
    x = conv(x, 64, 3)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = conv(x, 80, 1, pad="valid")
    x = conv(x, 192, 3, pad="valid")
    return layers.MaxPooling2D(3, strides=2)(x)


def averaged(x: Tensor, filters: int) -> Tensor:
    """Return the mean of each 3 x 3, convolved."""
    return conv(layers.AveragePooling2D(3, strides=1, padding="same")(x), filters, 1)


def _mixed(x: Tensor, name: str, towers: Sequence[Tower], pooled: int) -> Tensor:
    made = [tower(x, convs) for convs in towers]
    return layers.concatenate([*made, averaged(x, pooled)], axis=3, name=name)


def _halved(x: Tensor, name: str, towers: Sequence[Tower]) -> Tensor:
    made = [tower(x, convs, halving=True) for convs in towers]
    made.append(layers.MaxPooling2D(3, strides=2)(x))
    return layers.concatenate(made, axis=3, name=name)


def _small(x: Tensor, number: int) -> Tensor:
    """Return a block of 35 x 35."""
    towers = ([(64, 1)], [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)])
    return _mixed(x, f"mixed{number}", towers, 64 if number else 32)


def _long(x: Tensor, number: int, width: int) -> Tensor:
    """Return a block of 17 x 17, with kernels of 1 x 7 and 7 x 1."""
    across, along = (1, 7), (7, 1)
    towers: Sequence[Tower] = (
        [(192, 1)],
        [(width, 1), (width, across), (192, along)],
        [(width, 1), (width, along), (width, across), (width, along), (192, across)],
    )
    return _mixed(x, f"mixed{number}", towers, 192)


def _split(x: Tensor, name: str | None) -> Tensor:
    made = [conv(x, 384, (1, 3)), conv(x, 384, (3, 1))]
    return layers.concatenate(made, axis=3, name=name)


def _wide(x: Tensor, number: int) -> Tensor:
    """Return a block of 8 x 8, whose towers split."""
    made = [conv(x, 320, 1)]
    made.append(_split(conv(x, 384, 1), f"mixed9_{number - 9}"))
    made.append(_split(tower(x, [(448, 1), (384, 3)]), None))
    made.append(averaged(x, 192))
    return layers.concatenate(made, axis=3, name=f"mixed{number}")


def InceptionV3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "inception_v3",
) -> Any:
    """Return Inception v3."""
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
        min_size=75,
    )
    entry = request.entry()
    x = stem(entry)
    for number in range(3):
        x = _small(x, number)
    x = _halved(x, "mixed3", ([(384, 3)], [(64, 1), (96, 3), (96, 3)]))
    for number, width in ((4, 128), (5, 160), (6, 160), (7, 192)):
        x = _long(x, number, width)
    long: Tower = [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)]
    x = _halved(x, "mixed8", ([(192, 1), (320, 3)], long))
    for number in (9, 10):
        x = _wide(x, number)
    return request.model(entry, request.head(x))


called(InceptionV3, "InceptionV3", __name__, "Return Inception v3.")

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]
