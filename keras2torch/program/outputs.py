"""What Keras knows of a model's outputs: the layers they come from, their masks."""

from __future__ import annotations

from dataclasses import dataclass

from keras2torch.layers.regularization import ActivityPenalty
from keras2torch.layout import GraphPlan, LayerStep, PermuteStep


@dataclass(frozen=True)
class Output:
    """An output as ``compile`` knows it.

    Attributes
    ----------
    name
        That of the layer that makes it.
    masked
        Whether it carries a mask, by which the loss is weighted.
    """

    name: str
    masked: bool


def told_outputs(plan: GraphPlan) -> list[Output]:
    """Return what is known of the outputs, before layers become parts of classes."""
    names = {id(t): name for name, t in plan.inputs}
    masked: dict[int, bool] = {}
    for step in plan.steps:
        if isinstance(step, PermuteStep):
            names[id(step.result)] = names.get(id(step.source), "output")
            masked[id(step.result)] = masked.get(id(step.source), False)
            continue
        _tell(step, names, masked)
    return [
        Output(names.get(id(t), "output"), masked.get(id(t), False))
        for t in plan.outputs
    ]


def _tell(step: LayerStep, names: dict[int, str], masked: dict[int, bool]) -> None:
    layer, call = step.node.layer, step.call
    if isinstance(layer, ActivityPenalty):
        names[id(call.y)] = names.get(id(call.x), "output")
    else:
        names |= {id(tensor): layer.name for tensor in call.outputs}
    if call.outputs:
        goes_on = layer.masking == "use" and layer.passes_mask()
        passes = layer.masking == "pass" or goes_on
        came = bool(call.inputs) and masked.get(id(call.x), False)
        made = step.made_mask is not None
        masked[id(call.outputs[0])] = made or (passes and came)
