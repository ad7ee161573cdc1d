"""Weights of ``.keras`` archives and ``.weights.h5``: a path for every object.

The path of a layer is made from its class, not its name: ``layers/conv2d_1/vars/0``
is the first variable of the second Conv2D of ``model.layers``
(``_save_container_state`` in ``keras/src/saving/saving_lib.py``). Keras 2.12 to 2.14
say ``_layer_checkpoint_dependencies`` instead of ``layers``, and 2.12 and 2.13 count a
layer that has weights twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import h5py

from keras2torch.dialect import LayerWeights
from keras2torch.errors import WeightMismatch
from keras2torch.layers.definitions import Weight
from keras2torch.layers.names import PYTHON_NAMES
from keras2torch.reading import hdf5
from keras2torch.reading.hdf5 import Stored
from keras2torch.reading.topology import LayerSpec, ModelSpec
from keras2torch.spelling import snake_case

_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")


def is_keras3(root: h5py.Group) -> bool:
    """Whether a group is in this format."""
    return any(
        name.replace("\\", "/").partition("/")[0] in _CONTAINERS for name in root
    )


class Keras3Store:
    """The HDF5 file inside a ``.keras`` archive, or a ``.weights.h5``."""

    def __init__(self, root: h5py.Group) -> None:
        self._groups = dict(hdf5.groups_with_vars(root))
        self._met: dict[str, list[Stored]] = {}
        self._parents = {
            path[:i]
            for path in self._groups
            for i in range(len(path) + 1)
            if i == len(path) or path[i] == "/"
        }

    def arrays(self, path: str) -> list[Stored]:
        """Return the variables of the object at a path, in their order."""
        here = self._groups.get(path)
        if here is None:
            return []
        names = sorted((n for n in here if n.isdigit()), key=int)
        return [hdf5.array(here, n) for n in names]

    def kept(self, path: str) -> dict[str, Stored]:
        """Return all that the object at a path stores, under its own keys too."""
        here = self._groups.get(path)
        if here is None:
            return {}
        numbered = sorted((n for n in here if n.isdigit()), key=int)
        return {n: hdf5.array(here, n) for n in dict.fromkeys([*numbered, *here])}

    def named(self, path: str, name: str) -> Stored | None:
        """Return the array that the object at a path stores under a name."""
        here = self._groups.get(path)
        return hdf5.array(here, name) if here is not None and name in here else None

    def shapes(self, model: ModelSpec) -> dict[str, dict[str, tuple[int, ...]]]:
        """Return layer → array → shape."""
        return {
            path: {name: array.shape for name, array in arrays.items()}
            for path, arrays in self.owned(model).items()
        }

    def owned(
        self, model: ModelSpec, prefix: str = "", at: str = ""
    ) -> dict[str, dict[str, Stored]]:
        """Return each layer's arrays, by path, whatever it is: ``0``, ``dense/1``."""
        found: dict[str, dict[str, Stored]] = {}
        for spec, path in self.paths(model, at):
            if spec.model is not None:
                inside = f"{path}/layer" if spec.kind == "TimeDistributed" else path
                found |= self.owned(spec.model, f"{prefix}{spec.name}/", inside)
                continue
            found[prefix + spec.name] = {
                f"{p[len(path) :]}/{i}".lstrip("/"): array
                for p in sorted(self._groups)
                if (p == path or _below(p, path)) and "seed_generator" not in p
                for i, array in enumerate(self.arrays(p))
            }
        return found

    def peek(self, model: ModelSpec) -> Callable[[LayerSpec], tuple[int, ...] | None]:
        """Return a function that says the shape of a layer's first array."""
        paths = {id(spec): path for spec, path in self.paths(model)}

        def shape(layer: LayerSpec) -> tuple[int, ...] | None:
            path = paths.get(id(layer))
            return self._first_shape(path) if path is not None else None

        return shape

    def _first_shape(self, path: str) -> tuple[int, ...] | None:
        for at in sorted(p for p in self._groups if p == path or _below(p, path)):
            arrays = self.arrays(at)
            if arrays and "seed" not in at:
                return arrays[0].shape
        return None

    def paths(self, model: ModelSpec, at: str = "") -> Iterator[tuple[LayerSpec, str]]:
        """Yield each layer of a model and its path in the file."""
        prefix = f"{at}/" if at else ""
        container = next(
            (c for c in _CONTAINERS if prefix + c in self._parents), _CONTAINERS[0]
        )
        yield from self._named(model, prefix + container)

    def _named(self, model: ModelSpec, at: str) -> Iterator[tuple[LayerSpec, str]]:
        # Operations that are no layers are not in `model.layers`.
        layers = [la for la in model.layers if not la.given.startswith("ops.")]
        once = _counted(layers, lambda _: 1)
        if at.endswith(_CONTAINERS[1]) and not self._all_there(once, at):
            yield from (
                (la, f"{at}/{name}") for la, name in _counted(layers, self._slots)
            )
            return
        yield from ((la, f"{at}/{name}") for la, name in once)

    def _slots(self, layer: LayerSpec) -> int:
        """Return how often a layer is in Keras 2.12's list: twice if it has weights."""
        return 2 if layer.has_weights else 1

    def _all_there(self, named: list[tuple[LayerSpec, str]], at: str) -> bool:
        # An InputLayer is no layer of a Sequential's list, and has nothing to store.
        return all(
            f"{at}/{name}" in self._parents
            for layer, name in named
            if layer.kind != "InputLayer"
        )

    def matched(
        self, model: ModelSpec, layers: Mapping[str, LayerWeights]
    ) -> dict[str, list[Stored]]:
        """Return for each layer (by path in the model) its arrays, in order."""
        found: dict[str, list[Stored]] = {}
        self._met.clear()
        self._match(model, "", "", layers, found)
        return found

    def _match(
        self,
        model: ModelSpec,
        prefix: str,
        at: str,
        layers: Mapping[str, LayerWeights],
        found: dict[str, list[Stored]],
    ) -> None:
        for spec in model.layers:
            here = layers.get(prefix + spec.name)
            spec.has_weights = bool(here and here.weights)
            if spec.model is not None:
                inside = f"{prefix}{spec.name}/"
                spec.has_weights = any(
                    w.weights for p, w in layers.items() if p.startswith(inside)
                )
        for spec, path in self.paths(model, at):
            where = prefix + spec.name
            if spec.model is not None:
                inside = f"{path}/layer" if spec.kind == "TimeDistributed" else path
                self._match(spec.model, f"{where}/", inside, layers, found)
            elif where in layers and layers[where].weights:
                if spec.kind == "Replaced":
                    own = self.owned(model, prefix, at)[where]
                    found[where] = list(own.values())
                    continue
                # A layer that is in two models is saved where it was met first.
                same = f"{spec.name} {spec.given} {spec.config}"
                if path not in self._parents and same in self._met:
                    found[where] = self._met[same]
                else:
                    found[where] = self._of_layer(spec, layers[where], path)
                self._met[same] = found[where]

    def _of_layer(
        self, spec: LayerSpec, weights: LayerWeights, path: str
    ) -> list[Stored]:
        by_part: dict[str, list[Weight]] = {}
        for weight in weights.weights:
            for part in weight.paths:
                by_part.setdefault(part, []).append(weight)
        arrays: dict[str, Stored] = {}
        for part, wanted in by_part.items():
            # Trainable ones come first in `vars` (Layer.save_own_variables).
            wanted = sorted(wanted, key=lambda w: not w.trainable)
            there = self.arrays(self._part(path, part))
            if len(there) < len(wanted):
                wanted = [w for w in wanted if not w.optional]
            if len(there) != len(wanted):
                where = f" ({part})" if part else ""
                raise WeightMismatch(
                    f"layer {spec.name!r} ({spec.kind}){where} has "
                    f"{len(wanted)} weights in the architecture and {len(there)} in "
                    f"the file at {path!r}."
                )
            arrays |= {w.name: a for w, a in zip(wanted, there, strict=True)}
        return [arrays[w.name] for w in weights.weights if w.name in arrays]

    def _part(self, path: str, part: str) -> str:
        """Return where a part of a layer is: Keras 2 put ``_`` before some names."""
        for name in part.split("/") if part else ():
            plain, private = f"{path}/{name}", f"{path}/_{name}"
            path = private if plain not in self._parents else plain
        return path


def _below(path: str, parent: str) -> bool:
    return path.startswith(parent + "/")


def _counted(
    layers: list[LayerSpec], slots: Callable[[LayerSpec], int]
) -> list[tuple[LayerSpec, str]]:
    """Return each layer with its name: class, then how many came before."""
    seen: dict[str, int] = {}
    found = []
    for layer in layers:
        given = layer.given.rpartition(">")[2]
        name = snake_case(PYTHON_NAMES.get(given, given))
        count = seen.get(name, 0)
        found.append((layer, f"{name}_{count}" if count else name))
        seen[name] = count + slots(layer)
    return found
