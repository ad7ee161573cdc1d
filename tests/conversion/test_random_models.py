"""Models of images, volumes and signals that were drawn by chance, judged by Keras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conversion.making import in_keras
from ruff import find_ruff_bin

from keras2torch import convert
from keras2torch.conversion import convert_file
from keras2torch.tracing import KerasProcess

pytestmark = [pytest.mark.needs_keras, pytest.mark.slow]

MAKER = Path(__file__).with_name("make_random_models.py")
SEEDS = range(12)
# Between recurrent layers, which read steps in Keras' order, and convolutions.
PERMUTED = ("signal", "text_line", "video")


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def random_models(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a folder with a file for each seed, written by Keras 3 or Keras 2."""
    folder = tmp_path_factory.mktemp(request.param)
    in_keras(str(MAKER), request.param, str(folder), *map(str, SEEDS))
    return folder


@pytest.mark.parametrize("seed", SEEDS)
def test_exact(
    random_models: Path, keras_process: KerasProcess, seed: int, tmp_path: Path
) -> None:
    [path] = random_models.glob(f"*_{seed}.*")
    made = convert_file(path, process=keras_process)
    report = made.report
    assert report.verdict == "exact", report.sentence()
    assert not report.rebuilt
    assert report.same_trainable
    assert report.parameters["keras_total"] == report.parameters["torch_total"]
    assert report.gradients.verdict == "exact", report.gradients
    assert not report.gradients.missing
    assert all(row.verdict == "exact" for row in report.layers), report.layers
    if not path.name.startswith(PERMUTED):
        assert report.permutes == 0, made.source

    for arguments in (["check", "--select", "E,F,W,I,B"], ["format", "--check"]):
        done = subprocess.run(
            [find_ruff_bin(), *arguments, "--isolated", "-q", "-"],
            input=made.source,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + made.source

    made.save(tmp_path, keep_onnx=True)
    again = convert(tmp_path / "model.onnx", verify="never", name=made.program.name)
    assert again.source == made.source
    alone = "import sys; sys.modules['keras2torch'] = None; import model; model.load()"
    subprocess.run([sys.executable, "-c", alone], cwd=tmp_path, check=True)
