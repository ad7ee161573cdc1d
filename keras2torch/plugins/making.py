"""What a registered function made of one layer: a module, its source, its shapes."""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import PluginError
from keras2torch.layers.base import Layout, Shape, Source, copied, made
from keras2torch.plugins.files import described
from keras2torch.plugins.recording import recording
from keras2torch.plugins.registry import Replacement
from keras2torch.plugins.source import Written, written

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]
# Sizes tried for what the Keras model leaves open.
_SIZES = (8, 32, 128)
# Above, no origins are looked for: whole numbers in float32 end here.
_MOST_CODES = 1 << 24


class Weights(dict[str, Array]):
    """A layer's weights by name; the last part of a name is enough where it is one."""

    def __init__(self, arrays: Mapping[str, Array], layer: str) -> None:
        super().__init__(arrays)
        self.layer = layer

    def __missing__(self, key: str) -> Array:
        """Find ``kernel`` for ``dense/kernel``, or say what there is."""
        found = [k for k in self if k.rpartition("/")[2] == key]
        if len(found) == 1 and not key.isdigit():
            return self[found[0]]
        there = ", ".join(f"{k!r} {np.shape(v)}" for k, v in self.items()) or "none"
        hint = ""
        if any(k.rpartition("/")[2].isdigit() for k in self):
            hint = (
                "; this file stores no names: give them in Keras' order, "
                '@keras2torch.register(…, weights=["gamma", "beta"])'
            )
        raise LookupError(f"{self.layer} has no weight {key!r} but {there}{hint}")


@dataclass
class MadeModule:
    """A replacement for one layer.

    Attributes
    ----------
    source
        Its text.
    state
        Entry of the state dict → array.
    sources
        Entry of the state dict → where it comes from.
    takes_mask
        Whether its ``forward`` has an argument ``mask``.
    """

    replacement: Replacement
    owner: str
    source: Written
    state: dict[str, Array]
    sources: dict[str, Source]
    takes_mask: bool
    module: Any
    written_module: Any

    # -- shapes
    def run(
        self,
        shapes: Sequence[Shape],
        dtypes: Sequence[str],
        masks: Sequence[Shape | None],
        named: Mapping[str, tuple[Shape, str]],
        options: Mapping[str, Any],
    ) -> tuple[list[Shape], str, bool]:
        """Run it to see what comes out.

        Parameters
        ----------
        shapes, dtypes
            Of the inputs, in Keras' order.
        masks
            Shapes of their masks.
        named, options
            Other arguments of the call: tensors, and plain values.

        Returns
        -------
        tuple
            Keras' shapes, dtype, and whether it returns a sequence.
        """
        given = self.replacement.output_shape
        if given is not None:
            seen = [self._torch(s) for s in shapes]
            shape = given(*seen) if callable(given) else given
            return [self._keras(tuple(shape))], "float32", False
        failure: Exception | None = None
        for size in _SIZES:
            try:
                first, second = (
                    self._ran(b, s, shapes, dtypes, masks, named, options)
                    for b, s in ((2, size), (3, 2 * size))
                )
            except PluginError:
                raise
            except Exception as error:
                failure = failure or error
                continue
            pairs = zip(first[0], second[0], strict=True)
            found = [
                tuple(a if a == b else None for a, b in zip(*pair, strict=True))
                for pair in pairs
            ]
            return [self._keras(s) for s in found], first[1], first[2]
        assert failure is not None
        told = ", ".join(_said(self._torch(s)) for s in shapes)
        raise PluginError(
            f"{self.owner}: its replacement does not run on {told}: "
            f"{type(failure).__name__}: {' '.join(str(failure).split())[:200]}"
        )

    def _first(self, rank: int) -> bool:
        return self.replacement.layout == "channels_first" and rank > 3

    def layout(self, rank: int) -> Layout:
        """Return the order of axes in which it takes and gives such a tensor."""
        return Layout.channels_first(rank) if self._first(rank) else Layout.keras(rank)

    def _torch(self, shape: Shape) -> Shape:
        return tuple(shape[a] for a in self.layout(len(shape)).axes)

    def _keras(self, shape: Shape) -> Shape:
        axes = self.layout(len(shape)).axes
        return tuple(shape[axes.index(a)] for a in range(len(shape)))

    def _ran(
        self,
        batch: int,
        size: int,
        shapes: Sequence[Shape],
        dtypes: Sequence[str],
        masks: Sequence[Shape | None],
        named: Mapping[str, tuple[Shape, str]],
        options: Mapping[str, Any],
    ) -> tuple[list[tuple[int, ...]], str, bool]:
        import torch

        generator = torch.Generator().manual_seed(0)

        def tensor(shape: Shape, dtype: str) -> torch.Tensor:
            rest = [size if n is None else n for n in self._torch(shape)[1:]]
            first = [batch if shape[0] is None else shape[0]] if shape else []
            kind = getattr(torch, dtype, torch.float32)
            if not kind.is_floating_point:
                return torch.zeros(*first, *rest, dtype=kind)
            return torch.rand(*first, *rest, generator=generator).to(torch.float32)

        args = [tensor(s, d) for s, d in zip(shapes, dtypes, strict=True)]
        kwargs: dict[str, Any] = {k: tensor(*v) for k, v in named.items()} | {**options}
        if self.takes_mask and any(m is not None for m in masks):
            made_masks = [
                None if m is None else torch.ones_like(tensor(m, "bool")) for m in masks
            ]
            kwargs["mask"] = made_masks[0] if len(made_masks) == 1 else made_masks
        with torch.no_grad():
            results = self.module.eval()(*args, **kwargs)
            again = self.written_module.eval()(*args, **kwargs)
        sequence = isinstance(results, (tuple, list))
        one, two = (list(r) if sequence else [r] for r in (results, again))
        if not all(isinstance(r, torch.Tensor) for r in one):
            raise PluginError(
                f"{self.owner}: its replacement returns a "
                f"{type(results).__name__}; a tensor or a tuple of tensors is wanted."
            )
        for a, b in zip(one, two, strict=True):
            if a.shape != b.shape or not torch.allclose(
                a, b, rtol=1e-4, atol=1e-5, equal_nan=True
            ):
                raise PluginError(
                    f"{self.owner}: its replacement, made again as "
                    f"{self.source.text} with the same parameters, computes something "
                    "else: what it was given beside its constructor's arguments is "
                    "lost in model.py."
                )
        dtype = str(one[0].dtype).removeprefix("torch.")
        return [tuple(r.shape) for r in one], dtype, sequence


