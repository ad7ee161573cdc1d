"""The cases: each operator with the shapes, axes and attributes that matter."""

from __future__ import annotations

import numpy as np
from onnx import numpy_helper

from tests.operators.running import Case, X, c

INT = "int32"
IMAGE = X((2, 5, 7, 3))


def f(value: object) -> np.ndarray:
    return c(value, "float32")


def filled(value: object, dtype: str = "float32") -> object:
    return numpy_helper.from_array(np.array([value], dtype))


_BINARY = [
    Case(op, inputs)
    for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Pow")
    for inputs in (
        (X((2, 5, 7, 3), 0.5, 2), X((2, 5, 7, 3), 0.5, 2)),
        (X((2, 5, 7, 3), 0.5, 2), X((3,), 0.5, 2)),
        (X((2, 5, 7, 3), 0.5, 2), f([0.5, 1.5, 2.0])),
        (X((2, 5, 7, 3), 0.5, 2), f(1.5)),
        (X((2, 3), 0.5, 2), f([[1.5]])),
        (f(2.0), X((2, 5, 7, 3), 0.5, 2)),
        (X((3,), 0.5, 2), X((2, 5, 3), 0.5, 2)),
        (X((2, 5, 7, 3), 0.5, 2), X((5, 1, 3), 0.5, 2)),
        (X((2, 5, 7, 3), 0.5, 2), X((1, 1, 1, 3), 0.5, 2)),
        (X((), 0.5, 2), f([1.5])),
    )
]
_WHOLE = [
    Case(op, inputs)
    for op in ("Add", "Sub", "Mul", "Div", "Mod")
    for inputs in (
        (X((3, 4), -9, 9, INT), c(4, INT)),
        (c(-7, INT), X((3, 4), 1, 9, INT)),
        (X((3, 4), -9, 9, "int64"), X((4,), 1, 5, "int64")),
    )
] + [
    Case("Mod", (X((3, 4)), c(0.75, "float32")), {"fmod": 1}),
    Case("Mod", (X((3, 4), -9, 9, INT), c(4, INT)), {"fmod": 1}),
    Case("Pow", (X((2, 3), 1, 4, INT), c(2, INT))),
    Case("Pow", (X((2, 3), 1, 4, INT), f(2.0))),
    Case("Pow", (X((2, 3)), c(3, "int64"))),
    Case("Pow", (X((2, 3), 0, 2), f(0.5))),
    Case("Pow", (f(-2.0), X((2, 3), 1, 3, "int32"))),
    Case("BitShift", (X((3, 4), 1, 9, "uint8"), c(2, "uint8")), {"direction": "LEFT"}),
    Case("BitShift", (X((3,), 1, 99, "uint8"), c(2, "uint8")), {"direction": "RIGHT"}),
    *[
        Case(op, (X((3, 4), 0, 99, INT), X((4,), 0, 99, INT)))
        for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")
    ],
    Case("BitwiseNot", (X((3, 4), 0, 99, INT),)),
]
_COMPARED = [
    Case(op, inputs)
    for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
    for inputs in (
        (X((2, 5, 7, 3)), X((3,))),
        (X((2, 5), 0, 3, INT), c(2, INT)),
        (X((2, 5), 0, 3, "int64"), X((2, 5), 0, 3, "int64")),
        (f(0.5), X((2, 5, 3))),
    )
] + [
    *[
        Case(op, (X((2, 5, 3), dtype="bool"), X((3,), dtype="bool")))
        for op in ("And", "Or", "Xor")
    ],
    Case("Not", (X((2, 5), dtype="bool"),)),
    Case("IsNaN", (IMAGE,)),
    Case("IsInf", (IMAGE,)),
    Case("IsInf", (IMAGE,), {"detect_negative": 0}),
    Case("Where", (X((2, 5, 1), dtype="bool"), X((2, 5, 3)), X((3,)))),
    Case("Where", (X((2, 5), dtype="bool"), f(1.0), f(-1.0))),
    Case("Where", (X((2, 5), dtype="bool"), c(1, INT), c(0, INT))),
    Case("Where", (X((2, 5), dtype="bool"), X((2, 5)), f(0.0))),
]
_UNARY = [
    Case(op, (X((2, 5, 7, 3), low, high),))
    for op, low, high in (
        ("Abs", -2, 2),
        ("Acos", -0.9, 0.9),
        ("Acosh", 1.1, 4),
        ("Asin", -0.9, 0.9),
        ("Asinh", -2, 2),
        ("Atan", -2, 2),
        ("Atanh", -0.9, 0.9),
        ("Ceil", -2, 2),
        ("Celu", -2, 2),
        ("Cos", -4, 4),
        ("Cosh", -2, 2),
        ("Dropout", -2, 2),
        ("Elu", -2, 2),
        ("Erf", -2, 2),
        ("Exp", -2, 2),
        ("Floor", -2, 2),
        ("HardSigmoid", -6, 6),
        ("HardSwish", -6, 6),
        ("Identity", -2, 2),
        ("LeakyRelu", -2, 2),
        ("Log", 0.1, 4),
        ("Mish", -4, 4),
        ("Neg", -2, 2),
        ("Reciprocal", 0.2, 4),
        ("Relu", -2, 2),
        ("Selu", -2, 2),
        ("Shrink", -2, 2),
        ("Sigmoid", -4, 4),
        ("Sign", -2, 2),
        ("Sin", -4, 4),
        ("Sinh", -2, 2),
        ("Softplus", -4, 4),
        ("Softsign", -4, 4),
        ("Sqrt", 0.1, 4),
        ("Tan", -1, 1),
        ("Tanh", -4, 4),
        ("ThresholdedRelu", -2, 2),
    )
] + [
    Case("Gelu", (IMAGE,)),
    Case("Gelu", (IMAGE,), {"approximate": "tanh"}),
    Case("Elu", (IMAGE,), {"alpha": 0.3}),
    Case("Celu", (IMAGE,), {"alpha": 0.3}),
    Case("LeakyRelu", (X((2, 3)),), {"alpha": 0.3}),
    Case("HardSigmoid", (IMAGE,), {"alpha": 1 / 6, "beta": 0.5}),
    Case("Selu", (IMAGE,), {"alpha": 1.2, "gamma": 1.7}),
    Case("Shrink", (IMAGE,), {"lambd": 0.7, "bias": 0.7}),
    Case("Shrink", (IMAGE,), {"lambd": 0.7, "bias": 0.2}),
    Case("ThresholdedRelu", (IMAGE,), {"alpha": 0.5}),
    Case("Round", (f([0.5, 1.5, 2.5, -0.5]),)),
    Case("Round", (X((2, 5, 3), -4, 4),)),
    Case("Sign", (X((2, 5), -3, 3, INT),)),
    Case("Abs", (X((2, 5), -3, 3, "int64"),)),
    Case("PRelu", (IMAGE, X((3,), 0, 1))),
    Case("PRelu", (IMAGE, f([0.1, 0.2, 0.3]))),
    Case("PRelu", (IMAGE, f([0.25]))),
    Case("Clip", (IMAGE, f(-0.5), f(0.5))),
    Case("Clip", (IMAGE, None, f(0.5))),
    Case("Clip", (IMAGE, f(-0.5))),
    Case("Clip", (IMAGE,)),
    Case("Clip", (IMAGE, X(()), f(1.5))),
    Case("Clip", (X((3, 4), -9, 9, INT), c(-2, INT), c(5, INT))),
    *[
        Case(op, (IMAGE,), {"axis": axis})
        for op in ("Softmax", "LogSoftmax", "Hardmax")
        for axis in (-1, 1, 3)
    ],
    Case("Softmax", (X((4, 3)),)),
    *[
        Case("Cast", (X((2, 5, 3), 0, 3, source),), {"to": to})
        for source in ("float32", "int32", "bool", "int64")
        for to in (1, 6, 7, 9, 11)
    ],
]
_REDUCED = [
    Case(f"Reduce{op}", (X((2, 5, 7, 3), 0.2, 2), *axes), attributes)
    for op in ("L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare".split())
    for axes, attributes in (
        ((c([1, 2]),), {"keepdims": 0}),
        ((c([-1]),), {}),
        ((c([3]),), {"keepdims": 0}),
        ((), {"keepdims": 0}),
        ((), {}),
        ((), {"noop_with_empty_axes": 1}),
        ((c([0]),), {"keepdims": 0}),
    )
] + [
    Case("ReduceMax", (X((2, 5, 3)),), {"axes": [-1, 1], "keepdims": 0}, 13),
    Case("ReduceMean", (X((2, 5, 3)),), {"axes": [1]}, 17),
    Case("ReduceSum", (X((2, 5), 0, 9, INT), c([1])), {"keepdims": 0}),
    Case("ReduceMax", (X((2, 5), 0, 9, INT), c([1])), {"keepdims": 0}),
    Case("ReduceProd", (X((2, 5), 1, 3, INT), c([0, 1])), {"keepdims": 0}),
    Case("ReduceMean", (X((2, 5), -9, 9, INT), c([1])), {"keepdims": 0}),
    Case("ReduceMax", (X((2, 5), dtype="bool"), c([1])), {"keepdims": 0}),
    *[
        Case(op, (IMAGE,), attributes)
        for op in ("ArgMax", "ArgMin")
        for attributes in (
            {"axis": -1, "keepdims": 0},
            {"axis": 1},
            {"axis": 3, "keepdims": 0, "select_last_index": 1},
        )
    ],
    Case("ArgMax", (X((4, 9), 0, 2, INT),), {"axis": 1, "select_last_index": 1}),
    Case("TopK", (IMAGE, c([2])), {}, outputs=2),
    Case("TopK", (IMAGE, c([3])), {"axis": 1, "largest": 0}, outputs=2),
    *[
        Case("CumSum", (IMAGE, c(axis)), attributes)
        for axis in (-1, 1)
        for attributes in ({}, {"exclusive": 1}, {"reverse": 1, "exclusive": 1})
    ],
    Case("CumSum", (X((2, 5), 0, 9, INT), c(1))),
    Case("NonZero", (X((3, 4), 0, 1, INT),)),
    Case("Unique", (X((3, 4), 0, 3, "int64"),)),
    Case("Compress", (X((2, 5, 3)), X((4,), dtype="bool")), {"axis": 1}),
    Case("OneHot", (X((2, 3), -5, 6, "int64"), c(5), f([0, 1]))),
    Case("OneHot", (X((2, 3), 0, 4, "int64"), c([5]), c([2, 7])), {"axis": 1}),
    Case("OneHot", (X((4,), 0, 4, "int64"), c(5), f([0.5, 2])), {"axis": 0}),
]
_MOVED = [
    Case("Transpose", (IMAGE,), {"perm": perm})
    for perm in ([0, 3, 1, 2], [0, 2, 3, 1], [3, 2, 1, 0], [0, 2, 1, 3])
] + [
    Case("Transpose", (X((2, 3)),)),
    *[Case("Unsqueeze", (X((2, 5, 3)), c(a))) for a in ([0], [-1], [1, 3], [2])],
    Case("Unsqueeze", (X((2, 5, 3)),), {"axes": [1]}, 11),
    *[Case("Squeeze", (X((2, 1, 5, 1)), c(a))) for a in ([1], [-1], [1, 3])],
    Case("Squeeze", (X((2, 1, 5, 1)),), {"axes": [1]}, 11),
    *[
        Case("Reshape", (IMAGE, c(shape)))
        for shape in (
            [-1, 105],
            [2, 35, 3],
            [0, -1, 3],
            [0, 5, -1],
            [0, 5, 7, 3, 1],
            [-1],
            [0, 0, 7, 3],
            [10, 7, -1],
        )
    ],
    Case("Reshape", (X((2, 12)), c([-1, 3, 4]))),
    Case("Reshape", (X((2, 12)), c([0, 3, 2, 2]))),
    Case("Reshape", (X((2, 5, 3)), c([0, -1]))),
    *[Case("Flatten", (IMAGE,), {"axis": a}) for a in (1, 2, 0, -1)],
    *[Case("Concat", (IMAGE, X((2, 5, 7, 3))), {"axis": a}) for a in (-1, 1, 0)],
    Case("Concat", (X((2, 5, 3)), X((2, 2, 3)), X((2, 1, 3))), {"axis": 1}),
    Case("Concat", (X((2, 3)), f([[1.0, 2, 3]])), {"axis": 0}),
    Case("Split", (X((2, 5, 6)),), {"axis": -1, "num_outputs": 3}, outputs=3),
    Case("Split", (X((2, 5, 6)),), {"axis": 1, "num_outputs": 2}, outputs=2),
    Case("Split", (X((2, 5, 6)), c([1, 2, 3])), {"axis": 2}, outputs=3),
    Case("Split", (IMAGE, c([2, 3])), {"axis": 1}, outputs=2),
    Case("Split", (IMAGE, c([2, 1])), {"axis": -1}, outputs=2, opset=13),
    Case("Expand", (X((2, 1, 3)), c([2, 5, 3]))),
    Case("Expand", (X((2, 1, 3)), c([1, 5, 1]))),
    Case("Expand", (X((3,)), c([2, 5, 3]))),
    Case("Expand", (X((2, 5, 1, 3)), c([4, 1]))),
    Case("Expand", (X((2, 1, 1, 3)), c([1, 4, 5, 3]))),
    Case("Tile", (IMAGE, c([1, 2, 1, 3]))),
    Case("Tile", (X((2, 3)), c([2, 1]))),
    *[
        Case("Slice", (IMAGE, c(s), c(e), c(a), c(t)))
        for s, e, a, t in (
            ([1], [4], [1], [1]),
            ([1, 0], [-1, 2], [1, -1], [2, 1]),
            ([-3], [2**31 - 1], [2], [1]),
            ([-1], [-(2**31)], [1], [-1]),
            ([5], [0], [2], [-2]),
            ([-2], [-9], [3], [-1]),
            ([0], [0], [1], [1]),
            ([0], [99], [-2], [3]),
            ([3], [-6], [1], [-1]),
        )
    ],
    Case("Slice", (X((2, 5)), c([1]), c([3]))),
    *[
        Case("Gather", (IMAGE, c(i)), {"axis": a})
        for i in (0, -1, [0, 2], [2, 0, 1], [[0, 1], [2, -1]])
        for a in (1, -1)
    ],
    Case("Gather", (X((5, 4)), X((2, 3), 0, 4, INT))),
    Case("Gather", (X((2, 5, 4)), X((3,), -5, 4, "int64")), {"axis": 1}),
    Case("Gather", (X((2, 5, 4)), X((), 0, 4, "int64")), {"axis": 1}),
    Case("Gather", (f(np.arange(12).reshape(4, 3)), X((2, 5), 0, 3, INT))),
    Case("GatherElements", (X((2, 5, 3)), X((2, 2, 3), -5, 4, "int64")), {"axis": 1}),
    Case("GatherElements", (X((3, 4)), X((2, 4), 0, 2, INT))),
    Case("GatherND", (X((4, 5, 3)), X((2, 6, 2), 0, 3, "int64"))),
    Case("GatherND", (X((4, 5, 3)), X((2, 1), -4, 3, "int64"))),
    Case("GatherND", (X((2, 5, 3)), X((2, 4, 1), 0, 4, "int64")), {"batch_dims": 1}),
    Case(
        "ScatterElements",
        (X((2, 5, 3)), c([[[0, 1, 4]]]), X((1, 1, 3))),
        {"axis": 1},
    ),
    *[
        Case(
            "ScatterElements",
            (X((2, 5)), c([[1, 1, -1]]), X((1, 3))),
            {"axis": 1, "reduction": how},
        )
        for how in ("add", "mul", "max", "min")
    ],
    Case("ScatterND", (X((4, 5)), c([[0], [2]]), X((2, 5)))),
    Case("ScatterND", (X((4, 5)), c([[0, 1], [2, -1]]), X((2,)))),
    Case("ScatterND", (X((4,)), c([[1], [1]]), X((2,))), {"reduction": "add"}),
    *[
        Case("ScatterND", (X(x), c(index), X(updates)), {"reduction": how})
        for how in ("mul", "max", "min")
        for x, index, updates in (
            ((4, 5), [[1], [-1], [1]], (3, 5)),
            ((4, 5, 2), [[[1, 0], [-1, 2]], [[1, 0], [3, -1]]], (2, 2, 2)),
            ((4, 5), [2], (5,)),
        )
    ],
    *[
        Case("Pad", (IMAGE, c(pads)), {"mode": mode})
        for pads in ([0, 1, 2, 0, 0, 2, 1, 0], [0, 0, 1, 0, 0, 0, 0, 0])
        for mode in ("constant", "reflect", "edge", "wrap")
    ],
    Case("Pad", (IMAGE, c([0, 0, 0, 1, 0, 0, 0, 2]), f(1.5))),
    Case("Pad", (IMAGE, c([0, -1, 0, 0, 0, -1, 0, 0]))),
    Case("Pad", (IMAGE, c([1, 2]), None, c([1])), {"mode": "reflect"}),
    Case("Pad", (X((3, 4)), c([1, 1, 1, 2])), {"mode": "reflect"}),
    Case("Pad", (X((5,)), c([1, 2])), {"mode": "edge"}),
    Case("Pad", (X((2, 3), 0, 9, INT), c([0, 1, 0, 1]), c(7, INT))),
]
_LINEAR = [
    Case("MatMul", (X((2, 5, 3)), X((3, 4)))),
    Case("MatMul", (X((2, 5, 3)), f(np.arange(12).reshape(3, 4) / 10))),
    Case("MatMul", (X((2, 5, 7, 3)), X((2, 5, 3, 2)))),
    Case("MatMul", (X((3,)), X((2, 3, 4)))),
    Case("MatMul", (X((2, 5, 3)), X((3,)))),
    Case("MatMul", (X((2, 1, 5, 3)), X((4, 3, 2)))),
    Case("Gemm", (X((2, 3)), X((3, 4)))),
    Case(
        "Gemm",
        (X((3, 2)), X((4, 3)), X((4,))),
        {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0},
    ),
    *[
        Case("Einsum", tuple(X(s) for s in shapes), {"equation": e})
        for e, shapes in (
            ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
            ("bhwc,cd->bhwd", [(2, 5, 7, 3), (3, 4)]),
            ("bhwc->bc", [(2, 5, 7, 3)]),
            ("...ij,...jk->...ik", [(2, 5, 3, 4), (2, 5, 4, 2)]),
            ("bij,bkj", [(2, 3, 4), (2, 5, 4)]),
            ("ii->i", [(3, 3)]),
        )
    ],
    Case("Trilu", (X((2, 4, 5)),)),
    Case("Trilu", (X((2, 4, 5)), c(1)), {"upper": 0}),
    Case("Trilu", (X((2, 4, 5)), c(-1)), {"upper": 1}),
    Case("Det", (X((2, 3, 3)),)),
    Case("EyeLike", (X((4, 5)),)),
    Case("EyeLike", (X((4, 5), 0, 3, INT),), {"k": -1, "dtype": 1}),
]
NCHW = X((2, 4, 7, 6))
_IMAGES = [
    *[
        Case("Conv", (X((2, 4, 7, 9)), X((6, 4 // a.get("group", 1), 3, 2))), a)
        for a in (
            {},
            {"strides": [2, 1], "pads": [1, 1, 1, 1]},
            {"pads": [0, 1, 2, 1]},
            {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
            {"auto_pad": "SAME_LOWER"},
            {"dilations": [2, 1], "group": 2},
        )
    ],
    Case("Conv", (X((2, 4, 9)), X((6, 4, 3)), X((6,))), {"pads": [1, 1]}),
    Case("Conv", (X((2, 3, 5, 6, 4)), X((6, 3, 3, 2, 2)), f(np.arange(6)))),
    *[
        Case("ConvTranspose", (X((2, 4, 7, 5)), X((4, 3, 3, 2))), a)
        for a in (
            {},
            {"strides": [2, 3]},
            {"strides": [2, 2], "pads": [1, 0, 1, 0]},
            {"strides": [2, 2], "pads": [0, 1, 1, 0], "output_padding": [1, 0]},
            {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
            {"strides": [2, 3], "output_shape": [15, 14]},
            {"dilations": [2, 1], "group": 2},
        )
    ],
    *[
        Case("MaxPool", (NCHW,), a)
        for a in (
            {"kernel_shape": [2, 2], "strides": [2, 2]},
            {"kernel_shape": [3, 2]},
            {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
            {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 1, 1, 0]},
            {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
            {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
            {"kernel_shape": [2, 2], "dilations": [2, 2]},
        )
    ],
    *[
        Case("AveragePool", (NCHW,), a)
        for a in (
            {"kernel_shape": [2, 2], "strides": [2, 2]},
            {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
            {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]},
            {"kernel_shape": [3, 3], "pads": [0, 1, 1, 0]},
            {"kernel_shape": [3, 2], "auto_pad": "SAME_UPPER", "strides": [2, 2]},
            {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
        )
    ],
    Case("MaxPool", (X((2, 3, 9)),), {"kernel_shape": [3], "strides": [2]}),
    Case("GlobalAveragePool", (NCHW,)),
    Case("GlobalMaxPool", (X((2, 3, 9)),)),
    *[
        Case("DepthToSpace", (X((2, 12, 3, 5)),), {"blocksize": 2, "mode": m})
        for m in ("DCR", "CRD")
    ],
    Case("SpaceToDepth", (X((2, 3, 4, 6)),), {"blocksize": 2}),
    *[
        Case("LayerNormalization", (IMAGE, X((3,)), X((3,))), a)
        for a in ({}, {"epsilon": 0.1})
    ],
    Case("LayerNormalization", (IMAGE, X((7, 3))), {"axis": 2}),
    Case("LayerNormalization", (IMAGE, X((3,)), X((7, 3))), {"axis": -2}),
    Case("InstanceNormalization", (NCHW, X((4,)), X((4,)))),
    Case("GroupNormalization", (NCHW, X((4,)), X((4,))), {"num_groups": 2}),
    Case("GroupNormalization", (NCHW, X((2,)), X((2,))), {"num_groups": 2}, 18),
    Case(
        "BatchNormalization",
        (NCHW, X((4,)), X((4,)), X((4,)), X((4,), 0.5, 2)),
        {"epsilon": 1e-3},
    ),
    Case("LRN", (NCHW,), {"size": 3, "alpha": 0.5, "bias": 2.0}),
    Case("MeanVarianceNormalization", (NCHW,)),
    Case("MeanVarianceNormalization", (NCHW,), {"axes": [1]}),
    Case("LpNormalization", (IMAGE,)),
    Case("LpNormalization", (IMAGE,), {"axis": 1, "p": 1}),
]
_SMALL = X((2, 3, 5, 4))
_RESIZED = [
    *[
        Case("Resize", (_SMALL, None, *how), {"mode": "nearest", **axes, **a})
        for how, axes in (
            ((f([1, 1, 2, 3]),), {}),
            ((None, c([7, 9])), {"axes": [2, 3]}),
            ((None, c([2, 2])), {"axes": [-2, -1]}),
        )
        for a in (
            {"coordinate_transformation_mode": w, "nearest_mode": n}
            for w in (
                "asymmetric",
                "half_pixel",
                "tf_half_pixel_for_nn",
                "align_corners",
            )
            for n in ("floor", "round_prefer_floor", "round_prefer_ceil", "ceil")
        )
        if a["coordinate_transformation_mode"] != "tf_half_pixel_for_nn"
        or a["nearest_mode"] == "floor"
    ],
    *[
        Case("Resize", (_SMALL, None, *how), {"mode": mode, **axes, **a}, atol=1e-4)
        for how, axes in (
            ((f([1, 1, 2, 3]),), {}),
            ((None, c([7, 9])), {"axes": [2, 3]}),
            ((f([1, 1, 0.6, 0.5]),), {}),
        )
        for mode in ("linear", "cubic")
        for a in (
            {},
            {"coordinate_transformation_mode": "align_corners"},
            {"coordinate_transformation_mode": "pytorch_half_pixel"},
        )
    ],
    Case("Resize", (X((2, 3, 5)), None, None, c([9])), {"mode": "linear", "axes": [2]}),
    Case("Resize", (_SMALL, None, None, c([9, 7])), {"axes": [2, 3], "mode": "linear"}),
]
_KEYS = {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1}
_RESIZED += [
    Case("Resize", (_SMALL, None, *how), {**_KEYS, **axes}, atol=1e-4)
    for how, axes in (
        ((f([1, 1, 2, 3]),), {}),
        ((None, c([7, 3])), {"axes": [2, 3]}),
        ((f([1, 1, 0.6, 0.5]),), {}),
    )
]
_GRID = X((2, 6, 7, 2), -1.1, 1.1)
_SAMPLED = [
    *[
        Case("GridSample", (X((2, 3, 5, 4)), _GRID), {"mode": m, **a}, atol=1e-4)
        for m in ("linear", "nearest", "cubic")
        for a in (
            {},
            {"align_corners": 1},
            {"padding_mode": "border"},
            {"padding_mode": "reflection"},
        )
    ],
    Case("GridSample", (X((2, 3, 5, 4, 6)), X((2, 3, 4, 5, 3), -1, 1))),
    *[
        Case("LpPool", (NCHW,), {"kernel_shape": [3, 2], **a})
        for a in (
            {},
            {"p": 1, "strides": [2, 2]},
            {"p": 3, "pads": [1, 0, 1, 1]},
            {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        )
    ],
    Case("LpPool", (X((2, 3, 9)),), {"kernel_shape": [3], "strides": [2]}),
    *[
        Case("ReverseSequence", (X((5, 2, 3)), lengths))
        for lengths in (c([5, 5]), c([2, 4]), X((2,), 0, 5, "int64"))
    ],
    Case(
        "ReverseSequence",
        (X((2, 5, 3)), c([1, 5])),
        {"time_axis": 1, "batch_axis": 0},
    ),
    *[
        Case("CumProd", (X((2, 5, 3)), c(axis)), a, opset=26)
        for axis, a in ((1, {}), (-1, {"reverse": 1}))
    ],
    *[
        Case("RMSNormalization", (IMAGE, X(shape)), a, opset=23)
        for shape, a in (((3,), {}), ((7, 3), {"axis": 2}))
    ],
    Case("Swish", (IMAGE,), {"alpha": 1.5}, opset=24),
    Case("Swish", (IMAGE,), opset=24),
    Case("CastLike", (X((2, 3)), X((1,), 0, 3, INT))),
    Case(
        "Upsample",
        (_SMALL, f([1, 1, 2, 3])),
        {"mode": "nearest"},
        opset=9,
    ),
]
_MADE = [
    Case("Shape", (IMAGE,)),
    Case("Shape", (IMAGE,), {"start": 1, "end": -1}),
    Case("Size", (IMAGE,)),
    Case("ConstantOfShape", (c([2, 3]),), {"value": filled(1.5)}),
    Case("Range", (c(2), c(11), c(3))),
    Case("Range", (f(0.5), f(3), f(0.5))),
    Case("Range", (c(0), X((), 3, 9, "int64"), c(1))),
]
CASES = [
    *_BINARY,
    *_WHOLE,
    *_COMPARED,
    *_UNARY,
    *_REDUCED,
    *_MOVED,
    *_LINEAR,
    *_IMAGES,
    *_RESIZED,
    *_SAMPLED,
    *_MADE,
]
