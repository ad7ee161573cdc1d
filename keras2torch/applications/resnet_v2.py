"""ResNet that normalizes before it convolves (He et al. 2016, arXiv 1603.05027)."""

from __future__ import annotations

from typing import Any

from keras2torch import layers
from keras2torch.applications.building import Builder, Request, Tensor, called
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.imagenet_utils import scaled as preprocess_input
from keras2torch.applications.pretrained import tf_kernels
from keras2torch.applications.resnet import DEPTHS, normalized, shrunk, stem

_HASHES = {
    50: ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    101: ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    152: ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}


def block(x: Tensor, filters: int, stride: int, name: str, *, first: bool) -> Tensor:
    """Return the sum of a bottleneck, normalized before each convolution, and input."""
    before = normalized(x, f"{name}_preact")
    shortcut = x
    if first:
        conv = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")
        shortcut = conv(before)
    elif stride > 1:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
    x = normalized(x, f"{name}_1")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    conv = layers.Conv2D(
        filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv"
    )
    x = normalized(conv(x), f"{name}_2")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _resnet_v2(depth: int) -> Builder:
    published = tf_kernels("resnet", f"resnet{depth}v2", _HASHES[depth])

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = f"resnet{depth}v2",
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
        x = shrunk(stem(entry))
        for stage, count in enumerate(DEPTHS[depth]):
            for number in range(1, count + 1):
                # It is the last block of a stage that halves, and not in the last.
                stride = 2 if number == count and stage < 3 else 1
                label = f"conv{stage + 2}_block{number}"
                x = block(x, 64 << stage, stride, label, first=number == 1)
        x = normalized(x, "post")
        return request.model(entry, request.head(x, named=True))

    title = f"ResNet{depth}V2"
    return called(build, title, __name__, f"Return a ResNetV2 of {depth} layers.")


ResNet50V2 = _resnet_v2(50)
ResNet101V2 = _resnet_v2(101)
ResNet152V2 = _resnet_v2(152)

__all__ = [
    "ResNet50V2",
    "ResNet101V2",
    "ResNet152V2",
    "decode_predictions",
    "preprocess_input",
]
