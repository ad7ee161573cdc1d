"""Keras in a process of its own: reference outputs, gradients, training steps."""

from keras2torch.tracing.client import (
    KerasError,
    KerasProcess,
    KerasUnavailable,
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
