"""Without --trust nothing of a file runs: not here, not in the Keras process.

Each file would leave a marker behind. What comes of it is a refusal (exit status 2) or
a conversion that leaves the code out.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from keras2torch.conversion import Conversion, convert_file
from keras2torch.errors import Keras2TorchError, UnknownLayers
from keras2torch.plugins import using
from keras2torch.reading import inspect
from keras2torch.reading.bytecode import stored
from keras2torch.tracing import KerasProcess

from . import hostile
from .hostile import layer, stack

Made = tuple[Path, Path | None]
IMPORTS = {"torch", "torch.nn.functional", "math", "pathlib", "safetensors.torch"}


def files(model: Any, folder: Path, name: str, training: Any = None) -> dict[str, Made]:
    """Write a model in every format."""
    folder.mkdir(parents=True, exist_ok=True)
    at = folder / name
    return {
        "keras2.h5": (
            hostile.h5_file(at.with_suffix(".2.h5"), model, "2.3.1", training),
            None,
        ),
        "keras3.h5": (
            hostile.h5_file(at.with_suffix(".3.h5"), model, "3.15.1", training),
            None,
        ),
        "keras3": (
            hostile.keras_file(at.with_suffix(".3.keras"), model, "3.15.1", training),
            None,
        ),
        "tf_keras": (
            hostile.keras_file(at.with_suffix(".2.keras"), model, "2.15.0", training),
            None,
        ),
        "json": hostile.text_files(at.with_suffix(".json"), model, "2.3.1", False),
        "yaml": hostile.text_files(at.with_suffix(".yaml"), model, "2.3.1", True),
    }


def dense(**config: Any) -> dict[str, Any]:
    return layer("Dense", "evil", units=3, **config)


def wrapped(kind: str, inside: dict[str, Any]) -> dict[str, Any]:
    return layer(kind, "wrapper", layer=inside)


# Each takes the marker and whether Keras 3 writes it, and returns layers.
PLACES: dict[str, Callable[[Path, bool], list[dict[str, Any]]]] = {
    "lambda": lambda m, t: [hostile.lambda_(m, t)],
    "nested": lambda m, t: [
        {**layer("Sequential", "inner", layers=[hostile.lambda_(m, t)])}
    ],
    "time distributed": lambda m, t: [
        wrapped("TimeDistributed", hostile.lambda_(m, t))
    ],
    "bidirectional": lambda m, t: [
        wrapped(
            "Bidirectional",
            layer("LSTM", "l", units=2, activation=hostile.keras3_function(m)),
        )
    ],
    "activation": lambda m, t: [dense(activation=hostile.keras3_function(m))],
    "activation layer": lambda m, t: [
        layer("Activation", "a", activation=hostile.keras3_function(m))
    ],
    "initializer": lambda m, t: [dense(kernel_initializer=hostile.keras3_function(m))],
    "regularizer": lambda m, t: [dense(kernel_regularizer=hostile.keras3_function(m))],
    "constraint": lambda m, t: [dense(bias_constraint=hostile.keras3_function(m))],
    "output shape": lambda m, t: [
        layer(
            "Lambda",
            "named",
            trainable=True,
            function="relu",
            function_type="function",
            output_shape=hostile.code_of(hostile.writes(m)),
            output_shape_type="lambda",
            mask=hostile.keras3_function(m),
        )
    ],
    "module": lambda m, t: [
        {
            **layer("Layer", "foreign"),
            "module": "evil_module",
            "registered_name": "evil_module>Layer",
        }
    ],
    "function of a module": lambda m, t: [
        dense(
            activation={
                "module": "evil_module",
                "class_name": "function",
                "config": "run",
                "registered_name": "run",
            }
        )
    ],
    "builtin": lambda m, t: [
        dense(
            kernel_initializer={
                "module": "builtins",
                "class_name": "eval",
                "config": {"source": hostile.writes(m)},
                "registered_name": None,
            }
        )
    ],
    "pickled module": lambda m, t: [layer("TorchModuleWrapper", "t", module="gASV")],
    "foreign graph": lambda m, t: [layer("TFSMLayer", "t", filepath=str(m.parent))],
    "vocabulary": lambda m, t: [layer("StringLookup", "s", vocabulary="/etc/passwd")],
    "tensorflow op": lambda m, t: [layer("TFOpLambda", "op", function="io.write_file")],
}


def without_running(
    made: Made,
    marker: Path,
    process: KerasProcess | None,
    verify: Literal["auto", "never"] = "never",
) -> Conversion | Keras2TorchError:
    """Inspect and convert; fail if anything ran.

    The process serves them all: what has no rule is asked of Keras, without trust.
    """
    path, weights = made
    result: Conversion | Keras2TorchError
    with contextlib.suppress(Keras2TorchError):
        inspect(path, weights)
    try:
        result = convert_file(path, weights, process=process, verify=verify)
        assert hostile.imported(result.source) <= IMPORTS
        assert not hostile.identifiers(result.source) & hostile.CALLED
    except Keras2TorchError as error:
        result = error
    assert str(result)
    assert not marker.exists()
    return result


@pytest.fixture
def evil_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that would leave a marker, where any import would find it."""
    marker = tmp_path / "marker"
    text = f"{hostile.writes(marker)}\ndef run(x): return x\nclass Layer: pass\n"
    (tmp_path / "evil_module.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return marker


def test_the_payload_works(tmp_path: Path) -> None:
    """Else the tests below could not fail."""
    import base64
    import marshal
    import types

    marker = tmp_path / "marker"
    code = marshal.loads(base64.b64decode(hostile.code_of(hostile.writes(marker))))
    types.FunctionType(code, {"__builtins__": __builtins__})(1)
    assert marker.exists()


@pytest.mark.needs_keras
@pytest.mark.parametrize("place", PLACES)
def test_nothing_runs(
    place: str, evil_module: Path, keras_process: KerasProcess
) -> None:
    for three in (False, True):
        model = stack(*PLACES[place](evil_module, three), sizes=(4, 3))
        for made in files(model, evil_module.parent / "files", f"m{three}").values():
            found = without_running(made, evil_module, keras_process)
            if place in ("lambda", "nested", "time distributed", "output shape"):
                assert isinstance(found, UnknownLayers)
                assert found.items[0].kind == "Lambda"
                assert "--trust" in str(found)
                assert "--custom-objects my_layers.py" in str(found)
                assert "--plugin my_torch_layers.py" in str(found)


@pytest.mark.slow
@pytest.mark.needs_keras
@pytest.mark.parametrize("place", PLACES)
def test_nothing_runs_in_keras(
    place: str, evil_module: Path, keras_process: KerasProcess
) -> None:
    """Where it converts, Keras is asked as well, which has holes of its own."""
    model = stack(*PLACES[place](evil_module, True), sizes=(4, 3))
    made = files(model, evil_module.parent / "files", "m")
    for name in ("keras2.h5", "keras3.h5", "keras3", "tf_keras"):
        without_running(made[name], evil_module, keras_process, "auto")


LOSS = {
    "module": "evil_module",
    "class_name": "function",
    "config": "run",
    "registered_name": "run",
}


@pytest.mark.needs_keras
@pytest.mark.parametrize("key", ["loss", "optimizer", "metrics", "optimizer_config"])
def test_compile_config(
    key: str, evil_module: Path, keras_process: KerasProcess
) -> None:
    for value in (hostile.keras3_function(evil_module), LOSS, "evil_module.run"):
        training = {"loss": "mse", "optimizer": "sgd", "metrics": [], key: value}
        for made in files(
            stack(), evil_module.parent / "files", "m", training
        ).values():
            found = without_running(made, evil_module, keras_process, "auto")
            assert isinstance(found, Conversion), found
            script = found.train_script
            if script is not None:
                assert not hostile.identifiers(script) & hostile.CALLED


def test_saved_model(evil_module: Path) -> None:
    """A SavedModel is a program: without trust it is not even started."""
    folder = evil_module.parent / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"\x08\x01" + b"ReadFile /etc/passwd")
    (folder / "keras_metadata.pb").write_bytes(b"\x0a\x00")
    with pytest.raises(Keras2TorchError):
        convert_file(folder, verify="never")
    assert not evil_module.exists()


