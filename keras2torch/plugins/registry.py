"""Which layers have a PyTorch replacement: the user's, by class or by layer name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Made = TypeVar("Made", bound=Callable[..., Any])
Names = Sequence[str] | Callable[[Mapping[str, Any]], Sequence[str]]
Files = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None


@dataclass(frozen=True)
class Replacement:
    """What stands for a Keras layer in PyTorch.

    Attributes
    ----------
    name
        The class or layer name that it is registered for.
    make
        The user's function: (config, weights) → ``nn.Module``.
    layout, weights, output_shape, passes_mask
        See :func:`register`.
    """

    name: str
    make: Callable[..., Any]
    layout: Literal["channels_first", "keras"] = "channels_first"
    weights: Names | None = None
    output_shape: Any = None
    passes_mask: bool = False


# Registered by hand, for the whole process.
_REGISTERED: dict[str, Replacement] = {}
# While a plugin file is loaded: where its registrations go.
_loading: ContextVar[dict[str, Replacement] | None] = ContextVar(
    "loading", default=None
)
# What the plugin files of the conversion at work registered.
_plugged: ContextVar[Mapping[str, Replacement] | None] = ContextVar(
    "plugged", default=None
)


def register(
    name: str,
    *,
    layout: Literal["channels_first", "keras"] = "channels_first",
    weights: Names | None = None,
    output_shape: Any = None,
    passes_mask: bool = False,
) -> Callable[[Made], Made]:
    """Register a PyTorch replacement for a Keras layer: a decorator.

    What it decorates is called with the layer's Keras config and its weights and
    returns the ``nn.Module`` that takes the layer's place, weights set. The module is
    written into ``model.py``, so it is one of torch's own, or of a class in the same
    file that was made with plain values; what is computed from the weights belongs in
    its parameters and buffers.

    In a file of its own it is a plugin: ``keras2torch convert model.h5 --plugin
    my_torch_layers.py``, or ``keras2torch.convert("model.h5", plugins=[…])``, and
    holds for that conversion. Anywhere else it holds until :func:`unregister`.

    Parameters
    ----------
    name
        The layer's class, with its package (``"Custom>MyLayer"``) or without (then
        any class of that name, Keras' own included), or the name of one layer of the
        model (a Lambda called ``"l1_distance"``).
    layout
        ``"channels_first"``: images (tensors of rank 4 and more) go in and come out
        with their channels at axis 1, as torch's modules have them. ``"keras"``: in
        Keras' order.
    weights
        Names of the weights in Keras' order, or a function of the config that returns
        them. Needed for ``.keras`` files alone, which store no names.
    output_shape
        The shape that comes out, batch first, ``None`` for unknown sizes, or a
        function of the input shapes that returns it; both in the module's order of
        axes. Without, the module is run to see.
    passes_mask
        Whether the mask goes on (Keras: ``self.supports_masking = True``). The module
        gets it where its ``forward`` has an argument ``mask``.

    Examples
    --------
    >>> import keras2torch
    >>> @keras2torch.register("Scale", weights=["gamma"])
    ... def scale(config, weights):
    ...     import torch
    ...     from torch import nn
    ...
    ...     channels = len(weights["gamma"])
    ...     made = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
    ...     kernel = torch.from_numpy(weights["gamma"]).reshape(-1, 1, 1, 1)
    ...     made.load_state_dict({"weight": kernel})
    ...     return made
    >>> keras2torch.unregister("Scale")
    """
    if not isinstance(name, str) or not name:
        raise TypeError('name a layer: @keras2torch.register("MyLayer")')
    if layout not in ("channels_first", "keras"):
        raise ValueError(f"layout is 'channels_first' or 'keras', not {layout!r}")

    def keep(make: Made) -> Made:
        if not callable(make):
            raise TypeError(f"what is registered for {name!r} cannot be called")
        target = _loading.get()
        target = _REGISTERED if target is None else target
        target[name] = Replacement(
            name, make, layout, weights, output_shape, passes_mask
        )
        return make

    return keep


def unregister(name: str) -> None:
    """Forget a replacement that was registered outside of a plugin file.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    del _REGISTERED[name]


def active() -> dict[str, Replacement]:
    """Return every replacement that holds here, plugin files before the rest."""
    return {**_REGISTERED, **(_plugged.get() or {})}


def find(
    replacements: Mapping[str, Replacement], layer: str, kind: str
) -> Replacement | None:
    """Return the replacement of a layer: by its name, its class, its bare class."""
    bare = kind.rpartition(">")[2]
    names = (layer, kind, bare)
    return next((replacements[n] for n in names if n in replacements), None)


def listed(plugins: Files) -> list[str]:
    """Return the paths of plugin files, given as one or several."""
    if plugins is None:
        return []
    if isinstance(plugins, (str, os.PathLike)):
        plugins = [plugins]
    return [os.fspath(p) for p in plugins]


@contextmanager
def using(plugins: Files) -> Iterator[None]:
    """Load plugin files, for what is done inside.

    Raises
    ------
    PluginError
        If a file cannot be run, or registers nothing.
    """
    from keras2torch.plugins.files import loaded

    found = dict(_plugged.get() or {})
    with ExitStack() as stack:
        for file in listed(plugins):
            found |= stack.enter_context(loaded(file))
        token = _plugged.set(found)
        try:
            yield
        finally:
            _plugged.reset(token)


@contextmanager
def collecting() -> Iterator[dict[str, Replacement]]:
    """Keep what is registered inside to itself."""
    found: dict[str, Replacement] = {}
    token = _loading.set(found)
    try:
        yield found
    finally:
        _loading.reset(token)
