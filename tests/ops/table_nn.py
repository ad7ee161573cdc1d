"""Calls of what keras/src/ops/nn.py has."""

from __future__ import annotations

from calls import A, T, case

# Activations and where their arguments are not the defaults.
PLAIN = (
    "celu elu gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh "
    "leaky_relu log_sigmoid log_softmax relu relu6 selu sigmoid silu soft_shrink "
    "softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish "
    "tanh_shrink"
).split()
FIXED = T((2, 4, 4, 3), unknown=())
MEAN, VARIANCE = T((3,), unknown=()), T((3,), low=0.1, unknown=())
QUERY, KEY = T((2, 4, 6, 5)), T((2, 7, 6, 5))
LABELS = A([[1, 2, 2, 3], [3, 1, 0, 0], [2, 2, 2, 2], [1, 4, 0, 0]])
LENGTHS, STEPS = A([4, 2, 4, 2]), A([6, 5, 5, 2])


def o_activation(name, *args, **kwargs):
    return lambda o, x: getattr(o, name)(x, *args, **kwargs)


ACTIVATIONS = [
    *(case(name, o_activation(name), T((3, 8), low=-5, high=8)) for name in PLAIN),
    case("celu 0.5", o_activation("celu", 0.5), (3, 8)),
    case("elu 0.5", o_activation("elu", alpha=0.5), (3, 8)),
    case("gelu exact", o_activation("gelu", approximate=False), (3, 8)),
    case("glu 1", o_activation("glu", axis=1), (3, 8, 2)),
    case("glu odd", o_activation("glu"), (3, 7)),
    case("hard_shrink 1", o_activation("hard_shrink", 1.0), (3, 8)),
    case("leaky_relu 0.5", o_activation("leaky_relu", 0.5), (3, 8)),
    case("log_softmax all", o_activation("log_softmax", axis=None), (3, 8)),
    case("log_softmax 1", o_activation("log_softmax", axis=1), (3, 8, 2)),
    case("soft_shrink 1", o_activation("soft_shrink", 1.0), (3, 8)),
    case("softmax all", o_activation("softmax", axis=None), (3, 8)),
    case("softmax 1", o_activation("softmax", axis=1), (3, 8, 2)),
    case("softmax axes", o_activation("softmax", axis=(1, 2)), (3, 8, 2)),
    case("sparsemax 1", o_activation("sparsemax", axis=1), (3, 8, 2)),
    case("squareplus 1", o_activation("squareplus", b=1), (3, 8)),
    case("threshold", o_activation("threshold", 0.5, -2.0), (3, 8)),
    case("relu of ints", o_activation("relu"), T((3, 8), "int32")),
    case("relu of float16", o_activation("relu"), T((3, 8), "float16")),
    case("gelu of float64", o_activation("gelu"), T((3, 8), "float64")),
]


def conv(name, images, kernel, *more, **options):
    return case(
        f"conv {name}", lambda o, x, k: o.conv(x, k, *more, **options), images, kernel
    )