@pytest.mark.parametrize("place", ["lambda", "activation", "module"])
def test_command_line(place: str, evil_module: Path) -> None:
    """The process that a user starts, with everything in its way that would help."""
    model = stack(*PLACES[place](evil_module, True), sizes=(4, 3))
    folder = evil_module.parent
    before = {p for p in folder.rglob("*")}
    made = files(model, folder / "files", "m")
    here = {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    for format_ in ("keras2.h5", "keras3", "yaml"):
        path, weights = made[format_]
        given = [] if weights is None else ["--weights", weights]
        command = ["convert", path, *given, "-o", folder / "out", "--no-verify"]
        done = subprocess.run(
            [sys.executable, "-m", "keras2torch", *map(str, command)],
            cwd=folder,
            env={**os.environ, **here},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("keras2torch: ")
        assert "Traceback" not in done.stderr
        assert not evil_module.exists()
        assert not (folder / "out").exists()
    new = {p for p in folder.rglob("*")} - before
    assert {p.relative_to(folder).parts[0] for p in new} <= {"files"}


# ------------------------------------------------------------------- injected text
TEXTS = [
    "x\"); import os; os.system('touch pwned') #",
    '"""\nimport os\nos.system("touch pwned")\n"""',
    'a\\"\n    import os',
    "{__import__('os').system('touch pwned')}",
    "Block):\n import os\nclass B(",
    "x = eval(input())",
    "lambda: os.system",
    "../../os.system",
    "os.system",
]


def injected(text: str) -> dict[str, Any]:
    """Return models with a text wherever Keras has a string."""
    return {
        "layer name": stack(layer("Dense", text, units=3)),
        "model name": stack(name=text),
        "nested name": stack(
            layer("Sequential", text, layers=[layer("ReLU", text)]),
        ),
        "activation": stack(dense(activation=text)),
        "padding": stack(layer("ZeroPadding1D", "p", padding=text), sizes=(4, 3)),
        "dtype": stack(dense(dtype=text)),
        "initializer": stack(dense(kernel_initializer=text)),
        "regularizer": stack(
            dense(kernel_regularizer={"class_name": text, "config": {text: text}})
        ),
        "class": stack({"class_name": text, "config": {"name": "n", text: text}}),
        "operation": stack(
            {"class_name": "TFOpLambda", "config": {"name": "n", "function": text}}
        ),
        "unknown argument": stack(dense(**{text: text})),
        "mode": stack(layer("UpSampling2D", "u", interpolation=text), sizes=(4, 4, 3)),
        "training": stack(),
    }


@pytest.mark.needs_keras
@pytest.mark.parametrize("text", TEXTS)
def test_text_of_a_file_is_never_code(
    text: str, tmp_path: Path, keras_process: KerasProcess
) -> None:
    for where, model in injected(text).items():
        training = {
            "loss": text,
            "optimizer_config": {"class_name": text, "config": {}},
        }
        training = training if where == "training" else None
        for i, (_, made) in enumerate(
            zip(range(3), _written(model, tmp_path, training), strict=False)
        ):
            found = without_running(made, tmp_path / "pwned", keras_process)
            if isinstance(found, Conversion):
                _executed(found)
                if found.train_script is not None:
                    assert not hostile.identifiers(found.train_script) & hostile.CALLED
            elif i:
                assert "\x1b" not in str(found)


def _written(model: Any, folder: Path, training: Any) -> list[Made]:
    made = []
    for name, version in (("a.h5", "2.3.1"), ("b.h5", "3.15.1")):
        try:
            made.append(
                (hostile.h5_file(folder / name, model, version, training), None)
            )
        except (ValueError, TypeError, KeyError, RuntimeError):
            continue  # HDF5 itself takes no such name for a group.
    made.append(
        (hostile.keras_file(folder / "c.keras", model, "3.15.1", training), None)
    )
    return made


def _executed(made: Conversion) -> None:
    """The module runs, and what its text names is torch's."""
    import torch

    module = made.module
    shape = [2 if n is None else n for n in made.program.inputs[0][1].torch_shape]
    module(torch.zeros(*shape))


@pytest.mark.parametrize("text", TEXTS)
def test_plugin_of_a_hostile_class(text: str, tmp_path: Path) -> None:
    """Its class name and its config reach the source as literals alone."""
    config = {"name": "own", text: text, "nested": [{text: text}]}
    model = stack({"class_name": text, "config": config})
    path = hostile.keras_file(tmp_path / "m.keras", model, "3.15.1")
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import keras2torch\nfrom torch import nn\n"
        '@keras2torch.register("own")\nclass Own(nn.Module):\n'
        "    def __init__(self, config, weights):\n"
        "        super().__init__()\n        self.config = config\n"
        "    def forward(self, x):\n        return x\n"
    )
    with using(plugin):
        made = convert_file(path, verify="never")
    assert hostile.imported(made.source) <= IMPORTS
    assert not hostile.identifiers(made.source) & hostile.CALLED
    assert made.module.own.config[text] == text
    _executed(made)


def onnx_file(path: Path, text: str) -> Path:
    """Write a graph with a text at every name that ONNX has."""
    kernel = np.ones((2, 3, 3, 3), "f4")
    weights = [
        numpy_helper.from_array(kernel, f"{text} kernel"),
        numpy_helper.from_array(np.ones((2,), "f4"), f"{text} bias"),
        numpy_helper.from_array(np.full((1,), 2.0, "f4"), f"{text} two"),
    ]
    nodes = [
        helper.make_node(
            "Conv",
            [f"{text} in", f"{text} kernel", f"{text} bias"],
            [f"{text} a"],
            name=text,
            doc_string=text,
        ),
        helper.make_node("Relu", [f"{text} a"], [f"{text} b"], name=f"{text} relu"),
        helper.make_node(
            "Mul", [f"{text} b", f"{text} two"], [f"{text} out"], name=f"{text} mul"
        ),
    ]
    graph = helper.make_graph(
        nodes,
        text,
        [
            helper.make_tensor_value_info(
                f"{text} in", TensorProto.FLOAT, ["N", 3, 8, 8]
            )
        ],
        [
            helper.make_tensor_value_info(
                f"{text} out", TensorProto.FLOAT, ["N", 2, 6, 6]
            )
        ],
        weights,
        doc_string=text,
    )
    model = helper.make_model(graph, producer_name=text, doc_string=text)
    helper.set_model_props(model, {text: text, "name": text, "training_config": text})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("text", TEXTS)
def test_names_of_an_onnx_file(text: str, tmp_path: Path) -> None:
    made = (onnx_file(tmp_path / "m.onnx", text), None)
    found = without_running(made, tmp_path / "pwned", None)
    assert isinstance(found, Conversion), found
    _executed(found)


@pytest.mark.parametrize("kind", ["Attribute", "Domain", "Operator"])
def test_strings_of_an_onnx_file(kind: str, tmp_path: Path) -> None:
    """Attributes, operators and domains that are text of the file's author."""
    for text in TEXTS:
        node = helper.make_node("Einsum", ["x"], ["y"], equation=text)
        if kind == "Operator":
            node = helper.make_node(text, ["x"], ["y"])
        elif kind == "Domain":
            node = helper.make_node("Relu", ["x"], ["y"], domain=text)
        graph = helper.make_graph(
            [node],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
        )
        path = tmp_path / "m.onnx"
        imports = [helper.make_opsetid("", 21), helper.make_opsetid(text, 1)]
        onnx.save(helper.make_model(graph, opset_imports=imports), path)
        found = without_running((path, None), tmp_path / "pwned", None)
        assert isinstance(found, Keras2TorchError)


def test_what_bytecode_tells() -> None:
    """It is walked, never loaded: names and the Python that wrote it."""
    found = stored(hostile.code_of("__import__('os').system('x')"))
    assert found is not None
    assert found.names == ("__import__", "system")
    version = ".".join(map(str, sys.version_info[:2]))
    assert version in found.python
    # Written by Python 2.7, 3.6 and 3.9: `lambda x: abs(x[0] - x[1])`.
    for text, python in BYTECODE.items():
        old = stored(text)
        assert old is not None
        assert (old.python, old.names) == (python, ("abs",))
    for bad in ("", "4wEAAAA=", "no bytecode", "\x00", "é" * 50, "A" * 4000):
        assert stored(bad) is None


BYTECODE = {
    "YwEAAAABAAAABAAAAEMAAABzFgAAAHQAAHwAAGQBABl8AABkAgAZGIMBAFMoAwAAAE5pAAAAAGkBAAAA"
    "KAEAAAB0AwAAAGFicygBAAAAdAEAAAB4KAAAAAAoAAAAAHMIAAAAPHN0cmluZz50CAAAADxsYW1iZGE+"
    "AwAAAHQAAAAA": "2",
    "4wEAAAAAAAAAAQAAAAQAAABDAAAAcxQAAAB0AHwAZAEZAHwAZAIZABgAgwFTACkDTukAAAAA6QEAAAAp"
    "AdoDYWJzKQHaAXipAHIFAAAA2gg8c3RyaW5nPtoIPGxhbWJkYT4DAAAAcwAAAAA=": "3.6 or 3.7",
    "4wEAAAAAAAAAAAAAAAEAAAAEAAAAQwAAAHMUAAAAdAB8AGQBGQB8AGQCGQAYAIMBUwApA07pAAAAAOkB"
    "AAAAKQHaA2FicykB2gF4qQByBQAAANoIPHN0cmluZz7aCDxsYW1iZGE+AwAAAPM"
    "AAAAA": "3.8 or 3.9",
}
