"""From a file to the graph: architecture first, then every array in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from keras2torch.dialect import GraphBuilder, LayerWeights
from keras2torch.errors import UnknownLayers, UnusableFile, WeightMismatch
from keras2torch.layers.definitions import Weight
from keras2torch.reading import legacy_hdf5, operations, vocabularies
from keras2torch.reading.autocasts import without_autocasts
from keras2torch.reading.build import Assembler, Owned, Peek, Traced
from keras2torch.reading.configs import Context
from keras2torch.reading.hdf5 import Array, Place, Stored
from keras2torch.reading.keras3_weights import Keras3Store
from keras2torch.reading.legacy_hdf5 import LegacyStore
from keras2torch.reading.revisions import over_sorted_axes
from keras2torch.reading.sources import Source, open_source
from keras2torch.reading.topology import LayerSpec, ModelSpec, model_spec
from keras2torch.reading.unknown import described, stored_functions

if TYPE_CHECKING:
    from keras2torch.reading.decompiling import Source as Function


def read(
    source: Path,
    weights: Path | None = None,
    traced: Traced | None = None,
    own: frozenset[str] = frozenset(),
) -> ir.Model:
    """Read a Keras model file into a graph of ``keras`` operators.

    Parameters
    ----------
    source
        A ``.h5`` or ``.keras`` file, or an architecture as JSON or YAML.
    weights
        The weights file, where the architecture comes alone.
    traced
        A trace of the model, for what is in layers without a rule.
    own
        Classes that the user's code defines, which go before Keras' own.

    Returns
    -------
    ir.Model
        Every initializer has its value; large ones are read when asked for.

    Raises
    ------
    UnusableFile
        If it is no Keras model, or damaged, or not to be trusted.
    UnknownLayers
        With every layer in it that has no definition.
    UnsupportedLayer
        For an argument without a rule.
    WeightMismatch
        If the weights do not fit the architecture.
    """
    second = Path(weights) if weights is not None else None
    with open_source(Path(source), second) as opened:
        if opened.weights is None:
            raise UnusableFile(
                f"{source} is an architecture without weights: "
                "give the weights file too."
            )
        return assemble(opened, traced, own)


def metadata_of(source: Path, weights: Path | None = None) -> dict[str, str]:
    """Return what a file says of itself; nothing of a folder."""
    if source.is_dir():
        return {}
    with open_source(source, weights) as opened:
        return opened.metadata


def functions_of(source: Path, weights: Path | None = None) -> dict[str, Function]:
    """Return base64 → source of every function that a file's Lambdas store."""
    if source.is_dir():
        return {}
    with open_source(source, weights) as opened:
        return stored_functions(opened.config)


def assemble(
    source: Source, traced: Traced | None = None, own: frozenset[str] = frozenset()
) -> ir.Model:
    """Build the graph of an opened file and fill in its weights."""
    ctx = context_of(source, own)
    model = model_spec(source.config, None, ctx)
    without_autocasts(model)
    if not model.trainable and not model.sequential and source.version.major >= 3:
        # Before those of its layers; of a Sequential, and in Keras 2, it is forgotten
        # when a file is loaded.
        for layer in model.leaves():
            layer.config["trainable"] = False
    unknown = unknown_layers(ctx, model)
    if unknown and traced is None:
        raise UnknownLayers(
            described(unknown, source.config), source.path, source.weights_path
        )
    vocabularies.complete(source, model)
    builder = GraphBuilder(model.name)
    outputs = built(source, model, builder, traced)
    if traced is None:
        fill(builder.layers, arrays_of(source, model, builder), source.place)
    else:
        traced.fill(builder)
    about = dict(source.metadata)
    if not source.version.before_1 and (backend := _backend(source)):
        # Of Keras 0.3's weights nothing tells it; its default was Theano.
        about["backend"] = backend
    if ctx.notes:
        about["notes"] = json.dumps(ctx.notes)
    return builder.model(outputs, **about)


def context_of(source: Source, own: frozenset[str] = frozenset()) -> Context:
    """Return what the reading of a file's config shares."""
    theano = source.version.major == 1 and _backend(source) == "theano"
    return Context(source.version, own=own, theano=theano)


def _backend(source: Source) -> str | None:
    """Return what a file's Keras ran on, if it is named or seen in the weights."""
    store = _store(source)
    seen = store.backend if isinstance(store, LegacyStore) else None
    return seen or source.metadata.get("backend")


