"""The command line as a stranger meets it, above all with files that are no models."""

from __future__ import annotations

import json
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

from keras2torch.cli import main

VERSION = "2.13.1"


def run(*arguments: object) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, [str(a) for a in arguments])


def dense(name: str = "dense", kind: str = "Dense") -> dict[str, Any]:
    """Return the config of a layer."""
    return {"class_name": kind, "config": {"name": name, "units": 2}}


def model_config(*layers: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a stack on 3 features."""
    first = {
        "class_name": "InputLayer",
        "config": {"name": "x", "batch_input_shape": [None, 3], "dtype": "float32"},
    }
    return {
        "class_name": "Sequential",
        "config": {"name": "stack", "layers": [first, *layers]},
    }


def write_hdf5(path: Path, *layers: dict[str, Any], config: bool = True) -> Path:
    """Write a model file as tf.keras does, with weights for each Dense."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = VERSION
        file.attrs["backend"] = "tensorflow"
        if config:
            file.attrs["model_config"] = json.dumps(model_config(*layers))
        group = file.create_group("model_weights") if config else file
        names = [layer["config"]["name"] for layer in layers]
        group.attrs["layer_names"] = [n.encode() for n in names]
        width = 3
        for i, name in enumerate(names):
            # Groups with plain names: what a file calls its layers is the point here.
            inner = group.create_group(name.replace("/", "_").replace("..", "_"))
            inner = group.require_group(f"group{i}") if name not in group else inner
            inner.attrs["weight_names"] = [b"kernel", b"bias"]
            inner["kernel"] = np.ones((width, 2), "float32")
            inner["bias"] = np.zeros(2, "float32")
            width = 2
    return path


def png() -> bytes:
    """Return a picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(b"\0\0")
    ends = chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + ends


class Boom:
    """Would leave a trace if anybody unpickled it."""

    def __reduce__(self) -> Any:
        return (open, ("pickle_was_run", "w"))


def truncated(path: Path) -> None:
    write_hdf5(path, dense())
    path.write_bytes(path.read_bytes()[:-1500])


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"model": Boom()}))


def lfs_pointer(path: Path) -> None:
    path.write_text(
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{'0' * 64}\nsize 12345\n"
    )


def zip_without_config(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", b"")


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncated, "ends too early|damaged"),
    "pickle": (pickled, "pickle"),
    "lfs": (lfs_pointer, "LFS"),
    "png": (lambda p: p.write_bytes(png()), "PNG|picture|image"),
    "empty": (lambda p: p.write_bytes(b""), "empty"),
    "zip": (zip_without_config, "config.json"),
    "weights_only": (
        lambda p: write_hdf5(p, dense(), config=False),
        "weights",
    ),
    "unknown_layer": (lambda p: write_hdf5(p, dense("w", "Wavelet")), "Wavelet"),
    "code_name": (lambda p: write_hdf5(p, dense('x"; import os #')), "import os"),
    "path_name": (lambda p: write_hdf5(p, dense("../../evil")), "evil"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, expected = BAD[case]
    source = tmp_path / "model.h5"
    make(source)
    before = sorted(tmp_path.iterdir())
    result = run("convert", source, "-o", tmp_path / "out", "--no-verify")
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    message = result.stderr.strip()
    # Layers without a rule are listed, with the commands that help.
    assert "\n" not in message or case == "unknown_layer"
    assert "Traceback" not in message
    assert any(word in message for word in expected.split("|")), message
    assert sorted(tmp_path.iterdir()) == before
    # `inspect` describes what it can; what is no model at all it refuses as well.
    described = run("inspect", source)
    assert described.exit_code in (0, 2)
    assert "Traceback" not in described.output


def test_a_missing_file(tmp_path: Path) -> None:
    result = run("convert", tmp_path / "none.h5")
    assert result.exit_code == 2
    assert "none.h5" in result.stderr


def test_wrong_shapes_are_named(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "m.h5", dense())
    with h5py.File(path, "a") as file:
        group = file["model_weights/dense"]
        del group["kernel"]
        group["kernel"] = np.ones((5, 2), "float32")
    result = run("convert", path, "-o", tmp_path / "out", "--no-verify")
    assert result.exit_code == 2
    for word in ("dense", "kernel", "(3, 2)", "(5, 2)"):
        assert word in result.stderr


def test_a_failure_leaves_the_old_output(tmp_path: Path) -> None:
    good = write_hdf5(tmp_path / "good.h5", dense())
    out = tmp_path / "out"
    assert run("convert", good, "-o", out, "--no-verify").exit_code == 0
    (out / "mine.txt").write_text("keep")
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    bad = write_hdf5(tmp_path / "bad.h5", dense("w", "Wavelet"))
    assert run("convert", bad, "-o", out, "--no-verify").exit_code == 2
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.h5", "good.h5", "out"]


def test_unverified_is_said(tmp_path: Path) -> None:
    good = write_hdf5(tmp_path / "good.h5", dense())
    result = run("convert", good, "-o", tmp_path / "out", "--no-verify")
    assert result.exit_code == 0
    assert "NOT VERIFIED against Keras" in result.output
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["verdict"] == "unverified"
    assert "NOT VERIFIED against Keras" in (tmp_path / "out" / "report.md").read_text()


def test_json_is_the_report_alone(tmp_path: Path) -> None:
    good = write_hdf5(tmp_path / "good.h5", dense())
    out = tmp_path / "out"
    result = run("convert", good, "-o", out, "--no-verify", "--json")
    assert json.loads(result.stdout) == json.loads((out / "report.json").read_text())


@pytest.mark.parametrize("options", [(), ("--flat",), ("--flat", "--faithful")])
def test_the_form_is_in_the_report(tmp_path: Path, options: tuple[str, ...]) -> None:
    good = write_hdf5(tmp_path / "good.h5", dense())
    result = run("convert", good, "-o", tmp_path / "out", "--no-verify", *options)
    assert result.exit_code == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["form"] == {
        "layout": "torch",
        "flat": "--flat" in options,
        "faithful": "--faithful" in options,
    }
    text = (tmp_path / "out" / "report.md").read_text()
    assert all((option in text) == (option in options) for option in ("--flat",))


def test_contradicting_options() -> None:
    result = run("convert", "m.h5", "--no-verify", "--require-verified")
    assert result.exit_code == 2


def test_inspect_says_what_is_in_the_file(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "m.h5", dense(), dense("w", "Wavelet"))
    result = run("inspect", path)
    assert result.exit_code == 0
    assert "Wavelet" in result.stdout
    assert VERSION in result.stdout
    data = json.loads(run("inspect", path, "--json").stdout)
    assert data["problems"]


def test_layers_lists_the_registry() -> None:
    result = run("layers", "--markdown")
    assert result.exit_code == 0
    for name in ("Conv2D", "LSTM", "MultiHeadAttention"):
        assert f"| `{name}` |" in result.stdout


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("from keras2torch.cli import main", ["torch", "numpy", "tensorflow"]),
        ("import keras2torch", ["torch", "numpy", "tensorflow"]),
        ("import keras2torch.reading", ["torch", "tensorflow"]),
        ("import keras2torch.program", ["torch", "tensorflow"]),
        ("import keras2torch.conversion", ["torch", "tensorflow"]),
        ("import keras2torch.layers", ["torch", "onnx_ir", "h5py"]),
    ],
)
def test_rooms_do_not_import_what_they_must_not(code: str, absent: list[str]) -> None:
    check = f"{code}\nimport sys\nprint([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
