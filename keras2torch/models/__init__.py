"""The shim: Sequential, Model, Input, compile and fit on ``torch.nn``."""

from keras2torch.models.context import default_device, set_device
from keras2torch.models.layer import Layer
from keras2torch.models.loading import clone_model, load_model, model_from_json
from keras2torch.models.model import Model
from keras2torch.models.naming import clear_session
from keras2torch.models.sequential import Sequential
from keras2torch.models.symbolic import Input, InputLayer, KerasTensor
from keras2torch.saving.archive import save_model

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
    "clone_model",
    "default_device",
    "load_model",
    "model_from_json",
    "save_model",
    "set_device",
]
