"""Keras' operations of linear algebra, of networks, and on images."""

from __future__ import annotations

import numpy as np
from operation_cases import IMAGE, Case, F, I, along, named, one, two

NETWORKS: dict[str, Case] = {
    "matmul": two(named("matmul"), second=(5, 4)),
    "matmul_ranks": Case(named("matmul"), ((4, 3, 5), (2, 4, 5, 2)), whole=True),
    "matmul_array": one(lambda o, x: o.matmul(x, np.ones((5, 2), F))),
    "array_matmul": one(lambda o, x: o.matmul(np.full((4, 3), 0.5, F), x)),
    "matmul_vector": one(lambda o, x: o.matmul(x, np.arange(5, dtype=F))),
    "dot": one(lambda o, x: o.dot(x, np.arange(10, dtype=F).reshape(5, 2))),
    "dot_ranks": Case(named("dot"), ((2, 3), (4, 3, 2)), whole=True),
    "inner": Case(named("inner"), ((2, 3), (4, 3)), whole=True),
    "vdot": Case(named("vdot"), ((2, 3), (2, 3)), whole=True),
    "outer": Case(named("outer"), ((3,), (4,)), whole=True),
    "tensordot": Case(
        lambda o, x, y: o.tensordot(x, y, axes=2), ((2, 3, 4), (3, 4, 5)), whole=True
    ),
    "tensordot_axes": Case(
        lambda o, x, y: o.tensordot(x, y, axes=[[1], [2]]),
        ((2, 3), (4, 5, 3)),
        whole=True,
    ),
    "einsum": Case(lambda o, x, y: o.einsum("bij,bkj->bik", x, y), ((3, 5), (4, 5))),
    "einsum_dots": Case(
        lambda o, x, y: o.einsum("...ij,jk", x, y), ((2, 3, 5), (5, 2)), whole=True
    ),
    "cross": Case(named("cross"), ((4, 3), (4, 3))),
    "kron": Case(named("kron"), ((2, 3), (2, 2)), whole=True),
    "norm": one(along("norm", axis=-1)),
    "norm_one": one(along("norm", ord=1, axis=1, keepdims=True)),
    "norm_three": one(along("norm", ord=3, axis=1)),
    "norm_matrix": one(along("norm", ord="fro", axis=(1, 2))),
    "norm_matrix_rows": one(along("norm", ord=np.inf, axis=(1, 2))),
    "det": Case(lambda o, x: o.det(x), ((3, 3),)),
    "logdet": Case(lambda o, x: o.logdet(o.matmul(x, o.swapaxes(x, 1, 2))), ((3, 3),)),
    "slogdet": Case(lambda o, x: o.slogdet(x), ((3, 3),)),
    "vander": Case(lambda o, x: o.vander(x, 3), ((4,),), whole=True),
    "corrcoef": Case(named("corrcoef"), ((3, 6),), whole=True),
    "cdist": Case(lambda o, x, y: o.cdist(x, y), ((4, 3), (5, 3)), whole=True),
    # -- networks
    "elu_alpha": one(lambda o, x: o.elu(x, alpha=0.5)),
    "celu_alpha": one(lambda o, x: o.celu(x, alpha=0.5)),
    "gelu_exact": one(lambda o, x: o.gelu(x, approximate=False)),
    "leaky_relu_slope": one(lambda o, x: o.leaky_relu(x, negative_slope=0.05)),
    "softmax_axis": one(along("softmax", axis=1)),
    "log_softmax_axis": one(along("log_softmax", axis=1)),
    "sparsemax_axis": one(along("sparsemax", axis=1)),
    "glu": Case(named("glu"), ((3, 6),)),
    "glu_axis": Case(along("glu", axis=1), ((4, 5),)),
    "threshold": one(lambda o, x: o.threshold(x, 0.2, -1.0)),
    "hard_shrink_wide": one(lambda o, x: o.hard_shrink(x, threshold=0.8)),
    "max_pool": Case(lambda o, x: o.max_pool(x, 2, 2, padding="same"), IMAGE),
    "average_pool": Case(
        lambda o, x: o.average_pool(x, (2, 3), padding="valid"), IMAGE
    ),
    "adaptive_average_pool": Case(
        lambda o, x: o.adaptive_average_pool(x, (3, 4)), IMAGE
    ),
    "adaptive_max_pool": Case(lambda o, x: o.adaptive_max_pool(x, (3, 4)), IMAGE),
    "conv": Case(
        lambda o, x: o.conv(
            x, np.sin(np.arange(3 * 3 * 3 * 4, dtype=F)).reshape(3, 3, 3, 4), 2, "same"
        ),
        IMAGE,
    ),
    "conv_computed": Case(
        lambda o, x, k: o.conv(x, k, 1, "valid"),
        ((2, 7, 9, 3), (3, 3, 3, 4)),
        whole=True,
    ),
    "depthwise_conv": Case(
        lambda o, x: o.depthwise_conv(
            x, np.sin(np.arange(3 * 3 * 3 * 2, dtype=F)).reshape(3, 3, 3, 2)
        ),
        IMAGE,
    ),
    "separable_conv": Case(
        lambda o, x: o.separable_conv(
            x,
            np.sin(np.arange(54, dtype=F)).reshape(3, 3, 3, 2),
            np.cos(np.arange(24, dtype=F)).reshape(1, 1, 6, 4),
            padding="same",
        ),
        IMAGE,
    ),
    "depth_to_space": Case(lambda o, x: o.depth_to_space(x, 2), ((3, 5, 8),)),
    "space_to_depth": Case(lambda o, x: o.space_to_depth(x, 2), ((4, 6, 3),)),
    "normalize": one(lambda o, x: o.normalize(x, axis=1)),
    "normalize_order": one(lambda o, x: o.normalize(x, axis=-1, order=3)),
    "batch_normalization": one(
        lambda o, x: o.batch_normalization(
            x,
            np.arange(5, dtype=F),
            np.arange(1, 6, dtype=F),
            -1,
            np.ones(5, F),
            np.arange(5, dtype=F),
        )
    ),
    "batch_normalization_first": one(
        lambda o, x: o.batch_normalization(
            x, np.arange(3, dtype=F), np.arange(1, 4, dtype=F), 1
        )
    ),
    "layer_normalization": one(
        lambda o, x: o.layer_normalization(x, np.arange(5, dtype=F))
    ),
    "rms_normalization": one(
        lambda o, x: o.rms_normalization(x, np.arange(5, dtype=F))
    ),
    "dot_product_attention": Case(
        lambda o, q, k, v: o.dot_product_attention(q, k, v),
        ((4, 2, 6), (5, 2, 6), (5, 2, 6)),
    ),
    "causal_attention": Case(
        lambda o, q, k, v: o.dot_product_attention(q, k, v, is_causal=True),
        ((5, 4, 6), (5, 2, 6), (5, 2, 6)),
    ),
    "masked_attention": Case(
        lambda o, q, k, v, m: o.dot_product_attention(q, k, v, mask=m, scale=0.3),
        ((4, 2, 6), (5, 2, 6), (5, 2, 6), (1, 4, 5)),
        (F, F, F, "bool"),
    ),
    "psnr": two(lambda o, x, y: o.psnr(x, y, 2.0)),
    "binary_crossentropy": two(named("binary_crossentropy"), "unit", "positive"),
    "binary_crossentropy_logits": two(along("binary_crossentropy", from_logits=True)),
    "categorical_crossentropy": two(named("categorical_crossentropy"), "positive"),
    "categorical_crossentropy_logits": two(
        along("categorical_crossentropy", from_logits=True)
    ),
    "sparse_categorical_crossentropy": Case(
        lambda o, t, p: o.sparse_categorical_crossentropy(t, o.softmax(p)),
        ((), (5,)),
        (I, F),
    ),
    "extract_sequences": Case(lambda o, x: o.extract_sequences(x, 4, 2), ((11,),)),
    # -- images
    "softmax_axes": one(along("softmax", axis=(1, 2))),
    "resize_bicubic": Case(
        lambda o, x: o.image.resize(x, (5, 12), interpolation="bicubic"), IMAGE
    ),
    "resize": Case(lambda o, x: o.image.resize(x, (5, 12)), IMAGE),
    "resize_nearest": Case(
        lambda o, x: o.image.resize(x, (5, 12), interpolation="nearest"), IMAGE
    ),
    "pad_images": Case(
        lambda o, x: o.image.pad_images(x, 1, 2, target_height=10, target_width=12),
        IMAGE,
    ),
    "crop_images": Case(
        lambda o, x: o.image.crop_images(x, 1, 2, target_height=4, target_width=5),
        IMAGE,
    ),
    "rgb_to_grayscale": Case(lambda o, x: o.image.rgb_to_grayscale(x), IMAGE),
    "rgb_to_hsv": Case(lambda o, x: o.image.rgb_to_hsv(x), IMAGE, ("positive",)),
    "hsv_to_rgb": Case(lambda o, x: o.image.hsv_to_rgb(x), IMAGE, ("positive",)),
    "extract_patches": Case(lambda o, x: o.image.extract_patches(x, (3, 2)), IMAGE),
    "extract_patches_same": Case(
        lambda o, x: o.image.extract_patches(x, 3, strides=2, padding="same"), IMAGE
    ),
}
