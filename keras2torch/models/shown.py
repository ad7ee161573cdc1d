"""The source of a subclass: its own code, and what its layers are in PyTorch."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any, cast

from keras2torch.models.builtin import BuiltIn
from keras2torch.models.layer import layers_in


def shown(model: Any) -> str:
    """Return the code of a model with a ``call`` of its own, its layers explained.

    Parameters
    ----------
    model
        Shown by the source of its class; layers that are Keras' own are listed with
        the torch module that they are, models within with their whole program.
    """
    from keras2torch.models.model import Model

    parts = []
    try:
        parts.append(textwrap.dedent(inspect.getsource(type(model))).rstrip())
    except (OSError, TypeError):  # typed at a prompt
        parts.append(f"# {type(model).__name__}: its source is not in a file")
    lines = ["# What its layers are in PyTorch:"]
    for layer in layers_in(model):
        if isinstance(layer, BuiltIn) and layer.is_written:
            state = layer._torch_state
            text = state.text if state is not None else "a function, or not built yet"
            lines.append(f"# {layer.name}: {text}")
    if len(lines) > 1:
        parts.append("\n".join(lines))
    for layer in layers_in(model):
        inside = layer is not model and isinstance(layer, Model)
        if inside and layer.is_written:
            parts.append(f"# {layer.name}:\n{Model.source(cast(Model, layer))}")
    return "\n\n\n".join(parts) + "\n"
