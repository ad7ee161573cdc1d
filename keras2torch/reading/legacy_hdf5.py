"""Weights of Keras 1, Keras 2 and Keras 3's ``.h5``: one list of arrays per layer.

A layer's list is ``trainable_weights + non_trainable_weights``. A nested model is one
layer here: the trainable weights of all layers inside, then all others, where a
frozen layer's weights are among the others (``_legacy_weights`` in
``tf_keras/src/saving/legacy/hdf5_format.py`` and ``keras/src/legacy/saving``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import h5py

from keras2torch.dialect import LayerWeights
from keras2torch.errors import WeightMismatch
from keras2torch.reading import hdf5, legacy_weights
from keras2torch.reading.hdf5 import Stored
from keras2torch.reading.topology import LayerSpec, ModelSpec
from keras2torch.reading.versions import Version

_MAX_DEPTH = 100
_NO_GATES = Version("", (2,))
# State of random layers, which Keras 2 counted among the weights.
_SEEDS = ("StateVar", "seed_generator_state", "random_generator_state")


@dataclass(eq=False)
class Slot:
    """A weight's place in a layer's list.

    Attributes
    ----------
    number
        Which array of its layer it is, in the order in which the layer has them.
    """

    spec: LayerSpec
    weights: LayerWeights
    number: int


def is_legacy(root: h5py.Group) -> bool:
    """Whether a group is in this format."""
    if any(n in root.attrs for n in ("layer_names", "layer_names0", "nb_layers")):
        return True
    return _is_graph(root)


def _is_graph(root: h5py.Group) -> bool:
    """Whether these are the weights of a ``Graph`` of Keras 0.3: one list of all."""
    there = hdf5.find(root, "graph")
    return isinstance(there, h5py.Group) and "nb_params" in there.attrs


# Variables of tf_keras whose values no definition has as weights.
_LEARNED = {
    "Discretization": ("summary",),
    "IntegerLookup": ("Variable", "num_documents"),
    "StringLookup": ("Variable", "num_documents"),
    "TextVectorization": ("Variable", "num_documents"),
}


class LegacyStore:
    """The weights group of such a file.

    Parameters
    ----------
    root
        The group with ``layer_names``.
    version
        Which Keras wrote the weights.
    """

    def __init__(self, root: h5py.Group, version: Version) -> None:
        self.root = root
        self.version = version
        self.names: list[str] = []
        names = hdf5.texts(root, "layer_names")
        # Before Keras 1.0 the layers were numbered.
        numbered = hdf5.count(root, "nb_layers")
        names = names or [f"layer_{k}" for k in range(numbered)]
        if not names and _is_graph(root):
            names = ["graph"]
        for name in names:
            if name not in self.names:
                self.names.append(name)
        self._arrays: dict[str, list[Stored]] = {}

    @cached_property
    def backend(self) -> str | None:
        """What Keras ran on, as far as the file tells.

        Keras 1 wrote no backend; TensorFlow's variables are called ``W:0``.
        """
        named = hdf5.text(self.root, "backend")
        if named is not None or self.version.major > 1:
            return named
        first = [self.arrays(n)[0].name for n in self.names if self.arrays(n)]
        if not first:
            return None
        by_theano = all(":" not in name.rpartition("/")[2] for name in first)
        return "theano" if by_theano else "tensorflow"

    def arrays(self, name: str) -> list[Stored]:
        """Return the arrays of one layer of the file, seeds left out."""
        if name not in self._arrays:
            here = hdf5.group(self.root, name)
            names = hdf5.texts(here, "weight_names")
            if not names and "nb_params" in here.attrs:
                names = [f"param_{p}" for p in range(hdf5.count(here, "nb_params"))]
            groups = {"": here}
            found = []
            for scope, _, last in (n.rpartition("/") for n in names):
                if last.startswith(_SEEDS):
                    continue
                if scope not in groups:
                    groups[scope] = hdf5.group(here, scope)
                found.append(hdf5.array(groups[scope], last))
            self._arrays[name] = found
        return self._arrays[name]

    def shapes(self, model: ModelSpec) -> dict[str, dict[str, tuple[int, ...]]]:
        """Return layer → array → shape; a nested model is one layer here."""
        return {
            name: {a.name.removeprefix(f"{here}/"): a.shape for a in self.arrays(name)}
            for name in self.names
            if (here := f"{self.root.name}/{name}".replace("//", "/"))
        }

    def owned(self, path: str, name: str) -> dict[str, Stored]:
        """Return the arrays of a layer, whatever it is, by name without scopes.

        Parameters
        ----------
        path, name
            Of the layer; inside a model its name stands in the arrays' names.
        """
        if path == name:
            arrays = self.arrays(name) if name in self.names else []
        else:
            outer = [n for n in self.names if path.startswith(f"{n}/")]
            arrays = [a for n in outer for a in self.arrays(n) if name in _scopes(a)]
        return _by_name(arrays, name)

    def first_shape(self, layer: LayerSpec) -> tuple[int, ...] | None:
        """Return the shape of a layer's first array, if the file has the layer."""
        if layer.name not in self.names:
            return None
        arrays = self.arrays(layer.name)
        return arrays[0].shape if arrays else None

    def matched(
        self, model: ModelSpec, layers: Mapping[str, LayerWeights]
    ) -> dict[str, list[Stored]]:
        """Return for each layer (by path) its arrays, in the definition's order."""
        found: dict[str, list[Stored]] = {}
        self._leave_out_learned({spec.kind for spec in model.leaves()})
        if self.version.before_1:
            self._one_list(model, layers, found)
            return found
        for spec, path, name in self._pairs(model, layers):
            # Keras 1 asks the number of arrays whether gates are apart; a count of
            # samples is stored by some versions only.
            for version, optional in (
                (self.version, True),
                (self.version, False),
                (_NO_GATES, True),
            ):
                slots = _slots(spec, path, layers, version, optional)
                if len(slots) == len(self.arrays(name)):
                    break
            arrays = self.arrays(name)
            if spec.model is not None:
                slots, arrays = self._without_owned(slots, arrays, found)
            # Arrays of Keras 1 have other shapes and numbers than today's weights.
            if self.version.major == 1:
                slots = _named(slots, arrays) if spec.model is not None else slots
            elif self.version.major == 2 and not _fits(slots, arrays):
                slots = _named(slots, arrays)
            self._assign(name, slots, arrays, found)
        return found

    def _leave_out_learned(self, kinds: set[str]) -> None:
        """Leave out what tf_keras saves and a config has: see ``vocabularies``."""
        learned = {name for kind in kinds for name in _LEARNED.get(kind, ())}
        for name in self.names if learned else ():
            self._arrays[name] = [
                a
                for a in self.arrays(name)
                if a.name.rpartition("/")[2].partition(":")[0] not in learned
            ]

    def _one_list(
        self,
        model: ModelSpec,
        layers: Mapping[str, LayerWeights],
        found: dict[str, list[Stored]],
    ) -> None:
        """Match as Keras 0.3 did: all weights in the order of the layers."""
        slots = [
            slot
            for spec in model.layers
            for slot in _slots(spec, spec.name, layers, self.version)
        ]
        arrays = [array for name in self.names for array in self.arrays(name)]
        self._assign(model.name, slots, arrays, found)

    def _without_owned(
        self,
        slots: list[Slot],
        arrays: list[Stored],
        found: dict[str, list[Stored]],
    ) -> tuple[list[Slot], list[Stored]]:
        """Give replaced layers inside a model their arrays, which their names tell.

        Which of them are trainable, and so where they stand, is not known.
        """
        taken: set[str] = set()
        for slot in slots:
            if slot.spec.kind == "Replaced" and slot.weights.path not in found:
                own = self.owned(slot.weights.path, slot.spec.name)
                found[slot.weights.path] = list(own.values())
                taken |= {a.name for a in own.values()}
        left = [s for s in slots if s.spec.kind != "Replaced"]
        return left, [a for a in arrays if a.name not in taken]

    def _pairs(
        self, model: ModelSpec, layers: Mapping[str, LayerWeights]
    ) -> list[tuple[LayerSpec, str, str]]:
        """Return (layer, path, name in the file): by name, or else by order."""
        there = [n for n in self.names if self.arrays(n)]
        ways = [
            [
                (spec, path)
                for spec, path in _top(model, self.version, there, depth)
                if _slots(spec, path, layers, self.version)
            ]
            for depth in (_MAX_DEPTH, 0, 1)
        ]
        # Nested stacks of Keras 1 have no name: how deep it went is seen by counting.
        sizes = [len(self.arrays(n)) for n in there]
        wanted = ways[0]
        for way in ways:
            if sizes == [len(_slots(s, p, layers, self.version)) for s, p in way]:
                wanted = way
                break
        if {spec.name for spec, _ in wanted} == set(there):
            return [(spec, path, spec.name) for spec, path in wanted]
        if len(wanted) != len(there):
            missing = [s.name for s, _ in wanted if s.name not in there]
            extra = [n for n in there if n not in {s.name for s, _ in wanted}]
            raise WeightMismatch(
                f"the architecture has {len(wanted)} layers with weights, the file "
                f"{len(there)}"
                + (f"; not in the file: {', '.join(missing[:5])}" if missing else "")
                + (f"; only in the file: {', '.join(extra[:5])}" if extra else "")
                + "."
            )
        pairs = zip(wanted, there, strict=True)
        return [(spec, path, name) for (spec, path), name in pairs]

    def _assign(
        self,
        name: str,
        slots: Sequence[Slot],
        arrays: Sequence[Stored],
        found: dict[str, list[Stored]],
    ) -> None:
        if len(slots) != len(arrays):
            if slots and (rank := slots[0].spec.raw.get("lora_rank")):
                raise WeightMismatch(
                    f"layer {name!r}: lora_rank={rank} has no rule in HDF5, where its "
                    "weights lie beside the kernel: save it as .keras, which adds them."
                )
            raise WeightMismatch(
                f"layer {name!r} has {len(slots)} weights in the architecture and "
                f"{len(arrays)} in the file."
            )
        mine: dict[str, dict[int, Stored]] = {}
        for slot, stored in zip(slots, arrays, strict=True):
            mine.setdefault(slot.weights.path, {})[slot.number] = stored
        for slot in slots:
            path = slot.weights.path
            if path not in found:
                found[path] = legacy_weights.converted(
                    slot.spec,
                    slot.weights,
                    [mine[path][n] for n in sorted(mine[path])],
                    self.version,
                    self.backend,
                )


