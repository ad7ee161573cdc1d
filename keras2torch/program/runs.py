"""Blocks one after the other are one ``nn.Sequential``: the stages and the branches.

``conv2_block1`` to ``conv2_block3`` of a ResNet50 become ``self.conv2``, the
convolutions of an inception block its ``branch1``, ``branch2``, … And what makes a
``forward`` too long to be read becomes classes and stacks of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from keras2torch.dialect import LayerNode
from keras2torch.layers.core import Block, Chain
from keras2torch.layers.definitions import Call
from keras2torch.layers.regularization import ActivityPenalty
from keras2torch.layout import GraphPlan, LayerStep, Step
from keras2torch.program.kinds import snake
from keras2torch.program.names import class_name
from keras2torch.program.steps import like, read_instead, uses_of_tensors
from keras2torch.program.stretches import plain

# A shorter run reads as well where it stands.
_LEAST_STRAIGHT = 4
_TIMES_A_STEM = 3


def fold_runs(plan: GraphPlan) -> None:
    """Fold the stages and branches of a plan into stacks."""
    _fold(plan, runs_of(plan))
    number_branches(plan.steps)
    _list_blocks(plan)


def runs_of(plan: GraphPlan) -> list[tuple[list[int], str]]:
    """Return stages and branches of a plan: which steps, and what each is called."""
    uses = uses_of_tensors(plan)
    found: list[tuple[list[int], str]] = []
    for run in _runs(plan):
        forks = len(uses[id(plan.steps[run[0]].reads[0])]) > 1
        for segment in [run] if forks else _segments(plan, run):
            if len(segment) > 1:
                steps = [plan.steps[i] for i in segment]
                # Of most of a network nobody speaks as its stem.
                few = _TIMES_A_STEM * len(segment) < len(plan.steps)
                first = segment[0] == 0 and few
                found.append((segment, _stack_name(steps, forks, first)))
    return found


def _list_blocks(plan: GraphPlan) -> None:
    """Name blocks that all read the same beside each other as entries of a list."""
    groups: list[list[LayerStep]] = []
    for step in plan.steps:
        if not isinstance(step, LayerStep) or not _takes_more(step):
            continue
        last = groups[-1][-1] if groups else None
        if last is not None and _continues(last, step):
            groups[-1].append(step)
        else:
            groups.append([step])
    taken = {_name(s).partition(".")[0] for s in plan.steps if isinstance(s, LayerStep)}
    for group in groups:
        if len(group) < 2:
            continue
        first = group[0]
        assert first.body is not None
        base = (
            f"{snake(first.body.name)}s" if _is_generic(first) else _stem(_name(first))
        )
        while base in taken:
            base += "_list"
        taken.add(base)
        for n, step in enumerate(group):
            step.node.layer.name = f"{base}.{n}"


def _takes_more(step: LayerStep) -> bool:
    """Whether a block reads more than what the one before makes."""
    block = isinstance(step.node.layer, Block) and step.body is not None
    return block and len(step.reads) > 1 and len(step.writes) == 1


def _continues(before: LayerStep, step: LayerStep) -> bool:
    same = before.body is not None and step.body is not None
    same = same and len(before.reads) == len(step.reads)
    beside = zip(before.reads[1:], step.reads[1:], strict=False)
    return same and step.reads[0] is before.writes[0] and all(a is b for a, b in beside)


def _stack_name(steps: Sequence[Step], forks: bool, first: bool) -> str:
    """Return what a person calls it; a branch has no number yet."""
    if not _is_generic(steps[0]):
        words = [_name(step).split("_") for step in steps]
        common = [w for w in words[0] if all(w in own for own in words)]
        kept = [w for w in common if not w.isdigit()]
        return _stem(_name(steps[0])) if not forks else "_".join(kept) or "branch"
    return "branch" if forks else "stem" if first else "blocks"


def number_branches(steps: Sequence[Step]) -> None:
    """Count the branches of a class of its own from 1."""
    n = 0
    for step in steps:
        chain = isinstance(step, LayerStep) and isinstance(step.node.layer, Chain)
        if chain and re.fullmatch(r"branch\d*", _name(step)):
            n += 1
            assert isinstance(step, LayerStep)
            step.node.layer.name = f"branch{n}"


def fold_straight(plan: GraphPlan, most: int) -> None:
    """Fold the longest straight runs of layers until ``most`` steps are left."""
    while len(plan.steps) > most:
        runs = [run for run in _straight(plan) if len(run) >= _LEAST_STRAIGHT]
        if not runs:
            return
        longest = max(runs, key=len)
        at = longest[: max(len(longest) // 2, _LEAST_STRAIGHT)]
        if len(longest) <= most:
            at = longest
        if len(at) == len(plan.steps):
            return
        steps = [plan.steps[i] for i in at]
        name = _straight_name(
            steps, first=at[0] == 0, last=at[-1] + 1 == len(plan.steps)
        )
        call = stacked(plan, steps, name)
        plan.steps[at[0] : at[-1] + 1] = [call]


def _straight(plan: GraphPlan) -> list[list[int]]:
    """Return neighbouring layers of which each reads only the one before."""
    uses = uses_of_tensors(plan)
    # What is called again, say, holds its weights for both calls.
    free = plain(plan)
    runs: list[list[int]] = [[]]
    for i, step in enumerate(plan.steps):
        alone = isinstance(step, LayerStep) and not isinstance(step.node.layer, Chain)
        single = free[i] and alone and len(step.reads) == len(step.writes) == 1
        if single and isinstance(step, LayerStep):
            single = step.option is None
        if single and runs[-1]:
            before = plan.steps[runs[-1][-1]].writes[0]
            if step.reads[0] is not before or uses.get(id(before)) != [i]:
                runs.append([])
        if single:
            runs[-1].append(i)
        elif runs[-1]:
            runs.append([])
    return runs


def _straight_name(steps: Sequence[Step], *, first: bool, last: bool) -> str:
    if first:
        return "stem"
    if last:
        return "head"
    words = [_name(step).split("_") for step in steps if isinstance(step, LayerStep)]
    common = [w for w in words[0] if all(w in own for own in words)]
    return "_".join(common) or "layers"


def _runs(plan: GraphPlan) -> list[list[int]]:
    """Return blocks of which each reads what only the one before makes."""
    uses = uses_of_tensors(plan)
    made = {id(t): i for i, step in enumerate(plan.steps) for t in step.writes}
    runs: list[list[int]] = []
    last: dict[int, list[int]] = {}
    for i, step in enumerate(plan.steps):
        if not _is_single(step):
            continue
        [read] = step.reads
        before = made.get(id(read), -1)
        alone = uses.get(id(read)) == [i]
        run = last.pop(before, None) if alone else None
        if run is None:
            run = []
            runs.append(run)
        run.append(i)
        last[i] = run
    return [run for run in runs if len(run) > 1]


def _is_single(step: Step) -> bool:
    if not isinstance(step, LayerStep) or not isinstance(step.node.layer, Block):
        return False
    if step.body is None or not all(map(_adds_nothing, step.body.layer_steps())):
        return False
    return len(step.reads) == len(step.writes) == 1


def _adds_nothing(step: LayerStep) -> bool:
    """Whether nothing of a layer is added to the loss: a stack has no method for it."""
    layer = step.node.layer
    return not layer.regularizers() and not isinstance(layer, ActivityPenalty)


def _segments(plan: GraphPlan, run: Sequence[int]) -> list[list[int]]:
    """Part a run where the names of the blocks begin anew."""
    stems = groupby(run, key=lambda i: _stem(_name(plan.steps[i])))
    return [list(part) for _, part in stems]


def _name(step: Step) -> str:
    assert isinstance(step, LayerStep)
    return step.node.layer.name


def _stem(name: str) -> str:
    """Return what the blocks of a stage have in common in their names.

    Examples
    --------
    >>> [_stem(n) for n in ("conv2_block1", "block2a", "block35_1", "block_16")]
    ['conv2', 'block2', 'block35', 'blocks']
    """
    stem = re.sub(r"(?<=\d)[a-z]$", "", name)
    if stem != name:
        return stem
    plain = re.fullmatch(r"(block|layer|unit|cell)_?\d+", name)
    if plain:
        return f"{plain[1]}s"
    return re.sub(r"_?(block|layer|unit|cell)?_?\d+$", "", name) or name


def _is_generic(step: Step) -> bool:
    """Whether nobody gave a block its name."""
    assert isinstance(step, LayerStep)
    assert step.body is not None
    return step.node.layer.name == snake(step.body.name)


def _fold(plan: GraphPlan, found: Sequence[tuple[list[int], str]]) -> None:
    last = {at[-1]: (at, name) for at, name in found}
    taken = {i for at, _ in found for i in at}
    steps: list[Step] = []
    for i, step in enumerate(plan.steps):
        if i in last:
            at, name = last[i]
            steps.append(stacked(plan, [plan.steps[k] for k in at], name))
        elif i not in taken:
            steps.append(step)
    plan.steps[:] = steps


def stacked(plan: GraphPlan, steps: Sequence[Step], name: str) -> LayerStep:
    """Return steps of which each reads only the one before as one call of a stack."""
    [before], [made] = steps[0].reads, steps[-1].writes
    given, left = like(before), like(made)
    read_instead(steps[0], before, given)
    # What is read outside is still the tensor that was.
    first, last = steps[0], steps[-1]
    assert isinstance(first, LayerStep)
    assert isinstance(last, LayerStep)
    last.call.outputs = [left]
    # Steps move when others are folded: a number of theirs could come again.
    path = f"{plan.path}<stack of {first.node.path}>"
    # Not everything can be an entry of a stack; then it is a class.
    kind = class_name(name)
    body = GraphPlan(kind, path, [("x", given)], list(steps), [left], [""])
    node = LayerNode(Chain(name=name), path, [])
    return LayerStep(node, Call([before], [made], masks=[None]), body=body)


__all__ = ["fold_runs", "fold_straight", "number_branches", "runs_of", "stacked"]
