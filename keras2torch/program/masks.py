"""Masks that nobody reads: Keras hands them on to the end, a person does not."""

from __future__ import annotations

from keras2torch.layout import GraphPlan, LayerStep


def drop_masks(plan: GraphPlan) -> None:
    """Forget the masks of a plan that no layer computes with."""
    read = {id(tensor) for tensor in plan.outputs}
    for step in reversed(plan.steps):
        if isinstance(step, LayerStep) and step.body is None:
            if step.made_mask is not None and id(step.made_mask) not in read:
                step.made_mask = None
            if step.made_mask is None and not step.node.layer.reads_masks(step.call):
                step.call.masks = [None] * len(step.call.masks)
        read |= {id(tensor) for tensor in step.reads}
