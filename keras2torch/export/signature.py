"""What a model takes, and the model as a function of plain tensors.

Source: ``keras/src/export/export_utils.py`` (Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from keras2torch import tree
from keras2torch.tensors import torch_dtype

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Taken:
    """One input: its name, its shape with None for what may be any, its dtype."""

    name: str
    shape: Shape
    dtype: torch.dtype

    def example(self, batch: int, other: int) -> torch.Tensor:
        """Return zeros, with sizes for those that may be any."""
        sizes = [
            (other if axis else batch) if size is None else size
            for axis, size in enumerate(self.shape)
        ]
        return torch.zeros(sizes, dtype=self.dtype)


@dataclass(frozen=True)
class Signature:
    """The inputs of a model, and the structure that they come in."""

    struct: Any
    inputs: list[Taken]

    @property
    def is_open(self) -> bool:
        """Whether a size may be any."""
        return any(None in taken.shape for taken in self.inputs)


def signature_of(model: Any, given: Any) -> Signature:
    """Return what a model takes: as it was given, built or called.

    Raises
    ------
    ValueError
        If the model was never built, or takes text.
    """
    if not model.built:
        raise ValueError(
            "The model provided has not yet been built. It must be built before export."
        )
    dtype = model.compute_dtype
    if given is not None:
        # As Keras has it: a list of what each argument takes.
        lone = isinstance(given, (list, tuple)) and len(given) == 1
        struct = given[0] if lone else given
        open_batch = False
    elif model._call_graph is not None:
        struct, open_batch = model._inputs_struct, True
        dtype = None
    else:
        struct, open_batch = _called_with(model), True
    flat = tree.flatten(struct)
    names = [getattr(spec, "name", None) or f"input_{i}" for i, spec in enumerate(flat)]
    inputs = []
    for name, spec in zip(names, flat, strict=True):
        shape = tuple(spec.shape)
        if open_batch:
            shape = (None, *shape[1:])
        kind = getattr(spec, "dtype", None) or dtype or "float32"
        if str(kind) == "string":
            raise ValueError(
                f"Input {name!r} of model {model.name!r} takes text, which no exported "
                "tensor holds: export the model behind the layers that turn it into "
                "numbers."
            )
        inputs.append(Taken(name, shape, torch_dtype(kind)))
    return Signature(struct, inputs)


def _called_with(model: Any) -> Any:
    from keras2torch.models.symbolic import KerasTensor

    shapes = (model.__dict__.get("_build_shapes") or {}).values()
    if not shapes:
        raise ValueError(
            "The model provided has never called. It must be called at least once "
            "before export."
        )

    def specs(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: specs(v) for k, v in value.items()}
        if all(size is None or isinstance(size, int) for size in value):
            return KerasTensor(tuple(value), model.compute_dtype)
        return [specs(v) for v in value]

    found = [specs(shape) for shape in shapes]
    return found[0] if len(found) == 1 else found


class Plain(nn.Module):
    """A model as a function of tensors in order, which returns tensors in order."""

    def __init__(self, model: Any, struct: Any) -> None:
        super().__init__()
        self._struct = struct
        if model.is_written and not model.runs_own_code():
            self.model = model
            return
        # A user's lists of layers are no modules to torch's exporters: its weights are.
        self.__dict__["model"] = model
        for name, parameter in model.named_parameters():
            self.register_parameter(name.replace(".", "_"), parameter)
        for name, buffer in model.named_buffers():
            self.register_buffer(name.replace(".", "_"), buffer)

    def forward(self, *tensors: torch.Tensor) -> Any:
        """Call the model in inference."""
        nested = tree.is_nested(self._struct)
        inputs = tree.pack(self._struct, list(tensors)) if nested else tensors[0]
        outputs = tuple(tree.flatten(self.model(inputs, training=False)))
        return outputs[0] if len(outputs) == 1 else outputs


@contextmanager
def inferring(model: Any) -> Iterator[None]:
    """Give a block in which a model is in inference mode and no gradient is kept."""
    mode = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(mode)