def _scopes(array: Stored) -> list[str]:
    return array.name.split("/")[:-1]


def _by_name(arrays: Sequence[Stored], layer: str) -> dict[str, Stored]:
    """Return arrays by their names below a layer's: ``gamma``, ``dense/kernel``."""
    found: dict[str, Stored] = {}
    for i, array in enumerate(arrays):
        scopes, last = _scopes(array), array.name.rpartition("/")[2].partition(":")[0]
        if layer in scopes:
            at = len(scopes) - scopes[::-1].index(layer)
            last = "/".join([*scopes[at:], last])
        found[last if last not in found else str(i)] = array
    return found


def _fits(slots: Sequence[Slot], arrays: Sequence[Stored]) -> bool:
    """Whether every array has the shape of its place."""
    shapes = [s.weights.weights[s.number].shape for s in slots]
    return shapes == [a.shape for a in arrays]


def _named(slots: list[Slot], arrays: Sequence[Stored]) -> list[Slot]:
    """Return the slots in the order that the arrays' names tell, if theirs is wrong.

    Early Keras 2 saved no ``trainable`` of a model inside a model, and had a frozen
    Bidirectional among the trainable layers: the order cannot be told from the config.
    """
    left: dict[str, list[Slot]] = {}
    paths: dict[str, set[str]] = {}
    for slot in sorted(slots, key=lambda s: s.number):
        left.setdefault(slot.spec.name, []).append(slot)
        paths.setdefault(slot.spec.name, set()).add(slot.weights.path)
    made: list[Slot] = []
    for array in arrays:
        parts = array.name.split("/")
        # Keras 2 has the layer's name as a scope, Keras 1 before the weight's: d_1_W.
        owners = [n for n in left if n in parts] or _longest(parts[-1], left)
        if len(owners) != 1 or len(paths[owners[0]]) > 1 or not left[owners[0]]:
            return slots
        made.append(left[owners[0]].pop(0))
    return made


