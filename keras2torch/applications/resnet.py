"""ResNet: residual blocks that widen (He et al. 2015, arXiv 1512.03385)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras2torch import layers
from keras2torch.applications.building import Builder, Request, Tensor, called
from keras2torch.applications.imagenet_utils import centered as preprocess_input
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.pretrained import tf_kernels

Stack = Callable[[Tensor, int, int, int, str], Tensor]

# Blocks of each stage, of ResNet and ResNetV2 alike.
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_HASHES = {
    50: ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    101: ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    152: ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
}


def normalized(x: Tensor, stem: str, *, activated: bool = True) -> Tensor:
    """Return the tensor normalized and, unless told otherwise, through a ReLU."""
    x = layers.BatchNormalization(epsilon=1.001e-5, name=f"{stem}_bn")(x)
    return layers.Activation("relu", name=f"{stem}_relu")(x) if activated else x


def block(x: Tensor, filters: int, stride: int, name: str, *, first: bool) -> Tensor:
    """Return the sum of a bottleneck of three convolutions and its input."""
    shortcut = x
    if first:
        conv = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")
        shortcut = normalized(conv(x), f"{name}_0", activated=False)
    x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = normalized(x, f"{name}_1")
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = normalized(x, f"{name}_2")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    x = normalized(x, f"{name}_3", activated=False)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def stages(x: Tensor, depths: Sequence[int]) -> Tensor:
    """Return what four stages make, each but the first at half the size."""
    for stage, depth in enumerate(depths):
        for number in range(1, depth + 1):
            stride = 2 if stage and number == 1 else 1
            name = f"conv{stage + 2}_block{number}"
            x = block(x, 64 << stage, stride, name, first=number == 1)
    return x


def stem(x: Tensor) -> Tensor:
    """Return the first convolution of an image."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    return layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)


def shrunk(x: Tensor) -> Tensor:
    """Return the largest of each 3 x 3, at half the size."""
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _resnet(depth: int) -> Builder:
    published = tf_kernels("resnet", f"resnet{depth}", _HASHES[depth])

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = f"resnet{depth}",
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
        x = shrunk(normalized(stem(entry), "conv1"))
        x = stages(x, DEPTHS[depth])
        return request.model(entry, request.head(x, named=True))

    return called(
        build, f"ResNet{depth}", __name__, f"Return a ResNet of {depth} layers."
    )


ResNet50 = _resnet(50)
ResNet101 = _resnet(101)
ResNet152 = _resnet(152)

__all__ = [
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "decode_predictions",
    "preprocess_input",
]
