"""NASNet-A: cells found by search (Zoph et al. 2017, arXiv 1707.07012)."""

from __future__ import annotations

from typing import Any

from keras2torch import layers
from keras2torch.applications.building import (
    Builder,
    Request,
    Tensor,
    called,
    correct_pad,
)
from keras2torch.applications.imagenet_utils import decode_predictions
from keras2torch.applications.imagenet_utils import scaled as preprocess_input
from keras2torch.applications.pretrained import GOOGLE, Published


def _norm(x: Tensor, name: str) -> Tensor:
    return layers.BatchNormalization(momentum=0.9997, epsilon=1e-3, name=name)(x)


def _conv(x: Tensor, filters: int, name: str) -> Tensor:
    made = layers.Conv2D(
        filters,
        1,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )
    return made(x)


def _separable(
    x: Tensor, filters: int, kernel: int, name: str, stride: int = 1
) -> Tensor:
    """Return two separable convolutions, each after a ReLU; the first may halve."""
    for i, step in enumerate((stride, 1), 1):
        x = layers.Activation("relu")(x)
        if step == 2:
            pad = correct_pad(x, kernel)
            x = layers.ZeroPadding2D(pad, name=f"separable_conv_{i}_pad_{name}")(x)
        conv = layers.SeparableConv2D(
            filters,
            kernel,
            strides=step,
            padding="valid" if step == 2 else "same",
            use_bias=False,
            name=f"separable_conv_{i}_{name}",
        )
        x = _norm(conv(x), f"separable_conv_{i}_bn_{name}")
    return x