def make(
    replacement: Replacement,
    name: str,
    kind: str,
    config: Mapping[str, Any],
    arrays: Mapping[str, Array],
) -> MadeModule:
    """Call a registered function for one layer.

    Raises
    ------
    PluginError
        If it fails, or what it returns cannot be written as source.
    """
    owner = f"layer {name!r} ({kind})"
    told = _names(replacement, config, list(arrays), owner)
    plain = {n: np.array(a) for n, a in zip(told, arrays.values(), strict=True)}
    weights = Weights(plain, owner)
    module = _called(replacement, config, weights, owner)
    try:
        text = written(module, weights)
        again = _again(text, owner)
    except PluginError as error:
        raise PluginError(f"{owner}: {error}") from error
    state = _state(module)
    if {k: v.shape for k, v in state.items()} != {
        k: v.shape for k, v in _state(again).items()
    }:
        raise PluginError(
            f"{owner}: its replacement, made again as {text.text}, has other "
            "parameters: what is added to a module after it was made is lost."
        )
    import torch

    again.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in state.items()})
    origins = _origins(replacement, config, weights, owner, state)
    moves = {k: p.requires_grad for k, p in module.named_parameters()}
    sources = {}
    for key, array in state.items():
        trainable = moves.get(key, False)
        if key in origins:
            sources[key] = _source(arrays, origins[key], trainable)
        else:
            sources[key] = Source(
                (), lambda array=array: array, "as registered", trainable
            )
    return MadeModule(
        replacement,
        owner,
        text,
        state,
        sources,
        "mask" in inspect.signature(module.forward).parameters,
        module,
        again,
    )


def _names(
    replacement: Replacement, config: Mapping[str, Any], there: list[str], owner: str
) -> list[str]:
    """Return the names of the weights: the file's, or else the registered ones."""
    given = replacement.weights
    named = not any(n.rpartition("/")[2].isdigit() for n in there)
    if given is None or named:
        return there
    names = list(given(config) if callable(given) else given)
    if len(names) != len(there):
        raise PluginError(
            f"{owner} has {len(there)} weights in the file, and the names registered "
            f"for it are {len(names)} ({', '.join(map(str, names))}); "
            "weights= may be a function of the config."
        )
    return names


