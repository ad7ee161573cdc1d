"""VGG: convolutions of 3 x 3 (Simonyan and Zisserman 2014, arXiv 1409.1556)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras2torch import layers
from keras2torch.applications.building import Builder, Request, Tensor, called
from keras2torch.applications.imagenet_utils import centered as preprocess_input
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.pretrained import tf_kernels

_FILTERS = (64, 128, 256, 512, 512)


def convolved(x: Tensor, depths: Sequence[int]) -> Tensor:
    """Return what five blocks of convolutions make, each pooled at its end."""
    for number, (filters, depth) in enumerate(zip(_FILTERS, depths, strict=True), 1):
        for i in range(1, depth + 1):
            name = f"block{number}_conv{i}"
            conv = layers.Conv2D(
                filters, 3, activation="relu", padding="same", name=name
            )
            x = conv(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{number}_pool")(x)
    return x


def vgg(depth: int, depths: Sequence[int], hashes: tuple[str, str]) -> Builder:
    """Return the builder of a VGG.

    Parameters
    ----------
    depth
        Its number of layers with weights.
    depths
        Convolutions of each block.
    hashes
        Of the files of weights.
    """
    published = tf_kernels(f"vgg{depth}", f"vgg{depth}", hashes)

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = f"vgg{depth}",
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
        entry = request.entry()
        x = convolved(entry, depths)
        if not include_top:
            return request.model(entry, request.pooled(x))
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(4096, activation="relu", name="fc1")(x)
        x = layers.Dense(4096, activation="relu", name="fc2")(x)
        return request.model(entry, request.scores(x))

    module = f"{__package__}.vgg{depth}"
    return called(build, f"VGG{depth}", module, f"Return a VGG of {depth} layers.")


VGG16 = vgg(
    16,
    (2, 2, 3, 3, 3),
    ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
)

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]
