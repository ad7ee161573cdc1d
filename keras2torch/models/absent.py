"""Layers that run what is not torch: their names, and what to do instead.

Sources: ``tfsm_layer.py``, ``jax_layer.py`` (Keras 3.15).
"""

from __future__ import annotations

from typing import Any


class _Absent:
    """A layer that cannot be made here.

    Raises
    ------
    NotImplementedError
        Always.
    """

    _says: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} {self._says}")


class TFSMLayer(_Absent):
    """Calls a SavedModel of TensorFlow's: not here."""

    _says = (
        "calls a SavedModel, which TensorFlow runs, and TensorFlow never shares a "
        "process with torch: convert the SavedModel by `keras2torch.convert(folder)` "
        "and wrap its module in keras.layers.TorchModuleWrapper."
    )


class JaxLayer(_Absent):
    """Calls a function of JAX: not here."""

    _says = (
        "calls a function of JAX, which torch does not differentiate: write it with "
        "keras.ops or torch in a layer of your own, or wrap an nn.Module in "
        "keras.layers.TorchModuleWrapper."
    )


class FlaxLayer(_Absent):
    """Calls a module of Flax: not here."""

    _says = (
        "calls a module of Flax, which JAX runs: build it of keras.layers, or wrap an "
        "nn.Module in keras.layers.TorchModuleWrapper."
    )
