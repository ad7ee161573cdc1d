"""Keras in a process of its own: reference outputs, gradients, training steps.

What runs it is imported when it is asked for: most conversions start no process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras2torch.tracing.errors import KerasError, KerasUnavailable

if TYPE_CHECKING:
    from keras2torch.tracing.client import (
        KerasProcess,
        LayerInfo,
        LoadedModel,
        Reference,
        RunResult,
        TensorInfo,
        TrainResult,
        WeightInfo,
        available,
    )

__all__ = [
    "KerasError",
    "KerasProcess",
    "KerasUnavailable",
    "LayerInfo",
    "LoadedModel",
    "Reference",
    "RunResult",
    "TensorInfo",
    "TrainResult",
    "WeightInfo",
    "available",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras2torch.tracing import client

    return getattr(client, name)