def unknown_layers(ctx: Context, model: ModelSpec) -> list[tuple[str, str]]:
    """Return every layer and operation that has no rule, once."""
    found = list(ctx.unknown)
    for spec in model.leaves():
        if operations.is_operation(spec.kind) and not operations.known(spec):
            found.append((spec.name, operations.said(spec)))
    return list(dict.fromkeys(found))


def built(
    source: Source,
    model: ModelSpec,
    builder: GraphBuilder,
    traced: Traced | None = None,
) -> list[ir.Value]:
    """Call every layer of a model; the values of its weights are still missing."""
    peek = peek_of(source, model)
    owned = owned_of(source, model)
    assembler = Assembler(source.version.major, peek, owned, traced)
    return assembler.outermost(model, builder)


def peek_of(source: Source, model: ModelSpec) -> Peek:
    """Return what tells the shape of a layer's first array in the file."""
    store = _store(source)
    if isinstance(store, LegacyStore):
        return store.first_shape
    if isinstance(store, Keras3Store):
        return store.peek(model)
    return _nothing


def owned_of(source: Source, model: ModelSpec) -> Owned:
    """Return what gives the arrays of a layer that only its user knows."""
    store = _store(source)

    def owned(path: str, layer: LayerSpec) -> dict[str, Array]:
        there: dict[str, Stored] = {}
        if isinstance(store, LegacyStore):
            there = store.owned(path, layer.name)
        elif isinstance(store, Keras3Store):
            there = store.owned(model).get(path, {})
        return {name: np.array(array()) for name, array in there.items()}

    return owned


def _nothing(layer: LayerSpec) -> None:
    """Know no weights."""


def arrays_of(
    source: Source, model: ModelSpec, builder: GraphBuilder
) -> dict[str, list[Stored]]:
    """Return for each layer, by path, its arrays in the file."""
    store = _store(source)
    if store is None:
        return {}
    found = store.matched(model, builder.layers)
    if source.version.numbers[:2] < (3, 14):
        found = over_sorted_axes(builder.layers, found)
    return found


def stored_shapes(
    source: Source, model: ModelSpec
) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return layer → array → shape as the file has them, whatever the layers are."""
    store = _store(source)
    return store.shapes(model) if store is not None else {}


def _store(source: Source) -> LegacyStore | Keras3Store | None:
    root, version = source.weights, source.weights_version
    if root is None or version is None:
        return None
    if legacy_hdf5.is_legacy(root):
        return LegacyStore(root, version)
    return Keras3Store(root)


def fill(
    layers: Mapping[str, LayerWeights],
    arrays: Mapping[str, list[Stored]],
    place: Place | None,
) -> None:
    """Give every initializer its value, after a check of its shape."""
    for path, here in layers.items():
        if not here.weights:
            continue
        found = arrays.get(path)
        if found is not None and len(found) < len(here.weights):
            left = iter(found)
            parts = [
                _missing(w) if w.optional else next(left, None) for w in here.weights
            ]
            found = [part for part in parts if part is not None]
        if found is None or len(found) != len(here.weights):
            raise WeightMismatch(
                f"layer {path!r} ({type(here.layer).__name__}) has "
                f"{len(here.weights)} weights in the architecture and "
                f"{len(found or ())} in the file."
            )
        for weight, value, stored in zip(here.weights, here.values, found, strict=True):
            if stored.shape != tuple(weight.shape):
                raise WeightMismatch(
                    f"weight {weight.name!r} of layer {path!r} "
                    f"({type(here.layer).__name__}) has shape {tuple(weight.shape)} in "
                    f"the architecture and {stored.shape} in the file."
                )
            _set(value, stored, str(here.layer.dtype), place)


def _missing(weight: Weight) -> Stored:
    """Return what an optional weight is where the file has none."""
    array = np.full(weight.shape, weight.default, dtype=np.float32)
    return Stored(weight.name, array.shape, array.dtype, lambda: array, changed=True)


def _set(value: ir.Value, stored: Stored, policy: str, place: Place | None) -> None:
    dtype = stored.dtype
    if dtype.kind == "f":
        # Keras casts to the variable's dtype: float32 unless the policy says float64.
        dtype = np.dtype(np.float64 if policy == "float64" else np.float32)
    kind = ir.DataType.from_numpy(dtype)

    def tensor() -> ir.TensorProtocol:
        lazy = place is not None and not stored.changed
        there = place.load(stored) if place is not None and lazy else stored()
        array: Array = np.ascontiguousarray(there, dtype=dtype)
        return ir.Tensor(array.reshape(stored.shape), name=value.name)

    value.type = ir.TensorType(kind)
    value.const_value = ir.LazyTensor(
        tensor, kind, ir.Shape(list(stored.shape)), name=value.name
    )
