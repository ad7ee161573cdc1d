"""What a conversion leaves behind, and what its process need not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from keras2torch import convert
from keras2torch.errors import UnusableFile


def test_what_is_not_converted_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100_000))
    with pytest.raises(UnusableFile):
        convert(broken, tmp_path / "out", verify="never")
    assert [p.name for p in tmp_path.iterdir()] == ["broken.h5"]


@pytest.mark.needs_keras
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_the_weights_are_those_of_the_state_dict(
    keras_models: Path, ending: str, tmp_path: Path
) -> None:
    made = convert(keras_models / f"cnn.{ending}", tmp_path / "out", verify="never")
    found = load_file(tmp_path / "out" / "model.safetensors")
    wanted = made.program.state()
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.needs_keras
def test_the_command_imports_no_framework(keras_models: Path, tmp_path: Path) -> None:
    heavy = ["torch", "tensorflow", "keras", "sympy.core", "rich", "yaml"]
    heavy += ["keras2torch.tracing.client", "keras2torch.reading.decompiling"]
    code = (
        "import sys\n"
        "from keras2torch.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    arguments = [str(keras_models / "cnn.h5"), "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", code, "convert", *arguments, "--no-verify"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
