"""Operations between layers, one model each, against what Keras answered.

Keras 3 writes the models of ``entry_cases.py`` and its like, tf_keras those of
``tensorflow_cases.py``: as TFOpLambda, and in graph mode as TensorFlowOpLayer, the way
TensorFlow 2.0 to 2.3 wrote them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from entry_cases import ENTRIES
from network_cases import NETWORKS
from shape_cases import SHAPES
from tensorflow_cases import CASES, NODES

from keras2torch.conversion import convert_file
from keras2torch.errors import UnsupportedLayer
from keras2torch.reading import read
from keras2torch.reading.promotion import result_type
from keras2torch.reading.rules import RULES
from keras2torch.reading.tensorflow_names import TENSORFLOW
from keras2torch.reading.tensorflow_nodes import _NODES, arguments, op_of, rule_of

F32 = "float32"
KERAS = ENTRIES | SHAPES | NETWORKS
TABLES = {"keras": KERAS, "tf_keras": CASES, "nodes": NODES}
SCRIPT = Path(__file__).with_name("make_operations.py")
# Tables have what is alike side by side: one case in so many is of every family.
EACH = 6

# Operation classes of Keras 3.15 without a rule → why.
WITHOUT_RULE = {
    "complex numbers, which ONNX does not carry from operator to operator": (
        "FFT FFT2 IFFT2 IRFFT ISTFT Polar RFFT STFT ViewAsComplex ViewAsReal"
    ),
    "a function is among its arguments: its body is traced": (
        "AssociativeScan Cond ForiLoop Function JVP Map Scan Switch VectorizedMap "
        "WhileLoop"
    ),
    "a decomposition of matrices that ONNX lacks": (
        "Cholesky CholeskyInverse Eig Eigh Inv Lstsq LuFactor MatrixRank Pinv Qr SVD "
        "Solve SolveTriangular"
    ),
    "how large the result is depends on the numbers": (
        "Bincount Histogram Nonzero Unique"
    ),
    "a special function that ONNX lacks": "Erfinv I0",
    "exact bits or loops of integers": "Gcd Lcm Nextafter View",
    "an image transformation of many steps, as in augmentation": (
        "AffineTransform ElasticTransform GaussianBlur MapCoordinates "
        "PerspectiveTransform SSIM ScaleAndTranslate SobelEdges"
    ),
    "a loop over the steps of sequences": "CTCDecode CTCLoss",
    "rarely in a model; the tracing carries it": (
        "Argpartition Correlate Fold Geomspace Logspace Nanmedian Nanpercentile "
        "Nanquantile Unfold"
    ),
    "a base class": "Operation SegmentReduction",
}


def _cases(tables: dict[str, Any]) -> list[Any]:
    """Return flavours and names; all but a few of each table are slow."""
    return [
        pytest.param(
            flavour,
            name,
            marks=[] if i % EACH == 0 else [pytest.mark.slow],
            id=f"{flavour}-{name}",
        )
        for flavour, table in tables.items()
        for i, name in enumerate(table)
    ]


@pytest.fixture(scope="session")
def operation_files(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[str], Path]:
    """Return a function: which Keras → the folder of models that it made."""
    made: dict[str, Path] = {}
    asked: dict[str, dict[str, None]] = {}
    for item in request.session.items:
        given = getattr(item, "callspec", None)
        if getattr(item, "function", None) is test_like_keras and given is not None:
            names = asked.setdefault(given.params["flavour"], {})
            names[given.params["name"]] = None

    def folder(flavour: str) -> Path:
        if flavour not in made:
            made[flavour] = tmp_path_factory.mktemp(flavour)
            done = subprocess.run(
                [sys.executable, SCRIPT, flavour, made[flavour], *asked[flavour]],
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-3000:]
        return made[flavour]

    return folder


def computed(path: Path, arrays: list[Any]) -> list[Any]:
    """Return what the converted model answers."""
    module = convert_file(path, layout="keras", verify="never").module
    with torch.no_grad():
        result = module(*map(torch.from_numpy, arrays))
    values = result if isinstance(result, (list, tuple)) else [result]
    return [v.numpy() for v in values]


@pytest.mark.needs_keras
@pytest.mark.parametrize(("flavour", "name"), _cases(TABLES))
def test_like_keras(
    operation_files: Callable[[str], Path], flavour: str, name: str
) -> None:
    """Every operation gives what Keras gave, in Keras' dtype."""
    folder = operation_files(flavour)
    failed = json.loads((folder / "failed.json").read_text())
    assert name not in failed, f"Keras itself failed: {failed[name]}"
    held = np.load(folder / f"{name}.npz")
    inputs = [held[f"x{i}"] for i in range(sum(k[0] == "x" for k in held))]
    wanted = [held[f"y{i}"] for i in range(sum(k[0] == "y" for k in held))]
    ending = "keras" if flavour == "keras" else "h5"
    got = computed(folder / f"{name}.{ending}", inputs)
    assert len(got) == len(wanted)
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.needs_keras
@pytest.mark.parametrize(("flavour", "name"), _cases({"keras": KERAS}))
def test_both_formats(
    operation_files: Callable[[str], Path], flavour: str, name: str
) -> None:
    """HDF5 names no modules; the graph is the same."""
    folder = operation_files(flavour)
    graphs = [read(folder / f"{name}.{e}").graph for e in ("keras", "h5")]
    first, second = ([_said(node) for node in graph] for graph in graphs)
    assert first == second


