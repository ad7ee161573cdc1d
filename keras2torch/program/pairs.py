"""Blocks that always come two (or three) in a row are one block.

The separable convolutions of NASNet come twice wherever they come: a person writes one
class for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras2torch.dialect import LayerNode
from keras2torch.layers.core import Block
from keras2torch.layers.definitions import Call
from keras2torch.layout import GraphPlan, LayerStep, Step
from keras2torch.operators import Operator
from keras2torch.program.automatic import by_class
from keras2torch.program.kinds import class_of, snake
from keras2torch.program.likeness import Schemas, are_variants, schemas
from keras2torch.program.runs import runs_of
from keras2torch.program.steps import blocks_of, like, read_instead
from keras2torch.program.variants import join_variants

# Fewer read as well where they stand.
_LEAST_ROWS = 3
# A class of more steps reads worse than one of the half.
_MOST_STEPS = 10


@dataclass
class _Row:
    """Blocks of a plan of which each reads only the one before, and their name."""

    plan: GraphPlan
    blocks: list[LayerStep]
    name: str


def fold_pairs(plans: Sequence[GraphPlan]) -> None:
    """Make one block of straight ones that are never alone."""
    rows = [
        _Row(plan, [s for i in run if isinstance(s := plan.steps[i], LayerStep)], name)
        for plan in plans
        for run, name in runs_of(plan)
    ]
    made: list[LayerStep] = []
    for family in _families([b for b in blocks_of(plans) if _is_straight(b)]):
        own = [row for row in rows if all(id(b) in family for b in row.blocks)]
        together = {id(b) for row in own for b in row.blocks}
        lengths = {len(row.blocks) for row in own}
        if family != together or len(lengths) > 1 or len(own) < _LEAST_ROWS:
            continue
        if all(sum(map(_size, row.blocks)) <= _MOST_STEPS for row in own):
            _shorten(own)
            made += [_folded(row) for row in own]
    join_variants(made)


def _families(blocks: Sequence[LayerStep]) -> list[set[int]]:
    """Return blocks, by their ids, that are the same but for optional parts."""
    same: dict[Schemas, list[LayerStep]] = {}
    for block in blocks:
        same.setdefault(schemas([block]), []).append(block)
    found: list[tuple[Sequence[Step], set[int]]] = []
    for alike in same.values():
        ids, steps = {id(block) for block in alike}, _steps(alike[0])
        for example, family in found:
            if are_variants(steps, example):
                family |= ids
                break
        else:
            found.append((steps, ids))
    return [family for _, family in found]


def _shorten(rows: Sequence[_Row]) -> None:
    """Leave out of the names what all have in common."""
    words = [row.name.split("_") for row in rows]
    own = [[w for w in ws if any(w not in other for other in words)] for ws in words]
    if all(ws and not ws[0].isdigit() for ws in own):
        for row, ws in zip(rows, own, strict=True):
            row.name = "_".join(ws)


def _steps(block: LayerStep) -> list[Step]:
    assert block.body is not None
    return block.body.steps


def _size(block: LayerStep) -> int:
    return len(_steps(block))


def _is_straight(block: LayerStep) -> bool:
    """Whether each layer reads only the one before, and none is a class of its own."""
    steps = _steps(block)
    if len(block.reads) != 1 or not isinstance(steps[-1], LayerStep):
        return False
    plain = all(not isinstance(s, LayerStep) or s.body is None for s in steps)
    single = all(len(s.reads) == len(s.writes) == 1 for s in steps)
    return plain and single and block.body is not None and block.body.family == 0


def _folded(row: _Row) -> LayerStep:
    """Put one block in the place of several."""
    [before], [made] = row.blocks[0].reads, row.blocks[-1].writes
    given = last = like(before)
    steps: list[Step] = []
    for block in row.blocks:
        assert block.body is not None
        [(_, inner)] = block.body.inputs
        read_instead(block.body.steps[0], inner, last)
        steps += block.body.steps
        [last] = block.body.outputs
    for step in steps:
        if isinstance(step, LayerStep) and not isinstance(step.node.layer, Operator):
            step.node.layer.name = by_class(step.node.layer)
    kind = class_of(steps, given)
    path = f"{row.plan.path}<row of {row.blocks[0].node.path}>"
    body = GraphPlan(kind, path, [("x", given)], steps, [last], [""])
    node = LayerNode(Block(name=row.name or snake(kind)), path, [])
    call = LayerStep(node, Call([before], [made], masks=[None]), body=body)
    gone = {id(block) for block in row.blocks}
    row.plan.steps[:] = [
        call if s is row.blocks[-1] else s
        for s in row.plan.steps
        if id(s) not in gone or s is row.blocks[-1]
    ]
    return call


__all__ = ["fold_pairs"]
