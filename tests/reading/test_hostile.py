"""A model file comes from a stranger: nothing of it runs, nothing else is opened."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from keras2torch.errors import Keras2TorchError, UnknownLayers, UnusableFile
from keras2torch.reading import read

from .conftest import dense, write_h5

KERNEL = "model_weights/d/d/kernel:0"


def replaced(path: Path, make: Callable[[h5py.Group, str], None]) -> None:
    """Put something else in place of the kernel."""
    with h5py.File(path, "r+") as file:
        del file[KERNEL]
        make(file["model_weights/d/d"], "kernel:0")


def _external_link(group: h5py.Group, name: str) -> None:
    group[name] = h5py.ExternalLink("secret.h5", "/data")


def _dangling_link(group: h5py.Group, name: str) -> None:
    group[name] = h5py.SoftLink("/nowhere")


def _soft_link(group: h5py.Group, name: str) -> None:
    group[name] = h5py.SoftLink("/model_weights/d/d/bias:0")


def _external_storage(group: h5py.Group, name: str) -> None:
    group.create_dataset(
        name, (3, 2), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
    )


def _virtual(group: h5py.Group, name: str) -> None:
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[...] = h5py.VirtualSource("secret.h5", "data", (3, 2))
    group.create_virtual_dataset(name, layout)


def _shape_bomb(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (1 << 20, 1 << 19), "f4", chunks=(1, 64))


def _objects(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (3, 2), h5py.string_dtype())


@pytest.mark.parametrize(
    "make",
    [
        _external_link,
        _dangling_link,
        _soft_link,
        _external_storage,
        _virtual,
        _shape_bomb,
        _objects,
    ],
)
def test_arrays_from_elsewhere_are_refused(
    small: Path, make: Callable[[h5py.Group, str], None]
) -> None:
    """CVE-2026-1669 and CVE-2026-0897."""
    with h5py.File(small.parent / "secret.h5", "w") as file:
        file["data"] = np.ones((3, 2), "f4")
    replaced(small, make)
    with pytest.raises(UnusableFile):
        read(small)


def test_a_linked_group_is_refused(small: Path) -> None:
    """Every step of a path counts, not the last alone."""
    with h5py.File(small.parent / "secret.h5", "w") as file:
        file["kernel:0"], file["bias:0"] = np.ones((3, 2)), np.ones(2)
    with h5py.File(small, "r+") as file:
        del file["model_weights/d/d"]
        file["model_weights/d/d"] = h5py.ExternalLink("secret.h5", "/")
    with pytest.raises(UnusableFile, match="link"):
        read(small)


def archived(path: Path, config: Any) -> Path:
    """Write a .keras archive of one Dense layer's weights."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 2), "f4")
        file["layers/dense/vars/1"] = np.ones(2, "f4")
    members = {"config.json": json.dumps(config), "metadata.json": "{}"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr("model.weights.h5", buffer.getvalue())
    return path


STACK = {
    "class_name": "Sequential",
    "config": {"name": "s", "layers": [dense("d", 2, batch_input_shape=[None, 3])]},
}


def test_duplicate_members(tmp_path: Path) -> None:
    """Two readers would see two models."""
    path = archived(tmp_path / "m.keras", STACK)
    assert len(read(path).graph.initializers) == 2
    duplicate = pytest.warns(UserWarning, match="Duplicate")
    with zipfile.ZipFile(path, "a") as archive, duplicate:
        archive.writestr("config.json", "{}")
    with pytest.raises(UnusableFile, match="two members"):
        read(path)


def test_zip_bomb(tmp_path: Path) -> None:
    """A member that grows by more than a hundred."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(STACK))
        archive.writestr("model.weights.h5", bytes(1 << 24))
    with pytest.raises(UnusableFile, match="fill the memory"):
        read(path)


def test_a_lie_about_the_size(tmp_path: Path) -> None:
    """The size in the directory is what the ratio was checked against."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(STACK) + " " * 100_000)
        archive.writestr("model.weights.h5", b"x")
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"PK\x01\x02"))
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(data)
    with pytest.raises(UnusableFile):
        read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nested absurdly deep|no valid JSON"),
        (json.dumps(STACK)[:-1] + ', "x": ' + "[" * 300 + "]" * 300 + "}", "deep"),
    ],
)
def test_deep_json(tmp_path: Path, text: str, said: str) -> None:
    """An error, not a crash."""
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(UnusableFile, match=said):
        read(path, path)


