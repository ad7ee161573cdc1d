"""Operators with stored weights, made by hand as the specification has them.

Every number is ONNX Runtime's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from keras2torch.conversion import Conversion, convert_file
from keras2torch.errors import UnsupportedLayer

Node = tuple[str, Sequence[str], Sequence[str], dict[str, Any]]
Shape = Sequence[int | str]


def _stored(shape: Sequence[int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, *shape])
    return rng.uniform(-0.6, 0.9, shape).astype("float32")


def _converted(
    folder: Path,
    nodes: Sequence[Node],
    inputs: dict[str, Shape],
    stored: dict[str, np.ndarray],
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
) -> Conversion:
    """Write a model and convert it."""
    made = [
        helper.make_node(kind, list(given), list(out), name=f"n{k}", **attributes)
        for k, (kind, given, out, attributes) in enumerate(nodes)
    ]
    graph = helper.make_graph(
        made,
        "hand_made",
        [
            helper.make_tensor_value_info(name, _dtype(name), list(shape))
            for name, shape in inputs.items()
        ],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    )
    path = folder / "hand_made.onnx"
    onnx.save(model, path)
    return convert_file(path)


def _dtype(name: str) -> int:
    return onnx.TensorProto.INT64 if name == "index" else onnx.TensorProto.FLOAT


def _exact(made: Conversion) -> str:
    report = made.report
    assert report.verdict == "exact", report.sentence()
    assert report.same_trainable
    return made.source


IMAGE = {"x": ("N", 4, 9, 7)}
OPEN = {"x": ("N", 4, "H", "W")}
FLAT = {"x": ("N", 4)}

# What → attributes, input, kernel, text of the module.
CONVOLUTIONS: dict[str, tuple[dict[str, Any], dict[str, Shape], tuple[int, ...], str]]
CONVOLUTIONS = {
    "plain": ({}, IMAGE, (6, 4, 3, 2), "nn.Conv2d(4, 6, kernel_size=(3, 2))"),
    "pads": (
        {"pads": [1, 2, 1, 2], "strides": [2, 1]},
        IMAGE,
        (6, 4, 3, 3),
        "nn.Conv2d(4, 6, kernel_size=3, stride=(2, 1), padding=(1, 2))",
    ),
    "uneven pads": (
        {"pads": [0, 1, 2, 0]},
        IMAGE,
        (6, 4, 3, 3),
        "F.pad(x, (1, 0, 0, 2))",
    ),
    "groups": (
        {"group": 2, "dilations": [2, 1]},
        IMAGE,
        (6, 2, 3, 3),
        "nn.Conv2d(4, 6, kernel_size=3, dilation=(2, 1), groups=2)",
    ),
    "valid": ({"auto_pad": "VALID", "strides": [2, 2]}, OPEN, (6, 4, 3, 3), "stride=2"),
    "upper": (
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"x": ("N", 4, 8, 7)},
        (6, 4, 3, 3),
        "F.pad(x, (1, 1, 0, 1))",
    ),
    "lower": (
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"x": ("N", 4, 8, 7)},
        (6, 4, 3, 3),
        "F.pad(x, (1, 1, 1, 0))",
    ),
    "upper, open": (
        {"auto_pad": "SAME_UPPER", "strides": [2, 3]},
        OPEN,
        (6, 4, 3, 2),
        "Conv2dSame(4, 6, kernel_size=(3, 2), stride=(2, 3)",
    ),
    "lower, open": (
        {"auto_pad": "SAME_LOWER"},
        OPEN,
        (6, 4, 2, 4),
        "F.pad(x, (2, 1, 1, 0))",
    ),
    "time": ({"pads": [2, 0]}, {"x": ("N", 4, "T")}, (5, 4, 3), "F.pad(x, (2, 0))"),
    "volume": (
        {"pads": [1, 0, 1, 1, 0, 1]},
        {"x": ("N", 2, 5, 6, 4)},
        (3, 2, 3, 2, 3),
        "nn.Conv3d(2, 3, kernel_size=(3, 2, 3), padding=(1, 0, 1))",
    ),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("what", CONVOLUTIONS)
def test_convolution(tmp_path: Path, what: str, bias: bool) -> None:
    attributes, inputs, kernel, text = CONVOLUTIONS[what]
    stored = {"w": _stored(kernel)}
    if bias:
        stored["b"] = _stored(kernel[:1], 1)
    nodes = [("Conv", ["x", *stored], ["y"], attributes)]
    source = _exact(_converted(tmp_path, nodes, inputs, stored))
    found = text if bias or "nn." not in text else f"{text[:-1]}, bias=False)"
    assert found in " ".join(source.split()).replace("( ", "(").replace(" )", ")")


TRANSPOSED: dict[str, tuple[dict[str, Any], str]] = {
    "plain": ({}, "nn.ConvTranspose2d(4, 5, kernel_size=3)"),
    "even": (
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        "stride=2, padding=1, output_padding=1",
    ),
    "uneven": ({"strides": [2, 2], "pads": [1, 0, 0, 0]}, "output_padding=(1, 0)"),
    "cut": ({"strides": [2, 2], "pads": [0, 0, 1, 1]}, "[:, :, :-1, :-1]"),
    "upper": ({"strides": [2, 3], "auto_pad": "SAME_UPPER"}, "ConvTranspose2d"),
    "lower": ({"strides": [2, 3], "auto_pad": "SAME_LOWER"}, "ConvTranspose2d"),
    "shape": ({"strides": [2, 2], "output_shape": [18, 15]}, "ConvTranspose2d"),
    "less shape": ({"strides": [2, 2], "output_shape": [16, 13]}, "ConvTranspose2d"),
    "groups": ({"group": 2, "dilations": [2, 1]}, "dilation=(2, 1)"),
}


@pytest.mark.parametrize("what", TRANSPOSED)
def test_transposed_convolution(tmp_path: Path, what: str) -> None:
    attributes, text = TRANSPOSED[what]
    groups = attributes.get("group", 1)
    outs = 6 if groups > 1 else 5
    stored = {"w": _stored((4, outs // groups, 3, 3)), "b": _stored((outs,))}
    nodes = [("ConvTranspose", ["x", "w", "b"], ["y"], attributes)]
    assert text in _exact(_converted(tmp_path, nodes, IMAGE, stored))


POOLS: dict[str, tuple[str, dict[str, Any], dict[str, Shape]]] = {
    "max": ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 1]}, OPEN),
    "max, ceil": (
        "MaxPool",
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        {"x": ("N", 4, 10, 8)},
    ),
    "max, dilated": ("MaxPool", {"kernel_shape": [2, 2], "dilations": [2, 2]}, IMAGE),
    "max, wide pads": (
        "MaxPool",
        {"kernel_shape": [2, 2], "pads": [0, 1, 1, 1]},
        IMAGE,
    ),
    "max, upper": (
        "MaxPool",
        {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
        OPEN,
    ),
    "max, lower": (
        "MaxPool",
        {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
        IMAGE,
    ),
    "mean": ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, OPEN),
    "mean, counted": (
        "AveragePool",
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
        OPEN,
    ),
    "mean, uneven": (
        "AveragePool",
        {"kernel_shape": [3, 3], "pads": [0, 0, 1, 2]},
        OPEN,
    ),
    "mean, uneven, counted": (
        "AveragePool",
        {"kernel_shape": [3, 3], "pads": [0, 0, 1, 2], "count_include_pad": 1},
        OPEN,
    ),
    "mean, upper": (
        "AveragePool",
        {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
        OPEN,
    ),
    "global mean": ("GlobalAveragePool", {}, OPEN),
    "global max": ("GlobalMaxPool", {}, OPEN),
}


@pytest.mark.parametrize("what", POOLS)
def test_pooling(tmp_path: Path, what: str) -> None:
    kind, attributes, inputs = POOLS[what]
    # Below zero, so that padding with zeros would show.
    stored = {"low": np.float32(-5.0)}
    nodes = [("Add", ["x", "low"], ["z"], {}), (kind, ["z"], ["y"], attributes)]
    _exact(_converted(tmp_path, nodes, inputs, stored))


# Nodes and what is stored; all make one nn.Linear of 4 to 3.
MATRICES: dict[str, tuple[list[Node], dict[str, np.ndarray], str]] = {
    "gemm": (
        [("Gemm", ["x", "w", "b"], ["y"], {"transB": 1})],
        {"w": _stored((3, 4)), "b": _stored((3,))},
        "nn.Linear(4, 3)",
    ),
    "gemm, scaled": (
        [("Gemm", ["x", "w", "b"], ["y"], {"alpha": 0.5, "beta": 3.0})],
        {"w": _stored((4, 3)), "b": _stored((1, 3))},
        "nn.Linear(4, 3)",
    ),
    "gemm without": (
        [("Gemm", ["x", "w"], ["y"], {})],
        {"w": _stored((4, 3))},
        "nn.Linear(4, 3, bias=False)",
    ),
    "matmul, added before": (
        [("MatMul", ["x", "w"], ["z"], {}), ("Add", ["b", "z"], ["y"], {})],
        {"w": _stored((4, 3)), "b": _stored((3,))},
        "nn.Linear(4, 3)",
    ),
    "matmul, turned": (
        [
            ("Transpose", ["w"], ["t"], {"perm": [1, 0]}),
            ("MatMul", ["x", "t"], ["y"], {}),
        ],
        {"w": _stored((3, 4))},
        "nn.Linear(4, 3, bias=False)",
    ),
}


@pytest.mark.parametrize("what", MATRICES)
def test_matrix(tmp_path: Path, what: str) -> None:
    nodes, stored, text = MATRICES[what]
    source = _exact(_converted(tmp_path, nodes, FLAT, stored))
    assert text in source
    assert "@" not in source
    if not what.startswith("gemm"):
        _exact(_converted(tmp_path, nodes, {"x": ("N", 5, "T", 4)}, stored))


def test_matrix_around_reshapes(tmp_path: Path) -> None:
    """TensorFlow makes rows of every axis but the last, and undoes it."""
    stored = {
        "w": _stored((4, 3)),
        "b": _stored((3,)),
        "rows": np.array([-1, 4]),
        "tail": np.array([3]),
        "from": np.array([0]),
        "to": np.array([2]),
    }
    nodes: list[Node] = [
        ("Reshape", ["x", "rows"], ["r"], {}),
        ("MatMul", ["r", "w"], ["m"], {}),
        ("Shape", ["x"], ["s"], {}),
        ("Slice", ["s", "from", "to"], ["h"], {}),
        ("Concat", ["h", "tail"], ["c"], {"axis": 0}),
        ("Reshape", ["m", "c"], ["z"], {}),
        ("Add", ["z", "b"], ["y"], {}),
    ]
    source = _exact(_converted(tmp_path, nodes, {"x": ("N", "T", 4)}, stored))
    assert "reshape" not in source
    assert "nn.Linear(4, 3)" in source


def test_shared_matrix_with_two_biases(tmp_path: Path) -> None:
    """One matrix of two modules is one parameter."""
    stored = {"w": _stored((4, 4)), "a": _stored((4,), 1), "b": _stored((4,), 2)}
    nodes: list[Node] = [
        ("MatMul", ["x", "w"], ["m"], {}),
        ("Add", ["m", "a"], ["s"], {}),
        ("Tanh", ["s"], ["t"], {}),
        ("MatMul", ["t", "w"], ["n"], {}),
        ("Add", ["n", "b"], ["y"], {}),
    ]
    made = _converted(tmp_path, nodes, FLAT, stored)
    _exact(made)
    assert sum(a.size for a in made.program.state().values()) == 16 + 4 + 4


def test_shared_bias(tmp_path: Path) -> None:
    """Exporters keep equal biases once; they are two parameters all the same."""
    stored = {"w": _stored((4, 4)), "v": _stored((4, 4), 1), "b": _stored((4,))}
    nodes: list[Node] = [
        ("Gemm", ["x", "w", "b"], ["z"], {}),
        ("Gemm", ["z", "v", "b"], ["y"], {}),
    ]
    source = _exact(_converted(tmp_path, nodes, FLAT, stored))
    assert source.count("nn.Linear(4, 4)") == 2


def test_called_twice(tmp_path: Path) -> None:
    stored = {"w": _stored((4, 4)), "b": _stored((4,))}
    nodes: list[Node] = [
        ("Gemm", ["x", "w", "b"], ["z"], {}),
        ("Gemm", ["z", "w", "b"], ["y"], {}),
    ]
    assert _exact(_converted(tmp_path, nodes, FLAT, stored)).count("nn.Linear") == 1


def test_embedding(tmp_path: Path) -> None:
    stored = {"table": _stored((11, 3))}
    nodes: list[Node] = [("Gather", ["table", "index"], ["y"], {})]
    made = _converted(tmp_path, nodes, {"index": ("N", "T")}, stored)
    assert "nn.Embedding(11, 3)" in _exact(made)


NORMS: dict[str, tuple[list[Node], dict[str, np.ndarray], dict[str, Shape], str]] = {
    "batch": (
        [("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], {"momentum": 0.8})],
        {
            **{"s": _stored((4,)), "b": _stored((4,), 1), "m": _stored((4,), 2)},
            "v": _stored((4,), 3) ** 2 + 0.1,
        },
        OPEN,
        "nn.BatchNorm2d(4, momentum=0.2)",
    ),
    "batch, rows": (
        [("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], {"epsilon": 0.01})],
        {
            **{"s": _stored((4,)), "b": _stored((4,), 1), "m": _stored((4,), 2)},
            "v": _stored((4,), 3) ** 2 + 0.1,
        },
        FLAT,
        "nn.BatchNorm1d(4, eps=0.01)",
    ),
    "instance": (
        [("InstanceNormalization", ["x", "s", "b"], ["y"], {"epsilon": 0.001})],
        {"s": _stored((4,)), "b": _stored((4,), 1)},
        OPEN,
        "nn.InstanceNorm2d(4, eps=0.001, affine=True)",
    ),
    "layer": (
        [("LayerNormalization", ["x", "s", "b"], ["y"], {"axis": 2})],
        {"s": _stored((9, 7)), "b": _stored((9, 7), 1)},
        IMAGE,
        "nn.LayerNorm((9, 7))",
    ),
    "layer without": (
        [("LayerNormalization", ["x", "s"], ["y"], {})],
        {"s": _stored((7,))},
        IMAGE,
        "nn.LayerNorm(7, bias=False)",
    ),
}


@pytest.mark.parametrize("what", NORMS)
def test_normalization(tmp_path: Path, what: str) -> None:
    nodes, stored, inputs, text = NORMS[what]
    assert text in _exact(_converted(tmp_path, nodes, inputs, stored))


def test_group_normalization(tmp_path: Path) -> None:
    stored = {"s": _stored((4,)), "b": _stored((4,), 1)}
    nodes: list[Node] = [
        ("GroupNormalization", ["x", "s", "b"], ["y"], {"num_groups": 2})
    ]
    made = _converted(tmp_path, nodes, IMAGE, stored, opset=21)
    assert "nn.GroupNorm(2, 4)" in _exact(made)


def test_slopes(tmp_path: Path) -> None:
    for shape, text in (((4, 1, 1), "nn.PReLU(4)"), ((1,), "nn.PReLU()")):
        nodes: list[Node] = [("PRelu", ["x", "s"], ["y"], {})]
        made = _converted(tmp_path, nodes, OPEN, {"s": _stored(shape)})
        assert text in _exact(made)


def test_dropout_is_kept(tmp_path: Path) -> None:
    nodes: list[Node] = [("Dropout", ["x", "p"], ["z"], {}), ("Tanh", ["z"], ["y"], {})]
    made = _converted(tmp_path, nodes, FLAT, {"p": np.float32(0.1)})
    assert "nn.Dropout(0.1)" in _exact(made)


@pytest.mark.parametrize("axis", [1, 2])
def test_branch_that_is_always_taken(tmp_path: Path, axis: int) -> None:
    """PyTorch's exporter asks whether an axis may be squeezed."""
    then = helper.make_graph(
        [helper.make_node("Squeeze", ["x", "axes"], ["z"])],
        "then",
        [],
        [onnx.ValueInfoProto(name="z")],
        [numpy_helper.from_array(np.array([1]), "axes")],
    )
    otherwise = helper.make_graph(
        [helper.make_node("Tanh", ["x"], ["z"])],
        "otherwise",
        [],
        [onnx.ValueInfoProto(name="z")],
    )
    branches = {"then_branch": then, "else_branch": otherwise}
    nodes: list[Node] = [
        ("Shape", ["x"], ["s"], {}),
        ("Gather", ["s", "at"], ["n"], {"axis": 0}),
        ("Equal", ["n", "one"], ["c"], {}),
        ("If", ["c"], ["q"], branches),
        ("Relu", ["q"], ["y"], {}),
    ]
    stored = {"at": np.array(axis), "one": np.array(1)}
    source = _exact(_converted(tmp_path, nodes, {"x": ("N", 1, 5)}, stored))
    assert (".squeeze(1)" in source) == (axis == 1)
    assert ("tanh" in source) == (axis == 2)


