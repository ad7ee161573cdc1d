"""Keras' optimizers, each also a ``torch.optim.Optimizer``.

They move torch parameters with the numbers of Keras 3.15. Weights come late, as in
Keras: with ``build(variables)``, or the first ``apply_gradients``. From then on
``step()``, ``zero_grad()``, ``state_dict()`` and torch's learning-rate schedulers work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from keras2torch.optimizers import legacy, schedules
from keras2torch.optimizers.adam import (
    Adam,
    Adamax,
    AdamW,
    Lamb,
    Nadam,
    ScheduleFreeAdamW,
)
from keras2torch.optimizers.adaptive import (
    Adadelta,
    Adafactor,
    Adagrad,
    Ftrl,
    RMSprop,
)
from keras2torch.optimizers.base import Optimizer
from keras2torch.optimizers.muon import Muon
from keras2torch.optimizers.naming import find, written
from keras2torch.optimizers.sgd import SGD, Lion
from keras2torch.optimizers.wrappers import (
    LossScaleOptimizer,
    MultiOptimizer,
    OptimizerMap,
    TorchOptimizer,
)
from keras2torch.serialization import CustomObjectScope, offer

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]

_BUILT_IN: dict[str, type[Any]] = {
    made.__name__: made
    for made in (
        SGD,
        RMSprop,
        Adam,
        AdamW,
        Adadelta,
        Adagrad,
        Adamax,
        Adafactor,
        Nadam,
        Ftrl,
        Lion,
        Lamb,
        Muon,
        ScheduleFreeAdamW,
        LossScaleOptimizer,
        MultiOptimizer,
        OptimizerMap,
    )
}
offer("keras.optimizers", _BUILT_IN.values())


def serialize(optimizer: Any) -> dict[str, Any]:
    """Return an optimizer as a dictionary that JSON can hold."""
    return written(optimizer, "keras.optimizers", _BUILT_IN)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """Make an optimizer from what :func:`serialize` returned, or Keras wrote.

    Raises
    ------
    ValueError
        If nobody knows its class.
    """
    made = find(config, _BUILT_IN, custom_objects, "optimizer")
    with CustomObjectScope(custom_objects):
        return made.from_config(dict(config.get("config") or {}))


def get(identifier: Any) -> Any:
    """Return an optimizer of a name, a configuration, a class or an optimizer.

    An optimizer of torch's own comes back as it is; a class of torch's, or a
    ``functools.partial`` of one, is made when the weights are there.

    Raises
    ------
    ValueError
        If it is nothing like that; of an unknown name with the names that look like it.
    """
    if identifier is None or isinstance(identifier, torch.optim.Optimizer):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type):
        if issubclass(identifier, Optimizer):
            return identifier()  # type: ignore[call-arg]
        if issubclass(identifier, torch.optim.Optimizer):
            return TorchOptimizer(identifier)
    made = getattr(identifier, "func", None)  # partial(torch.optim.SGD, lr=0.1)
    if isinstance(made, type) and issubclass(made, torch.optim.Optimizer):
        return TorchOptimizer(identifier)
    raise ValueError(f"Could not interpret optimizer identifier: {identifier}")
