"""Keras' layers.

What is known of each is in the modules of this folder, one class per layer
(:mod:`keras2torch.layers.definitions` has them all); they import no torch. The names
of Keras itself, ``keras2torch.layers.Dense``, are ``nn.Module`` classes made from those
definitions when they are first asked for (:mod:`keras2torch.models.builtin`).
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Return a layer class that can be called; imports torch."""
    if name == "__all__":
        # `from keras2torch.layers import *` asks for it, and then for each name in it.
        from keras2torch.models import classes

        return classes.names()
    # Submodules are lower case, as are the functions; those have a list.
    if name.startswith("_") or not (name[0].isupper() or name in _FUNCTIONS):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _OTHERS:
        from keras2torch.models import input_spec

        return getattr(input_spec, name)
    if name in _ABSENT:
        from keras2torch.models import absent

        return getattr(absent, name)
    from keras2torch.models import classes

    return classes.named(name)


_FUNCTIONS = frozenset(
    "add average concatenate deserialize dot maximum minimum multiply serialize "
    "subtract".split()
)
# What is no layer.
_OTHERS = frozenset({"InputSpec"})
# What runs in TensorFlow or JAX: a name that says so.
_ABSENT = frozenset({"FlaxLayer", "JaxLayer", "TFSMLayer"})
