"""What a training script has to know of the model."""

from __future__ import annotations

from keras2torch.layers.definitions import Tensor
from keras2torch.program import Program


def output_names(program: Program) -> list[tuple[str, Tensor]]:
    """Return the outputs under the names by which ``compile`` knows them."""
    return [(o.name, t) for o, t in zip(program.told, program.outputs, strict=True)]


def masked_outputs(program: Program) -> list[bool]:
    """Return for each output whether it carries a mask."""
    return [output.masked for output in program.told]


def shape_text(tensor: Tensor, *, drop: int | None = None, keras: bool = False) -> str:
    """Return ``(N, 3, 32, 32)``, the axis ``drop`` of Keras left out."""
    axes = range(tensor.rank) if keras else tensor.layout.axes
    sizes = []
    for axis in axes:
        size = tensor.shape[axis]
        if axis != drop:
            sizes.append("N" if axis == 0 else "?" if size is None else str(size))
    return "(" + ", ".join(sizes) + ("," if len(sizes) == 1 else "") + ")"


def order_text(tensor: Tensor) -> str:
    """Return how to bring Keras' arrays into the order of a tensor, if it moved."""
    if tensor.layout.axes == tuple(range(tensor.rank)):
        return ""
    axes = ", ".join(map(str, tensor.layout.axes))
    return f", x.permute({axes}) of what Keras got: {shape_text(tensor, keras=True)}"
