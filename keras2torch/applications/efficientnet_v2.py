"""EfficientNetV2: its first blocks are fused (Tan and Le 2021, arXiv 2104.00298)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from keras2torch import layers
from keras2torch.applications.building import Builder, Request, Tensor, called
from keras2torch.applications.efficientnet import (
    CONV_INITIALIZER,
    TOP_INITIALIZER,
    conv,
    joined,
    normalized,
    squeezed,
)
from keras2torch.applications.imagenet_utils import (
    DEVIATION,
    MEAN,
    decode_predictions,
)
from keras2torch.applications.imagenet_utils import passed as preprocess_input
from keras2torch.applications.pretrained import GOOGLE, Published

_MOMENTUM = 0.9

# Blocks, filters, expansion, stride, whether it squeezes. Those that do not are fused.
_STAGES = {
    "b": (
        (1, 16, 1, 1, False),
        (2, 32, 4, 2, False),
        (2, 48, 4, 2, False),
        (3, 96, 4, 2, True),
        (5, 112, 6, 1, True),
        (8, 192, 6, 2, True),
    ),
    "s": (
        (2, 24, 1, 1, False),
        (4, 48, 4, 2, False),
        (4, 64, 4, 2, False),
        (6, 128, 4, 2, True),
        (9, 160, 6, 1, True),
        (15, 256, 6, 2, True),
    ),
    "m": (
        (3, 24, 1, 1, False),
        (5, 48, 4, 2, False),
        (5, 80, 4, 2, False),
        (7, 160, 4, 2, True),
        (14, 176, 6, 1, True),
        (18, 304, 6, 2, True),
        (5, 512, 6, 1, True),
    ),
    "l": (
        (4, 32, 1, 1, False),
        (7, 64, 4, 2, False),
        (7, 96, 4, 2, False),
        (10, 192, 4, 2, True),
        (19, 224, 6, 1, True),
        (25, 384, 6, 2, True),
        (7, 640, 6, 1, True),
    ),
}
_STEM = {"b": 32, "s": 24, "m": 24, "l": 32}


@dataclass(frozen=True)
class _Variant:
    """How much wider and deeper than its table it is, and on what it is trained."""

    width: float
    depth: float
    size: int
    hashes: tuple[str, str]


_VARIANTS = {
    "B0": _Variant(
        1.0,
        1.0,
        224,
        ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    ),
    "B1": _Variant(
        1.0,
        1.1,
        240,
        ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    ),
    "B2": _Variant(
        1.1,
        1.2,
        260,
        ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    ),
    "B3": _Variant(
        1.2,
        1.4,
        300,
        ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    ),
    "S": _Variant(
        1.0,
        1.0,
        384,
        ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    ),
    "M": _Variant(
        1.0,
        1.0,
        480,
        ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    ),
    "L": _Variant(
        1.0,
        1.0,
        480,
        ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
    ),
}


def _norm(x: Tensor, name: str) -> Tensor:
    return layers.BatchNormalization(momentum=_MOMENTUM, name=name)(x)


def _rounded(filters: float) -> int:
    """Return the nearest multiple of 8; unlike EfficientNet's, it may be smaller."""
    return max(8, int(filters + 4) // 8 * 8)


def _fused(x: Tensor, filters: int, stride: int, expansion: int, name: str) -> Tensor:
    if expansion == 1:
        x = conv(x, filters, f"{name}project_conv", 3, stride)
        return normalized(x, f"{name}project_", momentum=_MOMENTUM)
    x = conv(x, x.shape[-1] * expansion, f"{name}expand_conv", 3, stride)
    x = normalized(x, f"{name}expand_", momentum=_MOMENTUM)
    return _norm(conv(x, filters, f"{name}project_conv"), f"{name}project_bn")


def _deep(x: Tensor, filters: int, stride: int, expansion: int, name: str) -> Tensor:
    channels = x.shape[-1]
    if expansion != 1:
        x = conv(x, channels * expansion, f"{name}expand_conv")
        x = normalized(x, f"{name}expand_", momentum=_MOMENTUM)
    x = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=CONV_INITIALIZER,
        name=f"{name}dwconv2",
    )(x)
    x = normalized(x, name, momentum=_MOMENTUM)
    x = squeezed(x, max(1, channels // 4), name)
    return _norm(conv(x, filters, f"{name}project_conv"), f"{name}project_bn")


def _blocks(x: Tensor, kind: str, variant: _Variant) -> Tensor:
    done, total = 0, float(sum(stage[0] for stage in _STAGES[kind]))
    for i, (count, filters, expansion, stride, squeezes) in enumerate(_STAGES[kind], 1):
        width = _rounded(filters * variant.width)
        block = _deep if squeezes else _fused
        for j in range(math.ceil(variant.depth * count)):
            name = f"block{i}{chr(j + 97)}_"
            before, step = x, 1 if j else stride
            x = block(before, width, step, expansion, name)
            if step == 1 and before.shape[-1] == width:
                # By the number of blocks before it is deepened, as in Keras.
                x = joined(x, before, 0.2 * done / total, name)
            done += 1
    return x


def _preprocessed(x: Tensor, kind: str, channels: int | None) -> Tensor:
    if kind != "b" or channels != 3:
        return layers.Rescaling(scale=1.0 / 128.0, offset=-1)(x)
    x = layers.Rescaling(scale=1.0 / 255)(x)
    variance = [d**2 for d in DEVIATION]
    return layers.Normalization(mean=list(MEAN), variance=variance, axis=3)(x)


def _efficientnet_v2(label: str, variant: _Variant) -> Builder:
    kind = label[0].lower()
    stem = f"efficientnetv2-{label.lower()}"
    published = Published(
        f"{GOOGLE}efficientnet_v2/", (f"{stem}.h5", f"{stem}_notop.h5"), variant.hashes
    )

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
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
        entry = x = request.entry()
        if include_preprocessing:
            x = _preprocessed(x, kind, request.shape()[2])
        x = conv(x, _rounded(_STEM[kind] * variant.width), "stem_conv", 3, 2)
        x = normalized(x, "stem_", momentum=_MOMENTUM)
        x = _blocks(x, kind, variant)
        x = conv(x, _rounded(1280 * variant.width), "top_conv")
        x = normalized(x, "top_", momentum=_MOMENTUM)
        x = request.head(x, named=True, dropout=0.2, kernel_initializer=TOP_INITIALIZER)
        return request.model(entry, x)

    title = f"EfficientNetV2{label}"
    return called(
        build,
        title,
        __name__,
        f"Return {title}.",
        include_preprocessing="Whether it scales images from 0 to 255 itself.",
    )


EfficientNetV2B0 = _efficientnet_v2("B0", _VARIANTS["B0"])
EfficientNetV2B1 = _efficientnet_v2("B1", _VARIANTS["B1"])
EfficientNetV2B2 = _efficientnet_v2("B2", _VARIANTS["B2"])
EfficientNetV2B3 = _efficientnet_v2("B3", _VARIANTS["B3"])
EfficientNetV2S = _efficientnet_v2("S", _VARIANTS["S"])
EfficientNetV2M = _efficientnet_v2("M", _VARIANTS["M"])
EfficientNetV2L = _efficientnet_v2("L", _VARIANTS["L"])

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]
