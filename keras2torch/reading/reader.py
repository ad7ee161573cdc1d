"""From a file to the graph: architecture first, then every array in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir

from keras2torch.dialect import GraphBuilder, LayerWeights
from keras2torch.errors import UnknownLayers, UnusableFile, WeightMismatch
from keras2torch.reading import legacy_hdf5, operations
from keras2torch.reading.build import Assembler
from keras2torch.reading.configs import Context
from keras2torch.reading.hdf5 import Array, Stored
from keras2torch.reading.keras3_weights import Keras3Store
from keras2torch.reading.legacy_hdf5 import LegacyStore
from keras2torch.reading.sources import Source, open_source
from keras2torch.reading.topology import LayerSpec, ModelSpec, model_spec


def read(source: Path, weights: Path | None = None) -> ir.Model:
    """Read a Keras model file into a graph of ``keras`` operators.

    Parameters
    ----------
    source
        A ``.h5`` or ``.keras`` file, or an architecture as JSON or YAML.
    weights
        The weights file, where the architecture comes alone.

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
    opened = open_source(Path(source), Path(weights) if weights is not None else None)
    if opened.weights is None:
        raise UnusableFile(
            f"{source} is an architecture without weights: give the weights file too."
        )
    return assemble(opened)


def assemble(source: Source) -> ir.Model:
    """Build the graph of an opened file and fill in its weights."""
    ctx = Context(source.version)
    model = model_spec(source.config, None, ctx)
    ctx.unknown += [
        (spec.name, operations.said(spec))
        for spec in model.leaves()
        if operations.is_operation(spec.kind) and not operations.known(spec)
    ]
    if ctx.unknown:
        raise UnknownLayers(list(dict.fromkeys(ctx.unknown)))
    store = _store(source)
    builder = GraphBuilder(model.name)
    assembler = Assembler(source.version.major, _peek(store, model))
    outputs = assembler.outermost(model, builder)
    _fill(builder.layers, store.matched(model, builder.layers))
    return builder.model(outputs, **source.metadata)


def _store(source: Source) -> LegacyStore | Keras3Store:
    root, version = source.weights, source.weights_version
    assert root is not None and version is not None
    if legacy_hdf5.is_legacy(root):
        return LegacyStore(root, version)
    return Keras3Store(root)


def _peek(store: LegacyStore | Keras3Store, model: ModelSpec):  # type: ignore[no-untyped-def]
    if isinstance(store, LegacyStore):
        return store.first_shape
    paths = {id(spec): path for spec, path in store.paths(model)}

    def first_shape(layer: LayerSpec) -> tuple[int, ...] | None:
        path = paths.get(id(layer))
        return store.first_shape(path) if path is not None else None

    return first_shape


def _fill(
    layers: Mapping[str, LayerWeights], arrays: Mapping[str, list[Stored]]
) -> None:
    """Give every initializer its value, after a check of its shape."""
    for path, here in layers.items():
        if not here.weights:
            continue
        found = arrays.get(path)
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
            _set(value, stored, str(here.layer.dtype))


def _set(value: ir.Value, stored: Stored, policy: str) -> None:
    dtype = stored.dtype
    if dtype.kind == "f":
        # Keras casts to the variable's dtype: float32 unless the policy says float64.
        dtype = np.dtype(np.float64 if policy == "float64" else np.float32)
    kind = ir.DataType.from_numpy(dtype)

    def tensor() -> ir.Tensor:
        array: Array = np.ascontiguousarray(stored(), dtype=dtype)
        return ir.Tensor(array.reshape(stored.shape), name=value.name)

    value.type = ir.TensorType(kind)
    value.const_value = ir.LazyTensor(
        tensor, kind, ir.Shape(list(stored.shape)), name=value.name
    )
