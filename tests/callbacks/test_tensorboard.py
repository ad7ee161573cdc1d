"""Event files: the folders, tags, steps and values of Keras."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch.callbacks import TensorBoard, tensorboard
from keras2torch.training.variables import Parameter
from tests.callbacks.asking import ask
from tests.callbacks.driver import PLAYS
from tests.callbacks.fake import LIBRARY, Model

installed = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None,
    reason="tensorboard is not installed",
)
JOBS: list[dict[str, Any]] = [
    {},
    {"update_freq": "batch", "write_graph": False},
    {"update_freq": 2, "write_steps_per_second": True},
    {"update_freq": 4, "histogram_freq": 1},
    {"histogram_freq": 2, "write_images": True, "write_steps_per_second": True},
]


class Sequential(Model):
    """By its name its layers are written."""

    def to_json(self) -> str:
        return "{}"


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What Keras writes; what is of an epoch as it writes it with ``"epoch"``.

    With ``update_freq=2`` it leaves out the epochs that end at an odd batch.
    """
    by_epoch = [{**options, "update_freq": "epoch"} for options in JOBS]
    jobs = [{"do": "events", "options": options} for options in [*JOBS, *by_epoch]]
    found = [f["events"] for f in ask(jobs, tmp_path_factory.mktemp("keras"))]
    return [
        sorted(
            [e for e in batches if e[1].startswith("batch_")]
            + [e for e in epochs if not e[1].startswith("batch_")],
            key=str,
        )
        for batches, epochs in zip(found[: len(JOBS)], found[len(JOBS) :], strict=True)
    ]


def written(options: dict[str, Any], folder: Path, model: Any = None) -> Any:
    job = {"do": "events", "options": options}
    found = PLAYS["events"](job, LIBRARY, model or Sequential(), folder)
    return json.loads(json.dumps(found))


@installed
@pytest.mark.needs_keras
@pytest.mark.parametrize("number", range(len(JOBS)))
def test_writes_what_keras_writes(
    number: int, keras: list[Any], tmp_path: Path
) -> None:
    assert keras[number]
    assert written(JOBS[number], tmp_path)["events"] == keras[number]
    assert "tensorflow" not in sys.modules


@installed
def test_a_model_that_is_no_json_trains_all_the_same(tmp_path: Path) -> None:
    class Sequential(Model):
        def to_json(self) -> str:
            raise NotImplementedError

    found = written({}, tmp_path, Sequential())["events"]
    assert not any(tag == "keras" for _, tag, *_ in found)


@installed
def test_profiles_batches(tmp_path: Path) -> None:
    written({"profile_batch": (2, 4)}, tmp_path)
    (trace,) = (tmp_path / "train").glob("*.pt.trace.json")
    assert "traceEvents" in json.loads(trace.read_text())


class Embedding(SimpleNamespace):
    """A layer, known by the name of its class."""


@installed
def test_writes_tables_for_the_projector(tmp_path: Path) -> None:
    model = Sequential()
    table = Parameter(torch.arange(6.0).reshape(3, 2))
    table.path = "words/embeddings"
    model.layers.append(Embedding(name="words", weights=[table]))
    options = {"embeddings_freq": 1, "embeddings_metadata": {"words": 'a"b\\c.tsv'}}
    written(options, tmp_path, model)
    config = (tmp_path / "projector_config.pbtxt").read_text()
    from google.protobuf import text_format
    from tensorboard.plugins.projector import ProjectorConfig

    (entry,) = text_format.Parse(config, ProjectorConfig()).embeddings
    assert entry.metadata_path == 'a"b\\c.tsv'
    shown = np.loadtxt(tmp_path / entry.tensor_path)
    np.testing.assert_array_equal(shown, table.numpy())
    with pytest.raises(ValueError, match=r"Unrecognized `Embedding` layer names.*wrds"):
        written({**options, "embeddings_metadata": {"wrds": "x"}}, tmp_path, model)


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        TensorBoard()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, (0, 0)),
        (5, (5, 5)),
        ((2, 4), (2, 4)),
        ([2, 4], (2, 4)),
        ("3", (3, 3)),
        ("10,20", (10, 20)),
        *((wrong, None) for wrong in (-1, (4, 2), (1, 2, 3), 1.5, None, "1,2,3")),
    ],
)
def test_which_batches_are_profiled(given: Any, expected: Any) -> None:
    if expected is not None:
        assert tensorboard._range(given) == expected
        return
    with pytest.raises(ValueError, match="profile_batch must be"):
        tensorboard._range(given)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5,), (1, 5, 1, 1)),
        ((2, 5), (1, 2, 5, 1)),
        ((5, 2), (1, 2, 5, 1)),
        ((3, 4, 6), (6, 3, 4, 1)),
        ((3, 3, 1, 6), (6, 3, 3, 1)),
        ((3, 3, 2, 4), (3, 3, 2, 4)),
        ((3, 3, 2, 7), None),
        ((1, 1), None),
    ],
)
def test_weights_as_images(shape: Any, expected: Any) -> None:
    found = tensorboard._images(np.zeros(shape))
    assert (None if found is None else found.shape) == expected
