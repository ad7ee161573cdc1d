"""What a module returns, found by running it on zeros.

Two runs with other sizes tell which axes of the results are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from keras2torch import tree
from keras2torch.errors import UnfitCall
from keras2torch.layers.base import Shape
from keras2torch.models.context import calling, default_device
from keras2torch.models.symbolic import KerasTensor, Node
from keras2torch.training.foreign import explained
from keras2torch.training.variables import holding_values

# For an unknown batch, and for other unknown sizes.
_SIZES = ((2, 16), (3, 24))


@dataclass
class Shown:
    """What came out: its structure with shapes in place of tensors, masked or not."""

    structure: Any
    shapes: list[Shape]
    dtypes: list[str]
    masked: bool = False


def probe(layer: Any, node: Node) -> Shown:
    """Run a call twice and return what it returns.

    Raises
    ------
    ValueError
        If the call fails, naming the layer and the shapes that it got.
    """
    runs = []
    unknown = any(None in t.shape for t in node.inputs)
    for sizes in _SIZES[: 2 if unknown else 1]:
        try:
            runs.append(_run(layer, node, sizes))
        except Exception as error:
            if runs:
                break
            drawn = _drawn(layer, node) if unknown else None
            if drawn is not None:
                return drawn
            if isinstance(error, UnfitCall):
                raise  # it names a layer and shapes already
            if (said := explained(error)) is not None:
                raise said from error
            shapes = [t.shape for t in node.inputs]
            told = shapes[0] if len(shapes) == 1 else shapes
            raise ValueError(
                f"layer {layer.name!r} ({type(layer).__name__}) cannot be called on "
                f"{told}: {error}"
            ) from error
    first = runs[0]
    shapes = []
    flat = [tree.flatten(r) for r in runs]
    for tensors in zip(*flat, strict=True):
        axes = zip(*[t.shape for t in tensors], strict=True)
        shapes.append(tuple(s[0] if len(set(s)) == 1 else None for s in axes))
    if unknown and len(runs) == 1:
        shapes = [(None, *s[1:]) for s in shapes]
    kinds = [str(t.dtype).removeprefix("torch.") for t in flat[0]]
    masked = any(getattr(t, "_keras_mask", None) is not None for t in flat[0])
    return Shown(first, shapes, kinds or ["float32"], masked)


def _drawn(layer: Any, node: Node) -> Shown | None:
    """Return what a call makes of symbolic tensors; None if it cannot take them.

    A ``call`` that counts on a batch of its own size can be drawn, but not be run on
    another, as in Keras.
    """
    if not hasattr(layer, "call"):
        return None
    calls = {id(m): (m, len(m._inbound_nodes)) for m in layer.modules() if _called(m)}

    def symbol(value: Any) -> Any:
        if not isinstance(value, KerasTensor):
            return value
        return KerasTensor(value.shape, value.dtype, mask_shape=value.mask_shape)

    args = tree.map_structure(symbol, list(node.args))
    kwargs = tree.map_structure(symbol, dict(node.kwargs))
    kwargs.pop("training", None)
    try:
        with calling(False):
            made = layer.call(*args, **kwargs)
    except Exception:  # the error of the run says more
        return None
    finally:
        for module, number in calls.values():
            del module._inbound_nodes[number:]
    flat = tree.flatten(made)
    if not all(isinstance(t, KerasTensor) for t in flat):
        return None
    masked = any(t.mask_shape is not None for t in flat)
    return Shown(made, [t.shape for t in flat], [t.dtype for t in flat], masked)


def _called(module: Any) -> bool:
    return hasattr(module, "_inbound_nodes")


def _run(layer: Any, node: Node, sizes: tuple[int, int]) -> Any:
    batch, other = sizes

    def filled(value: Any) -> Any:
        if not isinstance(value, KerasTensor):
            return value
        shape = [
            (batch if i == 0 else other) if n is None else n
            for i, n in enumerate(value.shape)
        ]
        kind = getattr(torch, value.dtype, torch.float32)
        tensor = layer.example(shape, kind).to(default_device())
        if value.mask_shape is not None:
            size = shape[: len(value.mask_shape)]
            tensor._keras_mask = torch.ones(
                size, dtype=torch.bool, device=default_device()
            )
        return tensor

    args = tree.map_structure(filled, list(node.args))
    kwargs = tree.map_structure(filled, dict(node.kwargs))
    kwargs.pop("training", None)
    modes = [(m, m.training) for m in layer.modules()]
    try:
        # Statistics must not learn from zeros.
        for module, _ in modes:
            module.training = False
        with torch.no_grad(), calling(False), holding_values():
            return type(layer).forward(layer, *args, **kwargs)
    finally:
        for module, mode in modes:
            module.training = mode
