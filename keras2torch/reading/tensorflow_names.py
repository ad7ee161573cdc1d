"""What tf.keras calls the operations that it finds between layers.

A TFOpLambda names a function of TensorFlow; the first argument of its call has no name.
"""

from __future__ import annotations

Names = dict[str, tuple[str, dict[str, str]]]


def _named(table: str, **renamed: str) -> Names:
    """Read lines of ``function → rule``; the rule's own arguments are the values."""
    pairs = (line.split() for line in table.strip().splitlines())
    return {function: (rule, renamed) for function, rule in pairs}


_UNARY = """
abs Absolute
acos Arccos
acosh Arccosh
angle Angle
asin Arcsin
asinh Arcsinh
atan Arctan
atanh Arctanh
ceil Ceil
conj Conj
cos Cos
cosh Cosh
erf Erf
erfc Erfc
exp Exp
expm1 Expm1
floor Floor
imag Imag
is_finite Isfinite
is_inf Isinf
is_nan Isnan
log Log
log1p Log1p
log_sigmoid LogSigmoid
logical_not LogicalNot
negative Negative
real Real
reciprocal Reciprocal
rint Round
round Round
rsqrt Rsqrt
sigmoid Sigmoid
sign Sign
sin Sin
sinh Sinh
softplus Softplus
softsign Softsign
sqrt Sqrt
square Square
tan Tan
tanh Tanh
"""
_BINARY = """
add Add
divide Divide
divide_no_nan DivideNoNan
equal Equal
floordiv FloorDivide
floormod Mod
greater Greater
greater_equal GreaterEqual
less Less
less_equal LessEqual
logical_and LogicalAnd
logical_or LogicalOr
logical_xor LogicalXor
maximum Maximum
minimum Minimum
mod Mod
multiply Multiply
not_equal NotEqual
pow Power
squared_difference SquaredDifference
subtract Subtract
truediv Divide
"""
_REDUCTIONS = """
reduce_all All
reduce_any Any
reduce_euclidean_norm TensorFlowNorm
reduce_logsumexp Logsumexp
reduce_max Max
reduce_mean Mean
reduce_min Min
reduce_prod Prod
reduce_std Std
reduce_sum Sum
reduce_variance Var
"""
_KERAS_2 = {"reduction_indices": "axis", "keep_dims": "keepdims"}


def _prefixed(prefix: str, names: Names) -> Names:
    return {prefix + name: entry for name, entry in names.items()}


_FUNCTIONS = _named(_UNARY)
_OPERATORS = _named(_BINARY, y="x2")
_ALONG = _named(_REDUCTIONS, **_KERAS_2)
_ACTIVATIONS = _named(
    """
    elu Elu
    relu Relu
    relu6 Relu6
    selu Selu
    sigmoid Sigmoid
    silu Silu
    softplus Softplus
    softsign Softsign
    swish Silu
    tanh Tanh
    """,
    features="x",
)

