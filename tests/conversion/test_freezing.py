"""What trains is what Keras trains, wherever ``trainable=False`` stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversion.cases.freezing import TABLE
from conversion.making import judged, made_by_keras

from keras2torch.conversion import convert_file
from keras2torch.tracing import KerasProcess

pytestmark = pytest.mark.needs_keras


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder for each Keras."""
    return made_by_keras(tmp_path_factory, "freezing")


@pytest.mark.parametrize(("library", "name"), TABLE.rows())
def test_trains_what_keras_trains(
    folders: dict[str, Path], library: str, name: str, keras_process: KerasProcess
) -> None:
    made = judged(folders, library, name, keras_process)
    module = made.module
    frozen = {
        path: module.get_submodule(path.removesuffix(".running_mean"))
        for path, _ in module.named_buffers()
        if path.endswith(".running_mean")
    }
    module.train()
    for path, norm in frozen.items():
        still = not any(p.requires_grad for p in norm.parameters())
        assert norm.training is not still, path


def test_a_flag_that_stops_at_attention_is_told(folders: dict[str, Path]) -> None:
    path = folders["keras"] / "every_kind.keras"
    notes = convert_file(path, verify="never").report.notes
    assert any("trainable=False" in n["note"] for n in notes), notes