CONVOLUTIONS = [
    conv("1", T((2, 9, 3)), T((3, 3, 4), unknown=())),
    conv("2", T((2, 7, 8, 3)), T((3, 2, 3, 4), unknown=())),
    conv("3", T((2, 5, 6, 4, 3)), T((2, 3, 2, 3, 4), unknown=())),
    conv("same", T((2, 7, 8, 3)), T((3, 2, 3, 4), unknown=()), 2, "same"),
    conv("SAME", T((2, 9, 3)), T((4, 3, 4), unknown=()), (3,), "SAME"),
    conv("same 3", T((2, 5, 6, 4, 2)), T((2, 3, 2, 2, 3), unknown=()), 2, "same"),
    conv(
        "dilated",
        T((2, 9, 8, 3)),
        T((3, 2, 3, 4), unknown=()),
        padding="same",
        dilation_rate=(2, 3),
    ),
    conv(
        "first",
        T((2, 3, 7, 8)),
        T((3, 2, 3, 4), unknown=()),
        2,
        "same",
        "channels_first",
    ),
    conv("groups", T((2, 7, 8, 4)), T((3, 2, 2, 6), unknown=())),
    conv("misfit", T((2, 7, 8, 3)), T((3, 2, 2, 6), unknown=())),
    conv("causal", T((2, 7, 3)), T((3, 3, 6), unknown=()), 1, "causal"),
    conv(
        "unknown",
        T((2, 7, 8, 3), unknown=(0, 1, 2)),
        T((3, 3, 3, 4), unknown=()),
        2,
        "same",
    ),
    case(
        "depthwise_conv 1",
        lambda o, x, k: o.depthwise_conv(x, k),
        (2, 9, 3),
        T((3, 3, 2), unknown=()),
    ),
    case(
        "depthwise_conv same",
        lambda o, x, k: o.depthwise_conv(x, k, 2, "same"),
        (2, 7, 8, 3),
        T((3, 2, 3, 2), unknown=()),
    ),
    case(
        "depthwise_conv dilated",
        lambda o, x, k: o.depthwise_conv(x, k, dilation_rate=2),
        (2, 7, 8, 3),
        T((3, 2, 3, 1), unknown=()),
    ),
    case(
        "depthwise_conv both",
        lambda o, x, k: o.depthwise_conv(x, k, 2, "same", dilation_rate=(2, 2)),
        (2, 7, 8, 3),
        T((3, 2, 3, 1), unknown=()),
    ),
    case(
        "depthwise_conv misfit",
        lambda o, x, k: o.depthwise_conv(x, k),
        (2, 9, 3),
        T((3, 2, 2), unknown=()),
    ),
    case(
        "separable_conv 1",
        lambda o, x, k, p: o.separable_conv(x, k, p, 2, "same"),
        (2, 9, 3),
        T((3, 3, 2), unknown=()),
        T((1, 6, 5), unknown=()),
    ),
    case(
        "separable_conv 2",
        lambda o, x, k, p: o.separable_conv(x, k, p),
        (2, 9, 8, 3),
        T((3, 2, 3, 2), unknown=()),
        T((1, 1, 6, 5), unknown=()),
    ),
    *(
        case(
            f"conv_transpose {padding} {stride} {size} {extra} {n}",
            lambda o, x, k, a=(stride, padding, extra): o.conv_transpose(x, k, *a),
            T((2, n, 3), unknown=(0, 1) if n == 6 else (0,)),
            T((size, 4, 3), unknown=()),
        )
        for padding in ("valid", "same")
        for stride, size, extra, n in (
            (1, 3, None, 5),
            (2, 3, None, 5),
            (2, 2, None, 6),
            (3, 2, None, 5),
            (2, 4, None, 5),
            (2, 5, 1, 5),
            (3, 3, 2, 4),
            (2, 3, 0, 5),
        )
    ),
    case(
        "conv_transpose 2",
        lambda o, x, k: o.conv_transpose(x, k, (2, 3), "same"),
        (2, 4, 5, 3),
        T((3, 2, 4, 3), unknown=()),
    ),
    case(
        "conv_transpose 3",
        lambda o, x, k: o.conv_transpose(x, k, 2),
        (2, 3, 2, 4, 3),
        T((3, 2, 2, 4, 3), unknown=()),
    ),
    case(
        "conv_transpose dilated",
        lambda o, x, k: o.conv_transpose(x, k, 1, "valid", dilation_rate=2),
        (2, 4, 5, 3),
        T((3, 2, 4, 3), unknown=()),
    ),
    case(
        "conv_transpose misfit",
        lambda o, x, k: o.conv_transpose(x, k),
        (2, 4, 5, 3),
        T((3, 2, 3, 4), unknown=()),
    ),
    case("unfold", lambda o, x: o.unfold(x, 2), (2, 3, 5, 6)),
    case("unfold all", lambda o, x: o.unfold(x, (2, 3), (2, 1), (1, 2), (2, 3)), FIXED),
    case("unfold rank", lambda o, x: o.unfold(x, 2), (2, 3, 5)),
    case("fold", lambda o, x: o.fold(x, (5, 6), 2), (2, 12, 20)),
    case("fold all", lambda o, x: o.fold(x, 5, (2, 2), 1, 1, 2), (2, 12, 9)),
    *(
        case(
            f"{name} {axes}",
            lambda o, x, name=name, axes=axes: getattr(o, name)(x, 2, axes),
            shape,
        )
        for name, axes, shape in (
            ("depth_to_space", "channels_last", (2, 3, 5, 12)),
            ("depth_to_space", "channels_first", (2, 12, 3, 5)),
            ("space_to_depth", "channels_last", (2, 4, 6, 3)),
            ("space_to_depth", "channels_first", (2, 3, 4, 6)),
        )
    ),
    case("depth_to_space odd", lambda o, x: o.depth_to_space(x, 2), (2, 4, 6, 3)),
]
POOLING = [
    *(
        case(
            f"{name} {i}",
            lambda o, x, name=name, a=a, k=k: getattr(o, name)(x, *a, **k),
            shape,
        )
        for name in ("max_pool", "average_pool")
        for i, (shape, a, k) in enumerate(
            (
                ((2, 9, 3), (2,), {}),
                ((2, 9, 3), (3, 2, "same"), {}),
                ((2, 7, 8, 3), ((2, 3),), {}),
                ((2, 7, 8, 3), ((3, 2), 2, "SAME"), {}),
                ((2, 7, 8, 3), (3,), {"strides": 1, "padding": "same"}),
                ((2, 5, 6, 4, 3), (2, None, "same"), {}),
                ((2, 3, 7, 8), ((3, 2), 2, "same", "channels_first"), {}),
                (T((2, 7, 8, 3), unknown=(0, 1, 2)), (3, 2, "same"), {}),
            )
        )
    ),
    *(
        case(
            f"{name} {i}",
            lambda o, x, name=name, a=a: getattr(o, name)(x, *a),
            shape,
            differs="Keras says shapes with an axis too many, and gives these",
        )
        for name in ("adaptive_max_pool", "adaptive_average_pool")
        for i, (shape, a) in enumerate(
            (
                ((2, 9, 3), (4,)),
                ((2, 7, 8, 3), ((3, 5),)),
                ((2, 7, 8, 3), (2,)),
                ((2, 5, 6, 4, 3), ((2, 3, 4),)),
                ((2, 3, 7, 8), (3, "channels_first")),
            )
        )
    ),
]
ENCODING = [
    case("one_hot", lambda o, x: o.one_hot(x, 4), A([[1, 3, -1], [9, 0, 2]])),
    case(
        "one_hot axis", lambda o, x: o.one_hot(x, 4, axis=1), A([[1, 3, -1], [9, 0, 2]])
    ),
    case("one_hot first", lambda o, x: o.one_hot(x, 4, 0, "int32"), A([1, 3])),
    case("one_hot bool", lambda o, x: o.one_hot(x, 4, dtype="bool"), A([1, 3])),
    case("one_hot floats", lambda o, x: o.one_hot(x, 4), A([1.0, 3.7])),
    case(
        "multi_hot",
        lambda o, x: o.multi_hot(x, 4),
        A([[1, 3, 3], [0, 0, 2]]),
        differs="Keras says the inputs' dtype, and gives floats",
    ),
    case(
        "multi_hot of a vector",
        lambda o, x: o.multi_hot(x, num_classes=4, dtype="int32"),
        A([1, 3, 3], unknown=()),
    ),
    case(
        "multi_hot bool",
        lambda o, x: o.multi_hot(x, num_tokens=4, dtype="bool"),
        A([[1, 3], [0, 9]]),
        differs="Keras says the inputs' dtype, and gives booleans",
    ),
    case(
        "multi_hot of matrices",
        lambda o, x: o.multi_hot(x, 4),
        A([[[1], [3]], [[0], [2]]]),
        differs="Keras says the inputs' dtype, and gives floats",
    ),
    case("multi_hot without a number", lambda o, x: o.multi_hot(x), A([1, 3])),
]
NORMALIZATION = [
    case("moments", lambda o, x: o.moments(x, axes=[0]), (4, 3)),
    case("moments axis", lambda o, x: o.moments(x, 1, True), (4, 3, 2)),
    case("moments axes", lambda o, x: o.moments(x, (0, -1)), (4, 3, 2)),
    case(
        "moments half",
        lambda o, x: o.moments(x, (1,)),
        T((4, 3), "float16", high=500),
        close=2e-3,
    ),
    case(
        "batch_normalization",
        lambda o, x, m, v: o.batch_normalization(x, m, v, -1),
        (4, 3),
        MEAN,
        VARIANCE,
    ),
    case(
        "batch_normalization all",
        lambda o, x, m, v, b, g: o.batch_normalization(x, m, v, 1, b, g, 1e-2),
        (4, 3, 5),
        MEAN,
        VARIANCE,
        MEAN,
        MEAN,
    ),
    case("normalize", lambda o, x: o.normalize(x), (4, 3)),
    case("normalize zeros", lambda o, x: o.normalize(x * 0), (4, 3), gradient=False),
    case("normalize order", lambda o, x: o.normalize(x, 1, 3), (4, 3, 2)),
    case(
        "normalize epsilon",
        lambda o, x: o.normalize(x * 1e-3, order=1, epsilon=0.1),
        (4, 3),
    ),
    case("normalize axes", lambda o, x: o.normalize(x, axis=(1, 2)), (4, 3, 2)),
    case("normalize wrong", lambda o, x: o.normalize(x, order=0.5), (4, 3)),
    case("rms_normalization", lambda o, x: o.rms_normalization(x), (4, 3)),
    case(
        "rms_normalization scale",
        lambda o, x, s: o.rms_normalization(x, s, epsilon=1e-2),
        (4, 3),
        MEAN,
    ),
    case(
        "rms_normalization axes",
        lambda o, x: o.rms_normalization(x, axis=(1, 2)),
        (4, 3, 2),
    ),
    case(
        "rms_normalization half",
        lambda o, x: o.rms_normalization(x),
        T((4, 3), "float16"),
        close=2e-3,
    ),
    case("layer_normalization", lambda o, x: o.layer_normalization(x), (4, 3)),
    case(
        "layer_normalization all",
        lambda o, x, g, b: o.layer_normalization(x, g, b, epsilon=1e-2),
        (4, 3),
        MEAN,
        MEAN,
    ),
    case(
        "layer_normalization axes",
        lambda o, x, g: o.layer_normalization(x, g, axis=(1, 2)),
        (4, 3, 2),
        T((3, 2), unknown=()),
    ),
    case(
        "layer_normalization inner",
        lambda o, x, g: o.layer_normalization(x, g, axis=1),
        (4, 3, 2),
        MEAN,
    ),
    case(
        "layer_normalization half",
        lambda o, x: o.layer_normalization(x),
        T((4, 3), "float16"),
        close=2e-3,
    ),
    case(
        "layer_normalization rms",
        lambda o, x: o.layer_normalization(x, rms_scaling=True),
        (4, 3),
    ),
]
UNIT = T((4, 3), low=0.01, high=0.99)
LOSSES = [
    case(
        "binary_crossentropy", lambda o, t, y: o.binary_crossentropy(t, y), UNIT, UNIT
    ),
    case(
        "binary_crossentropy logits",
        lambda o, t, y: o.binary_crossentropy(t, y, True),
        UNIT,
        (4, 3),
    ),
    case(
        "binary_crossentropy sigmoid",
        lambda o, t, y: o.binary_crossentropy(t, o.sigmoid(y * 50)),
        UNIT,
        (4, 3),
    ),
    case(
        "binary_crossentropy misfit",
        lambda o, t, y: o.binary_crossentropy(t, y),
        UNIT,
        (4, 2),
    ),
    case(
        "categorical_crossentropy",
        lambda o, t, y: o.categorical_crossentropy(t, y),
        UNIT,
        UNIT,
    ),
    case(
        "categorical_crossentropy logits",
        lambda o, t, y: o.categorical_crossentropy(t, y, from_logits=True),
        UNIT,
        (4, 3),
    ),
    case(
        "categorical_crossentropy softmax",
        lambda o, t, y: o.categorical_crossentropy(t, o.softmax(y * 50)),
        UNIT,
        (4, 3),
    ),
    case(
        "categorical_crossentropy axis",
        lambda o, t, y: o.categorical_crossentropy(t, y, axis=1),
        T((4, 3, 2), low=0.1),
        T((4, 3, 2), low=0.1),
        differs="Keras says the shape without the last axis, whatever the axis is",
    ),
    case(
        "categorical_crossentropy misfit",
        lambda o, t, y: o.categorical_crossentropy(t, y),
        UNIT,
        (4, 2),
    ),
    case(
        "sparse_categorical_crossentropy",
        lambda o, t, y: o.sparse_categorical_crossentropy(t, y),
        A([0, 2, 1, 1]),
        UNIT,
    ),
    case(
        "sparse_categorical_crossentropy logits",
        lambda o, t, y: o.sparse_categorical_crossentropy(t, y, True),
        A([[0], [2], [1], [1]]),
        (4, 3),
    ),
    case(
        "sparse_categorical_crossentropy softmax",
        lambda o, t, y: o.sparse_categorical_crossentropy(t, o.softmax(y * 50)),
        A([0, 2, 1, 1]),
        (4, 3),
    ),
    case(
        "sparse_categorical_crossentropy steps",
        lambda o, t, y: o.sparse_categorical_crossentropy(t, y, True),
        A([[0, 1], [2, 2]]),
        (2, 2, 3),
    ),
    case(
        "sparse_categorical_crossentropy axis",
        lambda o, t, y: o.sparse_categorical_crossentropy(t, y, axis=1),
        A([[0, 1], [2, 2]]),
        (2, 2, 3),
    ),
    *(
        case(
            f"ctc_loss {mask}",
            lambda o, t, y, a, b, mask=mask: o.ctc_loss(t, y, a, b, mask),
            LABELS,
            (4, 6, 6),
            LENGTHS,
            STEPS,
            close=1e-4,
        )
        for mask in (0, 5, -1)
    ),
    case(
        "ctc_loss 64",
        lambda o, t, y, a, b: o.ctc_loss(t, y, a, b),
        LABELS,
        T((4, 6, 6), "float64"),
        LENGTHS,
        STEPS,
        close=1e-4,
    ),
    *(
        case(
            f"ctc_decode {name}",
            lambda o, y, n, k=k: o.ctc_decode(y, n, **k),
            T((4, 9, 5), low=-3, high=3),
            A([9, 7, 3, 1]),
            gradient=False,
        )
        for name, k in (
            ("greedy", {}),
            ("greedy 3", {"mask_index": 3}),
            ("greedy repeated", {"merge_repeated": False}),
            ("beam", {"strategy": "beam_search", "beam_width": 50}),
            (
                "beam narrow",
                {"strategy": "beam_search", "beam_width": 3, "top_paths": 2},
            ),
            ("beam 2", {"strategy": "beam_search", "mask_index": 2, "top_paths": 3}),
            ("beam last", {"strategy": "beam_search", "mask_index": None}),
            ("random", {"strategy": "random"}),
        )
    ),
]
OTHERS = [
    case(
        "dot_product_attention",
        lambda o, q, k: o.dot_product_attention(q, k, k),
        QUERY,
        KEY,
    ),
    case(
        "dot_product_attention causal",
        lambda o, q, k: o.dot_product_attention(q, k, k, is_causal=True, scale=0.3),
        QUERY,
        KEY,
    ),
    case(
        "dot_product_attention bias",
        lambda o, q, k, b: o.dot_product_attention(q, k, k, b),
        QUERY,
        KEY,
        (2, 6, 4, 7),
    ),
    case(
        "dot_product_attention mask",
        lambda o, q, k, m: o.dot_product_attention(q, k, k, mask=m),
        QUERY,
        KEY,
        A(__import__("numpy").random.default_rng(0).random((2, 1, 4, 7)) < 0.3),
    ),
    case(
        "dot_product_attention all",
        lambda o, q, k, b, m: o.dot_product_attention(q, k, k, b, m, is_causal=True),
        QUERY,
        KEY,
        (2, 6, 4, 7),
        T((2, 6, 4, 7), "bool"),
    ),
    case(
        "dot_product_attention groups",
        lambda o, q, k: o.dot_product_attention(q, k, k),
        QUERY,
        (2, 7, 3, 5),
    ),
    case(
        "dot_product_attention half",
        lambda o, q, k: o.dot_product_attention(q, k, k),
        T((2, 4, 6, 5), "float16"),
        T((2, 7, 6, 5), "float16"),
        close=5e-3,
    ),
    case(
        "dot_product_attention flash",
        lambda o, q, k: o.dot_product_attention(q, k, k, flash_attention=True),
        QUERY,
        KEY,
    ),
    case(
        "dot_product_attention cap",
        lambda o, q, k: o.dot_product_attention(q, k, k, attn_logits_soft_cap=2.0),
        QUERY,
        KEY,
    ),
    case(
        "dot_product_attention rank",
        lambda o, q: o.dot_product_attention(q, q, q),
        (2, 3, 4),
    ),
    case("psnr", lambda o, x, y: o.psnr(x, y, 2.0), (2, 3, 4), (2, 3, 4)),
    case("psnr misfit", lambda o, x, y: o.psnr(x, y, 2.0), (2, 3, 4), (2, 3, 5)),
    case(
        "polar",
        lambda o, x, y: o.polar(x, y),
        (2, 3),
        (2, 3),
        gradient=False,
        differs="Keras says float32, and gives complex64",
    ),
]
CASES = [
    *ACTIVATIONS,
    *CONVOLUTIONS,
    *POOLING,
    *ENCODING,
    *NORMALIZATION,
    *LOSSES,
    *OTHERS,
]
