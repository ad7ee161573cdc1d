"""All forty networks against what is recorded of Keras' (``record.py``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import keras2torch as keras
from keras2torch import applications
from tests.applications_shim.digest import digest

RECORDED: dict[str, Any] = json.loads(
    Path(__file__).with_name("recorded.json").read_text()
)
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if "without" in name else [])
    for name in RECORDED
]


def declared(layer: Any) -> list[list[int]]:
    """Return the shapes of a layer's weights, without making them."""
    nodes = layer._inbound_nodes
    told = (nodes[0].declared if nodes else None) or ()
    first = [w for w in told if w.trainable]
    return [list(w.shape) for w in [*first, *[w for w in told if not w.trainable]]]


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize("name", NAMES)
def test_layers_and_files(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def get_file(fname: str, origin: str, **settings: Any) -> str:
        asked.append([fname, origin, settings["cache_subdir"], settings["file_hash"]])
        return fname

    monkeypatch.setattr("keras2torch.conveniences.get_file", get_file)
    monkeypatch.setattr(keras.Model, "load_weights", lambda self, path: None)
    keras.utils.clear_session()
    builder, _, how = name.partition(" ")
    model = getattr(applications, builder)(include_top=not how)
    recorded = dict(RECORDED[name])
    assert asked == [recorded.pop("file")]
    assert model.name == recorded.pop("name")
    assert list(model.input_shape) == recorded.pop("input")
    assert digest(model, declared) == recorded


def test_source_is_readable() -> None:
    source = applications.MobileNetV2(weights=None, input_shape=(64, 48, 3)).source()
    assert (
        "self.block_1_expand = nn.Conv2d(16, 96, kernel_size=1, bias=False)" in source
    )
    assert "permute" not in source
    assert max(map(len, source.splitlines())) <= 88