def _halved(x: Tensor, filters: int, name: str) -> Tensor:
    """Return every other pixel, and every other one but the first, side by side."""
    x = layers.Activation("relu", name=f"adjust_relu_1_{name}")(x)
    made = []
    for i in (1, 2):
        y = x
        if i == 2:
            y = layers.ZeroPadding2D(((0, 1), (0, 1)))(y)
            y = layers.Cropping2D(((1, 0), (1, 0)))(y)
        pool = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{i}_{name}")
        made.append(_conv(pool(y), filters // 2, f"adjust_conv_{i}_{name}"))
    return _norm(layers.concatenate(made, axis=-1), f"adjust_bn_{name}")


def _adjusted(p: Tensor | None, x: Tensor, filters: int, name: str) -> Tensor:
    """Return what a cell before made, in the width and channels of this one."""
    if p is None:
        return x
    if p.shape[-2] != x.shape[-2]:
        return _halved(p, filters, name)
    if p.shape[-1] != filters:
        p = layers.Activation("relu")(p)
        p = _conv(p, filters, f"adjust_conv_projection_{name}")
        return _norm(p, f"adjust_bn_{name}")
    return p


def _entered(x: Tensor, filters: int, kind: str, name: str) -> Tensor:
    x = _conv(layers.Activation("relu")(x), filters, f"{kind}_conv_1_{name}")
    return _norm(x, f"{kind}_bn_1_{name}")


def _average(x: Tensor, name: str) -> Tensor:
    return layers.AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def _normal(x: Tensor, p: Tensor | None, filters: int, name: str) -> Tensor:
    """Return a cell that keeps the size (Fig. 4 of the paper)."""
    p = _adjusted(p, x, filters, name)
    h = _entered(x, filters, "normal", name)

    def add(number: int, left: Tensor, right: Tensor) -> Tensor:
        return layers.add([left, right], name=f"normal_add_{number}_{name}")

    x1 = add(
        1,
        _separable(h, filters, 5, f"normal_left1_{name}"),
        _separable(p, filters, 3, f"normal_right1_{name}"),
    )
    x2 = add(
        2,
        _separable(p, filters, 5, f"normal_left2_{name}"),
        _separable(p, filters, 3, f"normal_right2_{name}"),
    )
    x3 = add(3, _average(h, f"normal_left3_{name}"), p)
    left, right = (_average(p, f"normal_{side}4_{name}") for side in ("left", "right"))
    x4 = add(4, left, right)
    x5 = add(5, _separable(h, filters, 3, f"normal_left5_{name}"), h)
    made = [p, x1, x2, x3, x4, x5]
    return layers.concatenate(made, axis=-1, name=f"normal_concat_{name}")


def _reduction(x: Tensor, p: Tensor | None, filters: int, name: str) -> Tensor:
    """Return a cell that halves the size (Fig. 4 of the paper)."""
    p = _adjusted(p, x, filters, name)
    h = _entered(x, filters, "reduction", name)
    padded = layers.ZeroPadding2D(correct_pad(h, 3), name=f"reduction_pad_1_{name}")(h)

    def reduced(x: Tensor, kernel: int, side: str) -> Tensor:
        return _separable(x, filters, kernel, f"reduction_{side}_{name}", 2)

    def pooled(kind: Any, side: str) -> Tensor:
        return kind(3, strides=2, name=f"reduction_{side}_{name}")(padded)

    left, right = reduced(h, 5, "left1"), reduced(p, 7, "right1")
    x1 = layers.add([left, right], name=f"reduction_add_1_{name}")
    left, right = pooled(layers.MaxPooling2D, "left2"), reduced(p, 7, "right2")
    x2 = layers.add([left, right], name=f"reduction_add_2_{name}")
    left, right = pooled(layers.AveragePooling2D, "left3"), reduced(p, 5, "right3")
    x3 = layers.add([left, right], name=f"reduction_add3_{name}")
    x4 = layers.add([x2, _average(x1, f"reduction_left4_{name}")])
    left = _separable(x1, filters, 3, f"reduction_left4_{name}")
    right = pooled(layers.MaxPooling2D, "right5")
    x5 = layers.add([left, right], name=f"reduction_add4_{name}")
    made = [x2, x3, x4, x5]
    return layers.concatenate(made, axis=-1, name=f"reduction_concat_{name}")


def _cells(
    entry: Tensor, filters: int, stem_filters: int, repeats: int, *, skips: bool
) -> Tensor:
    """Return two reductions, then normal cells with a reduction before each 2nd run."""
    x = layers.Conv2D(
        stem_filters,
        3,
        strides=2,
        use_bias=False,
        kernel_initializer="he_normal",
        name="stem_conv1",
    )(entry)
    x = _norm(x, "stem_bn1")
    p = None
    for part, share in (("stem_1", 4), ("stem_2", 2)):
        x, p = _reduction(x, p, filters // share, part), x
    for run in range(3):
        width = filters << run
        if run:
            before = x
            x = _reduction(x, p, width, f"reduce_{run * repeats}")
            p = p if skips else before
        for i in range(repeats):
            # A reduction counts as one, where it has cells before it.
            number = run * repeats + i + (run > 0)
            x, p = _normal(x, p, width, str(number)), x
    return layers.Activation("relu")(x)


def _nasnet(
    kind: str,
    hashes: tuple[str, str],
    *,
    size: int,
    filters: int,
    stem_filters: int,
    repeats: int,
    skips: bool,
) -> Builder:
    stem, stored = f"NASNet-{kind.lower()}", f"nasnet_{kind.lower()}"
    published = Published(
        f"{GOOGLE}nasnet/",
        (f"{stem}.h5", f"{stem}-no-top.h5"),
        hashes,
        (f"{stored}.h5", f"{stored}_no_top.h5"),
    )

    def build(
        input_shape: Any = None,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = stored,
    ) -> Any:
        if kind == "Mobile" and not include_top and input_shape is None:
            input_shape = (size, size, 3)
        if weights == "imagenet" and input_shape is not None and None in input_shape:
            raise ValueError(
                "With the weights of ImageNet, the input_shape of a NASNet has no "
                f"unknown sizes. Received: input_shape={input_shape}"
            )
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
            default_size=size,
        )
        entry = request.entry()
        x = _cells(entry, filters, stem_filters, repeats, skips=skips)
        if include_top:
            x = request.scores(layers.GlobalAveragePooling2D()(x))
        else:
            x = request.pooled(x)
        return request.model(entry, x)

    title = f"NASNet{kind}"
    return called(build, title, __name__, f"Return the {kind.lower()} NASNet-A.")


NASNetMobile = _nasnet(
    "Mobile",
    ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
    size=224,
    filters=44,
    stem_filters=32,
    repeats=4,
    skips=False,
)
NASNetLarge = _nasnet(
    "Large",
    ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
    size=331,
    filters=168,
    stem_filters=96,
    repeats=6,
    skips=True,
)

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]
