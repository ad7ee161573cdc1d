"""Saving and loading: Keras' ``keras.saving``.

``places`` says which weights are where in a file of Keras 3, ``weights`` and
``archive`` write it, ``legacy`` writes Keras' older ``.h5``, ``stored`` brings weights
from files into models, and ``compiled`` is how a model was compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras2torch.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)

if TYPE_CHECKING:
    from keras2torch.models.loading import load_model, load_weights
    from keras2torch.saving.archive import save_model
    from keras2torch.saving.file_editor import KerasFileEditor
    from keras2torch.saving.weights import save_weights

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]


def __getattr__(name: str) -> Any:
    """Import on first use: the models' modules import this one."""
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import keras2torch.models  # noqa: F401  # first: it and these import each other

    if name in ("load_model", "load_weights"):
        from keras2torch.models import loading

        return getattr(loading, name)
    if name == "save_model":
        from keras2torch.saving import archive

        return archive.save_model
    if name == "KerasFileEditor":
        from keras2torch.saving import file_editor

        return file_editor.KerasFileEditor
    if name == "save_weights":
        from keras2torch.saving import weights

        return weights.save_weights
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