def _longest(name: str, layers: Iterable[str]) -> list[str]:
    """Return the layer with the longest name that a weight's name begins with."""
    found = [layer for layer in layers if name.startswith(f"{layer}_")]
    return [max(found, key=len)] if found else []


def _top(
    model: ModelSpec,
    version: Version,
    there: Sequence[str],
    depth: int,
    prefix: str = "",
) -> list[tuple[LayerSpec, str]]:
    """Return the layers that have a group of their own, with their paths.

    Keras 1 took the branches of a Merge apart (``flattened_layers``), and before that
    all stacks inside a stack: down to ``depth`` here.
    """
    found: list[tuple[LayerSpec, str]] = []
    for spec in model.layers:
        path = prefix + spec.name
        nested = spec.model
        apart = version.major == 1 and depth and spec.name not in there
        if nested is not None and apart:
            found += _top(nested, version, there, depth - 1, f"{path}/")
        else:
            found.append((spec, path))
    return found


@dataclass
class _Order:
    """The weights inside a layer: trainable, others, and all as they stand."""

    trainable: list[Slot]
    others: list[Slot]
    plain: list[Slot]


def _slots(
    spec: LayerSpec,
    path: str,
    layers: Mapping[str, LayerWeights],
    version: Version,
    optional: bool = True,
) -> list[Slot]:
    """Return the weights of a layer of the file in their order."""
    order = _order(spec, path, layers, version, optional)
    # In Keras 3 the own flag of what holds layers says in which order it lists.
    own = spec.raw.get("trainable", True)
    if version.before_1 or (version.major >= 3 and not own):
        return order.plain
    return order.trainable + order.others


def _order(
    spec: LayerSpec,
    path: str,
    layers: Mapping[str, LayerWeights],
    version: Version,
    optional: bool,
) -> _Order:
    if spec.model is None:
        weights = layers.get(path)
        if weights is None or not weights.weights:
            return _Order([], [], [])
        flags = legacy_weights.flags(spec, weights, version, optional)
        plain = [Slot(spec, weights, n) for n in range(len(flags))]
        first = [s for s, f in zip(plain, flags, strict=True) if f and spec.trainable]
        return _Order(first, [s for s in plain if s not in first], plain)
    parts = [
        _order(inner, f"{path}/{inner.name}", layers, version, optional)
        for inner in spec.model.layers
    ]
    made = _Order(
        [s for part in parts for s in part.trainable],
        [s for part in parts for s in part.others],
        [s for part in parts for s in part.plain],
    )
    # Keras 2 asks a model for its lists, Keras 3 each weight of it for its flag.
    if version.major < 3 and not spec.trainable:
        return _Order([], made.trainable + made.others, made.plain)
    return made
