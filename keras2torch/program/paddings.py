"""Zeros that a layer puts around its input are padded by the layer that reads them.

``nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3)`` in place of ``F.pad`` and a
convolution without padding: a copy less, and as a person writes it.
"""

from __future__ import annotations

from collections import Counter

from keras2torch.dialect import LayerNode
from keras2torch.layers.core import Pad
from keras2torch.layers.definitions import Call
from keras2torch.layers.reshaping import ZeroPadding
from keras2torch.layout import GraphPlan, LayerStep, Step
from keras2torch.program.steps import like, uses_of_tensors


def join_paddings(top: GraphPlan) -> None:
    """Leave out the zero paddings that the only layer behind them can do.

    A maximum over zeros at the border is one over nothing at the border, in value and
    gradient, only behind a ReLU.
    """
    bodies = {id(s.body): s.body for s in top.layer_steps() if s.body is not None}
    for plan in [top, *bodies.values()]:
        top.joined |= _join(plan)


def part_paddings(plan: GraphPlan) -> None:
    """Make the zeros before a convolution steps of their own.

    So it is the same as one that needs none, and they are an optional part.
    """
    calls = Counter(s.node.path for s in plan.steps if isinstance(s, LayerStep))
    steps: list[Step] = []
    for step in plan.steps:
        if isinstance(step, LayerStep) and step.body is None and len(step.reads) == 1:
            alone = calls[step.node.path] == 1 and not step.call.padded
            pairs = step.node.layer.pads_before(step.call) if alone else []
            if pairs:
                x = step.call.x
                # Its size is told by the convolution, which looks at the sizes before.
                padded = like(x)
                node = LayerNode(
                    Pad(name="pad", pairs=tuple(pairs)), f"{step.node.path}<pad>", []
                )
                steps.append(LayerStep(node, Call([x], [padded], masks=[None])))
                step.call.inputs, step.call.padded = [padded], True
        steps.append(step)
    plan.steps[:] = steps


def _join(plan: GraphPlan) -> dict[str, str]:
    """Return whose module pads what a layer would have padded."""
    made: dict[int, Step] = {id(t): s for s in plan.steps for t in s.writes}
    uses = uses_of_tensors(plan)
    calls = Counter(s.node.path for s in plan.steps if isinstance(s, LayerStep))
    gone: set[int] = set()
    joined: dict[str, str] = {}
    for step in plan.steps:
        if not isinstance(step, LayerStep) or len(step.reads) != 1:
            continue
        read = step.call.x
        padding = made.get(id(read))
        if not isinstance(padding, LayerStep) or len(uses[id(read)]) > 1:
            continue
        # The module is written once, and what is seen of a layer is counted by calls.
        if calls[step.node.path] > 1 or calls[padding.node.path] > 1:
            continue
        if not isinstance(padding.node.layer, ZeroPadding):
            continue
        x = padding.call.x
        around = padding.node.layer.around(padding.call)
        if around is None or x.layout != read.layout:
            continue
        before = made.get(id(x))
        rectified = isinstance(before, LayerStep) and before.node.layer.rectifies()
        if step.node.layer.can_pad(around, rectified=rectified):
            step.call.inputs[0] = x
            step.call.around = around
            gone.add(id(padding))
            joined[padding.node.path] = step.node.path
    plan.steps[:] = [s for s in plan.steps if id(s) not in gone]
    return joined


__all__ = ["join_paddings", "part_paddings"]
