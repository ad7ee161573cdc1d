"""What a training script has to know of the model."""

from __future__ import annotations

from keras2torch.layers.definitions import Tensor
from keras2torch.layers.regularization import ActivityPenalty
from keras2torch.layout import LayerStep, PermuteStep
from keras2torch.program import Program


def output_names(program: Program) -> list[tuple[str, Tensor]]:
    """Return the outputs under the names by which ``compile`` knows them."""
    origin: dict[int, str] = {id(t): name for name, t in program.inputs}
    for step in program.plan.steps:
        if isinstance(step, PermuteStep):
            origin[id(step.result)] = origin.get(id(step.source), "output")
        elif isinstance(step.node.layer, ActivityPenalty):
            origin[id(step.call.y)] = origin.get(id(step.call.x), "output")
        else:
            for tensor in step.call.outputs:
                origin[id(tensor)] = step.node.layer.name
    return [(origin.get(id(t), "output"), t) for t in program.outputs]


def masked_outputs(program: Program) -> list[bool]:
    """Return for each output whether it carries a mask."""
    masked: dict[int, bool] = {}
    for step in program.plan.steps:
        if isinstance(step, PermuteStep):
            masked[id(step.result)] = masked.get(id(step.source), False)
        elif isinstance(step, LayerStep) and step.call.outputs:
            layer = step.node.layer
            passes = layer.masking == "pass" or (
                layer.masking == "use" and layer.passes_mask()
            )
            came = bool(step.call.inputs) and masked.get(id(step.call.x), False)
            made = step.made_mask is not None
            masked[id(step.call.outputs[0])] = made or (passes and came)
    return [masked.get(id(t), False) for t in program.outputs]


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
