"""A file is what its bytes are; what is no Keras model is told in one sentence."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from keras2torch.errors import UnusableFile
from keras2torch.reading import inspect, kind, read
from keras2torch.reading.sniffing import HDF5

from .conftest import dense, write_h5, write_weights

Array = npt.NDArray[Any]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


def zipped(**members: bytes) -> bytes:
    """Return a zip archive; ``__`` in a name stands for a dot."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (bytes(100), "only zeros"),
        (PNG, "PNG picture"),
        (LFS, "git lfs pull"),
        (pickle.dumps({"weights": [1]}), "pickle"),
        (b"\x93NUMPY\x01\x00", "NumPy array"),
        (b"\x1f\x8b\x08" + bytes(10), "gzip"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(10), "TensorFlow Lite"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"hello world", "is no Keras model"),
        (b'model_checkpoint_path: "ckpt-1"\n', "TensorFlow checkpoint"),
        (b"\x0a\x1f\x0a\x01x\x12\x0bPlaceholder*\x00", "frozen TensorFlow graph"),
        (b'node {\n  name: "x"\n', "frozen TensorFlow graph"),
        (b'{"metadata": {}, "weight_map": {}}', "which files hold the weights"),
        (b'{"name": "Graph", "node_config": []}', "a Graph in the config has no nodes"),
        (b'{"name": "Sequential", "layers": [3]}', "a layer in the config is damaged"),
        (b'{"name": "Sequential", "layers": [{}]}', "names no class for a layer"),
        (b"\x89HDF\r\n\x1a\n" + bytes(200), "damaged HDF5|too early"),
        (b"PK\x03\x04" + bytes(50), "damaged zip"),
        (zipped(readme=b"x"), "without config.json"),
        (zipped(archive_data__pkl=b"x"), "PyTorch"),
        (zipped(a__npy=b"x"), "NumPy archive"),
        (zipped(config__json=b"{}"), "names no class"),
        (zipped(config__json=b"not json"), "no valid JSON"),
        (b'{"layers": []}', "names no class"),
        (b"[1, 2", "no valid JSON"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    """One sentence on what it is, whatever the file is called."""
    path = tmp_path / "model.h5"
    path.write_bytes(data)
    with pytest.raises(UnusableFile, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnusableFile, match=said):
        inspect(path)


def test_endings_do_not_matter(small: Path, tmp_path: Path) -> None:
    """HDF5 called .keras, and so on."""
    for name in ("model.keras", "model.png", "model"):
        path = tmp_path / name
        path.write_bytes(small.read_bytes())
        assert kind(path) == "hdf5"
        assert len(read(path).graph.initializers) == 2


def test_a_user_block_before_the_signature(small: Path, tmp_path: Path) -> None:
    """HDF5 may begin at 512; the arrays lie that much later."""
    path = tmp_path / "block.h5"
    with h5py.File(small) as old, h5py.File(path, "w", userblock_size=512) as new:
        new.attrs.update(old.attrs)
        old.copy("model_weights", new)
    assert kind(path) == "hdf5"
    value = read(path).graph.initializers["d/kernel"].const_value
    assert value is not None
    np.testing.assert_array_equal(value.numpy(), np.ones((3, 2)))


def test_truncated_hdf5(small: Path) -> None:
    """A download that broke off."""
    small.write_bytes(small.read_bytes()[:1500])
    with pytest.raises(UnusableFile, match="ends too early"):
        read(small)


def test_folders(tmp_path: Path) -> None:
    """A SavedModel is told from any other folder."""
    with pytest.raises(UnusableFile, match="is a folder"):
        read(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(UnusableFile, match="SavedModel"):
        read(tmp_path)
    with pytest.raises(UnusableFile, match="SavedModel"):
        read(tmp_path / "saved_model.pb")
    with pytest.raises(UnusableFile, match="does not exist"):
        read(tmp_path / "none.h5")


def test_onnx_is_for_another_reader(tmp_path: Path) -> None:
    """`kind` says so; reading it here does not work."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x08\x12\x07pytorch")
    assert kind(path) == "onnx"
    path.rename(tmp_path / "model.h5")
    assert kind(tmp_path / "model.h5") == "onnx"
    with pytest.raises(UnusableFile, match="ONNX"):
        read(tmp_path / "model.h5")


def test_checkpoints(tmp_path: Path) -> None:
    """A checkpoint is several files, or a prefix that is none of them."""
    # The end of every table of TensorFlow (tensorflow/core/lib/io/format.h).
    index = bytes(40) + bytes.fromhex("57fb808b247547db")
    (tmp_path / "ckpt.index").write_bytes(index)
    (tmp_path / "ckpt.data-00000-of-00001").write_bytes(bytes(8) + b"weights")
    for name in ("ckpt", "ckpt.index", "ckpt.data-00000-of-00001"):
        with pytest.raises(UnusableFile, match="TensorFlow checkpoint"):
            read(tmp_path / name)
    (tmp_path / "keras_metadata.pb").write_bytes(b"\x0a\x02")
    with pytest.raises(UnusableFile, match="give the folder"):
        read(tmp_path / "keras_metadata.pb")


def shards(folder: Path, **files: dict[str, Array]) -> Path:
    """Write weights as Keras does with ``max_shard_size``, and return the map."""
    weight_map: dict[str, list[str]] = {}
    for stem, arrays in files.items():
        name = f"{stem}.weights.h5"
        with h5py.File(folder / name, "w") as file:
            for path, array in arrays.items():
                file[path] = array
                group = "/" + path.rpartition("/")[0]
                weight_map.setdefault(group, []).append(name)
    made = folder / "m.weights.json"
    text = {"metadata": {"total_size": 32}, "weight_map": weight_map}
    made.write_text(json.dumps(text))
    return made


def test_weights_in_several_files(tmp_path: Path) -> None:
    """One layer's variables may lie in two of them; a missing one is named."""
    path = tmp_path / "m.json"
    layer = dense("d", 2, batch_shape=[None, 3])
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    path.write_text(json.dumps(model | {"keras_version": "3.10.0"}))
    kernel, bias = np.arange(6.0).reshape(3, 2), np.array([7.0, 8.0])
    weights = shards(
        tmp_path,
        m_00000={"layers/dense/vars/0": kernel},
        m_00001={"layers/dense/vars/1": bias},
    )
    found = read(path, weights).graph.initializers
    for name, wanted in (("d/kernel", kernel), ("d/bias", bias)):
        value = found[name].const_value
        assert value is not None
        np.testing.assert_array_equal(value.numpy(), wanted)
    (tmp_path / "m_00001.weights.h5").unlink()
    with pytest.raises(UnusableFile, match=r"m_00001.*not beside it"):
        read(path, weights)
    weights.write_text('{"weight_map": {"/vars": "../m_00000.weights.h5"}}')
    with pytest.raises(UnusableFile, match="as a shard, which is refused"):
        read(path, weights)


def test_weights_alone(tmp_path: Path) -> None:
    """Both kinds of weights files ask for the architecture."""
    path = tmp_path / "legacy.h5"
    with h5py.File(path, "w") as file:
        write_weights(file, {"d": {"d/kernel:0": np.ones((3, 2), "f4")}})
    with pytest.raises(UnusableFile, match="no architecture"):
        read(path)
    path = tmp_path / "new.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 2), "f4")
    with pytest.raises(UnusableFile, match="no architecture"):
        read(path)
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.ones(3)
    with pytest.raises(UnusableFile, match="no Keras model"):
        read(path)


def test_architecture_alone(tmp_path: Path, small: Path) -> None:
    """It asks for weights; with them it is a model, from JSON and from YAML."""
    with h5py.File(small) as file:
        config = str(file.attrs["model_config"])
    path = tmp_path / "model.json"
    path.write_text(config)
    with pytest.raises(UnusableFile, match="give the weights file"):
        read(path)
    assert inspect(path).problems == ["there are no weights: give the weights file too"]
    assert len(read(path, small).graph.initializers) == 2
    # json.dump(model.to_json(), file) is a string in JSON.
    path.write_text(json.dumps(config))
    with pytest.raises(UnusableFile, match="is no Keras model"):
        read(path, small)
    path = tmp_path / "model.yaml"
    path.write_text(
        "class_name: Sequential\nconfig:\n- class_name: Dense\n  config:\n"
        "    batch_input_shape: !!python/tuple [null, 3]\n    name: d\n    units: 2\n"
    )
    assert len(read(path, small).graph.initializers) == 2
    with pytest.raises(UnusableFile, match="holds no weights"):
        read(path, path)


def test_architecture_inside_hdf5_and_weights_elsewhere(
    small: Path, tmp_path: Path
) -> None:
    """The second file's weights win."""
    model = {"class_name": "Sequential", "config": [dense("d", 2)]}
    arrays = {"kernel:0": np.full((3, 2), 7, "f4"), "bias:0": np.zeros(2, "f4")}
    other = write_h5(tmp_path / "other.h5", model, {"d": arrays})
    value = read(small, other).graph.initializers["d/kernel"].const_value
    assert value is not None
    assert value.numpy()[0, 0] == 7


@pytest.mark.parametrize("offset", [512, 1024, 2048])
def test_archive_whose_hdf5_member_looks_like_a_user_block(
    tmp_path: Path, offset: int
) -> None:
    """HDF5 may begin at these places, and so may the weights in a .keras archive."""
    path = tmp_path / "model.keras"
    for filler in range(2049):
        data = zipped(config__json=b"{" + b" " * filler + b"}", w__h5=HDF5 + bytes(9))
        if data.find(HDF5) == offset:
            break
    assert data.find(HDF5) == offset
    path.write_bytes(data)
    assert kind(path) == "zip"
