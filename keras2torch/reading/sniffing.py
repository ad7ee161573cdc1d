"""What a file is, told by its bytes: endings lie."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Literal

from keras2torch.errors import UnusableFile

Kind = Literal["hdf5", "zip", "folder", "json", "yaml", "onnx"]

HDF5 = b"\x89HDF\r\n\x1a\n"
_HEAD = 4096
# A user block may come first: the signature is then at 512, 1024, 2048 …
_HDF5_OFFSETS = (0, 512, 1024, 2048)

# The last two are of Keras 0.3, which wrote no class names.
_YAML_KEYS = (b"class_name:", b"cache_enabled:", b"node_config:")

# First bytes of what is often found under a Keras name → what is wrong, what to do.
_FOREIGN: dict[bytes, str] = {
    b"version https://git-lfs": (
        "is a Git LFS pointer, not the model: run `git lfs pull` where it came from"
    ),
    b"\x89PNG": "is a PNG picture, not a Keras model: give the model file",
    b"\xff\xd8\xff": "is a JPEG picture, not a Keras model: give the model file",
    b"%PDF": "is a PDF document, not a Keras model: give the model file",
    b"\x1f\x8b": "is gzip-compressed: unpack it and give the model inside",
    b"7z\xbc\xaf": "is a 7z archive: unpack it and give the model inside",
    b"Rar!": "is a RAR archive: unpack it and give the model inside",
    b"BZh": "is bzip2-compressed: unpack it and give the model inside",
    b"\x93NUMPY": "is a NumPy array, not a Keras model: give the model file",
    b"CDF\x01": "is a NetCDF file, not a Keras model: give the model file",
}
_PICKLE = (
    "is a Python pickle, which runs what its author wrote, and is never opened: "
    "load it where it was made and call `model.save('model.keras')`"
)
_CHECKPOINT = (
    "a TensorFlow checkpoint, which has no architecture and which only TensorFlow "
    "reads: build the model in Keras, `model.load_weights` it there and call "
    "`model.save('model.keras')`"
)
# The last bytes of a table of TensorFlow, which a checkpoint's index is.
_TABLE = bytes.fromhex("57fb808b247547db")
_SAVED_MODEL = (
    "is a TensorFlow SavedModel, which this reader does not open: "
    "load it in Keras and call `model.save('model.keras')`"
)


def kind(path: Path) -> Kind:
    """Return what a file is.

    Raises
    ------
    UnusableFile
        For a file that holds no Keras model, with one sentence on what it is.

    Examples
    --------
    >>> kind(Path("model.keras"))  # an HDF5 file under that name
    'hdf5'
    """
    path = Path(path)
    if path.is_dir():
        if (path / "config.json").is_file() and not (path / "saved_model.pb").exists():
            return "folder"
        _refuse_folder(path)
    if not path.exists() and path.with_name(f"{path.name}.index").exists():
        raise UnusableFile(f"{path} names {_CHECKPOINT}.")
    if not path.exists():
        raise UnusableFile(f"{path} does not exist: check the path.")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise UnusableFile(f"{path} cannot be read ({error.strerror}).") from error
    if not head:
        raise UnusableFile(f"{path} is empty: download or save it again.")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        # Asked first: the HDF5 file in a .keras archive may lie at 512 or 1024.
        _refuse_foreign_zip(path)
        return "zip"
    if any(head[at : at + len(HDF5)] == HDF5 for at in _HDF5_OFFSETS):
        return "hdf5"
    for start, why in _FOREIGN.items():
        if head.startswith(start):
            raise UnusableFile(f"{path} {why}.")
    return _kind_of_rest(path, head)


def _kind_of_rest(path: Path, head: bytes) -> Kind:
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        raise UnusableFile(f"{path} {_PICKLE}.")
    if head[4:8] in (b"TFL3", b"TOCO"):
        raise UnusableFile(
            f"{path} is a TensorFlow Lite model: give the Keras model it was made from."
        )
    if path.name == "saved_model.pb":
        raise UnusableFile(f"{path} {_SAVED_MODEL}.")
    _refuse_tensorflow(path, head)
    if path.suffix.lower() == ".onnx" or _looks_like_onnx(head):
        return "onnx"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in b"{[" and text:
        return "json"
    if text[:1] == b"<":
        raise UnusableFile(
            f"{path} is a web page, not a Keras model: download the raw file."
        )
    if any(key in head for key in _YAML_KEYS) and b"\x00" not in head:
        return "yaml"
    if not head.strip(b"\x00"):
        raise UnusableFile(f"{path} holds only zeros: download or save it again.")
    raise UnusableFile(
        f"{path} is no Keras model: none of HDF5, .keras (zip), JSON, YAML or ONNX."
    )


def _refuse_tensorflow(path: Path, head: bytes) -> None:
    """Tell what TensorFlow itself writes: checkpoints, frozen graphs."""
    if head.startswith(b"model_checkpoint_path:"):
        raise UnusableFile(f"{path} names {_CHECKPOINT}.")
    data = re.search(r"\.data-\d{5}-of-\d{5}$", path.name)
    if data or (path.suffix == ".index" and _ends_with(path, _TABLE)):
        raise UnusableFile(f"{path} is part of {_CHECKPOINT}.")
    if path.name == "keras_metadata.pb":
        raise UnusableFile(
            f"{path} is a part of a TensorFlow SavedModel: give the folder it is in."
        )
    operation = head[:1] == b"\x0a" and (b"Placeholder" in head or b"Const" in head)
    if operation or head.lstrip().startswith(b"node {"):
        raise UnusableFile(
            f"{path} is a frozen TensorFlow graph, in which no Keras layer is left: "
            "give the Keras model it was made from, or convert it with tf2onnx and "
            "give the ONNX file."
        )


def _ends_with(path: Path, end: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(end)))
        return file.read() == end


def _looks_like_onnx(head: bytes) -> bool:
    """Whether this is a ModelProto: field 1 (ir_version), then producer or graph."""
    return head[:1] == b"\x08" and head[1:2] < b"\x20" and head[2:3] in b"\x12\x1a\x3a"


def _refuse_folder(path: Path) -> None:
    if (path / "saved_model.pb").exists() or (path / "saved_model.pbtxt").exists():
        raise UnusableFile(f"{path} {_SAVED_MODEL}.")
    raise UnusableFile(f"{path} is a folder: give the model file in it.")


def _refuse_foreign_zip(path: Path) -> None:
    """Tell the zips that are not .keras apart; broken ones too."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnusableFile(
            f"{path} is a damaged zip archive ({error}): download or save it again."
        ) from error
    if "config.json" in names:
        return
    if any(n.endswith("data.pkl") for n in names):
        raise UnusableFile(
            f"{path} is a pickled PyTorch file, not a Keras model: "
            "give the Keras model file."
        )
    if any(n.endswith("saved_model.pb") for n in names):
        raise UnusableFile(f"{path} is a zipped SavedModel: unpack it first.")
    if names and all(n.endswith(".npy") for n in names):
        raise UnusableFile(
            f"{path} is a NumPy archive, not a Keras model: give the model file."
        )
    raise UnusableFile(
        f"{path} is a zip archive without config.json, so no .keras model: "
        "give the file that `model.save('model.keras')` wrote."
    )
