"""Cells that read the two before are the entries of a list, called in a loop.

``for cell in self.cells: before, x = x, cell(before, x)`` is how a person writes the
networks of Zoph et al. 2018 and those after them.
"""

from __future__ import annotations

import operator

from keras2torch.layers.core import Block, Cell
from keras2torch.layout import GraphPlan, LayerStep, Step
from keras2torch.program.steps import like, read_instead, uses_of_tensors

_LEAST_CELLS = 3


def list_cells(plan: GraphPlan) -> None:
    """Make lists of neighbouring cells, each of which hands on what it reads last."""
    groups = _groups(plan)
    taken = {s.node.layer.name for s in plan.steps if isinstance(s, LayerStep)}
    bases = [
        f"cells{n + 1}" if len(groups) > 1 else "cells" for n in range(len(groups))
    ]
    if taken & set(bases):
        return
    for base, group in zip(bases, groups, strict=True):
        for n, i in enumerate(group):
            step = plan.steps[i]
            assert isinstance(step, LayerStep)
            step.node.layer = Cell(name=f"{base}.{n}")
            last = step.reads[1]
            kept = like(last)
            step.call.outputs.insert(0, kept)
            for later in plan.steps[i + 1 :]:
                read_instead(later, last, kept)
            plan.outputs = [kept if t is last else t for t in plan.outputs]


def _groups(plan: GraphPlan) -> list[list[int]]:
    """Return neighbouring cells of which each reads what the one before hands on."""
    uses = uses_of_tensors(plan)
    groups: list[list[int]] = []
    for i, step in enumerate(plan.steps):
        if not _is_cell(step):
            continue
        before = plan.steps[i - 1] if groups and groups[-1][-1] == i - 1 else None
        handed = before is not None and [before.reads[1], before.writes[0]]
        follows = handed and all(map(operator.is_, step.reads, handed))
        if handed and follows and max(uses[id(handed[0])]) == i:
            groups[-1].append(i)
        else:
            groups.append([i])
    return [group for group in groups if len(group) >= _LEAST_CELLS]


def _is_cell(step: Step) -> bool:
    block = isinstance(step, LayerStep) and type(step.node.layer) is Block
    return block and (len(step.reads), len(step.writes)) == (2, 1)


__all__ = ["list_cells"]
