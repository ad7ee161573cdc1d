"""The rows of ``every_layer``: layers with arguments, and what goes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Shapes = tuple[tuple[int, ...], ...]
ROWS, STEPS, IMAGE, VOLUME = (5,), (6, 3), (7, 5, 2), (5, 4, 6, 2)


def plainly(layer: Any, x: Any) -> Any:
    return layer(x)


@dataclass(frozen=True)
class Row:
    layer: Callable[[Any], Any]
    shapes: Shapes
    # How a layer is called; layers that come before it.
    call: Callable[[Any, Any], Any] = plainly
    before: Callable[[Any], list[Any]] | None = None
    # Inputs are integers below this.
    top: int = 0
    # Rows end in steps of zeros; some have zeros in between.
    zeros: bool = False
    holes: bool = False
    # What it does in training is drawn.
    random: bool = False
    has_config: bool = True
    many: bool = False
    missing: str = ""
    # Ways that Keras itself cannot go.
    skip: tuple[str, ...] = ()

    @property
    def listed(self) -> bool:
        return self.many or len(self.shapes) > 1


def rows() -> dict[str, Row]:
    found: dict[str, Row] = {}
    for table in TABLES:
        for name, row in table().items():
            assert name not in found, name
            found[name] = row
    return found


def one(make: Callable[[Any], Any], *shapes: tuple[int, ...], **given: Any) -> Row:
    return Row(lambda keras: make(keras.layers), shapes, **given)


def whole(make: Callable[[Any], Any], *shapes: tuple[int, ...], **given: Any) -> Row:
    return Row(make, shapes, **given)


# ---------------------------------------------------------------- core, activations
def core() -> dict[str, Row]:
    return {
        "dense": one(lambda la: la.Dense(4), ROWS),
        "dense-no-bias": one(lambda la: la.Dense(4, "tanh", False), ROWS),
        "dense-steps": one(lambda la: la.Dense(4, activation="gelu"), STEPS),
        "dense-image": one(lambda la: la.Dense(3, activation="softmax"), IMAGE),
        "dense-function": whole(
            lambda k: k.layers.Dense(4, activation=k.activations.silu), ROWS
        ),
        "dense-tanh-function": whole(
            lambda k: k.layers.Dense(4, activation=k.activations.tanh), ROWS
        ),
        "dense-lambda": whole(
            lambda k: k.layers.Dense(4, activation=lambda x: x * x),
            ROWS,
            has_config=False,
        ),
        "dense-layer": one(lambda la: la.Dense(4, activation=la.LeakyReLU(0.3)), ROWS),
        "dense-prelu": one(
            lambda la: la.Dense(4, activation=la.ReLU(max_value=1.0)), ROWS
        ),
        "dense-objects": whole(
            lambda k: k.layers.Dense(
                4,
                kernel_initializer=k.initializers.RandomNormal(stddev=0.1, seed=1),
                bias_initializer="ones",
                kernel_regularizer=k.regularizers.L2(0.1),
                bias_regularizer="l1",
                activity_regularizer=k.regularizers.L1(0.01),
                kernel_constraint=k.constraints.MaxNorm(0.7),
                bias_constraint="non_neg",
            ),
            ROWS,
        ),
        "dense-named": one(lambda la: la.Dense(4, dtype="float32", name="mine"), ROWS),
        "embedding": one(lambda la: la.Embedding(9, 4), (6,), top=9),
        "embedding-masked": one(
            lambda la: la.Embedding(9, 4, mask_zero=True), (6,), top=9
        ),
        "embedding-objects": whole(
            lambda k: k.layers.Embedding(
                9,
                4,
                embeddings_initializer="ones",
                embeddings_regularizer="l2",
                embeddings_constraint=k.constraints.UnitNorm(axis=1),
            ),
            (6, 2),
            top=9,
        ),
        "masking": one(lambda la: la.Masking(0.0), STEPS, zeros=True, holes=True),
        "activation": one(lambda la: la.Activation("elu"), ROWS),
        "activation-function": whole(
            lambda k: k.layers.Activation(k.activations.softmax), STEPS
        ),
        "activation-layer": one(lambda la: la.Activation(la.ELU(0.5)), ROWS),
        "relu": one(lambda la: la.ReLU(), IMAGE),
        "relu-all": one(lambda la: la.ReLU(1.5, 0.1, 0.2), IMAGE),
        "leaky-relu": one(lambda la: la.LeakyReLU(), ROWS),
        "leaky-relu-slope": one(lambda la: la.LeakyReLU(negative_slope=0.1), ROWS),
        "elu": one(lambda la: la.ELU(alpha=0.7), ROWS),
        "prelu": one(lambda la: la.PReLU(), IMAGE),
        "prelu-shared": one(lambda la: la.PReLU(shared_axes=[1, 2]), IMAGE),
        "prelu-shared-1": one(lambda la: la.PReLU(shared_axes=[1]), STEPS),
        "prelu-objects": whole(
            lambda k: k.layers.PReLU(
                alpha_initializer=k.initializers.Constant(0.25),
                alpha_regularizer="l2",
                alpha_constraint="non_neg",
            ),
            ROWS,
        ),
        "softmax": one(lambda la: la.Softmax(), STEPS),
        "softmax-axis": one(lambda la: la.Softmax(axis=1), IMAGE),
        "softmax-axes": one(lambda la: la.Softmax(axis=[1, 2]), IMAGE),
        "activity": one(lambda la: la.ActivityRegularization(0.1, 0.2), ROWS),
        "identity": one(lambda la: la.Identity(), ROWS),
        "lambda": whole(
            lambda k: k.layers.Lambda(lambda x: x * x * 2.0),
            STEPS,
            has_config=False,
        ),
        "lambda-arguments": whole(
            lambda k: k.layers.Lambda(lambda x, by: x * by, arguments={"by": 3.0}),
            STEPS,
            has_config=False,
        ),
    }


# --------------------------------------------------------------------- convolutions
def convolutions() -> dict[str, Row]:
    first = {"data_format": "channels_first"}
    penalties = {
        "kernel_initializer": "he_normal",
        "kernel_regularizer": "l2",
        "bias_regularizer": "l1",
        "activity_regularizer": "l2",
        "kernel_constraint": "unit_norm",
        "bias_constraint": "non_neg",
    }
    deep = {
        "depthwise_initializer": "he_normal",
        "depthwise_regularizer": "l2",
        "depthwise_constraint": "max_norm",
        "bias_initializer": "ones",
        "bias_regularizer": "l1",
    }
    both = deep | {
        "pointwise_initializer": "ones",
        "pointwise_regularizer": "l1",
        "pointwise_constraint": "unit_norm",
    }
    return {
        "conv1d": one(lambda la: la.Conv1D(4, 3), STEPS),
        "conv1d-same-stride": one(
            lambda la: la.Conv1D(4, 2, strides=2, padding="same"), (7, 3)
        ),
        "conv1d-causal": one(
            lambda la: la.Conv1D(4, 3, padding="causal", dilation_rate=2), STEPS
        ),
        "conv1d-causal-stride": one(
            lambda la: la.Conv1D(4, 3, strides=2, padding="causal"), (7, 3)
        ),
        "conv1d-groups": one(
            lambda la: la.Conv1D(6, 3, groups=3, use_bias=False, activation="relu"),
            STEPS,
        ),
        "conv1d-first": one(lambda la: la.Conv1D(4, 2, **first), (3, 6)),
        "conv1d-penalties": one(lambda la: la.Conv1D(4, 2, **penalties), STEPS),
        "conv2d": one(lambda la: la.Conv2D(3, 3), IMAGE),
        "conv2d-same": one(lambda la: la.Conv2D(3, 3, padding="same"), IMAGE),
        "conv2d-same-stride": one(
            lambda la: la.Conv2D(3, 3, 2, padding="same", activation="relu"), IMAGE
        ),
        "conv2d-same-stride-even": one(
            lambda la: la.Conv2D(3, (2, 4), strides=(2, 3), padding="SAME"), (8, 7, 2)
        ),
        "conv2d-dilated": one(
            lambda la: la.Conv2D(3, 2, dilation_rate=(2, 3)), (7, 6, 2)
        ),
        "conv2d-dilated-same": one(
            lambda la: la.Conv2D(3, 3, dilation_rate=2, padding="same"), IMAGE
        ),
        "conv2d-groups": one(
            lambda la: la.Conv2D(4, 3, groups=2, use_bias=False), IMAGE
        ),
        # Keras on TensorFlow adds the bias along the last axis if that is as long.
        "conv2d-first": one(
            lambda la: la.Conv2D(4, 3, strides=2, padding="same", **first), (2, 7, 5)
        ),
        "conv2d-penalties": one(lambda la: la.Conv2D(4, 2, **penalties), IMAGE),
        "conv2d-layer": one(lambda la: la.Conv2D(4, 2, activation=la.ELU()), IMAGE),
        "conv3d": one(lambda la: la.Conv3D(3, 2), VOLUME),
        "conv3d-same-stride": one(
            lambda la: la.Conv3D(4, 3, strides=2, padding="same", groups=2), VOLUME
        ),
        "conv3d-dilated": one(
            lambda la: la.Conv3D(2, 2, dilation_rate=2, padding="same"), VOLUME
        ),
        "depthwise1d": one(lambda la: la.DepthwiseConv1D(3), STEPS),
        "depthwise1d-same-stride": one(
            lambda la: la.DepthwiseConv1D(
                2, strides=2, padding="same", depth_multiplier=2
            ),
            (7, 3),
        ),
        "depthwise1d-settings": one(lambda la: la.DepthwiseConv1D(2, **deep), STEPS),
        "depthwise2d": one(lambda la: la.DepthwiseConv2D(3), IMAGE),
        "depthwise2d-same-stride": one(
            lambda la: la.DepthwiseConv2D(
                3, strides=2, padding="same", depth_multiplier=3, use_bias=False
            ),
            IMAGE,
        ),
        "depthwise2d-dilated": one(
            lambda la: la.DepthwiseConv2D(2, dilation_rate=2, activation="relu"), IMAGE
        ),
        "depthwise2d-settings": one(lambda la: la.DepthwiseConv2D(2, **deep), IMAGE),
        "separable1d": one(lambda la: la.SeparableConv1D(4, 3), STEPS),
        "separable1d-settings": one(lambda la: la.SeparableConv1D(4, 2, **both), STEPS),
        "separable2d": one(lambda la: la.SeparableConv2D(4, 3), IMAGE),
        "separable2d-same-stride": one(
            lambda la: la.SeparableConv2D(
                4, 3, strides=2, padding="same", depth_multiplier=2, use_bias=False
            ),
            (7, 7, 2),
        ),
        "separable2d-settings": one(lambda la: la.SeparableConv2D(4, 2, **both), IMAGE),
        "transpose1d": one(lambda la: la.Conv1DTranspose(4, 3), STEPS),
        "transpose1d-same-stride": one(
            lambda la: la.Conv1DTranspose(4, 2, strides=3, padding="same"), STEPS
        ),
        "transpose1d-extra": one(
            lambda la: la.Conv1DTranspose(4, 3, strides=2, output_padding=1), STEPS
        ),
        "transpose2d": one(lambda la: la.Conv2DTranspose(3, 3), IMAGE),
        "transpose2d-same-stride": one(
            lambda la: la.Conv2DTranspose(
                3, 3, strides=2, padding="same", activation="relu"
            ),
            IMAGE,
        ),
        "transpose2d-even": one(
            lambda la: la.Conv2DTranspose(
                3, (2, 4), strides=(3, 2), padding="same", use_bias=False
            ),
            IMAGE,
        ),
        "transpose2d-valid-gap": one(
            lambda la: la.Conv2DTranspose(3, 2, strides=3), IMAGE
        ),
        "transpose2d-extra": one(
            lambda la: la.Conv2DTranspose(
                3, 3, strides=2, padding="same", output_padding=1
            ),
            IMAGE,
        ),
        "transpose2d-dilated": one(
            lambda la: la.Conv2DTranspose(3, 2, dilation_rate=2), IMAGE
        ),
        "transpose2d-penalties": one(
            lambda la: la.Conv2DTranspose(4, 2, **penalties), IMAGE
        ),
        "transpose3d": one(lambda la: la.Conv3DTranspose(2, 2), (3, 2, 4, 2)),
        "transpose3d-same-stride": one(
            lambda la: la.Conv3DTranspose(2, 3, strides=2, padding="same"), (3, 2, 4, 2)
        ),
    }


# -------------------------------------------------------------------------- pooling
def pooling() -> dict[str, Row]:
    found: dict[str, Row] = {}
    shapes = {1: (7, 3), 2: IMAGE, 3: VOLUME}
    first = {1: (3, 7), 2: (2, 7, 5), 3: (2, 5, 4, 6)}

    def pool(kind: str, **given: Any) -> Callable[[Any], Any]:
        return lambda la: getattr(la, kind)(**given)

    for rank, shape in shapes.items():
        for kind in ("Max", "Average"):
            name = f"{kind}Pooling{rank}D"
            low = f"{kind.lower()}-pool{rank}d"
            found |= {
                low: one(pool(name, pool_size=2), shape),
                f"{low}-same": one(pool(name, pool_size=2, padding="same"), shape),
                f"{low}-overlap": one(
                    pool(name, pool_size=3, strides=2, padding="same"), shape
                ),
                f"{low}-valid": one(pool(name, pool_size=3, strides=1), shape),
                f"global-{low}": one(pool(f"Global{name}"), shape),
                f"global-{low}-kept": one(pool(f"Global{name}", keepdims=True), shape),
                f"global-{low}-first": one(
                    pool(f"Global{name}", data_format="channels_first"), first[rank]
                ),
                f"adaptive-{low}": one(pool(f"Adaptive{name}", output_size=2), shape),
                f"adaptive-{low}-odd": one(
                    pool(f"Adaptive{name}", output_size=3), shape
                ),
            }
    found["average-pool1d-masked"] = one(
        pool("GlobalAveragePooling1D"),
        STEPS,
        before=lambda la: [la.Masking(0.0)],
        zeros=True,
    )
    return found


# ---------------------------------------------------------------------- reshaping
def reshaping() -> dict[str, Row]:
    first = {"data_format": "channels_first"}
    return {
        "flatten": one(lambda la: la.Flatten(), IMAGE),
        "flatten-first": one(lambda la: la.Flatten(**first), IMAGE),
        "flatten-rows": one(lambda la: la.Flatten(), ROWS),
        "reshape": one(lambda la: la.Reshape((10, 7)), IMAGE),
        "reshape-open": one(lambda la: la.Reshape((-1, 5)), IMAGE),
        "reshape-one": one(lambda la: la.Reshape((-1,)), STEPS),
        "reshape-up": one(lambda la: la.Reshape((3, 2, 3)), STEPS),
        "permute": one(lambda la: la.Permute((3, 1, 2)), IMAGE),
        "permute-steps": one(lambda la: la.Permute((2, 1)), STEPS),
        "repeat-vector": one(lambda la: la.RepeatVector(3), ROWS),
        "crop1d": one(lambda la: la.Cropping1D((1, 2)), STEPS),
        "crop1d-one": one(lambda la: la.Cropping1D(1), STEPS),
        "crop2d": one(lambda la: la.Cropping2D(((1, 2), (0, 1))), IMAGE),
        "crop2d-two": one(lambda la: la.Cropping2D((2, 1)), IMAGE),
        "crop2d-first": one(lambda la: la.Cropping2D(1, **first), (2, 7, 5)),
        "crop3d": one(lambda la: la.Cropping3D(((1, 0), (0, 1), (2, 2))), VOLUME),
        "crop3d-one": one(lambda la: la.Cropping3D(1), VOLUME),
        "pad1d": one(lambda la: la.ZeroPadding1D((2, 1)), STEPS),
        "pad1d-first": one(lambda la: la.ZeroPadding1D(1, **first), STEPS),
        "pad2d": one(lambda la: la.ZeroPadding2D(((1, 2), (0, 3))), IMAGE),
        "pad2d-two": one(lambda la: la.ZeroPadding2D((2, 1)), IMAGE),
        "pad2d-first": one(lambda la: la.ZeroPadding2D(1, **first), (2, 7, 5)),
        "pad3d": one(lambda la: la.ZeroPadding3D(((1, 0), (0, 1), (2, 2))), VOLUME),
        "up1d": one(lambda la: la.UpSampling1D(3), STEPS),
        "up2d": one(lambda la: la.UpSampling2D((2, 3)), IMAGE),
        "up2d-bilinear": one(
            lambda la: la.UpSampling2D((2, 3), interpolation="bilinear"), IMAGE
        ),
        "up2d-bicubic": one(
            lambda la: la.UpSampling2D(2, interpolation="bicubic"), IMAGE
        ),
        "up2d-first": one(lambda la: la.UpSampling2D(2, **first), (2, 7, 5)),
        "up3d": one(lambda la: la.UpSampling3D((1, 2, 3)), VOLUME),
    }


# ------------------------------------------------------------------ normalization
def normalization() -> dict[str, Row]:
    return {
        "batch-norm": one(lambda la: la.BatchNormalization(), ROWS),
        "batch-norm-image": one(lambda la: la.BatchNormalization(momentum=0.8), IMAGE),
        "batch-norm-bare": one(
            lambda la: la.BatchNormalization(center=False, scale=False, epsilon=0.1),
            STEPS,
        ),
        "batch-norm-axis": one(lambda la: la.BatchNormalization(axis=1), IMAGE),
        "batch-norm-objects": one(
            lambda la: la.BatchNormalization(
                gamma_regularizer="l2",
                beta_regularizer="l1",
                gamma_constraint="non_neg",
                beta_initializer="ones",
            ),
            ROWS,
        ),
        "batch-norm-masked": one(
            lambda la: la.BatchNormalization(),
            STEPS,
            before=lambda la: [la.Masking(0.0)],
            zeros=True,
        ),
        "layer-norm": one(lambda la: la.LayerNormalization(), STEPS),
        "layer-norm-axes": one(lambda la: la.LayerNormalization(axis=[1, 2]), IMAGE),
        "layer-norm-first-axis": one(lambda la: la.LayerNormalization(axis=1), STEPS),
        "layer-norm-bare": one(
            lambda la: la.LayerNormalization(center=False, epsilon=0.1), STEPS
        ),
        "layer-norm-none": one(
            lambda la: la.LayerNormalization(center=False, scale=False), ROWS
        ),
        "layer-norm-objects": one(
            lambda la: la.LayerNormalization(
                gamma_regularizer="l2", beta_constraint="non_neg"
            ),
            ROWS,
        ),
        "group-norm": one(lambda la: la.GroupNormalization(2), (5, 4, 6)),
        "group-norm-all": one(lambda la: la.GroupNormalization(-1), (5, 4)),
        "group-norm-one": one(
            lambda la: la.GroupNormalization(1, center=False), (5, 4, 6)
        ),
        "group-norm-rows": one(lambda la: la.GroupNormalization(3), (6,)),
        "group-norm-axis": one(lambda la: la.GroupNormalization(2, axis=1), (4, 5, 6)),
        "rms-norm": one(lambda la: la.RMSNormalization(), STEPS),
        "rms-norm-axis": one(lambda la: la.RMSNormalization(axis=1), (4, 4)),
        "unit-norm": one(lambda la: la.UnitNormalization(), STEPS),
        "unit-norm-axes": one(lambda la: la.UnitNormalization(axis=[1, 2]), STEPS),
        "rescaling": one(lambda la: la.Rescaling(1 / 255, -1.0), IMAGE),
        "rescaling-lists": one(lambda la: la.Rescaling([1.0, 2.0], [0.5, 0.1]), IMAGE),
        "normalization-given": one(
            lambda la: la.Normalization(mean=[1.0, 2.0], variance=[0.5, 4.0]),
            IMAGE,
            skip=("eager",),
        ),
        "normalization-numbers": one(
            lambda la: la.Normalization(axis=None, mean=1.0, variance=2.0),
            IMAGE,
            skip=("eager",),
        ),
        "normalization-invert": one(
            lambda la: la.Normalization(axis=None, mean=1.0, variance=2.0, invert=True),
            IMAGE,
            skip=("eager",),
        ),
    }


# -------------------------------------------------------------------- regularization
def regularization() -> dict[str, Row]:
    drawn = {"random": True}
    return {
        "dropout": one(lambda la: la.Dropout(0.4, seed=1), ROWS, **drawn),
        "dropout-noise": one(
            lambda la: la.Dropout(0.4, noise_shape=(None, 1, 3)), STEPS, **drawn
        ),
        "dropout-zero": one(lambda la: la.Dropout(0.0), ROWS),
        "alpha-dropout": one(lambda la: la.AlphaDropout(0.4), ROWS, **drawn),
        "gaussian-dropout": one(lambda la: la.GaussianDropout(0.4), ROWS, **drawn),
        "gaussian-noise": one(lambda la: la.GaussianNoise(0.4, seed=3), ROWS, **drawn),
        "spatial-dropout1d": one(lambda la: la.SpatialDropout1D(0.4), STEPS, **drawn),
        "spatial-dropout2d": one(lambda la: la.SpatialDropout2D(0.4), IMAGE, **drawn),
        "spatial-dropout2d-first": one(
            lambda la: la.SpatialDropout2D(0.4, "channels_first"), IMAGE, **drawn
        ),
        "spatial-dropout3d": one(lambda la: la.SpatialDropout3D(0.4), VOLUME, **drawn),
    }


# ---------------------------------------------------------------------------- merging
def merging() -> dict[str, Row]:
    found: dict[str, Row] = {}

    def merge(kind: str, *args: Any, **given: Any) -> Callable[[Any], Any]:
        return lambda la: getattr(la, kind)(*args, **given)

    for kind in "Add Multiply Average Maximum Minimum".split():
        low = kind.lower()
        found |= {
            low: one(merge(kind), ROWS, ROWS, ROWS),
            f"{low}-broadcast": one(merge(kind), IMAGE, (1, 1, 2), (7, 1, 1)),
            f"{low}-ranks": one(merge(kind), STEPS, (3,)),
        }
    return found | {
        "subtract": one(merge("Subtract"), ROWS, ROWS),
        "subtract-broadcast": one(merge("Subtract"), IMAGE, (1, 5, 1)),
        "concatenate": one(merge("Concatenate"), STEPS, (6, 2), (6, 1)),
        "concatenate-axis": one(merge("Concatenate", axis=1), IMAGE, (2, 5, 2)),
        "concatenate-axis-neg": one(merge("Concatenate", axis=-2), IMAGE, (7, 2, 2)),
        "dot": one(merge("Dot", axes=1), ROWS, ROWS),
        "dot-normal": one(merge("Dot", axes=-1, normalize=True), ROWS, ROWS),
        "dot-axes": one(merge("Dot", axes=(2, 1)), STEPS, (3, 4)),
        "dot-axes-same": one(merge("Dot", axes=1), STEPS, (6, 4)),
        "dot-axes-2": one(merge("Dot", axes=2, normalize=True), STEPS, (4, 3)),
    }


# -------------------------------------------------------------------------- attention
def masked(la: Any) -> list[Any]:
    return [la.Masking(0.0)]


def attention() -> dict[str, Row]:
    two: Shapes = ((4, 3), (6, 3))
    three: Shapes = ((4, 3), (6, 5), (6, 3))
    mha: dict[str, Any] = {"call": lambda layer, x: layer(*x)}
    own: dict[str, Any] = {"call": lambda layer, x: layer(x, x)}
    scores: dict[str, Any] = {
        "call": lambda layer, x: list(layer(x, return_attention_scores=True))
    }
    causal: dict[str, Any] = {"call": lambda layer, x: layer(x, use_causal_mask=True)}
    zeros: dict[str, Any] = {"before": masked, "zeros": True}
    return {
        "attention": one(lambda la: la.Attention(), *two),
        "attention-keys": one(lambda la: la.Attention(use_scale=True), *three),
        "attention-concat": one(lambda la: la.Attention(score_mode="concat"), *two),
        "attention-concat-scale": one(lambda la: la.Attention(True, "concat"), *two),
        "attention-scores": one(lambda la: la.Attention(), *two, **scores),
        "attention-causal": one(lambda la: la.Attention(), *two, **causal),
        "attention-masked": one(lambda la: la.Attention(), *two, **zeros),
        "attention-masked-causal": one(
            lambda la: la.Attention(), (6, 3), (6, 3), **zeros, **causal
        ),
        "additive": one(lambda la: la.AdditiveAttention(), *two),
        "additive-plain": one(lambda la: la.AdditiveAttention(use_scale=False), *two),
        "additive-masked": one(lambda la: la.AdditiveAttention(), *two, **zeros),
        "additive-scores": one(lambda la: la.AdditiveAttention(), *two, **scores),
        "heads": one(lambda la: la.MultiHeadAttention(2, 3), STEPS, **own),
        "heads-two": one(
            lambda la: la.MultiHeadAttention(2, 3, value_dim=4), *two, **mha
        ),
        "heads-keys": one(
            lambda la: la.MultiHeadAttention(2, 3, output_shape=5, use_bias=False),
            (4, 2),
            (6, 5),
            (6, 3),
            **mha,
        ),
        "heads-scores": one(
            lambda la: la.MultiHeadAttention(2, 3),
            *two,
            call=lambda layer, x: list(layer(*x, return_attention_scores=True)),
            skip=("functional", "frozen"),
        ),
        "heads-causal": one(
            lambda la: la.MultiHeadAttention(2, 3),
            STEPS,
            call=lambda layer, x: layer(x, x, use_causal_mask=True),
        ),
        "heads-masked": one(
            lambda la: la.MultiHeadAttention(2, 3), STEPS, **own, **zeros
        ),
        "heads-masked-two": one(
            lambda la: la.MultiHeadAttention(2, 3), *two, **mha, **zeros
        ),
        "heads-axes": one(
            lambda la: la.MultiHeadAttention(2, 3, attention_axes=(1, 2)),
            (3, 4, 2),
            **own,
        ),
        "heads-axis": one(
            lambda la: la.MultiHeadAttention(2, 3, attention_axes=2),
            (3, 4, 2),
            **own,
        ),
        "heads-penalties": one(
            lambda la: la.MultiHeadAttention(
                2,
                3,
                kernel_regularizer="l2",
                bias_regularizer="l1",
                kernel_constraint="non_neg",
                bias_initializer="ones",
            ),
            STEPS,
            **own,
        ),
        "heads-attention-mask": one(
            lambda la: la.MultiHeadAttention(2, 3),
            (4, 3),
            (6, 3),
            (4, 6),
            call=lambda layer, x: layer(x[0], x[1], attention_mask=x[2] > 0),
        ),
    }


# -------------------------------------------------------------------------- recurrent
def recurrent() -> dict[str, Row]:
    found: dict[str, Row] = {}
    penalties = {
        "kernel_regularizer": "l2",
        "recurrent_regularizer": "l1",
        "bias_regularizer": "l2",
        "activity_regularizer": "l1",
        "kernel_constraint": "max_norm",
        "recurrent_constraint": "unit_norm",
        "bias_constraint": "non_neg",
        "recurrent_initializer": "ones",
    }
    zeros: dict[str, Any] = {"before": masked, "zeros": True}

    def make(kind: str, **given: Any) -> Callable[[Any], Any]:
        return lambda la: getattr(la, kind)(4, **given)

    for kind in ("LSTM", "GRU", "SimpleRNN"):
        low = kind.lower()
        steps = {"return_sequences": True}
        found |= {
            low: one(make(kind), STEPS),
            f"{low}-steps": one(make(kind, **steps), STEPS),
            f"{low}-odd": one(
                make(kind, activation="relu", use_bias=False, **steps), STEPS
            ),
            f"{low}-backwards": one(make(kind, go_backwards=True, **steps), STEPS),
            f"{low}-states": one(
                make(kind, return_state=True), STEPS, call=lambda la, x: list(la(x))
            ),
            f"{low}-states-steps": one(
                make(kind, return_state=True, **steps),
                STEPS,
                call=lambda la, x: list(la(x)),
            ),
            f"{low}-masked": one(make(kind), STEPS, **zeros),
            f"{low}-masked-holes": one(make(kind, **steps), STEPS, holes=True, **zeros),
            f"{low}-masked-zeros": one(
                make(kind, zero_output_for_mask=True, **steps), STEPS, **zeros
            ),
            f"{low}-masked-backwards": one(
                make(kind, go_backwards=True, **steps), STEPS, **zeros
            ),
            f"{low}-unrolled": one(make(kind, unroll=True, **steps), STEPS),
            f"{low}-penalties": one(make(kind, **penalties), STEPS),
            f"{low}-bidirectional": one(
                lambda la, kind=kind: la.Bidirectional(getattr(la, kind)(3)), STEPS
            ),
            f"{low}-bidirectional-steps": one(
                lambda la, kind=kind: la.Bidirectional(
                    getattr(la, kind)(3, return_sequences=True), merge_mode="sum"
                ),
                STEPS,
            ),
            f"{low}-bidirectional-masked": one(
                lambda la, kind=kind: la.Bidirectional(
                    getattr(la, kind)(3, return_sequences=True)
                ),
                STEPS,
                **zeros,
            ),
            f"{low}-bidirectional-states": one(
                lambda la, kind=kind: la.Bidirectional(
                    getattr(la, kind)(3, return_state=True), merge_mode="mul"
                ),
                STEPS,
                call=lambda la, x: list(la(x)),
            ),
            f"{low}-bidirectional-none": one(
                lambda la, kind=kind: la.Bidirectional(
                    getattr(la, kind)(3), merge_mode=None
                ),
                STEPS,
                call=lambda la, x: list(la(x)),
            ),
            f"{low}-rnn": one(
                lambda la, kind=kind: la.RNN(
                    getattr(la, f"{kind}Cell")(4), return_sequences=True
                ),
                STEPS,
            ),
            f"{low}-rnn-masked": one(
                lambda la, kind=kind: la.RNN(getattr(la, f"{kind}Cell")(4)),
                STEPS,
                **zeros,
            ),
            f"{low}-initial": one(
                make(kind),
                STEPS,
                (4,),
                (4,),
                call=lambda la, x: la(
                    x[0],
                    initial_state=list(x[1:])
                    if type(la).__name__ == "LSTM"
                    else [x[1]],
                ),
            ),
        }
    return found | {
        "gru-before": one(make("GRU", reset_after=False), STEPS),
        "gru-before-penalties": one(make("GRU", reset_after=False, **penalties), STEPS),
        "gru-sigmoid": one(make("GRU", recurrent_activation="hard_sigmoid"), STEPS),
        "lstm-forget": one(make("LSTM", unit_forget_bias=False), STEPS),
        "rnn-stack": one(
            lambda la: la.RNN([la.LSTMCell(3), la.GRUCell(2)], return_sequences=True),
            STEPS,
        ),
        "rnn-stacked-cells": one(
            lambda la: la.RNN(
                la.StackedRNNCells([la.SimpleRNNCell(3), la.LSTMCell(2)])
            ),
            STEPS,
        ),
        "rnn-stack-states": one(
            lambda la: la.RNN(
                [la.LSTMCell(3), la.LSTMCell(2)],
                return_state=True,
            ),
            STEPS,
            call=lambda la, x: [la(x)[0]],
        ),
        "bidirectional-weights": one(
            lambda la: la.Bidirectional(la.LSTM(3, kernel_regularizer="l2")), STEPS
        ),
        "distributed": one(
            lambda la: la.TimeDistributed(la.Dense(4, activation="relu")), STEPS
        ),
        "distributed-conv": one(
            lambda la: la.TimeDistributed(la.Conv2D(2, 3, kernel_regularizer="l2")),
            (3, 5, 5, 2),
        ),
        "distributed-flatten": one(
            lambda la: la.TimeDistributed(la.Flatten()), (3, 5, 5, 2)
        ),
        "distributed-norm": one(
            lambda la: la.TimeDistributed(la.BatchNormalization()), (3, 5)
        ),
        "distributed-lstm": one(lambda la: la.TimeDistributed(la.LSTM(3)), (3, 5, 2)),
        "distributed-model": whole(
            lambda k: k.layers.TimeDistributed(
                k.Sequential([k.Input((5, 2)), k.layers.LSTM(3), k.layers.Dense(2)])
            ),
            (3, 5, 2),
            has_config=False,
        ),
        "distributed-masked": one(
            lambda la: la.TimeDistributed(la.Dense(4)), STEPS, **zeros
        ),
        "distributed-twice": one(
            lambda la: la.TimeDistributed(la.TimeDistributed(la.Dense(4))), (3, 4, 5)
        ),
    }


TABLES = (
    core,
    convolutions,
    pooling,
    reshaping,
    normalization,
    regularization,
    merging,
    attention,
    recurrent,
)