# TensorFlow function → rule, and its arguments → those of that rule.
TENSORFLOW: Names = {
    **_prefixed("math.", _FUNCTIONS | _OPERATORS | _ALONG),
    **_prefixed("compat.v1.", _ALONG),
    **_prefixed("compat.v1.math.", _ALONG),
    **_prefixed("nn.", _ACTIVATIONS),
    **_prefixed("__operators__.", _named("add Add\neq Equal\nne NotEqual", y="x2")),
    **_prefixed(
        "keras.backend.",
        _named(
            """
            abs Absolute
            all All
            any Any
            cast Cast
            clip Clip
            cos Cos
            elu Elu
            exp Exp
            expand_dims ExpandDims
            log Log
            logsumexp Logsumexp
            max Max
            maximum Maximum
            mean Mean
            min Min
            minimum Minimum
            prod Prod
            round Round
            sigmoid Sigmoid
            sign Sign
            sin Sin
            softmax Softmax
            softplus Softplus
            softsign Softsign
            sqrt Sqrt
            square Square
            squeeze Squeeze
            stack Stack
            std Std
            stop_gradient StopGradient
            sum Sum
            tanh Tanh
            transpose Transpose
            var Var
            """,
            y="x2",
            min_value="x_min",
            max_value="x_max",
        ),
    ),
    "__operators__.getitem": ("GetItem", {"slice_spec": "key"}),
    "argsort": ("Argsort", {}),
    "bitwise.bitwise_and": ("BitwiseAnd", {}),
    "bitwise.bitwise_or": ("BitwiseOr", {}),
    "bitwise.bitwise_xor": ("BitwiseXor", {}),
    "broadcast_to": ("BroadcastTo", {}),
    "cast": ("Cast", {}),
    "clip_by_norm": ("ClipByNorm", {}),
    "clip_by_value": ("Clip", {"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "compat.v1.argmax": ("TensorFlowArgmax", {}),
    "compat.v1.argmin": ("TensorFlowArgmin", {}),
    "compat.v1.batch_gather": ("Gather", {}),
    "compat.v1.expand_dims": ("ExpandDims", {}),
    "compat.v1.floor_div": ("FloorDivide", {"y": "x2"}),
    "compat.v1.gather": ("Gather", {}),
    "compat.v1.gather_nd": ("GatherNd", {}),
    "compat.v1.nn.avg_pool": ("TensorFlowAveragePool", {}),
    "compat.v1.nn.conv1d": ("TensorFlowConv", {"stride": "strides"}),
    "compat.v1.nn.conv2d": ("TensorFlowConv", {"filter": "filters"}),
    "compat.v1.nn.depthwise_conv2d": ("TensorFlowDepthwiseConv", {}),
    "compat.v1.nn.max_pool": ("TensorFlowMaxPool", {}),
    "compat.v1.nn.softmax": ("Softmax", {"dim": "axis"}),
    "compat.v1.nn.softmax_cross_entropy_with_logits_v2": ("Crossentropy", {}),
    "compat.v1.norm": ("TensorFlowNorm", {}),
    "compat.v1.pad": ("Pad", {"paddings": "pad_width"}),
    "compat.v1.shape": ("Shape", {}),
    "compat.v1.size": ("Size", {}),
    "compat.v1.squeeze": ("Squeeze", {"squeeze_dims": "axis"}),
    "compat.v1.transpose": ("Transpose", {"perm": "axes"}),
    "compat.v1.where": ("SelectRows", {}),
    "compat.v1.where_v2": ("Where", {"x": "x1", "y": "x2"}),
    "concat": ("Concatenate", {}),
    "convert_to_tensor": ("ConvertToTensor", {}),
    "cumsum": ("TensorFlowCumsum", {}),
    "expand_dims": ("ExpandDims", {}),
    "fill": ("FillShape", {}),
    "gather": ("Gather", {}),
    "gather_nd": ("GatherNd", {}),
    "identity": ("Copy", {}),
    "image.adjust_brightness": ("Add", {"delta": "x2"}),
    "image.crop_to_bounding_box": ("CropBox", {}),
    "image.extract_patches": ("TensorFlowPatches", {}),
    "image.flip_left_right": ("FlipLeftRight", {}),
    "image.flip_up_down": ("FlipUpDown", {}),
    "image.hsv_to_rgb": ("HSVToRGB", {}),
    "image.pad_to_bounding_box": ("PadBox", {}),
    "image.per_image_standardization": ("Standardized", {}),
    "image.resize": ("TensorFlowResize", {}),
    "image.rgb_to_grayscale": ("TensorFlowGray", {}),
    "image.rgb_to_hsv": ("RGBToHSV", {}),
    "compat.v1.image.resize_bilinear": ("OldResize", {}),
    "compat.v1.image.resize_nearest_neighbor": ("OldResizeNearest", {}),
    "linalg.band_part": ("BandPart", {}),
    "linalg.cross": ("Cross", {"b": "x2"}),
    "linalg.det": ("Det", {}),
    "linalg.diag": ("MatrixDiag", {}),
    "linalg.matmul": ("Matmul", {"b": "x2"}),
    "linalg.matvec": ("Matvec", {}),
    "linalg.norm": ("TensorFlowNorm", {}),
    "linalg.normalize": ("NormalizePair", {}),
    "linalg.trace": ("MatrixTrace", {}),
    "math.add_n": ("AddMany", {}),
    "math.atan2": ("Arctan2", {"x": "x2"}),
    "math.argmax": ("TensorFlowArgmax", {}),
    "math.argmin": ("TensorFlowArgmin", {}),
    "math.count_nonzero": ("TensorFlowCountNonzero", {}),
    "math.cumprod": ("TensorFlowCumprod", {}),
    "math.cumsum": ("TensorFlowCumsum", {}),
    "math.in_top_k": ("InTopK", {}),
    "math.l2_normalize": ("L2Normalize", {}),
    "math.log_softmax": ("LogSoftmax", {}),
    "math.multiply_no_nan": ("MultiplyNoNan", {}),
    "math.scalar_mul": ("ScalarMul", {}),
    "math.softmax": ("Softmax", {}),
    "math.top_k": ("TopK", {}),
    "math.xdivy": ("Xdivy", {}),
    "math.xlogy": ("Xlogy", {}),
    "nn.avg_pool": ("TensorFlowAveragePool", {}),
    "nn.avg_pool1d": ("TensorFlowAveragePool", {}),
    "nn.avg_pool2d": ("TensorFlowAveragePool", {}),
    "nn.avg_pool3d": ("TensorFlowAveragePool", {}),
    "nn.batch_normalization": ("TensorFlowBatchNorm", {}),
    "nn.bias_add": ("AddBias", {}),
    "nn.conv1d": ("TensorFlowConv", {"stride": "strides"}),
    "nn.conv2d": ("TensorFlowConv", {}),
    "nn.conv3d": ("TensorFlowConv", {}),
    "nn.convolution": ("TensorFlowConv", {}),
    "nn.depth_to_space": ("DepthToSpace", {}),
    "nn.depthwise_conv2d": ("TensorFlowDepthwiseConv", {}),
    "nn.gelu": ("ExactGelu", {}),
    "nn.l2_normalize": ("L2Normalize", {}),
    "nn.leaky_relu": ("LeakyRelu", {"alpha": "negative_slope"}),
    "nn.log_softmax": ("LogSoftmax", {}),
    "nn.max_pool": ("TensorFlowMaxPool", {}),
    "nn.max_pool1d": ("TensorFlowMaxPool", {}),
    "nn.max_pool2d": ("TensorFlowMaxPool", {}),
    "nn.max_pool3d": ("TensorFlowMaxPool", {}),
    "nn.moments": ("Moments", {}),
    "nn.softmax": ("Softmax", {}),
    "nn.softmax_cross_entropy_with_logits": ("Crossentropy", {}),
    "nn.space_to_depth": ("SpaceToDepth", {}),
    "norm": ("TensorFlowNorm", {}),
    "one_hot": ("TensorFlowOneHot", {}),
    "ones": ("Ones", {}),
    "ones_like": ("OnesLike", {}),
    "pad": ("Pad", {"paddings": "pad_width"}),
    "range": ("TensorFlowRange", {}),
    "rank": ("Ndim", {}),
    "repeat": ("Repeat", {}),
    "reshape": ("Reshape", {"shape": "newshape"}),
    "reverse": ("TensorFlowFlip", {}),
    "roll": ("Roll", {}),
    "sequence_mask": ("MaskedSteps", {}),
    "shape": ("Shape", {}),
    "size": ("Size", {}),
    "slice": ("TensorFlowSlice", {}),
    "sort": ("Sort", {}),
    "space_to_depth": ("SpaceToDepth", {}),
    "split": ("TensorFlowSplit", {}),
    "squeeze": ("Squeeze", {}),
    "stack": ("Stack", {}),
    "stop_gradient": ("StopGradient", {}),
    "strided_slice": ("StridedSlice", {}),
    "tensordot": ("Tensordot", {"b": "x2"}),
    "tensor_scatter_nd_add": ("ScatterAdd", {}),
    "tensor_scatter_nd_update": ("ScatterUpdate", {}),
    "tile": ("Tile", {"multiples": "repeats"}),
    "transpose": ("Transpose", {"perm": "axes"}),
    "unstack": ("Unstack", {}),
    "where": ("Where", {"x": "x1", "y": "x2"}),
    "zeros": ("Zeros", {}),
    "zeros_like": ("ZerosLike", {}),
}
