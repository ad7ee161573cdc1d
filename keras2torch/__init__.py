"""keras2torch takes people from Keras to PyTorch.

``convert`` turns a Keras file into readable PyTorch source with its weights and a
proof that it computes the same. Importing this package imports neither torch nor
TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras2torch import layers
    from keras2torch.conversion import Conversion, convert
    from keras2torch.errors import Keras2TorchError

__version__ = "0.1.0"
__all__ = ["Conversion", "Keras2TorchError", "__version__", "convert", "layers"]

_HOMES = {
    "convert": "keras2torch.conversion",
    "Conversion": "keras2torch.conversion",
    "Keras2TorchError": "keras2torch.errors",
}


def __getattr__(name: str) -> Any:
    """Import on first use: ``keras2torch --help`` should not wait for numpy."""
    if name == "layers":
        import keras2torch.layers as layers

        return layers
    if name not in _HOMES:
        raise AttributeError(f"module 'keras2torch' has no attribute {name!r}")
    # The names are the three above, never a file's.
    from importlib import import_module  # noqa: TID251

    return getattr(import_module(_HOMES[name]), name)