def test_yaml_runs_nothing_and_does_not_grow(tmp_path: Path) -> None:
    """Python tags are unknown, aliases are counted as often as they are used."""
    path = tmp_path / "m.yaml"
    path.write_text("class_name: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(UnusableFile, match="YAML"):
        read(path, path)
    lines = ["class_name: Sequential", "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for i in range(1, 12):
        lines.append(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]")
    path.write_text("\n".join(lines))
    with pytest.raises(UnusableFile, match="absurdly"):
        read(path, path)


def test_class_names_are_keys_and_nothing_else(tmp_path: Path) -> None:
    """CVE-2025-1550: what a config names is never imported, all are listed."""
    lambda_ = {"name": "code", "function": ["4wEAAAA=", None, None]}
    bad = [
        {"class_name": "Lambda", "config": lambda_},
        {
            "module": "os",
            "class_name": "system",
            "config": {"name": "shell", "args": ["true"]},
            "registered_name": None,
        },
        {
            "module": "keras.utils",
            "class_name": "get_file",
            "config": {"name": "download"},
        },
        {
            "module": "my_module",
            "class_name": "Dense",
            "config": {"name": "own_dense", "units": 2},
            "registered_name": "Custom>Dense",
        },
        {"class_name": "TFSMLayer", "config": {"name": "tfsm", "filepath": "/etc"}},
        {
            "class_name": "TimeDistributed",
            "config": {"name": "td", "layer": {"class_name": "Mine", "config": {}}},
        },
    ]
    first = dense("d", 2, batch_input_shape=[None, 3])
    inner = {"class_name": "Sequential", "config": {"name": "in", "layers": bad}}
    layers = [first, inner, {"class_name": "Lambda", "config": {"name": "last"}}]
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    path = write_h5(tmp_path / "m.h5", model, {})
    with pytest.raises(UnknownLayers) as caught:
        read(path)
    assert caught.value.layers == [
        ("code", "Lambda"),
        ("shell", "os>system"),
        ("download", "get_file"),
        ("own_dense", "Custom>Dense"),
        ("tfsm", "TFSMLayer"),
        ("td", "Mine"),
        ("last", "Lambda"),
    ]


def test_no_path_is_made_of_a_name(tmp_path: Path) -> None:
    """CVE-2026-12479: a name that climbs is refused, or is a name and nothing else."""
    name = "../../../owned"
    layer = dense(name, 2, batch_input_shape=[None, 3])
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    path = archived(folder / "m.keras", model)
    with contextlib.suppress(UnusableFile):
        assert f"{name}/kernel" in read(path).graph.initializers
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_a_loop_in_the_graph(tmp_path: Path) -> None:
    """Two layers that wait for each other."""

    def add(name: str, *sources: str) -> dict[str, Any]:
        return {
            "class_name": "Add",
            "name": name,
            "config": {"name": name},
            "inbound_nodes": [[[source, 0, 0, {}] for source in sources]],
        }

    start = {
        "class_name": "InputLayer",
        "name": "i",
        "config": {"name": "i", "batch_input_shape": [None, 3]},
        "inbound_nodes": [],
    }
    config = {
        "name": "m",
        "layers": [start, add("a", "i", "b"), add("b", "i", "a")],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["b", 0, 0]],
    }
    path = write_h5(tmp_path / "m.h5", {"class_name": "Model", "config": config}, {})
    with pytest.raises(UnusableFile, match="loop"):
        read(path)
    config["layers"] = [start, add("b", "i", "gone")]
    path = write_h5(tmp_path / "n.h5", {"class_name": "Model", "config": config}, {})
    with pytest.raises(UnusableFile, match="'gone'"):
        read(path)


VALUES: list[Any] = [None, True, -1, 10**9, float("nan"), "x", [], {}, [["d", 0, 0]]]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_any_value_anywhere_is_an_error_of_ours(
    small: Path, tmp_path: Path, value: Any
) -> None:
    """A damaged config is told in a sentence: no traceback, no crash."""
    with h5py.File(small) as file:
        text = str(file.attrs["model_config"])

    def places(here: Any) -> list[tuple[Any, Any]]:
        keys = here if isinstance(here, dict) else range(len(here))
        found = [(here, key) for key in keys]
        for key in list(keys):
            if isinstance(here[key], (dict, list)):
                found += places(here[key])
        return found

    for i in range(len(places(json.loads(text)))):
        config = json.loads(text)
        holder, key = places(config)[i]
        holder[key] = value
        with h5py.File(small, "r+") as file:
            file.attrs["model_config"] = json.dumps(config)
        with contextlib.suppress(Keras2TorchError):
            read(small)
