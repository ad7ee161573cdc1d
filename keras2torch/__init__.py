"""keras2torch takes people from Keras to PyTorch.

``convert`` turns a Keras file into readable PyTorch source with its weights and a
proof that it computes the same. ``import keras2torch as keras`` carries a Keras script
over: Keras' names, on ``torch.nn``. Importing this package imports neither torch nor
TensorFlow.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras2torch import (
        activations,
        callbacks,
        constraints,
        initializers,
        layers,
        losses,
        metrics,
        models,
        optimizers,
        regularizers,
    )
    from keras2torch.conversion import Conversion, convert
    from keras2torch.errors import Keras2TorchError
    from keras2torch.models import Input, KerasTensor, Model, Sequential
    from keras2torch.plugins import register, unregister

__version__ = "0.1.0"
__all__ = [
    "Conversion",
    "Input",
    "Keras2TorchError",
    "KerasTensor",
    "Model",
    "Sequential",
    "__version__",
    "activations",
    "callbacks",
    "constraints",
    "convert",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "register",
    "regularizers",
    "unregister",
]

_HOMES = {
    "convert": "keras2torch.conversion",
    "Conversion": "keras2torch.conversion",
    "Keras2TorchError": "keras2torch.errors",
    "register": "keras2torch.plugins",
    "unregister": "keras2torch.plugins",
    "Input": "keras2torch.models",
    "KerasTensor": "keras2torch.models",
    "DTypePolicy": "keras2torch.dtype_policies",
    "FloatDTypePolicy": "keras2torch.dtype_policies",
    "Function": "keras2torch.models.own_operations",
    "InputSpec": "keras2torch.models.input_spec",
    "Layer": "keras2torch.layers",
    "Model": "keras2torch.models",
    "Sequential": "keras2torch.models",
    "Initializer": "keras2torch.initializers",
    "Loss": "keras2torch.losses",
    "Metric": "keras2torch.metrics",
    "Optimizer": "keras2torch.optimizers",
    "Operation": "keras2torch.models.own_operations",
    "Quantizer": "keras2torch.quantizers",
    "Regularizer": "keras2torch.regularizers",
    "RematScope": "keras2torch.models.scopes",
    "StatelessScope": "keras2torch.models.scopes",
    "SymbolicScope": "keras2torch.models.scopes",
    "Variable": "keras2torch.models.free_variables",
    "device": "keras2torch.models.scopes",
    "name_scope": "keras2torch.models.scopes",
    "remat": "keras2torch.models.scopes",
    "set_device": "keras2torch.models",
    "version": "keras2torch.configuration",
}
_NAMESPACES = frozenset(
    "activations applications backend callbacks constraints datasets distillation "
    "distribution dtype_policies export initializers layers losses metrics "
    "mixed_precision models ops optimizers preprocessing quantizers random "
    "regularizers saving tree visualization wrappers".split()
)
# Names of Keras for modules that are called otherwise here.
_ALIASES = {
    "config": "keras2torch.backend",
    "utils": "keras2torch.conveniences",
}


def __getattr__(name: str) -> Any:
    """Import on first use: ``keras2torch --help`` should not wait for numpy."""
    # The names are the ones above, never a file's.
    from importlib import import_module  # noqa: TID251

    if name in _NAMESPACES:
        return import_module(f"keras2torch.{name}")
    if name in _ALIASES:
        return import_module(_ALIASES[name])
    if name not in _HOMES:
        raise AttributeError(f"module 'keras2torch' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


class _Alias(ModuleType):
    """A module under the name that Keras has for it, imported on first use."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        from importlib import import_module  # noqa: TID251

        return getattr(import_module(_ALIASES[self.__name__.rpartition(".")[2]]), name)


# `from keras2torch.utils import to_categorical` looks here first.
for _name in _ALIASES:
    sys.modules[f"{__name__}.{_name}"] = _Alias(f"{__name__}.{_name}")
