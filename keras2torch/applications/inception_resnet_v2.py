"""Inception-ResNet v2: residual towers (Szegedy et al. 2016, arXiv 1602.07261)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras2torch import layers
from keras2torch.applications.building import Request, Tensor, called
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.imagenet_utils import scaled as preprocess_input
from keras2torch.applications.inception_v3 import Tower, averaged, stem, tower
from keras2torch.applications.own_layers import CustomScaleLayer
from keras2torch.applications.pretrained import tf_kernels

_PUBLISHED = tf_kernels(
    "inception_resnet_v2",
    "inception_resnet_v2",
    ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4"),
)
# Kind of block → its towers, how much of them is added, and how many blocks.
_BLOCKS: dict[str, tuple[Sequence[Tower], float, int]] = {
    "block35": (
        ([(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)]),
        0.17,
        10,
    ),
    "block17": (([(192, 1)], [(128, 1), (160, (1, 7)), (192, (7, 1))]), 0.1, 20),
    "block8": (([(192, 1)], [(192, 1), (224, (1, 3)), (256, (3, 1))]), 0.2, 10),
}


def _block(x: Tensor, kind: str, number: int) -> Tensor:
    name = f"{kind}_{number}"
    towers, scale, count = _BLOCKS[kind]
    last = kind == "block8" and number == count
    made = [tower(x, convs) for convs in towers]
    mixed = layers.Concatenate(axis=3, name=f"{name}_mixed")(made)
    conv = layers.Conv2D(x.shape[-1], 1, padding="same", name=f"{name}_conv")
    x = CustomScaleLayer(1.0 if last else scale)([x, conv(mixed)])
    return x if last else layers.Activation("relu", name=f"{name}_ac")(x)


def _blocks(x: Tensor, kind: str) -> Tensor:
    for number in range(1, _BLOCKS[kind][2] + 1):
        x = _block(x, kind, number)
    return x


def _halved(x: Tensor, name: str, towers: Sequence[Tower]) -> Tensor:
    made = [tower(x, convs, halving=True) for convs in towers]
    made.append(layers.MaxPooling2D(3, strides=2)(x))
    return layers.Concatenate(axis=3, name=name)(made)


def InceptionResNetV2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "inception_resnet_v2",
) -> Any:
    """Return Inception-ResNet v2."""
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
    towers: Sequence[Tower]
    towers = ([(96, 1)], [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)])
    made = [*[tower(x, convs) for convs in towers], averaged(x, 64)]
    x = layers.Concatenate(axis=3, name="mixed_5b")(made)
    x = _blocks(x, "block35")
    x = _halved(x, "mixed_6a", ([(384, 3)], [(256, 1), (256, 3), (384, 3)]))
    x = _blocks(x, "block17")
    towers = ([(256, 1), (384, 3)], [(256, 1), (288, 3)])
    x = _halved(x, "mixed_7a", (*towers, [(256, 1), (288, 3), (320, 3)]))
    x = _blocks(x, "block8")
    conv = layers.Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")
    x = layers.BatchNormalization(scale=False, name="conv_7b_bn")(conv(x))
    x = layers.Activation("relu", name="conv_7b_ac")(x)
    return request.model(entry, request.head(x))


called(InceptionResNetV2, "InceptionResNetV2", __name__, "Return Inception-ResNet v2.")

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]
