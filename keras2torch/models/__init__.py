"""The shim: Sequential, Model, Input, compile and fit on ``torch.nn``."""

from typing import TYPE_CHECKING, Any

from keras2torch.models.context import default_device, set_device
from keras2torch.models.layer import Layer
from keras2torch.models.loading import clone_model, load_model, model_from_json
from keras2torch.models.model import Model
from keras2torch.models.naming import clear_session
from keras2torch.models.sequential import Sequential
from keras2torch.models.symbolic import Input, InputLayer, KerasTensor

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """Import on first use what writes files: it needs this package."""
    if name != "save_model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras2torch.saving.archive import save_model

    return save_model
