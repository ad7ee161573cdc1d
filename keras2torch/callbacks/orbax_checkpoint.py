"""``OrbaxCheckpoint``: a name, and what to do instead.

Source: ``keras/src/callbacks/orbax_checkpoint.py`` (Keras 3.15).
"""

from __future__ import annotations

from typing import Any

from keras2torch.callbacks.callback import Callback


class OrbaxCheckpoint(Callback):
    """Writes checkpoints by Orbax, which is a library of JAX: not here.

    Raises
    ------
    NotImplementedError
        Always.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "OrbaxCheckpoint writes checkpoints of JAX: use ModelCheckpoint for files "
            "that Keras opens, or BackupAndRestore to go on with a training."
        )
