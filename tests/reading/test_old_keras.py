"""Models that old Keras wrote and ran: its files, its predictions, no old Keras here.

`old_keras/make_files.py` wrote them, with random weights and statistics, under the
Keras that the archive is called after; `old_keras/pack.py` packed them.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from keras2torch.conversion import convert_file, verify_folder
from keras2torch.errors import Keras2TorchError

RECORDED = Path(__file__).parent / "old_keras" / "recorded"
ENDINGS = (".h5", ".keras", ".json", ".yaml")

# What is refused, and how.
REFUSED = {
    "normalized_by_sample": "mode=1 of Keras before",
    "shared_by_stacks": "add_shared_node",
    "lambda_merge": "Merge",
    # Two branches begin with the same stack, whose name Keras 1 did not write.
    "merge_same_input": "5 layers with weights, the file 4",
}


def cases() -> list[tuple[str, str]]:
    """Return (archive, file) of every model file that is recorded."""
    found = []
    for path in sorted(RECORDED.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if not n.endswith(".weights.h5")]
        found += [(path.stem, n) for n in names if n.endswith(ENDINGS)]
    return found


CASES = cases()
# These take seconds; all of them, a minute.
QUICK = ("keras-0.3.3-theano", "keras-1.2.2-theano")
PARAMETERS = [
    pytest.param(*case, marks=() if case[0] in QUICK else pytest.mark.slow)
    for case in CASES
]


def test_what_is_recorded() -> None:
    """Every generation of Keras, and no megabytes."""
    archives = {archive for archive, _ in CASES}
    assert {name[:7] for name in archives} >= {"keras-0", "keras-1", "keras-2"}
    assert sum(p.stat().st_size for p in RECORDED.iterdir()) < 1_500_000


@pytest.mark.parametrize(("archive", "file"), PARAMETERS)
def test_old_keras(archive: str, file: str, tmp_path: Path) -> None:
    """The module computes what that Keras computed."""
    name, ending = file.rpartition(".")[0], "." + file.rpartition(".")[2]
    with zipfile.ZipFile(RECORDED / f"{archive}.zip") as packed:
        data = np.load(io.BytesIO(packed.read(f"{name}.npz")))
        source = tmp_path / file
        source.write_bytes(packed.read(file))
        weights = None
        if ending in (".json", ".yaml"):
            weights = tmp_path / f"{name}.weights.h5"
            weights.write_bytes(packed.read(weights.name))
    if name in REFUSED:
        with pytest.raises(Keras2TorchError, match=REFUSED[name]):
            convert_file(source, weights, verify="never")
        return
    made = convert_file(source, weights, verify="never")
    given = [
        torch.from_numpy(np.ascontiguousarray(data[f"x{i}"].transpose(t.layout.axes)))
        for i, (_, t) in enumerate(made.program.inputs)
    ]
    with torch.no_grad():
        result = made.module(*given)
    results = list(result) if isinstance(result, tuple) else [result]
    wanted = [data[f"y{i}"] for i in range(len(data.files) - len(given))]
    assert len(results) == len(wanted)
    for one, place, y in zip(results, made.program.outputs, wanted, strict=True):
        assert np.isfinite(y).all()
        array = one.numpy().transpose(np.argsort(place.layout.axes))
        assert array.shape == y.shape
        np.testing.assert_allclose(array, y, rtol=0, atol=1e-5 * np.abs(y).max())


@pytest.mark.needs_keras
def test_what_later_releases_changed_is_told_and_all_else_compared(
    tmp_path: Path,
) -> None:
    file = tmp_path / "masked_heads.keras"
    with zipfile.ZipFile(RECORDED / "keras-3.7.0-masks.zip") as packed:
        file.write_bytes(packed.read(file.name))
    made = convert_file(file, verify="always")
    assert made.report.verdict == "exact"
    assert "but for what Keras 3.7.0 did otherwise" in made.report.sentence()
    assert "multi_head_attention_1" in made.report.remarks[0]
    folder = made.save(tmp_path / "out")
    again = verify_folder(folder, file)
    assert again.verdict == "different"
    assert any("As in Keras 3.7.0" in remark for remark in again.remarks)
