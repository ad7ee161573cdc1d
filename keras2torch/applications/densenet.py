"""DenseNet: each layer reads all before it (Huang et al. 2016, arXiv 1608.06993)."""

from __future__ import annotations

from typing import Any

from keras2torch import layers
from keras2torch.applications.building import Builder, Request, Tensor, called
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.imagenet_utils import normalized as preprocess_input
from keras2torch.applications.pretrained import tf_kernels
from keras2torch.applications.resnet import normalized

# Layers with weights → blocks of each stage.
_DEPTHS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
_HASHES = {
    121: ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    169: ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    201: ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
}
_GROWTH = 32


def _block(x: Tensor, name: str) -> Tensor:
    """Return the tensor with as many channels more as it grows by."""
    new = normalized(x, f"{name}_0")
    new = layers.Conv2D(4 * _GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(new)
    new = normalized(new, f"{name}_1")
    conv = layers.Conv2D(
        _GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv"
    )
    return layers.Concatenate(axis=3, name=f"{name}_concat")([x, conv(new)])


def _halved(x: Tensor, name: str) -> Tensor:
    """Return it with half the channels, height and width."""
    x = normalized(x, name)
    channels = x.shape[-1] // 2
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _densenet(depth: int) -> Builder:
    published = tf_kernels("densenet", f"densenet{depth}", _HASHES[depth])

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = f"densenet{depth}",
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
        x = layers.ZeroPadding2D(3)(entry)
        x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
        x = layers.ZeroPadding2D(1)(normalized(x, "conv1"))
        x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
        for stage, count in enumerate(_DEPTHS[depth], 2):
            x = _halved(x, f"pool{stage - 1}") if stage > 2 else x
            for number in range(1, count + 1):
                x = _block(x, f"conv{stage}_block{number}")
        x = layers.BatchNormalization(epsilon=1.001e-5, name="bn")(x)
        x = layers.Activation("relu", name="relu")(x)
        return request.model(entry, request.head(x, named=True))

    title = f"DenseNet{depth}"
    return called(build, title, __name__, f"Return a DenseNet of {depth} layers.")


DenseNet121 = _densenet(121)
DenseNet169 = _densenet(169)
DenseNet201 = _densenet(201)

__all__ = [
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "decode_predictions",
    "preprocess_input",
]