def _called(
    replacement: Replacement, config: Mapping[str, Any], weights: Weights, owner: str
) -> Any:
    from torch import nn

    try:
        with recording():
            module = replacement.make(_copied(config), weights)
    except PluginError:
        raise
    except Exception as error:
        where = getattr(getattr(replacement.make, "__code__", None), "co_filename", "")
        where = where or inspect.getsourcefile(replacement.make) or ""
        raise PluginError(f"{owner}: {described(error, where or None)}") from error
    if not isinstance(module, nn.Module):
        raise PluginError(
            f"{owner}: what is registered returns a {type(module).__name__}; "
            "an nn.Module is wanted."
        )
    return module


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _copied(v) for k, v in value.items()}
    return [_copied(v) for v in value] if isinstance(value, list) else value


def _state(module: Any) -> dict[str, Array]:
    found = {}
    for key, value in module.state_dict().items():
        found[key] = np.array(value.detach().cpu().numpy())
    return found


def head(source: Written) -> list[str]:
    """Return the imports that the pieces need beside the usual ones."""
    return sorted(set(source.imports.values()))


def _again(source: Written, owner: str) -> Any:
    """Make the module from its text, as ``model.py`` will."""
    from keras2torch.program.check import UnsafeSource, check
    from keras2torch.program.module import execute

    lines = ["import math", "import torch", "import torch.nn.functional as F"]
    lines += ["from torch import nn", *head(source), *source.pieces.values()]
    lines += ["def make_again():", f"    return {source.text}", ""]
    text = "\n".join(lines)
    try:
        check(text)
        return execute(text, "replacement").make_again()
    except UnsafeSource as error:
        raise PluginError(f"its source may not stand in model.py: {error}.") from error
    except Exception as error:
        raise PluginError(
            f"its source does not run by itself: {described(error, None)}"
        ) from error


# ---------------------------------------------------------------------- provenance
def _origins(
    replacement: Replacement,
    config: Mapping[str, Any],
    weights: Weights,
    owner: str,
    state: Mapping[str, Array],
) -> dict[str, Index]:
    """Return how parameters that are Keras' numbers in another order come from them.

    The function is run on whole numbers, each the number of an entry: what comes out
    tells which entry went where. Gradients of such parameters can be compared.
    """
    arrays = list(weights.values())
    sizes = [a.size for a in arrays]
    total = sum(sizes)
    if not 0 < total < _MOST_CODES or any(a.dtype.kind != "f" for a in arrays):
        return {}
    up = np.arange(1, total + 1, dtype=np.float32)
    runs = []
    with contextlib.suppress(Exception):
        for codes in (up, up[::-1].copy()):
            cut = np.split(codes, list(itertools.accumulate(sizes))[:-1])
            parts = {
                n: c.reshape(a.shape).astype(a.dtype)
                for (n, a), c in zip(weights.items(), cut, strict=True)
            }
            module = _called(replacement, config, Weights(parts, owner), owner)
            runs.append(_state(module))
    found = {}
    if len(runs) == 2:
        real = np.concatenate([a.reshape(-1) for a in arrays])
        for key, index in _indices(runs[0], runs[1], total):
            if key not in state or state[key].shape != index.shape:
                continue
            if np.array_equal(real[index].astype(state[key].dtype), state[key]):
                found[key] = index
    return found


def _source(arrays: Mapping[str, Array], index: Index, trainable: bool) -> Source:
    """Return the source of a parameter: the weights that its entries come from."""
    touched, starts = [], {}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + array.size
        if ((index >= start) & (index < end)).any():
            touched.append(name)
            starts[name] = start
    if len(touched) == 1:
        [name] = touched
        own = index - starts[name]
        if own.shape == arrays[name].shape and (own.ravel() == range(own.size)).all():
            return copied(name, trainable=trainable)
    parts = np.concatenate([starts[n] + np.arange(arrays[n].size) for n in touched])
    return made(
        touched,
        _Gather(np.searchsorted(parts, index)),
        "as registered",
        trainable=trainable,
    )


def _indices(
    first: Mapping[str, Array], second: Mapping[str, Array], total: int
) -> Iterator[tuple[str, Index]]:
    for key, a in first.items():
        b = second.get(key)
        if b is None or a.shape != b.shape or not a.size or a.dtype.kind != "f":
            continue
        index = np.rint(a).astype(np.int64) - 1
        if not (np.array_equal(index + 1, a) and index.min() >= 0):
            continue
        if index.max() < total and np.array_equal(b, total - index):
            yield key, index


class _Gather:
    """Entries of the Keras weights, taken by their number."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __call__(self, *arrays: Array) -> Array:
        flat: Array = np.concatenate([np.reshape(a, -1) for a in arrays])
        found: Array = flat[self._index]
        return found


def _said(shape: Shape) -> str:
    return "(" + ", ".join("?" if n is None else str(n) for n in shape) + ")"
