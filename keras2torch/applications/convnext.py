"""ConvNeXt: convolutions arranged as in a transformer (Liu et al. 2022).

The paper is arXiv 2201.03545.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras2torch import layers
from keras2torch.applications.building import Builder, Request, Tensor, called
from keras2torch.applications.imagenet_utils import (
    DEVIATION,
    MEAN,
    decode_predictions,
)
from keras2torch.applications.imagenet_utils import passed as preprocess_input
from keras2torch.applications.own_layers import LayerScale
from keras2torch.applications.pretrained import GOOGLE, Published
from keras2torch.models import Sequential

# Blocks of each stage, filters of the first, hashes of the files.
_VARIANTS = {
    "Tiny": (
        (3, 3, 9, 3),
        96,
        (
            "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
            "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        ),
    ),
    "Small": (
        (3, 3, 27, 3),
        96,
        (
            "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
            "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
        ),
    ),
    "Base": (
        (3, 3, 27, 3),
        128,
        (
            "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
            "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
        ),
    ),
    "Large": (
        (3, 3, 27, 3),
        192,
        (
            "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
            "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
        ),
    ),
    "XLarge": (
        (3, 3, 27, 3),
        256,
        (
            "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
            "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
        ),
    ),
}


def _norm(name: str | None = None) -> Any:
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _preprocessed(x: Tensor, name: str) -> Tensor:
    return layers.Normalization(
        mean=[m * 255 for m in MEAN],
        variance=[(d * 255) ** 2 for d in DEVIATION],
        name=f"{name}_prestem_normalization",
    )(x)


def _shrinking(name: str, filters: int, stage: int) -> Any:
    """Return what comes before a stage: a convolution that halves; the first quarters.

    It is a model of its own, as in Keras.
    """
    if stage == 0:
        conv = layers.Conv2D(filters, 4, strides=4, name=f"{name}_stem_conv")
        inside = [conv, _norm(f"{name}_stem_layernorm")]
        return Sequential(inside, name=f"{name}_stem")
    number = stage - 1
    stem = f"{name}_downsampling"
    conv = layers.Conv2D(filters, 2, strides=2, name=f"{stem}_conv_{number}")
    inside = [_norm(f"{stem}_layernorm_{number}"), conv]
    return Sequential(inside, name=f"{stem}_block_{number}")


def _block(before: Tensor, filters: int, name: str) -> Tensor:
    x = layers.Conv2D(
        filters, 7, padding="same", groups=filters, name=f"{name}_depthwise_conv"
    )(before)
    x = _norm(f"{name}_layernorm")(x)
    x = layers.Dense(4 * filters, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(filters, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, filters, name=f"{name}_layer_scale")(x)
    # Where the paper drops whole paths; the published networks drop none.
    return before + layers.Activation("linear", name=f"{name}_identity")(x)


def _convnext(
    label: str, depths: Sequence[int], filters: int, hashes: tuple[str, str]
) -> Builder:
    stem = f"convnext_{label.lower()}"
    published = Published(
        f"{GOOGLE}convnext/", (f"{stem}.h5", f"{stem}_notop.h5"), hashes
    )

    def build(
        include_top: bool = True,
        include_preprocessing: bool = True,
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
        )
        prefix = name or stem
        entry = x = request.entry()
        if include_preprocessing and request.shape()[2] == 3:
            x = _preprocessed(x, prefix)
        # All are made first: those inside them have no names but by their number.
        shrinking = [_shrinking(prefix, filters << i, i) for i in range(len(depths))]
        for stage, depth in enumerate(depths):
            x = shrinking[stage](x)
            for number in range(depth):
                x = _block(
                    x, filters << stage, f"{prefix}_stage_{stage}_block_{number}"
                )
        if include_top:
            x = layers.GlobalAveragePooling2D(name=f"{prefix}_head_gap")(x)
            x = _norm(f"{prefix}_head_layernorm")(x)
            x = request.scores(x, f"{prefix}_head_dense")
        else:
            x = _norm()(request.pooled(x))
        return request.model(entry, x)

    title = f"ConvNeXt{label}"
    return called(
        build,
        title,
        __name__,
        f"Return {title}.",
        include_preprocessing="Whether it scales images from 0 to 255 itself.",
    )


ConvNeXtTiny = _convnext("Tiny", *_VARIANTS["Tiny"])
ConvNeXtSmall = _convnext("Small", *_VARIANTS["Small"])
ConvNeXtBase = _convnext("Base", *_VARIANTS["Base"])
ConvNeXtLarge = _convnext("Large", *_VARIANTS["Large"])
ConvNeXtXLarge = _convnext("XLarge", *_VARIANTS["XLarge"])

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]