# ------------------------------------------------------------------------ recurrent
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def _recurrent(
    folder: Path,
    kind: str,
    attributes: dict[str, Any],
    *,
    bias: str = "both",
    state: bool = False,
    length: int | str = "T",
) -> Conversion:
    size, hidden = 3, 4
    n = 2 if attributes.get("direction") == "bidirectional" else 1
    wide = GATES[kind] * hidden
    stored = {"w": _stored((n, wide, size)), "r": _stored((n, wide, hidden), 1)}
    given = ["x", "w", "r", ""]
    if bias != "none":
        stored["b"] = _stored((n, 2 * wide), 2)
        given[3] = "b"
        if bias == "one":
            stored["b"][:, wide:] = 0
    inputs: dict[str, Shape] = {"x": (length, "N", size)}
    if state:
        ends = ["h", "c"] if kind == "LSTM" else ["h"]
        inputs |= {end: (n, "N", hidden) for end in ends}
        given += ["", *ends]
    outs = ["y", "yh", "yc"] if kind == "LSTM" else ["y", "yh"]
    nodes: list[Node] = [
        (kind, given, outs, {"hidden_size": hidden, **attributes}),
    ]
    return _converted(folder, nodes, inputs, stored, outs)


RECURRENT: dict[str, tuple[str, dict[str, Any], str]] = {
    "lstm": ("LSTM", {}, "nn.LSTM(3, 4)"),
    "lstm, both": ("LSTM", {"direction": "bidirectional"}, "bidirectional=True"),
    "lstm, back": ("LSTM", {"direction": "reverse"}, ".flip("),
    "gru": ("GRU", {"linear_before_reset": 1}, "nn.GRU(3, 4)"),
    "gru, reset before": ("GRU", {}, "SteppedGRU("),
    "gru, both, reset before": ("GRU", {"direction": "bidirectional"}, "SteppedGRU("),
    "rnn": ("RNN", {}, "nn.RNN(3, 4)"),
    "rnn, relu": ("RNN", {"activations": ["Relu"]}, 'nonlinearity="relu"'),
    "lstm, activations": (
        "LSTM",
        {"activations": ["HardSigmoid", "Softsign", "Softsign"]},
        "SteppedLSTM(",
    ),
}


@pytest.mark.parametrize("what", RECURRENT)
@pytest.mark.parametrize("bias", ["both", "one", "none"])
def test_recurrent(tmp_path: Path, what: str, bias: str) -> None:
    kind, attributes, text = RECURRENT[what]
    made = _recurrent(tmp_path, kind, attributes, bias=bias)
    source = _exact(made)
    plain = f"{text[:-1]}, bias=False)" if text.startswith("nn.") else text
    assert (plain if bias == "none" else text) in source
    assert ("requires_grad_(" in source) == (bias == "one")


@pytest.mark.parametrize("what", RECURRENT)
def test_recurrent_with_states(tmp_path: Path, what: str) -> None:
    kind, attributes, _ = RECURRENT[what]
    _exact(_recurrent(tmp_path, kind, attributes, state=True, length=6))


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"clip": 3.0}, "clip"),
        ({"layout": 1}, "layout"),
        ({"input_forget": 1}, "forget"),
    ],
)
def test_recurrent_refused(
    tmp_path: Path, attributes: dict[str, Any], why: str
) -> None:
    with pytest.raises(UnsupportedLayer, match=why):
        _recurrent(tmp_path, "LSTM", attributes)
