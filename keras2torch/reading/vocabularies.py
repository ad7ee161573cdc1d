"""What layers learned from data and keep in no weight: vocabularies and bins.

Keras writes a vocabulary that ``adapt`` found beside the weights of a ``.keras``
archive, in ``assets/<path of the layer>/vocabulary.txt`` (``IndexLookup.save_assets``).
A vocabulary that the layer was given stands in its config. HDF5 files have no place
for the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras2torch.errors import UnusableFile
from keras2torch.layers.categories import merged_boundaries
from keras2torch.reading import legacy_hdf5
from keras2torch.reading.hdf5 import Stored
from keras2torch.reading.keras3_weights import Keras3Store
from keras2torch.reading.legacy_hdf5 import LegacyStore
from keras2torch.reading.sources import Source
from keras2torch.reading.topology import LayerSpec, ModelSpec

_LOOKUPS = {"IntegerLookup": int, "StringLookup": str, "TextVectorization": str}
_KINDS = frozenset({*_LOOKUPS, "Discretization"})


def complete(source: Source, model: ModelSpec) -> None:
    """Put into the layers' configs what the file has elsewhere.

    Raises
    ------
    UnusableFile
        For a layer whose vocabulary the file does not have.
    """
    if not any(spec.kind in _KINDS for spec in model.leaves()):
        return
    for spec in model.leaves():
        if spec.kind in _KINDS:
            # What it may learn counts as a weight where Keras 2.13 numbers its layers.
            given = ("bin_boundaries", "vocabulary")
            spec.has_weights = all(spec.config.get(key) is None for key in given)
    root = source.weights
    met: dict[str, Any] = {}
    if root is not None and legacy_hdf5.is_legacy(root):
        version = source.weights_version or source.version
        old = LegacyStore(root, version)
        for spec, path in _by_name(model):
            if spec.kind == "Discretization":
                _bins(spec, list(old.owned(path, spec.name).values()))
    elif root is not None:
        store = Keras3Store(root)
        for spec, path in _by_class(store, model):
            if spec.kind == "Discretization":
                _bins(spec, store.arrays(path))
            elif spec.kind in _LOOKUPS and spec.config.get("vocabulary") is None:
                # A layer that is in two models is saved where it was met first.
                same = f"{spec.name} {spec.given} {spec.config}"
                found = _vocabulary(source, spec, path)
                if found is not None:
                    met[same] = (found, store.named(path, "idf_weights"))
                if same in met:
                    spec.config["vocabulary"], idf = met[same]
                    _weights(spec, idf)
    for spec in model.leaves():
        if spec.kind in _LOOKUPS:
            _check(spec)


def _by_name(model: ModelSpec, prefix: str = "") -> Iterator[tuple[LayerSpec, str]]:
    for spec in model.layers:
        if spec.model is not None:
            yield from _by_name(spec.model, f"{prefix}{spec.name}/")
        else:
            yield spec, prefix + spec.name


def _by_class(
    store: Keras3Store, model: ModelSpec, at: str = ""
) -> Iterator[tuple[LayerSpec, str]]:
    for spec, path in store.paths(model, at):
        if spec.model is not None:
            inside = f"{path}/layer" if spec.kind == "TimeDistributed" else path
            yield from _by_class(store, spec.model, inside)
        else:
            yield spec, path


def _vocabulary(source: Source, spec: LayerSpec, path: str) -> list[Any] | None:
    """Return the terms in the archive, as that Keras reads them."""
    archive, name = source.archive, f"assets/{path}/vocabulary.txt"
    if archive is None or name not in archive:
        return None
    try:
        text = archive.read(name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnusableFile(f"{name!r} in {source.path} is no text: {error}.") from error
    lines = text.splitlines()
    while lines and not lines[-1]:
        lines.pop()
    size = spec.config.get("vocabulary_size")
    if size != len(lines) and (source.version.major < 3 or _is_encoded(spec)):
        # Keras 3 forgets an empty last term; where the size matters it then refuses
        # what it wrote itself. Other line ends than these are letters of a term.
        lines = text.replace("\r\n", "\n").split("\n")
    if _LOOKUPS[spec.kind] is str:
        return lines
    try:
        return [int(line) for line in lines]
    except ValueError as error:
        raise UnusableFile(
            f"{name!r} in {source.path} holds no integers: {error}."
        ) from error


def _is_encoded(spec: LayerSpec) -> bool:
    return bool(spec.config.get("output_mode", "int") != "int")


def _weights(spec: LayerSpec, idf: Stored | None) -> None:
    """Take the weights of TF-IDF; behind the terms they are filled up with zeros."""
    if idf is not None and len(idf.shape) == 1:
        known = len(spec.config["vocabulary"])
        spec.config["idf_weights"] = [float(w) for w in idf()[:known]]


def _bins(spec: LayerSpec, arrays: list[Stored]) -> None:
    """Find the bins as tf_keras does when it has loaded its summary of the data."""
    config = spec.config
    bins = config.get("num_bins")
    if config.get("bin_boundaries") is not None or type(bins) is not int:
        return
    for stored in arrays:
        if len(stored.shape) == 2 and stored.shape[0] == 2 and stored.shape[1]:
            summary = np.asarray(stored(), dtype=np.float32)
            config["bin_boundaries"] = merged_boundaries(summary, max(bins, 1))


def _check(spec: LayerSpec) -> None:
    terms, name = spec.config.get("vocabulary"), f"layer {spec.name!r} ({spec.kind})"
    if isinstance(terms, str):
        raise UnusableFile(
            f"the vocabulary of {name} is said to be in the file {terms!r}, which is "
            "never opened: give the layer the terms themselves and save the model "
            "again."
        )
    if terms is None:
        raise UnusableFile(
            f"the file does not hold the vocabulary of {name}: Keras writes one that "
            "adapt() found into .keras files alone. Save the model as .keras, where it "
            "was adapted."
        )
    kind = _LOOKUPS[spec.kind]
    listed = isinstance(terms, list) and all(type(t) is kind for t in terms)
    if not listed:
        raise UnusableFile(f"the vocabulary of {name} is no list of {kind.__name__}.")
