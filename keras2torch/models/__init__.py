"""The shim: Sequential, Model, Input, compile and fit on ``torch.nn``."""

from keras2torch.models.context import default_device, set_device
from keras2torch.models.layer import Layer
from keras2torch.models.model import Model
from keras2torch.models.naming import clear_session
from keras2torch.models.sequential import Sequential
from keras2torch.models.symbolic import Input, InputLayer, KerasTensor

Functional = Model

__all__ = [
    "Functional",
    "Input",
    "InputLayer",
    "KerasTensor",
    "Layer",
    "Model",
    "Sequential",
    "clear_session",
    "default_device",
    "set_device",
]
