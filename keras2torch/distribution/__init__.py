"""Keras' ``keras.distribution``, and what ``fit`` does where it is several processes.

``torchrun --nproc_per_node=2 script.py`` starts a Keras script twice, and ``fit``,
``evaluate`` and ``predict`` compute each batch together. ``processes`` finds and joins
them, ``sharing`` gives each its rows of a batch, ``parts`` says what part a process
computes, ``gradients``, ``losses`` and ``batch_norm`` make whole of parts, ``writing``
lets one write, and ``engine`` is what the trainer asks.

The numbers are those of one process with the same ``batch_size``: it is that of all.
Gradients are added up after ``backward``, when an optimizer moves weights, so that
steps of a user's own and several optimizers need nothing. What cannot be the same:

- Dropout and its like draw for each process anew.
- What ``add_loss`` is given counts as a mean over rows, and so does the value of a loss
  in a ``train_step`` of a user's own, outside ``compute_loss``.
- A loss or metric function of a user's own in ``compile`` sees the outputs of all rows,
  which are sent to every process for it. Metrics that a user's own step updates are
  summed, state by state, when they are read.
- What layers of a user's own keep of batches is the first process' after each epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras2torch.distribution.layouts import (
        DeviceMesh,
        LayoutMap,
        TensorLayout,
        distribute_tensor,
        get_device_count,
        list_devices,
    )
    from keras2torch.distribution.strategies import (
        DataParallel,
        ModelParallel,
        distribution,
        initialize,
        set_distribution,
    )

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]
_STRATEGIES = (
    "DataParallel",
    "ModelParallel",
    "distribution",
    "initialize",
    "set_distribution",
)


def __getattr__(name: str) -> Any:
    """Import on first use: losses and metrics ask for what part they compute."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras2torch.distribution import layouts, strategies

    return getattr(strategies if name in _STRATEGIES else layouts, name)
