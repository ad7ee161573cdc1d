"""Functions of TensorFlow between layers, as cases like those of Keras' operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from operation_cases import IMAGE, Case, F, I, one, two

_UNARY = (
    "abs acos:unit acosh:more asin:unit asinh atan atanh:unit ceil cos cosh erf erfc "
    "exp expm1 floor is_finite:odd is_inf:odd is_nan:odd log:positive log1p:positive "
    "log_sigmoid logical_not:bool negative reciprocal:positive rint round "
    "rsqrt:positive sigmoid sign sin sinh softplus softsign sqrt:positive square tan "
    "tanh"
).split()
_BINARY = (
    "add atan2 divide divide_no_nan equal floordiv floormod greater greater_equal less "
    "less_equal maximum minimum mod multiply multiply_no_nan not_equal "
    "squared_difference subtract truediv"
).split()
_LOGICAL = "logical_and logical_or logical_xor".split()
_REDUCED = (
    "reduce_max reduce_min reduce_mean reduce_sum reduce_prod reduce_std "
    "reduce_variance reduce_logsumexp reduce_euclidean_norm"
).split()
_ACTIVATIONS = "elu gelu leaky_relu relu relu6 selu silu softmax log_softmax".split()
_KERNEL = np.sin(np.arange(3 * 3 * 3 * 4, dtype=F)).reshape(3, 3, 3, 4)


def _math(name: str, **options: Any) -> Callable[..., Any]:
    return lambda tf, *xs: getattr(tf.math, name)(*xs, **options)


def _nn(name: str, **options: Any) -> Callable[..., Any]:
    return lambda tf, *xs: getattr(tf.nn, name)(*xs, **options)


def _unary(text: str) -> Case:
    name, _, kind = text.partition(":")
    if kind == "more":
        return one(lambda tf, x: tf.math.acosh(x + 1.5), "positive")
    return one(_math(name), kind or F)


COMMON: dict[str, Case] = {
    **{text.partition(":")[0]: _unary(text) for text in _UNARY},
    **{n: two(_math(n), F, "positive") for n in _BINARY},
    **{n: two(_math(n), "bool") for n in _LOGICAL},
    **{n: one(_math(n, axis=1)) for n in _REDUCED},
    **{f"{n}_kept": one(_math(n, axis=[1, 2], keepdims=True)) for n in _REDUCED},
    **{n: one(_nn(n)) for n in _ACTIVATIONS},
    "reduce_all": one(_math("reduce_all", axis=1), "bool"),
    "reduce_any": one(_math("reduce_any", axis=-1), "bool"),
    "pow": two(_math("pow"), "positive", F),
    "number_first": one(lambda tf, x: 1.0 - x),
    "number_divided": one(lambda tf, x: 2.0 / x, "positive"),
    "number_power": one(lambda tf, x: 2.0**x),
    "operators": two(lambda tf, x, y: (x * 2 + y - 0.5) / 3 % 0.7 // 0.2 - (-abs(x))),
    "comparisons": two(lambda tf, x, y: (x > 0) & ~(y >= 0.5) | (x < y)),
    "ranks": two(lambda tf, x, y: x + y, second=(2, 3, 5)),
    "array": one(lambda tf, x: x * tf.constant(np.arange(5, dtype=F))),
    "array_first": one(lambda tf, x: tf.constant(np.arange(5, dtype=F)) - x),
    "integers": one(lambda tf, x: (x * 3 - 7) // 2 % 5, I),
    "argmax": one(lambda tf, x: tf.argmax(x, axis=-1)),
    "argmin": one(lambda tf, x: tf.argmin(x, axis=1, output_type=tf.int32)),
    "batch_matmul": two(lambda tf, x, y: tf.matmul(x, y, transpose_b=True)),
    "bias_add": one(
        lambda tf, x: tf.nn.bias_add(x, tf.constant(np.arange(5, dtype=F)))
    ),
    "broadcast_to": one(lambda tf, x: tf.broadcast_to(x[:, :1], tf.shape(x))),
    "cast": one(lambda tf, x: tf.cast(x, tf.int32)),
    "clip": one(lambda tf, x: tf.clip_by_value(x, -0.5, 0.7)),
    "concat": two(lambda tf, x, y: tf.concat([x, y], -1)),
    "cumsum": one(lambda tf, x: tf.cumsum(x, axis=1, reverse=True)),
    "cumprod": one(lambda tf, x: tf.math.cumprod(x, axis=2)),
    "depth_to_space": Case(lambda tf, x: tf.nn.depth_to_space(x, 2), ((3, 5, 8),)),
    "space_to_depth": Case(lambda tf, x: tf.nn.space_to_depth(x, 2), ((4, 6, 3),)),
    "expand_dims": one(lambda tf, x: tf.expand_dims(x, 1)),
    "fill": one(lambda tf, x: x + tf.fill([tf.shape(x)[0], 1, 5], 1.5)),
    "gather": one(lambda tf, x: tf.gather(x, [1, 2, 0], axis=1)),
    "gather_batch": Case(
        lambda tf, x, i: tf.gather(x, i, axis=1, batch_dims=1), ((6, 2), (3,)), (F, I)
    ),
    "identity": one(lambda tf, x: tf.identity(x) + tf.stop_gradient(x)),
    "conv2d": Case(lambda tf, x: tf.nn.conv2d(x, _KERNEL, 2, "SAME"), IMAGE),
    "max_pool": Case(lambda tf, x: tf.nn.max_pool2d(x, 2, 2, "SAME"), IMAGE),
    "avg_pool": Case(lambda tf, x: tf.nn.avg_pool2d(x, (2, 3), 2, "VALID"), IMAGE),
    "item": one(lambda tf, x: x[:, 1]),
    "item_last": one(lambda tf, x: x[..., -1]),
    "item_dots": one(lambda tf, x: x[..., 1, 0]),
    "item_back": one(lambda tf, x: x[:, ::-1, 3:0:-2]),
    "item_new": one(lambda tf, x: x[:, tf.newaxis, ..., 1:]),
    "item_all": one(lambda tf, x: x[:, :, :]),
    "l2_normalize": one(lambda tf, x: tf.math.l2_normalize(x, axis=-1)),
    "matmul_array": one(
        lambda tf, x: tf.matmul(x, tf.ones((2, 5, 4))),
    ),
    "moments": one(lambda tf, x: tf.nn.moments(x, axes=[1])),
    "one_hot": one(lambda tf, x: tf.one_hot(x, 6), I),
    "one_hot_values": one(
        lambda tf, x: tf.one_hot(x, 4, on_value=2.0, off_value=-1.0, axis=1), I
    ),
    "one_hot_whole": one(lambda tf, x: tf.one_hot(x, 4, on_value=2, off_value=-1), I),
    "ones_like": one(lambda tf, x: tf.ones_like(x) + tf.zeros_like(x)),
    "pad": one(lambda tf, x: tf.pad(x, [[0, 0], [1, 2], [0, 1]])),
    "pad_value": one(
        lambda tf, x: tf.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=2.0)
    ),
    "pad_reflect": one(lambda tf, x: tf.pad(x, [[0, 0], [1, 2], [0, 3]], "REFLECT")),
    "pad_symmetric": one(
        lambda tf, x: tf.pad(x, [[0, 0], [1, 2], [0, 3]], "SYMMETRIC")
    ),
    "range": one(lambda tf, x: x + tf.cast(tf.range(tf.shape(x)[2]), tf.float32)),
    "reshape": one(lambda tf, x: tf.reshape(x, [-1, 5, 3])),
    "reshape_sizes": one(lambda tf, x: tf.reshape(x, [tf.shape(x)[0], 15])),
    "reshape_stack": one(
        lambda tf, x: tf.reshape(x, tf.stack([tf.shape(x)[0] * 3, 5]))
    ),
    "resize_bicubic": Case(
        lambda tf, x: tf.image.resize(x, (10, 12), method="bicubic"), IMAGE
    ),
    **{
        f"resize_old_{kind}{''.join(f'_{k}' for k in options)}": Case(
            lambda tf, x, kind=kind, options=options: getattr(
                tf.compat.v1.image, f"resize_{kind}"
            )(x, (10, 12), **options),
            IMAGE,
        )
        for kind in ("bilinear", "nearest_neighbor")
        for options in (
            {"align_corners": True},
            {"half_pixel_centers": True},
        )
    },
    "rank": one(lambda tf, x: x * tf.cast(tf.rank(x), F)),
    "resize": Case(lambda tf, x: tf.image.resize(x, (5, 12)), IMAGE),
    "resize_nearest": Case(
        lambda tf, x: tf.image.resize(x, (5, 12), method="nearest"), IMAGE
    ),
    "reverse": one(lambda tf, x: tf.reverse(x, axis=[1])),
    "shape": one(lambda tf, x: tf.shape(x)),
    "slice": one(lambda tf, x: tf.slice(x, [0, 1, 2], [-1, 2, 2])),
    "split": one(lambda tf, x: tf.split(x, 5, axis=-1)),
    "split_sizes": one(lambda tf, x: tf.split(x, [2, 3], axis=2)),
    "squeeze": Case(lambda tf, x: tf.squeeze(x, axis=2), ((3, 1),)),
    "stack": two(lambda tf, x, y: tf.stack([x, y], axis=1)),
    "strided_slice": one(
        lambda tf, x: tf.strided_slice(x, [0, 1, 0], [2, 3, 4], [1, 1, 2])
    ),
    "tile": one(lambda tf, x: tf.tile(x, [1, 2, 3])),
    "top_k": one(lambda tf, x: tf.math.top_k(x, 3)),
    "transpose": one(lambda tf, x: tf.transpose(x, [0, 2, 1])),
    "transpose_all": one(lambda tf, x: tf.transpose(x)),
    "unstack": one(lambda tf, x: tf.unstack(x, axis=1)),
    "where": two(lambda tf, x, y: tf.where(x > 0, x, y)),
    "where_number": one(lambda tf, x: tf.where(x > 0, x, 0.5)),
}

CASES: dict[str, Case] = COMMON | {
    "add_n": two(lambda tf, x, y: tf.add_n([x, y])),
    "add_n_vectors": Case(lambda tf, x, y: tf.add_n([x, y]), ((), ())),
    "argsort": one(lambda tf, x: tf.argsort(x, axis=1, direction="DESCENDING")),
    "band_part": one(lambda tf, x: tf.linalg.band_part(x, 1, 0)),
    "count_nonzero": one(lambda tf, x: tf.math.count_nonzero(x, axis=1), I),
    "clip_by_norm": one(lambda tf, x: tf.clip_by_norm(x, 1.5, axes=[1])),
    "crop": Case(lambda tf, x: tf.image.crop_to_bounding_box(x, 1, 2, 4, 5), IMAGE),
    "crossentropy": two(
        lambda tf, y, x: tf.nn.softmax_cross_entropy_with_logits(y, x), "positive", F
    ),
    "depthwise_conv2d": Case(
        lambda tf, x: tf.nn.depthwise_conv2d(x, _KERNEL, [1, 1, 1, 1], "SAME"), IMAGE
    ),
    "conv1d": one(
        lambda tf, x: tf.nn.conv1d(x, np.ones((2, 5, 3), F) * 0.3, 1, "VALID")
    ),
    "extract_patches": Case(
        lambda tf, x: tf.image.extract_patches(
            x, [1, 3, 2, 1], [1, 2, 2, 1], [1] * 4, "VALID"
        ),
        IMAGE,
    ),
    "flip_left_right": Case(lambda tf, x: tf.image.flip_left_right(x), IMAGE),
    "gather_nd": Case(
        lambda tf, x, i: tf.gather_nd(x, i, batch_dims=1), ((5, 3), (2, 1)), (F, I)
    ),
    "keras_backend": one(lambda tf, x: tf.experimental.numpy.mean(x, axis=1)),
    "matvec": two(lambda tf, x, y: tf.linalg.matvec(x, y), second=(5,)),
    "norm": one(lambda tf, x: tf.norm(x, axis=-1)),
    "norm_one": one(lambda tf, x: tf.norm(x, ord=1, axis=1)),
    "pad_box": Case(lambda tf, x: tf.image.pad_to_bounding_box(x, 1, 2, 10, 12), IMAGE),
    "repeat": one(lambda tf, x: tf.repeat(x, 2, axis=1)),
    "rgb_to_grayscale": Case(lambda tf, x: tf.image.rgb_to_grayscale(x), IMAGE),
    "roll": one(lambda tf, x: tf.roll(x, 2, axis=1)),
    "sequence_mask": Case(lambda tf, x: tf.sequence_mask(x, 6), ((),), (I,)),
    "softmax_axis": one(lambda tf, x: tf.nn.softmax(x, axis=1)),
    "sort": one(lambda tf, x: tf.sort(x, axis=1)),
    "standardization": Case(lambda tf, x: tf.image.per_image_standardization(x), IMAGE),
    "tensordot": one(lambda tf, x: tf.tensordot(x, tf.ones((5, 2)), axes=1)),
    "xlogy": two(lambda tf, x, y: tf.math.xlogy(x, y), F, "positive"),
    "zeros": one(lambda tf, x: tf.concat([x, tf.zeros([tf.shape(x)[0], 2, 5])], 1)),
}

# Functions that graph mode writes in several nodes with nodes of their own inside.
NODES: dict[str, Case] = COMMON | {
    "rows": Case(
        lambda tf, c, x, y: tf.raw_ops.Select(condition=c > 0, x=x, y=y),
        ((), (3, 5), (3, 5)),
    ),
    "truncated": two(lambda tf, x, y: tf.raw_ops.Div(x=x - 7, y=y + 2), I),
}