def _said(node: ir.Node) -> tuple[Any, ...]:
    attributes = {k: str(a.value) for k, a in node.attributes.items()}
    inputs = [v.name if v is not None else None for v in node.inputs]
    return node.op_type, node.name, inputs, attributes


@pytest.mark.needs_keras
def test_every_operation_class(tmp_path: Path) -> None:
    """Of Keras' classes each has a rule, or stands in the list with a reason."""
    script = tmp_path / "classes.py"
    script.write_text(
        "import importlib, inspect, json, pkgutil\n"
        "import keras.src.ops as ops\n"
        "found = {}\n"
        "for m in pkgutil.iter_modules(ops.__path__):\n"
        "    if m.name.endswith('_test'):\n"
        "        continue\n"
        "    module = importlib.import_module(ops.__name__ + '.' + m.name)\n"
        "    for name, cls in vars(module).items():\n"
        "        if inspect.isclass(cls) and cls.__module__ == module.__name__:\n"
        "            if 'Operation' in [c.__name__ for c in cls.__mro__]:\n"
        "                found[name] = [\n"
        "                    p for f in (cls.call, cls.__init__)\n"
        "                    for p in inspect.signature(f).parameters\n"
        "                ]\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True
    )
    classes = json.loads(done.stdout.splitlines()[-1])
    listed = {name for names in WITHOUT_RULE.values() for name in names.split()}
    assert len(classes) > 300
    assert set(classes) - RULES.keys() == listed
    unnamed = {
        name: missing
        for name, parameters in classes.items()
        if name in RULES and (missing := _missing(name, parameters))
    }
    assert not unnamed, "arguments that Keras has and the rule does not take"


def _missing(name: str, parameters: list[str]) -> set[str]:
    import inspect

    from keras2torch.reading.operation_calls import _MEANINGLESS

    taken = inspect.signature(RULES[name]).parameters
    return (
        set(parameters)
        - set(taken)
        - {"self", "args", "kwargs", "axes_lengths"}
        - _MEANINGLESS
    )


def test_names_lead_to_rules() -> None:
    """No table names a rule that is not there."""
    assert {rule for rule, _ in TENSORFLOW.values()} <= RULES.keys()
    assert {entry[0] for entry in _NODES.values()} <= RULES.keys()


