"""Weights in files → the weights of a model, by Keras' rules of what is whose."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import WeightMismatch
from keras2torch.layers.base import Array
from keras2torch.models.layer import Layer
from keras2torch.models.specs import owners_of
from keras2torch.reading import hdf5
from keras2torch.reading.keras3_weights import Keras3Store
from keras2torch.reading.legacy_hdf5 import LegacyStore, is_legacy
from keras2torch.reading.sources import Source, weights_of_file
from keras2torch.reading.versions import Version
from keras2torch.saving.legacy import ordered
from keras2torch.saving.places import Place, places

_USUAL_LOAD = Layer.load_own_variables


def read_weights(model: Any, source: Source) -> None:
    """Read the weights of an open model file."""
    assert source.weights is not None
    version = source.weights_version or source.version
    if is_legacy(source.weights):
        _by_layer(model, source.weights, version, skip_mismatch=False, by_name=False)
    else:
        _by_place(model, Keras3Store(source.weights), skip_mismatch=False)


def load_weights(
    model: Any,
    path: Path,
    *,
    skip_mismatch: bool,
    by_name: bool,
    skipped: Sequence[Any] = (),
) -> None:
    """Read the weights of a file that may hold nothing else."""
    with ExitStack() as stack:
        root, version = weights_of_file(path, stack)
        if is_legacy(root):
            _by_layer(
                model, root, version, skip_mismatch=skip_mismatch, by_name=by_name
            )
        else:
            store = Keras3Store(root)
            _by_place(model, store, skip_mismatch=skip_mismatch, skipped=skipped)
        kept = getattr(model, "optimizer", None)
        if any(kept is thing for thing in skipped):
            return
        if kept is None or is_legacy(root) or not hasattr(kept, "load_own_variables"):
            return
        arrays = [a() for a in Keras3Store(root).arrays("optimizer")]
        if arrays and kept.built:
            _restore(model, arrays)
        elif arrays:  # It says why nothing is read: Keras begins anew here, too.
            kept.load_own_variables({str(i): a for i, a in enumerate(arrays)})


# ----------------------------------------------------------------- Keras 3, by place
def _by_place(
    model: Any,
    store: Keras3Store,
    *,
    skip_mismatch: bool,
    skipped: Sequence[Any] = (),
) -> None:
    failures: list[tuple[Place, Exception]] = []
    for place in places(model, skipped):
        try:
            _fill(place, _arrays(store, place.path))
        except ValueError as error:
            failures.append((place, error))
    _say(failures, warn=skip_mismatch)


def _arrays(store: Keras3Store, path: str) -> dict[str, Array]:
    """Return what is at a place, or where Keras 2 would have put it."""
    ways = [path]
    # Keras 2.12 to 2.14 called the list of layers so, and parts by private names.
    ways.append(path.replace("layers/", "_layer_checkpoint_dependencies/"))
    head, _, leaf = path.rpartition("/")
    ways += [f"{head}/_{leaf}", ways[1].rpartition("/")[0] + f"/_{leaf}"]
    for way in ways:
        if found := store.kept(way):
            return {key: a() for key, a in found.items()}
    return {}


def _fill(place: Place, kept: dict[str, Array]) -> None:
    own = getattr(place.owner, "load_own_variables", None)
    if own is not None and getattr(own, "__func__", None) is not _USUAL_LOAD:
        own(kept)
        return
    fill_variables(place, kept)


def fill_variables(place: Place, kept: Mapping[str, Any]) -> None:
    """Assign what a file has at a place, in order.

    Raises
    ------
    ValueError
        If the number of arrays or a shape is another one; then nothing is assigned.
    """
    arrays = [a for key, a in kept.items() if key.isdigit()]
    variables = place.variables
    if len(arrays) != len(variables):
        raise ValueError(
            f"Layer '{place.name}' expected {len(variables)} variables, but received "
            f"{len(arrays)} variables during loading."
        )
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            raise ValueError(
                f"The shape of the target variable and the shape of the target value "
                f"in `variable.assign(value)` must match. variable.shape="
                f"{tuple(variable.shape)}, Received: value.shape={array.shape}. "
                f"Target variable: {variable.path}"
            )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _say(failures: list[tuple[Place, Exception]], *, warn: bool) -> None:
    if not failures:
        return
    place, error = failures[0]
    text = (
        f"A total of {len(failures)} objects could not be loaded. Example error "
        f"message for {place.name!r} at {place.path!r}: {error} List of objects that "
        f"could not be loaded: {[p.path or p.name for p, _ in failures]}"
    )
    if not warn:
        raise ValueError(text)
    warnings.warn(text, stacklevel=5)


# ------------------------------------------------------------------- HDF5, by layer
def _by_layer(
    model: Any,
    root: h5py.Group,
    version: Version,
    *,
    skip_mismatch: bool,
    by_name: bool,
) -> None:
    plain = version.major < 3 and not by_name and not skip_mismatch
    if plain and _converted(model, root, version):
        return
    store = LegacyStore(root, version)
    layers = [la for la in model.layers if ordered(la)]
    names = [n for n in store.names if store.arrays(n)]
    names = [n for n in names if n != "top_level_model_weights"]
    if by_name:
        known = {str(la.name): la for la in model.layers}
        pairs = [(known[n], n) for n in names if n in known]
    elif len(names) != len(layers):
        raise ValueError(
            "Layer count mismatch when loading weights from file. Model expected "
            f"{len(layers)} layers, found {len(names)} saved layers."
        )
    else:
        pairs = list(zip(layers, names, strict=True))
    for layer, name in pairs:
        arrays = [a() for a in store.arrays(name)]
        _set(layer, name, ordered(layer), arrays, skip_mismatch=skip_mismatch)
    if hdf5.has(root, "top_level_model_weights"):
        arrays = [a() for a in store.arrays("top_level_model_weights")]
        if arrays:
            rest = top_level(model)
            _set(model, "top level", rest, arrays, skip_mismatch=skip_mismatch)


def top_level(model: Any) -> list[Any]:
    """Return the weights of a model that are in no layer of it."""
    inside = {id(w) for la in model.layers for w in getattr(la, "weights", ())}
    return [w for w in model.weights if id(w) not in inside]


def _converted(model: Any, root: h5py.Group, version: Version) -> bool:
    """Read weights that an older Keras keeps in another form; False if it cannot."""
    if model._call_graph is None or not all(
        la.is_written for la in owners_of(model._call_graph).values() if _is_layer(la)
    ):
        return False
    model.ensure_net()
    builder, _, _ = model._graph()
    assert isinstance(builder, GraphBuilder)
    try:
        found = LegacyStore(root, version).matched(model.model_spec(), builder.layers)
    except WeightMismatch as error:
        raise ValueError(str(error)) from error
    owners = owners_of(model._call_graph)
    for path, here in builder.layers.items():
        if not here.weights:
            continue
        state = owners[path]._torch_state
        arrays = [s() for s in found[path]]
        wanted = here.weights
        if len(arrays) < len(wanted):
            wanted = [w for w in wanted if not w.optional]
        given = dict(zip([w.name for w in wanted], arrays, strict=True))
        for weight, variable in zip(state.declared, state.variables, strict=True):
            if weight.name in given:
                variable.assign(given[weight.name])
    return True


def _is_layer(thing: Any) -> bool:
    return hasattr(thing, "is_written")


def _set(
    layer: Any,
    name: str,
    variables: list[Any],
    arrays: list[Array],
    *,
    skip_mismatch: bool,
) -> None:
    if len(variables) != len(arrays):
        _mismatch(
            f"Weight count mismatch for layer {layer.name!r} (named {name!r} in the "
            f"file). Layer expects {len(variables)} weight(s). Received "
            f"{len(arrays)} saved weight(s)",
            skip_mismatch,
        )
        return
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            _mismatch(
                f"Shape mismatch in layer {layer.name!r} for weight {variable.path}. "
                f"Weight expects shape {tuple(variable.shape)}. Received saved weight "
                f"with shape {array.shape}",
                skip_mismatch,
            )
            continue
        variable.assign(array)


def _mismatch(text: str, skip: bool) -> None:
    if not skip:
        raise ValueError(text)
    warnings.warn(f"Skipping loading of weights: {text}", stacklevel=6)


# --------------------------------------------------------------------- the optimizer
def read_optimizer(model: Any, source: Source) -> None:
    """Give the optimizer what the file kept of it, where there is something."""
    kept = getattr(model, "optimizer", None)
    if kept is None or not hasattr(kept, "load_own_variables"):
        return
    assert source.weights is not None
    if not model.built:
        return
    if is_legacy(source.weights):
        file = source.weights.file
        if not hdf5.has(file, "optimizer_weights"):
            return
        group = hdf5.group(file, "optimizer_weights")
        names = hdf5.texts(group, "weight_names")
        arrays = [hdf5.array(group, n)() for n in names]
    else:
        arrays = [a() for a in Keras3Store(source.weights).arrays("optimizer")]
        if not kept.built and len(arrays) == len(kept.variables):
            # Saved before it took a step: it is built by the first one, as in Keras.
            kept.load_own_variables({str(i): a for i, a in enumerate(arrays)})
    if not kept.built:
        kept.build(model.trainable_variables)
    if arrays:
        _restore(model, arrays)


def _restore(model: Any, arrays: list[Array]) -> None:
    kept = model.optimizer
    wanted = [tuple(v.shape) for v in kept.variables]
    if len(arrays) <= 4 and len(arrays) < len(wanted) and not any(map(np.ndim, arrays)):
        return  # saved before it took a step
    rate = np.asarray(float(kept.learning_rate), np.float32)
    for found in (arrays, [*arrays[:1], rate, *arrays[1:]], _older(arrays, rate, kept)):
        if [np.shape(a) for a in found] == wanted:
            kept.load_own_variables({str(i): a for i, a in enumerate(found)})
            return
    warnings.warn(
        f"What the file keeps of the optimizer does not fit {kept.name!r} here, which "
        "begins anew.",
        stacklevel=5,
    )


def _older(arrays: list[Array], rate: Array, kept: Any) -> list[Array]:
    """Bring the order of Keras ≤ 2.10 into today's.

    There all momenta come first, then all velocities; Adam of Keras 2.1 to 2.3 has a
    placeholder of one number for each third one.
    """
    count = len(kept._trainable_variables)
    kinds, places = _slots(kept)
    groups = [arrays[1 + i * count :][:count] for i in range(len(kinds))]
    rest = arrays[1 + len(kinds) * count :]
    if any(np.size(a) != 1 for a in rest) or any(len(g) != count for g in groups):
        return []
    return [arrays[0], rate, *[groups[kinds.index(k)][n] for k, n in places]]


def _slots(kept: Any) -> tuple[list[str], list[tuple[str, int]]]:
    """Return what is kept of each weight, and of which weight each is, in order."""
    stems = [v.path.replace("/", "_") for v in kept._trainable_variables]
    kinds: list[str] = []
    places: list[tuple[str, int]] = []
    met: Counter[str] = Counter()
    for variable in kept.variables[2:]:
        name = variable.path.rpartition("/")[2]
        stem = max((s for s in stems if name.startswith(f"{s}_")), key=len, default="")
        kind = name.removeprefix(f"{stem}_")
        if kind not in kinds:
            kinds.append(kind)
        places.append((kind, met[kind]))
        met[kind] += 1
    return kinds, places
