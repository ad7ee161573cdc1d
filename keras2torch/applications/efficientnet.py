"""EfficientNet: scaled in every direction (Tan and Le 2019, arXiv 1905.11946)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from keras2torch import layers
from keras2torch.applications.building import (
    Builder,
    Request,
    Tensor,
    called,
    correct_pad,
    divisible,
)
from keras2torch.applications.imagenet_utils import DEVIATION, decode_predictions
from keras2torch.applications.imagenet_utils import passed as preprocess_input
from keras2torch.applications.pretrained import Published


def _scaling(scale: float, distribution: str) -> dict[str, Any]:
    config = {"scale": scale, "mode": "fan_out", "distribution": distribution}
    return {"class_name": "VarianceScaling", "config": config}


# Of the paper's code; EfficientNetV2 has the same.
CONV_INITIALIZER = _scaling(2.0, "truncated_normal")
TOP_INITIALIZER = _scaling(1.0 / 3.0, "uniform")

# Kernel, blocks, filters before and after, expansion, stride.
_STAGES = (
    (3, 1, 32, 16, 1, 1),
    (3, 2, 16, 24, 6, 2),
    (5, 2, 24, 40, 6, 2),
    (3, 3, 40, 80, 6, 2),
    (5, 3, 80, 112, 6, 1),
    (5, 4, 112, 192, 6, 2),
    (3, 1, 192, 320, 6, 1),
)


@dataclass(frozen=True)
class _Variant:
    """How much wider and deeper than B0 it is, and on what it is trained."""

    width: float
    depth: float
    size: int
    dropout: float
    hashes: tuple[str, str]


_VARIANTS = {
    "B0": _Variant(
        1.0,
        1.0,
        224,
        0.2,
        ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    ),
    "B1": _Variant(
        1.0,
        1.1,
        240,
        0.2,
        ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    ),
    "B2": _Variant(
        1.1,
        1.2,
        260,
        0.3,
        ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    ),
    "B3": _Variant(
        1.2,
        1.4,
        300,
        0.3,
        ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    ),
    "B4": _Variant(
        1.4,
        1.8,
        380,
        0.4,
        ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    ),
    "B5": _Variant(
        1.6,
        2.2,
        456,
        0.4,
        ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    ),
    "B6": _Variant(
        1.8,
        2.6,
        528,
        0.5,
        ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    ),
    "B7": _Variant(
        2.0,
        3.1,
        600,
        0.5,
        ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
    ),
}


def conv(
    x: Tensor, filters: int, name: str, kernel: int = 1, strides: int = 1, **more: Any
) -> Tensor:
    """Return a convolution of a block."""
    settings = {"padding": "same", "use_bias": False} | more
    made = layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        kernel_initializer=CONV_INITIALIZER,
        name=name,
        **settings,
    )
    return made(x)


def squeezed(x: Tensor, filters: int, name: str) -> Tensor:
    """Return each channel times what a look at all of them says."""
    channels = x.shape[-1]
    y = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    y = layers.Reshape((1, 1, channels), name=f"{name}se_reshape")(y)
    y = conv(y, filters, f"{name}se_reduce", use_bias=True, activation="swish")
    y = conv(y, channels, f"{name}se_expand", use_bias=True, activation="sigmoid")
    return layers.multiply([x, y], name=f"{name}se_excite")


def joined(x: Tensor, before: Tensor, rate: float, name: str) -> Tensor:
    """Return the sum of a block, dropped for some images, and what came into it."""
    if rate > 0:
        x = layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.add([x, before], name=f"{name}add")


def normalized(x: Tensor, stem: str, **settings: Any) -> Tensor:
    """Return the tensor normalized and through a swish."""
    x = layers.BatchNormalization(name=f"{stem}bn", **settings)(x)
    return layers.Activation("swish", name=f"{stem}activation")(x)


def _block(
    before: Tensor,
    filters: int,
    kernel: int,
    stride: int,
    expansion: int,
    rate: float,
    name: str,
) -> Tensor:
    x, channels = before, before.shape[-1]
    if expansion != 1:
        x = conv(x, channels * expansion, f"{name}expand_conv")
        x = normalized(x, f"{name}expand_")
    if stride == 2:
        pad = correct_pad(x, kernel)
        x = layers.ZeroPadding2D(pad, name=f"{name}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="valid" if stride == 2 else "same",
        use_bias=False,
        depthwise_initializer=CONV_INITIALIZER,
        name=f"{name}dwconv",
    )(x)
    x = squeezed(normalized(x, name), max(1, channels // 4), name)
    x = conv(x, filters, f"{name}project_conv")
    x = layers.BatchNormalization(name=f"{name}project_bn")(x)
    if stride == 1 and channels == filters:
        x = joined(x, before, rate, name)
    return x


def _blocks(x: Tensor, variant: _Variant) -> Tensor:
    counts = [math.ceil(variant.depth * stage[1]) for stage in _STAGES]
    done, total = 0, float(sum(counts))
    for i, (kernel, _, _, filters, expansion, stride) in enumerate(_STAGES):
        width = divisible(filters * variant.width)
        for j in range(counts[i]):
            name = f"block{i + 1}{chr(j + 97)}_"
            step, rate = 1 if j else stride, 0.2 * done / total
            x = _block(x, width, kernel, step, expansion, rate, name)
            done += 1
    return x


def _efficientnet(label: str, variant: _Variant) -> Builder:
    stem = f"efficientnet{label.lower()}"
    published = Published(
        "https://storage.googleapis.com/keras-applications/",
        (f"{stem}.h5", f"{stem}_notop.h5"),
        variant.hashes,
    )

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = stem,
    ) -> Any:
        request = Request(
            include_top,
            weights,
            input_tensor,
            input_shape,
            pooling,
            classes,
            classifier_activation,
            name,
            published,
            default_size=variant.size,
        )
        entry = request.entry()
        x = layers.Rescaling(1.0 / 255.0)(entry)
        x = layers.Normalization(axis=3)(x)
        if request.imagenet:
            # They were trained on images divided by the variance, and Normalization
            # divides by its root (tensorflow issue 49930).
            x = layers.Rescaling([1.0 / math.sqrt(d) for d in DEVIATION])(x)
        x = layers.ZeroPadding2D(correct_pad(x, 3), name="stem_conv_pad")(x)
        x = conv(x, divisible(32 * variant.width), "stem_conv", 3, 2, padding="valid")
        x = _blocks(normalized(x, "stem_"), variant)
        x = normalized(conv(x, divisible(1280 * variant.width), "top_conv"), "top_")
        x = request.head(
            x,
            named=True,
            dropout=variant.dropout,
            kernel_initializer=TOP_INITIALIZER,
        )
        return request.model(entry, x)

    title = f"EfficientNet{label}"
    return called(build, title, __name__, f"Return {title}.")


EfficientNetB0 = _efficientnet("B0", _VARIANTS["B0"])
EfficientNetB1 = _efficientnet("B1", _VARIANTS["B1"])
EfficientNetB2 = _efficientnet("B2", _VARIANTS["B2"])
EfficientNetB3 = _efficientnet("B3", _VARIANTS["B3"])
EfficientNetB4 = _efficientnet("B4", _VARIANTS["B4"])
EfficientNetB5 = _efficientnet("B5", _VARIANTS["B5"])
EfficientNetB6 = _efficientnet("B6", _VARIANTS["B6"])
EfficientNetB7 = _efficientnet("B7", _VARIANTS["B7"])

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]
