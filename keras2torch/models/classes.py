"""The classes of ``keras.layers``, each made from a definition when asked for."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from keras2torch.layers.base import MODELS, OF_FILES, REGISTRY
from keras2torch.layers.base import Layer as Definition
from keras2torch.layers.names import FOREIGN, SECOND_NAMES
from keras2torch.models.builtin import BuiltIn, _fields

_made: dict[str, Any] = {}


def named(name: str) -> Any:
    """Return the layer class, or the function, of that name in ``keras.layers``.

    Raises
    ------
    AttributeError
        If Keras has none of that name, or this project has no rule for it.
    """
    name = SECOND_NAMES.get(name, name)
    if name not in _made:
        _made[name] = _make(name)
    return _made[name]


def names() -> list[str]:
    """Return the names of all layers and functions that :func:`named` has."""
    from keras2torch.models import others

    return sorted({*REGISTRY, *SECOND_NAMES, *others.__all__} - MODELS)


def _make(name: str) -> Any:
    from keras2torch.models import others

    if name in others.__all__:
        return getattr(others, name)
    if name in FOREIGN:
        raise AttributeError(f"keras.layers.{name} {FOREIGN[name]}: it has no rule.")
    if name not in REGISTRY or name in MODELS:
        near = get_close_matches(name, list(REGISTRY), n=1)
        raise AttributeError(
            f"module 'keras2torch.layers' has no attribute {name!r}: "
            f"{f'did you mean {near[0]}? ' if near else ''}"
            "`keras2torch layers` lists the layers that are covered."
        )
    return of_definition(REGISTRY[name], "keras2torch.layers")


def of_definition(definition: Any, module: str) -> Any:
    """Return the layer class that has a definition, for the module that shows it."""
    name = definition.__name__
    fields = _fields(definition)
    parameters = [
        inspect.Parameter(
            f.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty
            if f.default is dataclasses.MISSING
            else f.default,
        )
        for f in dataclasses.fields(definition)
        if f.name in fields and f.name not in OF_FILES
    ]
    extra: dict[str, Any] = {"__new__": _NEW[name]} if name in _NEW else {}
    if definition.packs:
        from keras2torch.models.own_cells import OF_CELLS

        extra = dict(OF_CELLS)
    if name in ("GRU", "LSTM", "RNN", "SimpleRNN"):
        from keras2torch.models.own_cells import OF_LAYERS

        extra |= OF_LAYERS
    if name == "Normalization":
        from keras2torch.models.adapting import adapt, statistics

        extra = {"adapt": adapt, "mean": statistics("mean")}
        extra["variance"] = statistics("variance")
    if name in ("IntegerLookup", "StringLookup", "TextVectorization"):
        from keras2torch.models.learning_words import LOOKUPS

        extra = dict(LOOKUPS)
    if name == "Discretization":
        from keras2torch.models.learning_words import BINS

        extra = dict(BINS)
    found = type(
        name,
        (BuiltIn,),
        {
            **extra,
            "__doc__": definition.__doc__,
            "__module__": module,
            "definition_class": definition,
            "__signature__": inspect.Signature(
                [
                    *parameters,
                    inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
                ]
            ),
        },
    )
    return found


def _is_ours(layer: Any) -> bool:
    """Whether a layer within a wrapper is written out, not a user's own code."""
    if layer is None or isinstance(layer, (Mapping, Definition)):
        return True
    return getattr(layer, "_call_graph", None) is not None or (
        isinstance(layer, BuiltIn) and layer.is_written
    )


def _new_rnn(cls: Any, cell: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Make an RNN; over a cell of a user's own, one that loops over it."""
    cells = cell if isinstance(cell, (list, tuple)) else [cell]
    if all(map(_is_ours, cells)):
        return object.__new__(cls)
    from keras2torch.models.own_cells import OwnCellRNN

    return OwnCellRNN(cell, *args, **kwargs)


def _new_time_distributed(cls: Any, layer: Any = None, **kwargs: Any) -> Any:
    """Make a TimeDistributed; of a layer of a user's own, one that loops over it."""
    if _is_ours(layer):
        return object.__new__(cls)
    from keras2torch.models.own_cells import OwnTimeDistributed

    return OwnTimeDistributed(layer, **kwargs)


_NEW = {"RNN": _new_rnn, "TimeDistributed": _new_time_distributed}
