"""Blocks of which no two are the same: each is another one with or without a part.

In MobileNetV3 some expand, some squeeze, some are residual. Where such blocks are is
told by the names of their layers (``block_1_expand``), or by the fork and the sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keras2torch.layout import GraphPlan, Step
from keras2torch.program.likeness import are_variants
from keras2torch.program.steps import is_block
from keras2torch.program.stretches import Stretch
from keras2torch.program.words import words_of

_LEAST_STEPS = 4
_MOST_STEPS = 24
_DEEPEST = 4


def relatives(
    plan: GraphPlan, elements: Sequence[Stretch | None], least: int
) -> list[tuple[int, ...]]:
    """Return the steps of each block, nothing if there are none worth a class.

    Parameters
    ----------
    plan
        Where they are.
    elements
        Its steps, parted where a single tensor is all that the rest reads.
    least
        How many steps the classes have to save.
    """
    best: list[tuple[int, ...]] = []
    for places in _candidates(plan, elements):
        if _saved(places) < least:
            continue
        kept = _related(plan, places)
        if _saved(kept) >= least:
            best, least = kept, _saved(kept) + 1
    return best


def _saved(places: Sequence[tuple[int, ...]]) -> int:
    sizes = [len(at) for at in places]
    return sum(sizes) - max(sizes, default=0)


def _candidates(
    plan: GraphPlan, elements: Sequence[Stretch | None]
) -> Iterator[list[tuple[int, ...]]]:
    """Give what could be the blocks: what forks and joins, then what the names say."""
    # A stage of blocks is no block.
    whole = [
        element.at
        for element in elements
        if element is not None and not any(is_block(plan.steps[i]) for i in element.at)
    ]
    yield [at for at in whole if _LEAST_STEPS <= len(at) <= _MOST_STEPS]
    begins = {at[0]: n for n, at in enumerate(whole)}
    every = enumerate(map(words_of, plan.steps))
    named = [(i, words) for i, words in every if words is not None]
    for depth in range(1, _DEEPEST + 1):
        found = []
        for first, last, end in _groups(named, depth, len(plan.steps)):
            at = _covered(whole, begins.get(first), last, end)
            if _LEAST_STEPS <= len(at) <= _MOST_STEPS:
                found.append(at)
        yield found


def _groups(
    named: Sequence[tuple[int, list[str]]], depth: int, steps: int
) -> Iterator[tuple[int, int, int]]:
    """Give the first and the last step with the same first words, and the next name."""
    n = 0
    while n < len(named):
        first, words = named[n]
        end = n + 1
        while end < len(named) and named[end][1][:depth] == words[:depth]:
            end += 1
        yield first, named[end - 1][0], named[end][0] if end < len(named) else steps
        n = end


def _covered(
    whole: Sequence[tuple[int, ...]], start: int | None, last: int, end: int
) -> tuple[int, ...]:
    """Return the steps of elements that reach from one step over another to an end."""
    at: tuple[int, ...] = ()
    n = -1 if start is None else start
    while 0 <= n < len(whole) and whole[n][-1] < end:
        if at and whole[n][0] != at[-1] + 1:
            break
        at += whole[n]
        n += 1
    return at if at and at[-1] >= last else ()


def _related(
    plan: GraphPlan, places: Sequence[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """Return those that are variants of others."""
    families: list[list[tuple[int, ...]]] = []
    for at in places:
        own = _steps(plan, at)
        for family in families:
            # The longest shows most parts, the one before is nearest.
            known = {family[-1], max(family, key=len)}
            if any(are_variants(own, _steps(plan, other)) for other in known):
                family.append(at)
                break
        else:
            families.append([at])
    return sorted(at for family in families if len(family) > 1 for at in family)


def _steps(plan: GraphPlan, at: tuple[int, ...]) -> list[Step]:
    return [plan.steps[i] for i in at]


__all__ = ["relatives"]
