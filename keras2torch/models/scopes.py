"""What holds within a ``with``: names, devices, and what is computed twice.

Sources: ``keras/src/backend/common/name_scope.py``, ``remat.py``,
``stateless_scope.py`` and ``symbolic_scope.py`` (3.15).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from keras2torch.models.context import remembering, set_device_for_now
from keras2torch.models.naming import in_path


class name_scope:
    """Put a name before those of variables that are made within.

    Parameters
    ----------
    name
        Without a slash.
    caller, deduplicate, override_parent
        What Keras itself gives to it; without effect.
    """

    def __init__(
        self,
        name: str,
        caller: Any = None,
        deduplicate: bool = True,
        override_parent: str | None = None,
    ) -> None:
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name}"
            )
        self.name = name
        self._scope: Any = None

    def __enter__(self) -> name_scope:
        self._scope = in_path(self.name)
        self._scope.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._scope.__exit__(*args)


@contextmanager
def device(device_name: str) -> Iterator[None]:
    """Make weights and tensors on a device: ``"cpu:0"``, ``"gpu:0"``, ``"cuda:1"``.

    Raises
    ------
    ValueError
        If the name is none of a device.
    """
    if not isinstance(device_name, str):
        raise ValueError(
            "Invalid value for argument `device_name`. Expected a string like 'gpu:0' "
            f"or 'cpu'. Received: device_name='{device_name}'"
        )
    kind, _, number = device_name.lower().partition(":")
    if kind == "cpu":
        where = torch.device("cpu")
    else:
        kind = "cuda" if kind == "gpu" else kind
        where = torch.device(f"{kind}:{number}" if number else kind)
    with set_device_for_now(where), where:
        yield


class StatelessScope:
    """Not here: it replaces weights by given values, as Keras on JAX needs.

    Raises
    ------
    NotImplementedError
        Always, with what to use.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "keras.StatelessScope is for functions without state, as JAX wants them; "
            "in PyTorch torch.func.functional_call(module, weights, inputs) calls a "
            "model with other weights."
        )


class SymbolicScope:
    """Not here: it marks where Keras traces shapes, which is done otherwise here.

    Raises
    ------
    NotImplementedError
        Always, with what to use.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "keras.SymbolicScope marks where Keras computes shapes without values; "
            "call layers on keras.Input(...) for that."
        )


# ------------------------------------------------------------------------------- remat
def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is computed again for its gradient, to save memory.

    It is ``torch.utils.checkpoint``; results and gradients are the same.
    """

    @wraps(f, updated=())
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        # Computed again, layers within are told of training what they are told now.
        again = remembering(f)
        return checkpoint(again, *args, use_reentrant=False, **kwargs)

    return rematerialized


class RematScope:
    """Taken, and told to have no effect: models keep here what they computed.

    Results are the same as with it; :func:`remat` saves the memory of a function.

    Parameters
    ----------
    mode, output_size_threshold, layer_names
        Which layers would be computed twice.
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ) -> None:
        modes = ("full", "activations", "larger_than", "list_of_layers", None)
        if mode not in modes:
            raise ValueError(
                f"Invalid mode '{mode}'. Supported modes are: 'full', 'activations', "
                "'larger_than', 'list_of_layers', or None."
            )
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())

    def __enter__(self) -> RematScope:
        if self.mode is not None:
            warnings.warn(
                "RematScope saves no memory here: wrap what is to be computed twice by "
                "keras.remat(function), which is torch.utils.checkpoint.",
                stacklevel=2,
            )
        return self

    def __exit__(self, *args: Any) -> None:
        """Nothing was changed."""


__all__ = [
    "RematScope",
    "StatelessScope",
    "SymbolicScope",
    "device",
    "name_scope",
    "remat",
]
