"""Training with Keras' numbers: the explicit loop of a ``train.py``, and ``fit``.

The names below write a ``train.py``; they are imported when they are asked for, as
``fit`` needs no graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras2torch.training.script import (
        TrainScript,
        train_script,
        write_train_script,
    )

__all__ = ["TrainScript", "train_script", "write_train_script"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras2torch.training import script

    return getattr(script, name)
