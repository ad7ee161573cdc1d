"""A file opened: its config, its metadata and where its weights are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

from keras2torch.errors import UnusableFile
from keras2torch.reading import hdf5, keras0, keras3_weights, legacy_hdf5, shards, text
from keras2torch.reading.archive import Archive, Folder
from keras2torch.reading.sniffing import kind
from keras2torch.reading.versions import Version

_WEIGHTS = "model.weights.h5"


@dataclass
class Source:
    """A model file, or an architecture and a weights file.

    Attributes
    ----------
    format
        ``"hdf5"``, ``"keras"``, ``"json"``, ``"yaml"``.
    config
        The serialized model.
    version
        Which Keras wrote the config.
    weights
        Root of the weights, ``None`` where there are none.
    weights_version
        Which Keras wrote the weights.
    place
        The file that :attr:`weights` are in.
    weights_path
        The second file, where the weights come apart from the architecture.
    archive
        The ``.keras`` file or folder, while it is open.
    """

    path: Path
    format: str
    config: Mapping[str, Any]
    version: Version
    weights: h5py.Group | None = None
    weights_version: Version | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    place: hdf5.Place | None = None
    weights_path: Path | None = None
    archive: Archive | Folder | None = None


@contextmanager
def open_source(path: Path, weights: Path | None = None) -> Iterator[Source]:
    """Open a model file, with its weights in a second file if there is one."""
    what = kind(path)
    with ExitStack() as stack:
        if what == "hdf5":
            source = _from_hdf5(path, stack)
        elif what == "zip":
            source = _from_members(path, Archive(path), stack)
        elif what == "folder":
            source = _from_members(path, Folder(path), stack)
        elif what == "onnx":
            raise UnusableFile(f"{path} is an ONNX model, not a Keras file.")
        else:
            source = _from_text(path, what)
        if weights is not None:
            _attach(source, weights, stack)
        yield source


def _root(config: Any, what: str) -> Mapping[str, Any]:
    if isinstance(config, dict) and isinstance(config.get("class_name"), str):
        return config
    raise UnusableFile(
        f"{what} describes no Keras model: it names no class. Give the file that "
        "`model.save` or `model.to_json` wrote."
    )


def _from_hdf5(path: Path, stack: ExitStack) -> Source:
    place = hdf5.Place(str(path), path)
    file = stack.enter_context(place.opened())
    raw = hdf5.text(file, "model_config")
    if raw is None:
        raise UnusableFile(_no_config(file, path))
    what = f"model_config in {path}"
    config = _root(text.from_json(raw, what), what)
    given = hdf5.text(file, "keras_version")
    version = Version.of(given or _text(config.get("keras_version")), config)
    if version.numbers == (1, 0):
        # Keras could save whole models from 1.0.7 on.
        version = Version("", (1, 0, 7))
    source = Source(path, "hdf5", config, version, place=place)
    training = keras0.compiled_graph(hdf5.text(file, "training_config"), config)
    source.metadata = _metadata(source, hdf5.text(file, "backend"), training)
    if hdf5.has(file, "model_weights"):
        source.weights = hdf5.group(file, "model_weights")
    elif legacy_hdf5.is_legacy(file):
        source.weights = file
    else:
        raise UnusableFile(
            f"{path} has an architecture and no weights: save the whole model again."
        )
    source.weights_version = _weights_version(source.weights, version)
    return source


def _no_config(file: h5py.File, path: Path) -> str:
    if legacy_hdf5.is_legacy(file) or keras3_weights.is_keras3(file):
        return (
            f"{path} holds weights and no architecture: give the architecture "
            "(`model.to_json()`) and this file as its weights."
        )
    if "model_weights" in file or "layer_names" in file.attrs:
        return f"{path} has weights but no model_config: save the whole model again."
    return f"{path} is an HDF5 file that holds no Keras model."


def _weights_version(root: h5py.Group, config: Version) -> Version:
    """Return the version that the weights group names; Keras 1 named none there."""
    given = hdf5.text(root, "keras_version")
    if given is not None:
        return Version.of(given, {})
    return config if config.major == 1 else Version("", (1,))


def _from_members(path: Path, archive: Archive | Folder, stack: ExitStack) -> Source:
    stack.enter_context(closing(archive))
    what = f"config.json in {path}"
    config = _root(text.from_json(archive.read("config.json"), what), what)
    about: Any = {}
    if "metadata.json" in archive:
        about = text.from_json(archive.read("metadata.json"), "metadata.json")
    given = about.get("keras_version") if isinstance(about, dict) else None
    source = Source(path, "keras", config, Version.of(_text(given), config))
    compiled = config.get("compile_config")
    source.metadata = _metadata(source, None, _dumped(compiled))
    if _WEIGHTS not in archive:
        raise UnusableFile(_no_weights(archive, path))
    member = f"{_WEIGHTS} in {path}"
    source.place = hdf5.Place(member, path, archive.opener(_WEIGHTS))
    source.weights = stack.enter_context(source.place.opened())
    source.weights_version = source.version
    source.archive = archive
    return source


def _no_weights(archive: Archive | Folder, path: Path) -> str:
    names = archive.members
    if any(n.endswith((".weights.json", "model.weights.json")) for n in names):
        return (
            f"{path} has its weights in shards, which this reader does not open: "
            "save the model without `max_shard_size`."
        )
    if any(n.endswith(".npz") for n in names):
        return (
            f"{path} has its weights as npz, which this reader does not open: "
            "save the model as .keras with HDF5 weights."
        )
    return f"{path} has no {_WEIGHTS} inside: save the model again."


def _from_text(path: Path, what: str) -> Source:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UnusableFile(f"{path} cannot be read ({error.strerror}).") from error
    parsed = (text.from_json if what == "json" else text.from_yaml)(raw, str(path))
    if isinstance(parsed, str):
        # json.dump(model.to_json()): JSON in a JSON string.
        parsed = text.from_json(parsed, str(path))
    if keras0.is_keras0(parsed):
        version = Version.of(None, parsed)
        source = Source(path, what, keras0.as_keras1(parsed), version)
        training = keras0.compiled(parsed, source.config)
        source.metadata = _metadata(source, None, training)
        return source
    if shards.is_map(parsed):
        raise UnusableFile(
            f"{path} says which files hold the weights, and no architecture: give the "
            "architecture (`model.to_json()`) and this file as its weights."
        )
    config = _root(parsed, str(path))
    version = Version.of(_text(config.get("keras_version")), config)
    source = Source(path, what, config, version)
    source.metadata = _metadata(source, _text(config.get("backend")), None)
    return source


def _attach(source: Source, weights: Path, stack: ExitStack) -> None:
    """Take the weights from a second file."""
    source.weights, version, source.place = _weights(weights, stack, source.version)
    source.weights_version, source.weights_path = version, weights


def weights_of_file(path: Path, stack: ExitStack) -> tuple[h5py.Group, Version]:
    """Return the weights in a file, which may hold an architecture too."""
    root, version, _ = _weights(path, stack, Version("", (3,)))
    return root, version


def _weights(
    weights: Path, stack: ExitStack, version: Version
) -> tuple[h5py.Group, Version, hdf5.Place]:
    what = kind(weights)
    if what == "zip":
        archive = stack.enter_context(closing(Archive(weights)))
        if _WEIGHTS not in archive:
            raise UnusableFile(_no_weights(archive, weights))
        place = hdf5.Place(str(weights), weights, archive.opener(_WEIGHTS))
    elif what == "hdf5":
        place = hdf5.Place(str(weights), weights)
    elif what == "json":
        place = shards.joined(weights)
    else:
        raise UnusableFile(
            f"{weights} holds no weights: give the HDF5 file that "
            "`model.save_weights` wrote."
        )
    file = stack.enter_context(place.opened())
    root: h5py.Group = file
    if hdf5.has(file, "model_weights"):
        root = hdf5.group(file, "model_weights")
    if legacy_hdf5.is_legacy(root):
        return root, _weights_version(root, version), place
    # A model with code of its own calls its layers as its attributes are called.
    if keras3_weights.is_keras3(root) or "vars" in root:
        return root, version, place
    raise UnusableFile(f"{weights} is an HDF5 file that holds no Keras weights.")


def _metadata(
    source: Source, backend: str | None, training: str | None
) -> dict[str, str]:
    config = source.config.get("config")
    name = config.get("name") if isinstance(config, dict) else None
    version = source.version
    found = {
        "format": source.format,
        "keras_version": version.text,
        "backend": backend or "",
        "name": str(name or source.path.name.partition(".")[0]),
        "training_config": training or "",
        # A penalty on outputs was divided by the batch before and after.
        "sums_activity": "1" * (version.multi_backend and version.numbers >= (1, 2)),
    }
    return {k: v for k, v in found.items() if v}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _dumped(value: Any) -> str | None:
    return json.dumps(value) if value else None
