"""Who reads what among the steps of a plan, and which of them are blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeGuard

from keras2torch.layers.core import Block
from keras2torch.layers.definitions import Call, Tensor
from keras2torch.layout import GraphPlan, LayerStep, PermuteStep, Step
from keras2torch.program.lists import Turns


@contextmanager
def sizes_of_all(calls: list[Call]) -> Iterator[None]:
    """Show a shared layer only the sizes that all of its calls have.

    What it becomes (a static padding, say) must hold for each of them.
    """
    groups = [
        *zip(*[c.inputs for c in calls], strict=False),
        *zip(*[c.outputs for c in calls], strict=False),
    ]
    before = [(t, t.shape) for group in groups for t in group]
    try:
        for group in groups if len(calls) > 1 else ():
            if len({t.rank for t in group}) > 1 or len({t.shape for t in group}) == 1:
                continue
            sizes = zip(*[t.shape for t in group], strict=True)
            common = tuple(s[0] if len(set(s)) == 1 else None for s in sizes)
            for tensor in group:
                tensor.shape = common
        yield
    finally:
        for tensor, shape in before:
            tensor.shape = shape


def staying(
    steps: Sequence[Step], every: Sequence[Turns], uses: Mapping[int, list[int]]
) -> set[int]:
    """Return the results of turns that some turn or what follows reads from outside."""
    found: set[int] = set()
    for turns in every:
        found |= {id(tensor) for tensor in turns.carried.values()}
        for j in range(turns.size):
            own = [steps[turns.first + k * turns.size + j] for k in range(turns.count)]
            for made in zip(*[step.writes for step in own], strict=True):
                ends = [turns.first + (k + 1) * turns.size for k in range(len(made))]
                read = [uses.get(id(t), []) for t in made]
                if any(n >= e for ns, e in zip(read, ends, strict=True) for n in ns):
                    found |= {id(t) for t in made}
    return found


def like(tensor: Tensor) -> Tensor:
    """Return another tensor of the same shape, dtype and layout."""
    return Tensor(tensor.shape, tensor.dtype, tensor.layout)


def read_instead(step: Step, tensor: Tensor, other: Tensor) -> None:
    """Have a step read another tensor in place of one."""
    if isinstance(step, PermuteStep):
        step.source = other if step.source is tensor else step.source
        return
    call = step.call
    call.inputs = [other if t is tensor else t for t in call.inputs]
    call.masks = [other if t is tensor else t for t in call.masks]
    call.states = [other if t is tensor else t for t in call.states]
    call.named = {k: other if t is tensor else t for k, t in call.named.items()}


def uses_of_tensors(plan: GraphPlan) -> dict[int, list[int]]:
    """Return for each tensor the steps that read it; the end is one more step."""
    found: dict[int, list[int]] = {}
    steps: list[Step] = plan.steps
    for i, step in enumerate(steps):
        for tensor in step.reads:
            found.setdefault(id(tensor), []).append(i)
    for tensor in plan.outputs:
        found.setdefault(id(tensor), []).append(len(steps))
    return found


def blocks_of(plans: Sequence[GraphPlan]) -> Iterator[LayerStep]:
    """Give the calls of blocks in some plans."""
    for plan in plans:
        for step in plan.steps:
            if is_block(step):
                yield step


def is_block(step: Step) -> TypeGuard[LayerStep]:
    """Whether a step calls a block that was found."""
    block = isinstance(step, LayerStep) and isinstance(step.node.layer, Block)
    return block and isinstance(step, LayerStep) and step.body is not None
