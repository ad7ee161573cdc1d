"""MobileNetV3: found by search (Howard et al. 2019, arXiv 1905.02244)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from keras2torch import layers
from keras2torch.applications.building import (
    Builder,
    Request,
    Shape,
    Tensor,
    called,
    correct_pad,
    divisible,
)
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.imagenet_utils import passed as preprocess_input
from keras2torch.applications.mobilenet import among
from keras2torch.applications.pretrained import GOOGLE, Published

# Expansion, filters, kernel, stride, whether it squeezes, whether its activation is
# the hard swish. A minimalistic network has kernels of 3, and neither of the latter.
Block: TypeAlias = tuple[float, int, int, int, bool, bool]


@dataclass(frozen=True)
class _Kind:
    """A size of the network."""

    blocks: Sequence[Block]
    features: int
    hashes: dict[str, tuple[str, str]]


_SMALL = _Kind(
    (
        (1, 16, 3, 2, True, False),
        (72.0 / 16, 24, 3, 2, False, False),
        (88.0 / 24, 24, 3, 1, False, False),
        (4, 40, 5, 2, True, True),
        (6, 40, 5, 1, True, True),
        (6, 40, 5, 1, True, True),
        (3, 48, 5, 1, True, True),
        (3, 48, 5, 1, True, True),
        (6, 96, 5, 2, True, True),
        (6, 96, 5, 1, True, True),
        (6, 96, 5, 1, True, True),
    ),
    1024,
    {
        "small_224_0.75": (
            "cb65d4e5be93758266aa0a7f2c6708b7",
            "ebdb5cc8e0b497cd13a7c275d475c819",
        ),
        "small_224_1.0": (
            "8768d4c2e7dee89b9d02b2d03d65d862",
            "d3e8ec802a04aa4fc771ee12a9a9b836",
        ),
        "small_minimalistic_224_1.0": (
            "99cd97fb2fcdad2bf028eb838de69e37",
            "cde8136e733e811080d9fcd8a252f7e4",
        ),
    },
)
_LARGE = _Kind(
    (
        (1, 16, 3, 1, False, False),
        (4, 24, 3, 2, False, False),
        (3, 24, 3, 1, False, False),
        (3, 40, 5, 2, True, False),
        (3, 40, 5, 1, True, False),
        (3, 40, 5, 1, True, False),
        (6, 80, 3, 2, False, True),
        (2.5, 80, 3, 1, False, True),
        (2.3, 80, 3, 1, False, True),
        (2.3, 80, 3, 1, False, True),
        (6, 112, 3, 1, True, True),
        (6, 112, 3, 1, True, True),
        (6, 160, 5, 2, True, True),
        (6, 160, 5, 1, True, True),
        (6, 160, 5, 1, True, True),
    ),
    1280,
    {
        "large_224_0.75": (
            "765b44a33ad4005b3ac83185abf1d0eb",
            "40af19a13ebea4e2ee0c676887f69a2e",
        ),
        "large_224_1.0": (
            "59e551e166be033d707958cf9e29a6a7",
            "07fb09a5933dd0c8eaafa16978110389",
        ),
        "large_minimalistic_224_1.0": (
            "675e7b876c45c57e9e63e6d90a36599c",
            "ec5221f64a2f6d1ef965a614bdae7973",
        ),
    },
)


def _published(which: str, hashes: dict[str, tuple[str, str]]) -> Published:
    stem = f"weights_mobilenet_v3_{which}_float"
    names = (f"{stem}.h5", f"{stem}_no_top_v2.h5")
    return Published(f"{GOOGLE}mobilenet_v3/", names, hashes.get(which, (None, None)))


def _relu(x: Tensor) -> Tensor:
    return layers.ReLU()(x)


def _hard_swish(x: Tensor) -> Tensor:
    return layers.Activation("hard_swish")(x)


def _norm(x: Tensor, name: str) -> Tensor:
    return layers.BatchNormalization(epsilon=1e-3, momentum=0.999, name=name)(x)


def _pointwise(x: Tensor, filters: int, name: str, *, bias: bool = True) -> Tensor:
    return layers.Conv2D(filters, 1, padding="same", use_bias=bias, name=name)(x)


def _squeezed(x: Tensor, filters: int, prefix: str) -> Tensor:
    """Return each channel times what a look at all of them says."""
    name = f"{prefix}squeeze_excite"
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    y = _pointwise(y, divisible(filters * 0.25), f"{name}_conv")
    y = layers.ReLU(name=f"{name}_relu")(y)
    y = _pointwise(y, filters, f"{name}_conv_1")
    y = layers.ReLU(6.0)(y + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}_mul")([x, y])


def _block(
    x: Tensor, block: Block, alpha: float, number: int, *, plain: bool
) -> Tensor:
    expansion, filters, kernel, stride, squeezes, swish = block
    activation: Callable[[Tensor], Tensor] = _hard_swish if swish else _relu
    if plain:
        kernel, squeezes, activation = 3, False, _relu
    filters = divisible(filters * alpha)
    prefix = f"expanded_conv_{number}_" if number else "expanded_conv_"
    before, channels = x, x.shape[-1]
    wide = divisible(channels * expansion)
    if number:
        x = _pointwise(x, wide, f"{prefix}expand", bias=False)
        x = activation(_norm(x, f"{prefix}expand_bn"))
    if stride == 2:
        pad = correct_pad(x, kernel)
        x = layers.ZeroPadding2D(pad, name=f"{prefix}depthwise_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        use_bias=False,
        name=f"{prefix}depthwise",
    )(x)
    x = activation(_norm(x, f"{prefix}depthwise_bn"))
    if squeezes:
        x = _squeezed(x, wide, prefix)
    x = _pointwise(x, filters, f"{prefix}project", bias=False)
    x = _norm(x, f"{prefix}project_bn")
    if stride == 1 and channels == filters:
        x = layers.Add(name=f"{prefix}add")([before, x])
    return x


def _shape(request: Request) -> Shape:
    """Return height, width and channels; unlike the others it takes any with a top."""
    shape: Shape = (None, None, 3)
    if request.input_shape is not None:
        shape = tuple(request.input_shape)
    elif hasattr(request.input_tensor, "shape"):
        shape = request.input_tensor.shape[1:]
    rows, columns = shape[:2]
    if rows and columns and (rows < 32 or columns < 32):
        raise ValueError(
            f"Input size must be at least 32x32. Received: input_shape={shape}"
        )
    return shape


def _mobilenet_v3(size: str, kind: _Kind) -> Builder:
    def build(
        input_shape: Any = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str | None = f"MobileNetV3{size}",
    ) -> Any:
        which = f"{size.lower()}{'_minimalistic' * minimalistic}_224_{alpha}"
        request = Request(
            include_top,
            weights,
            input_tensor,
            input_shape,
            pooling,
            classes,
            classifier_activation,
            name,
            _published(which, kind.hashes),
        )
        request.check_tensor()
        shape = _shape(request)
        if request.imagenet:
            among("alpha", alpha, (1.0,) if minimalistic else (0.75, 1.0))
            if shape[:2] != (224, 224):
                warnings.warn(
                    "`input_shape` is undefined or not 224 x 224: the weights for "
                    "images of that size are loaded.",
                    stacklevel=2,
                )
        activation = _relu if minimalistic else _hard_swish
        entry = x = request.entry(shape)
        if include_preprocessing:
            x = layers.Rescaling(scale=1.0 / 127.5, offset=-1.0)(x)
        x = layers.Conv2D(
            16, 3, strides=2, padding="same", use_bias=False, name="conv"
        )(x)
        x = activation(_norm(x, "conv_bn"))
        for number, block in enumerate(kind.blocks):
            x = _block(x, block, alpha, number, plain=minimalistic)
        x = _pointwise(x, divisible(x.shape[-1] * 6), "conv_1", bias=False)
        x = activation(_norm(x, "conv_1_bn"))
        if not include_top:
            return request.model(entry, request.pooled(x, named=True))
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        features = divisible(kind.features * alpha) if alpha > 1.0 else kind.features
        x = activation(_pointwise(x, features, "conv_2"))
        if dropout_rate > 0:
            x = layers.Dropout(dropout_rate)(x)
        x = layers.Flatten()(_pointwise(x, classes, "logits"))
        x = layers.Activation(classifier_activation, name="predictions")(x)
        return request.model(entry, x)

    return called(
        build,
        f"MobileNetV3{size}",
        "keras2torch.applications",
        f"Return the {size.lower()} MobileNetV3.",
        alpha="How wide it is, by its usual width.",
        minimalistic="Without squeezing, hard swish and kernels of 5 x 5.",
        dropout_rate="Before the top.",
        include_preprocessing="Whether it scales images from 0 to 255 itself.",
    )


MobileNetV3Small = _mobilenet_v3("Small", _SMALL)
MobileNetV3Large = _mobilenet_v3("Large", _LARGE)

# Keras has the two in `keras.applications` alone.
__all__ = ["decode_predictions", "preprocess_input"]