@pytest.mark.needs_keras
def test_promotion(tmp_path: Path) -> None:
    """The lattice is Keras': every pair of dtypes and Python's numbers."""
    names = "bool uint8 uint16 uint32 int8 int16 int32 int64 float16 bfloat16".split()
    names += ["float32", "float64", "int", "float"]
    script = tmp_path / "promotion.py"
    script.write_text(
        "import json\nfrom keras.src.backend import result_type\n"
        f"names = {names!r}\npython = {{'int': int, 'float': float}}\n"
        "print(json.dumps([[result_type(python.get(a, a), python.get(b, b))"
        " for b in names] for a in names]))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True
    )
    wanted = json.loads(done.stdout.splitlines()[-1])
    assert [[result_type(a, b) for b in names] for a in names] == wanted


def serialized(op: str, **attributes: bytes) -> str:
    """Return a NodeDef as TensorFlow 2.0 put it into JSON: its bytes read as UTF-8."""

    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    node = field(1, b"name") + field(2, op.encode()) + field(3, b"x")
    for name, value in attributes.items():
        node += field(5, field(1, name.encode()) + field(2, value))
    return node.decode("utf-8")


def test_serialized_node() -> None:
    """Until TensorFlow 2.1 the node is a protocol buffer, not JSON."""
    integer, boolean, number = b"\x18\x05", b"\x28\x01", b"\x25\x00\x00\x00\x40"
    text, kind, many = b"\x12\x07REFLECT", b"\x30\x03", b"\x0a\x04\x1a\x02\x01\x02"
    config = {
        "name": "node",
        "node_def": serialized(
            "StridedSlice", begin_mask=integer, end_mask=boolean, i=many
        ),
        "constants": {"1": [0, 1], "2": [0, 2], "3": [1, 1]},
    }
    assert op_of(config) == "StridedSlice"
    assert rule_of(config) == "StridedSlice"
    args, options = arguments(None, config, ["x"])  # type: ignore[arg-type]
    assert args == []
    assert options["input_"] == "x"
    assert options["end"] == [0, 2]
    assert options["begin_mask"] == 5
    assert options["end_mask"] is True
    config["node_def"] = serialized("MirrorPad", mode=text)
    config["constants"] = {"1": [[0, 0]]}
    assert arguments(None, config, ["x"])[1]["mode"] == "REFLECT"  # type: ignore[arg-type]
    config |= {"node_def": serialized("LeakyRelu", alpha=number), "constants": {}}
    assert arguments(None, config, ["x"])[1]["negative_slope"] == 2.0  # type: ignore[arg-type]
    config["node_def"] = serialized("Cast", DstT=kind)
    assert arguments(None, config, ["x"])[1]["dtype"] == "int32"  # type: ignore[arg-type]


@pytest.mark.parametrize("node", [None, 3, "\x12", "{", {"op": 4}, "\x0aà"])
def test_damaged_node(node: Any) -> None:
    """What is no NodeDef has no rule, and crashes nothing."""
    assert rule_of({"name": "x", "node_def": node}) == ""


def test_refusals_name_the_operation(tmp_path: Path) -> None:
    """An argument without a rule is no guess."""
    tensor = {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 4], "dtype": F32, "keras_history": ["x", 0, 0]},
    }
    operation = {
        "module": "keras.src.ops.numpy",
        "class_name": "Sum",
        "config": {"name": "sum", "axis": 1, "where": [True]},
        "name": "sum",
        "inbound_nodes": [{"args": [tensor], "kwargs": {}}],
    }
    start = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 4], "dtype": F32, "name": "x"},
        "name": "x",
        "inbound_nodes": [],
    }
    config = {
        "class_name": "Functional",
        "keras_version": "3.15.1",
        "config": {
            "name": "m",
            "layers": [start, operation],
            "input_layers": [["x", 0, 0]],
            "output_layers": [["sum", 0, 0]],
        },
    }
    from .conftest import write_h5

    path = write_h5(tmp_path / "m.h5", config, {}, "3.15.1")
    with pytest.raises(UnsupportedLayer, match=r"'sum' \(ops\.Sum\).*'where'"):
        read(path)
