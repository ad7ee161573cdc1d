"""Where the shim carries a name and yet not all of it."""

from __future__ import annotations

_LIMITS = {
    "layers.Lambda": "The shim hands its function torch tensors: tf.* in it fails.",
    "Model.train_step": "Under the shim it is written with torch.",
    "saving.load_model": "The shim reads Keras' own files, and runs no code in them.",
}


def of(name: str) -> str:
    """Return the known limit of a name under the shim, or nothing."""
    return _LIMITS.get(name, "")
