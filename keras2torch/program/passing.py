"""What the classes inside are given: no value twice, and none that nobody reads."""

from __future__ import annotations

from keras2torch.layers.definitions import Call, Functional, Tensor
from keras2torch.layers.loops import own_class
from keras2torch.layout import GraphPlan, LayerStep, Step
from keras2torch.operators import Operator
from keras2torch.program.steps import read_instead


def pass_once(top: GraphPlan) -> None:
    """Take from the user's own classes the arguments that say nothing.

    An argument that is the same value as another in every call, and one that nothing
    inside reads, such as a mask that only Keras looked at.
    """
    calls: dict[int, list[LayerStep]] = {}
    _collect(top, calls)
    for steps in calls.values():
        body = steps[0].body
        assert body is not None
        if all(_plain(step) for step in steps):
            _merge(body, [step.call for step in steps])
            _drop_unread(body, [step.call for step in steps])
    for plan in [top, *[s.body for found in calls.values() for s in found[:1]]]:
        assert plan is not None
        _prune(plan)


def _collect(plan: GraphPlan, calls: dict[int, list[LayerStep]]) -> None:
    """Find the calls of each body, what is inside a body before it."""
    for step in plan.steps:
        if not isinstance(step, LayerStep) or step.body is None:
            continue
        if id(step.body) not in calls:
            _collect(step.body, calls)
        calls.setdefault(id(step.body), []).append(step)


def _plain(step: LayerStep) -> bool:
    """Whether the inputs of a call are the arguments of a user's own class."""
    assert step.body is not None
    layer = step.node.layer
    own = type(layer) is Functional and bool(own_class(layer))
    return own and len(step.call.inputs) == len(step.body.inputs)


def _merge(body: GraphPlan, calls: list[Call]) -> None:
    """Make one argument of two that are the same value in every call."""
    for j in range(len(body.inputs) - 1, 0, -1):
        for i in range(j):
            kept, gone = body.inputs[i][1], body.inputs[j][1]
            alike = kept.layout == gone.layout and kept.dtype == gone.dtype
            if alike and all(c.inputs[i] is c.inputs[j] for c in calls):
                _replace(body, gone, kept)
                _drop(body, calls, j)
                break


def _replace(body: GraphPlan, gone: Tensor, kept: Tensor) -> None:
    for step in body.steps:
        read_instead(step, gone, kept)
    body.outputs = [kept if t is gone else t for t in body.outputs]


def _drop_unread(body: GraphPlan, calls: list[Call]) -> None:
    read = {id(t) for step in body.steps for t in step.reads}
    read |= {id(t) for t in body.outputs}
    for j in range(len(body.inputs) - 1, 0, -1):
        if id(body.inputs[j][1]) not in read:
            _drop(body, calls, j)


def _prune(plan: GraphPlan) -> None:
    """Leave out the operators whose results nobody reads any more."""
    read = {id(t) for t in plan.outputs}
    kept: list[Step] = []
    for step in reversed(plan.steps):
        layer = isinstance(step, LayerStep) and not isinstance(
            step.node.layer, Operator
        )
        if layer or any(id(t) in read for t in step.writes):
            kept.append(step)
            read |= {id(t) for t in step.reads}
    plan.steps[:] = kept[::-1]


def _drop(body: GraphPlan, calls: list[Call], position: int) -> None:
    """Take an argument away, where it is declared and in every call."""
    body.inputs.pop(position)
    for call in calls:
        call.inputs.pop(position)
        if call.masks:
            call.masks.pop(position)
        if call.body_masks:
            call.body_masks = (
                *call.body_masks[:position],
                *call.body_masks[position + 1 :],
            )
