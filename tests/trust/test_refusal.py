"""A layer without a rule: what the user is told, in `convert` and in `inspect`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from keras2torch.cli import main
from keras2torch.errors import UnknownLayer, UnknownLayers

from . import hostile
from .hostile import layer, stack


def run(*arguments: object) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file with two Lambdas and a custom class, in a path with a space."""
    folder = tmp_path / "my models"
    folder.mkdir()
    named = layer("Lambda", "crop", function="crop_center", function_type="function")
    own = layer("Attention2D", "attend", units=3)
    config = stack(hostile.lambda_(tmp_path / "marker", False), named, own)
    return hostile.h5_file(folder / "m.h5", config, "2.3.1")


def commands(text: str) -> list[list[str]]:
    """Return the commands that a message proposes, as a shell would split them."""
    lines = (line.strip() for line in text.splitlines())
    return [shlex.split(line) for line in lines if line.startswith("keras2torch conv")]


def test_the_refusal(model: Path, tmp_path: Path) -> None:
    """Every layer with what is known of it, and three commands to type."""
    result = run("convert", model, "-o", tmp_path / "out", "--no-verify")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()
    text = result.stderr
    assert "holds 3 layers that no rule covers" in text
    code, crop, attend = text.splitlines()[1:4]
    assert code.split()[:2] == ["code", "Lambda,"]
    assert "bytecode of Python 3." in code
    assert "write_text" in code or "pathlib" in code
    assert crop.split()[:2] == ["crop", "Lambda,"]
    assert "crop_center" in crop
    assert attend.split() == ["attend", "Attention2D"]
    start = ["keras2torch", "convert", str(model)]
    assert commands(text) == [
        [*start, "--trust"],
        [*start, "--custom-objects", "my_layers.py"],
        [*start, "--plugin", "my_torch_layers.py"],
    ]
    assert "code, crop, Attention2D" in text
    assert not (tmp_path / "marker").exists()


def test_inspect_tells_the_same(model: Path, tmp_path: Path) -> None:
    refusal = run("convert", model, "--no-verify").stderr
    shown = run("inspect", model)
    assert shown.exit_code == 0
    assert commands(shown.stdout) == commands(refusal)
    found = json.loads(run("inspect", model, "--json").stdout)
    assert len(found["problems"]) == 3
    assert "bytecode" in found["problems"][0]
    assert commands("\n".join(found["ways"])) == commands(refusal)


def test_with_weights_apart(tmp_path: Path) -> None:
    """The command is the one that was typed, with both files."""
    config = stack(layer("Mine", "own"))
    path, weights = hostile.text_files(tmp_path / "m.json", config, "2.3.1", False)
    result = run("convert", path, "--weights", weights, "--no-verify")
    first = commands(result.stderr)[0]
    assert first == [
        *["keras2torch", "convert", str(path), "--weights", str(weights)],
        "--trust",
    ]


def test_controls_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """A class name is the file's author's, and so is its length."""
    kind = "\x1b[2J\x1b]0;owned\x07" + "A" * 5000
    config = stack({"class_name": kind, "config": {"name": "n"}})
    path = hostile.keras_file(tmp_path / "m.keras", config, "3.15.1")
    result = run("convert", path, "--no-verify")
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    assert "\x07" not in result.stderr
    assert len(result.stderr) < 3000


def test_many_layers_are_counted() -> None:
    error = UnknownLayers([(f"layer_{i}", "Mine") for i in range(300)], "m.h5")
    assert "holds 300 layers" in str(error)
    assert "… and 260 more" in str(error)
    assert len(error.layers) == 300


def test_what_is_missing() -> None:
    """After Keras was allowed to run code: what it lacked."""
    stored = "a function stored as bytecode of Python 3.6 that uses K"
    items = [UnknownLayer("code", "Lambda", stored), UnknownLayer("a", "Mine>Own")]
    again = UnknownLayers(items, "m.h5").failed(
        trust=True, custom_objects="own.py", missing=["Own"], reason="bad marshal data"
    )
    text = str(again)
    assert "own.py does not define: Own" in text
    assert "Keras could not run it: bad marshal data" in text
    assert [c[3:] for c in commands(text)] == [
        ["--trust", "--keras-python", "/path/to/python"],
        ["--trust", "--custom-objects", "own.py"],
        ["--plugin", "my_torch_layers.py"],
    ]
    assert "an environment of Python 3.6" in text


@pytest.mark.needs_keras
def test_a_class_is_missing(own_models: Callable[[str], Path], tmp_path: Path) -> None:
    """The file is named, and the names that it does not define."""
    half = tmp_path / "half.py"
    half.write_text("import keras\nclass Gate(keras.layers.Layer): pass\n")
    source = own_models("keras") / "gated.keras"
    out = tmp_path / "out"
    result = run("convert", source, "--custom-objects", half, "-o", out)
    assert result.exit_code == 2, result.output
    assert f"{half} does not define: Gated" in result.stderr
    assert "Traceback" not in result.stderr
    assert commands(result.stderr)
