"""What went wrong where: torch's errors told by layer and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import torch

from keras2torch import tree
from keras2torch.data.tensors import add_note
from keras2torch.errors import Keras2TorchError, UnfitCall
from keras2torch.layers.base import Shape
from keras2torch.models.checking import called, check_call, shown, spatial_rank
from keras2torch.models.symbolic import KerasTensor, Node


@contextmanager
def naming(layer: Any, shapes: Sequence[Shape]) -> Iterator[None]:
    """Say layer and shapes in what a definition or a writer complains about."""
    try:
        yield
    except UnfitCall:
        raise
    except Keras2TorchError as error:
        reason = re.sub(r"^layer '[^']*' \(\w+\)( inside)?: ", "", str(error))
        if "makes no sense" in reason:
            reason = "its arguments do not go with these axes"
        raise UnfitCall(
            f"{called(layer)} cannot be called on "
            f"{'shape' if len(shapes) == 1 else 'shapes'} {shown(shapes)}: "
            f"{reason.rstrip('.')}."
        ) from error


def is_of_machine(error: BaseException) -> bool:
    """Whether an error is of memory or a device, not of the data."""
    return isinstance(error, torch.OutOfMemoryError) or "CUDA" in str(error)


def explained(error: Exception, layer: Any, values: Sequence[Any]) -> Exception:
    """Return the sentence for what torch raised within a layer.

    Parameters
    ----------
    error
        torch's; one of memory or of a device is given back.
    layer
        Which was called.
    values
        The tensors that it was called on, with Keras' axes.
    """
    if is_of_machine(error) or isinstance(error, UnfitCall):
        return error
    if (told := _looked_up(layer, values)) is not None:
        return told
    shapes = [tuple(v.shape) for v in values if isinstance(v, torch.Tensor)]
    if hasattr(layer, "definition") and shapes:
        tensors = [KerasTensor(s) for s in shapes]
        args: Any = (tensors,) if len(tensors) > 1 else tuple(tensors)
        try:
            check_call(layer, Node(layer, args))
        except (UnfitCall, TypeError) as unfit:
            # How the tensors were given is not known here: a TypeError means nothing.
            if isinstance(unfit, UnfitCall):
                return unfit
    if len(shapes) > 1 and len({s[:1] for s in shapes}) > 1:
        return UnfitCall(
            f"{called(layer)} was called on shapes {shown(shapes)}, whose batches "
            "differ in size."
        )
    return UnfitCall(
        f"{called(layer)} cannot be called on "
        f"{'shape' if len(shapes) == 1 else 'shapes'} {shown(shapes)}"
        f"{_built_for(layer)}: {_short(error)}."
    )


def _looked_up(layer: Any, values: Sequence[Any]) -> Exception | None:
    """Return the sentence for numbers that an Embedding has no row for."""
    definition = getattr(layer, "definition", None)
    rows = getattr(definition, "input_dim", None)
    if type(definition).__name__ != "Embedding" or not isinstance(rows, int):
        return None
    indices = next((v for v in values if isinstance(v, torch.Tensor)), None)
    if indices is None or indices.is_complex() or not indices.numel():
        return None
    low, high = int(indices.min()), int(indices.max())
    if low >= 0 and high < rows:
        return None
    return UnfitCall(
        f"{called(layer)} has a table of {rows} rows (input_dim={rows}), and was "
        f"asked for row {high if high >= rows else low}: indices go from 0 to "
        f"{rows - 1}."
    )


def _built_for(layer: Any) -> str:
    state: Any = getattr(layer, "_torch_state", None)
    if state is None or not state.declared:
        return ""
    first = state.declared[0]
    return f" (its {first.name} has shape {tuple(first.shape)})"


def _short(error: Exception) -> str:
    """Return the first line of torch's own reason."""
    first = str(error).strip().partition("\n")[0].rstrip(".")
    if re.search("must match|is invalid for input|cannot be multiplied", first):
        return "the sizes do not fit"
    return first or type(error).__name__


def located(error: Exception, model: Any, owners: Mapping[str, Any]) -> Exception:
    """Return the sentence for what was raised within a model's program.

    The traceback tells which layer was at work. What the code of a user's own layer
    raised stays as it is, with a note that says where.
    """
    if is_of_machine(error) or isinstance(error, Keras2TorchError):
        return error
    modules = {
        id(o._torch_state.module): o
        for o in owners.values()
        if getattr(o, "_torch_state", None) is not None
    }
    own = {id(o): o for o in owners.values() if not hasattr(o, "definition")}
    found: tuple[Any, list[Any]] | None = None
    line = ""
    for frame, text in _frames(error.__traceback__):
        module = frame.get("self")
        if id(module) in own:
            add_note(error, f"Raised within {called(module)} of model {model.name!r}.")
            return error
        if text:
            line = text
            tensors = _named_in(text, frame)
        if id(module) in modules and found is None:
            owner = modules[id(module)]
            # torch's own frame around forward has them as `args`.
            given = tree.flatten([v for k, v in frame.items() if k != "self"])
            found = (owner, [_channels_last(owner, v) for v in given])
    known = isinstance(error, (RuntimeError, IndexError, ValueError, AssertionError))
    if not known or (found is None and not line):
        return error
    if found is not None:
        return explained(error, *found)
    return UnfitCall(
        f"model {model.name!r} cannot compute `{line}`"
        f"{f' of shapes {shown(tensors)}' if tensors else ''}: {_short(error)}."
    )


def _channels_last(layer: Any, value: Any) -> Any:
    """Return what a module of a program got as the layer takes it."""
    spatial = spatial_rank(type(layer.definition).__name__)
    image = isinstance(value, torch.Tensor) and value.ndim == spatial + 2
    first = getattr(layer.definition, "data_format", None) == "channels_first"
    return value.movedim(1, -1) if spatial and image and not first else value


def _frames(traceback: TracebackType | None) -> Iterator[tuple[dict[str, Any], str]]:
    """Iterate over local variables, and the line where it is a model's own text."""
    import linecache

    while traceback is not None:
        code = traceback.tb_frame.f_code
        text = ""
        if code.co_filename.startswith("<keras2torch "):
            text = linecache.getline(code.co_filename, traceback.tb_lineno).strip()
        yield traceback.tb_frame.f_locals, text
        traceback = traceback.tb_next


def _named_in(text: str, values: Mapping[str, Any]) -> list[Shape]:
    """Return the shapes of the tensors whose names stand in a line."""
    right = text.partition(" = ")[2] or text
    return [
        tuple(values[name].shape)
        for name in dict.fromkeys(re.findall(r"\b[a-z_]\w*\b", right))
        if isinstance(values.get(name), torch.Tensor)
    ]
