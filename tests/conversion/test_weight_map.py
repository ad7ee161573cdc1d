"""The weight map: numpy and Keras' own weights give the safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conversion.making import in_keras
from safetensors.numpy import load_file

from keras2torch.conversion import convert_file
from tests.applied import applied

pytestmark = pytest.mark.needs_keras

DUMP = Path(__file__).with_name("dump_weights.py")
MODELS = (
    "cnn bilstm unet siamese transformer seq2seq frozen squeeze_excite shared_sizes "
    "conv1d_mixed"
).split()


@pytest.fixture(scope="module")
def converted(keras_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with each conversion, and Keras' weights beside it."""
    folder = tmp_path_factory.mktemp("maps")
    asked = []
    for name in MODELS:
        source = keras_models / f"{name}.keras"
        out = convert_file(source, verify="never").save(folder / name)
        asked += [source, out / "report.json", out / "keras.npz"]
    in_keras(str(DUMP), *map(str, asked))
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_the_map_makes_the_state_dict(converted: Path, name: str) -> None:
    out = converted / name
    keras = np.load(out / "keras.npz")
    torch = load_file(out / "model.safetensors")
    rows: list[dict[str, Any]]
    rows = json.loads((out / "report.json").read_text(encoding="utf-8"))["weights"]
    assert sorted(row["torch_name"] for row in rows) == sorted(torch)
    for i, row in enumerate(rows):
        arrays = [keras[f"{i}_{j}"] for j in range(len(row["keras"]))]
        assert [list(a.shape) for a in arrays] == [w["shape"] for w in row["keras"]]
        assert row["steps"] is not None, row
        found = applied(row, arrays)
        np.testing.assert_array_equal(found, torch[row["torch_name"]], err_msg=str(row))
        assert found.shape == tuple(row["shape"])
