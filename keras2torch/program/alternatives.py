"""Blocks that differ in one part, which each has in its own way, are one class.

The cells of NASNet fit what the cell before the last made to their own size: by a
convolution where only the channels differ, by a factorized reduction where the size
does. A flag tells which.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial

from keras2torch.layers.core import Chain
from keras2torch.layout import GraphPlan, LayerStep, Option, Step
from keras2torch.program.kinds import snake
from keras2torch.program.stretches import kind_of

# With less in common, two classes read better.
_LEAST_COMMON = 6

_Signature = tuple[Hashable, ...]


def join_alternatives(blocks: Sequence[LayerStep]) -> None:
    """Give blocks that differ in a single block inside a flag for it."""
    bodies = {id(b.body): b.body for b in blocks if b.body is not None}
    groups: dict[_Signature, list[GraphPlan]] = {}
    for body in bodies.values():
        if body.family == 0 and len(body.steps) > _LEAST_COMMON:
            groups.setdefault(_signature(body), []).append(body)
    family = max((body.family for body in bodies.values()), default=0)
    while len(groups) > 1:
        own, first = groups.popitem()
        for other in groups:
            at = _apart(own, other)
            if at is not None and _are_blocks(at, first[0], groups[other][0]):
                family += 1
                few, many = sorted((first, groups.pop(other)), key=partial(_usual, at))
                _join(at, few, many, family)
                break


def _signature(body: GraphPlan) -> _Signature:
    """Return what the steps do, and what each of them reads."""
    made = {id(t): (-1, k) for k, (_, t) in enumerate(body.inputs)}
    found: list[Hashable] = []
    for n, step in enumerate(body.steps):
        found.append((_kind(step), tuple(made.get(id(t)) for t in step.reads)))
        made |= {id(t): (n, o) for o, t in enumerate(step.writes)}
    return tuple(found)


def _kind(step: Step) -> Hashable:
    if not isinstance(step, LayerStep) or step.body is None:
        return kind_of(step)
    kind = step.body.name if not isinstance(step.node.layer, Chain) else ""
    # Of a family every member is the same class.
    return (kind, step.body.family or _signature(step.body))


def _apart(one: _Signature, two: _Signature) -> int | None:
    """Return the only step in which they differ, if there is one."""
    if len(one) != len(two):
        return None
    apart = [n for n, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    return apart[0] if len(apart) == 1 else None


def _are_blocks(at: int, *bodies: GraphPlan) -> bool:
    """Whether both have a block there that does the same with other layers."""
    steps = [body.steps[at] for body in bodies]
    made = {id(t): n for body in bodies for n, (_, t) in enumerate(body.inputs)}
    reads = {tuple(made.get(id(t)) for t in step.reads) for step in steps}
    plain = all(
        isinstance(s, LayerStep)
        and s.body is not None
        and not isinstance(s.node.layer, Chain)
        and s.option is None
        for s in steps
    )
    return plain and len(reads) == 1 and None not in reads.pop()


def _usual(at: int, bodies: Sequence[GraphPlan]) -> tuple[int, int]:
    """Sort what most blocks have, or what is simpler, last."""
    step = bodies[0].steps[at]
    assert isinstance(step, LayerStep)
    assert step.body is not None
    return len(bodies), -len(step.body.steps)


def _join(
    at: int, few: Sequence[GraphPlan], many: Sequence[GraphPlan], family: int
) -> None:
    """Make them one family; the flag says that a block is one of the few."""
    names = [
        step.node.layer.name if isinstance(step, LayerStep) else ""
        for step in few[0].steps
    ]
    rare, usual = few[0].steps[at], many[0].steps[at]
    assert isinstance(rare, LayerStep)
    assert isinstance(usual, LayerStep)
    assert rare.body is not None
    words = names[at].split("_")
    common = [w for w in words if w in usual.node.layer.name.split("_")]
    flag = snake(rare.body.name)
    names[at] = "_".join(common) or f"{flag}_part"
    for body in (*few, *many):
        body.family, body.name = family, few[0].name
        for name, step in zip(names, body.steps, strict=True):
            if isinstance(step, LayerStep):
                step.node.layer.name = name
        part = body.steps[at]
        assert isinstance(part, LayerStep)
        part.option = Option(flag, any(body is own for own in few), either=True)


__all__ = ["join_alternatives"]
