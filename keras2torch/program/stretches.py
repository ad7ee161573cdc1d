"""Stretches of a plan that one tensor enters and one leaves: what a class could be.

Equal keys say that stretches do the same, but for numbers;
:mod:`keras2torch.program.blocks` chooses among them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from keras2torch.layers.definitions import to_config
from keras2torch.layout import GraphPlan, LayerStep, PermuteStep, Step
from keras2torch.operators import Operator
from keras2torch.program.kinds import enlarges
from keras2torch.program.lists import position

# What is saved must be worth the class: its steps, without those of the class.
LEAST_SAVED = 6
_LEAST_JOINED = 4
_MOST_INPUTS = 3


@dataclass
class Stretch:
    """Steps of a plan that can be called as one, because they are wired so.

    Attributes
    ----------
    at
        Which of ``plan.steps``, in order.
    key
        What it does, without numbers; equal for those that may share a class.
    """

    at: tuple[int, ...]
    key: object


def elements(plan: GraphPlan, *, far: int = 0) -> Iterator[Stretch | None]:
    """Cut a plan wherever a single tensor is all that the rest reads.

    ``far``: tensors that nobody reads for so many steps do not count, such as what an
    encoder hands to every block of a decoder, or a skip connection; 0 if all count.
    """
    wiring = _Wiring(plan)
    apart = wiring.apart(far) if far else set()
    first = 0
    for end in range(1, len(plan.steps) + 1):
        made = {id(t) for t in plan.steps[end - 1].writes}
        if end < len(plan.steps) and len(wiring.live(end) - (apart - made)) != 1:
            continue
        yield wiring.stretch(range(first, end), beside=apart)
        first = end


def chains(plan: GraphPlan) -> Iterator[Stretch | None]:
    """Give the steps, parted where one is not the only reader of the one before."""
    wiring = _Wiring(plan)
    for i, step in enumerate(plan.steps):
        if i and not wiring.follows(i):
            yield None
        inside = isinstance(step, LayerStep) and step.body is not None
        yield None if inside else wiring.stretch([i])


def cones(plan: GraphPlan, *, least: int) -> Iterator[Stretch | None]:
    """Give what leads to one step and nowhere else, the largest first.

    The steps of one need not stand together.
    """
    wiring = _Wiring(plan)
    found = [wiring.cone(i) for i in range(len(plan.steps))]
    cones = [wiring.stretch(at, several=True) for at in found if at]
    keys = Counter(c.key for c in cones if c is not None)
    taken: set[int] = set()
    for cone in sorted(
        (c for c in cones if c is not None and keys[c.key] >= least),
        key=lambda c: -len(c.at),
    ):
        if taken.isdisjoint(cone.at):
            taken.update(cone.at)
            yield cone
            yield None


def regions(plan: GraphPlan) -> Iterator[Stretch | None]:
    """Give what forks and joins again on the way of one tensor, the largest first.

    Nobody else reads what goes in: a shortcut is no region, nor what it goes around.
    """
    wiring = _Wiring(plan)
    found = [wiring.region(i) for i in range(len(plan.steps))]
    taken: set[int] = set()
    for at in sorted((at for at in found if at), key=lambda at: -len(at)):
        region = wiring.stretch(at) if taken.isdisjoint(at) else None
        if region is not None:
            taken.update(at)
            yield region
            yield None


def plain(plan: GraphPlan) -> list[bool]:
    """Return which steps may be moved into a class: nothing else holds on to them."""
    wiring = _Wiring(plan)
    return [wiring.is_plain(step) for step in plan.steps]


class _Wiring:
    """Who makes and who reads the tensors of a plan."""

    def __init__(self, plan: GraphPlan) -> None:
        self._plan = plan
        self._made: dict[int, tuple[int, int]] = {}
        self._last: dict[int, int] = {}
        self._read_by: defaultdict[int, list[int]] = defaultdict(list)
        self._calls: Counter[str] = Counter()
        for i, step in enumerate(plan.steps):
            for o, tensor in enumerate(step.writes):
                self._made[id(tensor)] = (i, o)
            for tensor in step.reads:
                self._last[id(tensor)] = i
                self._read_by[id(tensor)].append(i)
            if isinstance(step, LayerStep):
                self._calls[step.node.path] += 1
        for tensor in plan.outputs:
            self._last[id(tensor)] = len(plan.steps)
            self._read_by[id(tensor)].append(len(plan.steps))
        self._held = {id(h.tensor) for h in plan.held}
        self._kinds: dict[int, object] = {}
        given = [t for _, t in plan.inputs]
        made = [t for step in plan.steps for t in step.writes]
        self._live: list[set[int]] = [set() for _ in range(len(plan.steps) + 1)]
        for tensor in [*given, *made]:
            start = self._made.get(id(tensor), (-1, 0))[0] + 1
            for i in range(start, self._last.get(id(tensor), -1) + 1):
                self._live[i].add(id(tensor))

    def apart(self, far: int) -> set[int]:
        """Return what is not read for so many steps, and then is."""
        found = set()
        for key, readers in self._read_by.items():
            made = self._made.get(key, (-1, 0))[0]
            gaps = [b - a for a, b in pairwise([made, *readers])]
            # A branch that waits to be joined is read once.
            often = len(readers) > 1 or made < 0
            larger = {i for i in self._grows if made < i < readers[-1]} - {*readers}
            long = max(gaps) >= far or larger
            if often and long and readers[-1] < len(self._plan.steps):
                found.add(key)
        return found

    @cached_property
    def _grows(self) -> list[int]:
        """Where an image is made larger: what waits for that is no shortcut."""
        layers = [
            s.node.layer if isinstance(s, LayerStep) else None for s in self._plan.steps
        ]
        return [i for i, x in enumerate(layers) if x is not None and enlarges(x)]

    def live(self, i: int) -> set[int]:
        """Return what was made before step ``i`` and is read from there on."""
        return self._live[i]

    def follows(self, i: int) -> bool:
        """Whether step ``i`` is all that reads what the step before makes."""
        before, reads = self._plan.steps[i - 1].writes, self._plan.steps[i].reads
        alone = len(before) == 1 and len(reads) == 1 and reads[0] is before[0]
        return alone and len(self._read_by[id(before[0])]) == 1

    def cone(self, root: int) -> list[int]:
        """Return the steps whose results are read by nobody but these and ``root``.

        The root joins many tensors; another step that joins as many is not inside.
        """
        joined = len(self._plan.steps[root].reads)
        inside = self._only_for(root, joined) if joined >= _LEAST_JOINED else []
        return inside if len(inside) >= LEAST_SAVED else []

    def region(self, root: int) -> list[int]:
        """Return the same for a part of the plan that one tensor enters."""
        inside = self._only_for(root, len(self._plan.steps))
        steps = [self._plan.steps[i] for i in inside]
        made = {id(t) for step in steps for t in step.writes}
        given = {id(t) for step in steps for t in step.reads} - made
        apart = len(given) == 1 and set(self._read_by[min(given)]).issubset(inside)
        joins = any(len(step.reads) > 1 for step in steps)
        whole = len(inside) == len(self._plan.steps)
        return inside if apart and joins and not whole else []

    def _only_for(self, root: int, joined: int) -> list[int]:
        """Return the steps that lead to one, and nowhere else, with fewer reads.

        What is a block already stays one beside them.
        """
        inside = {root}
        for i in range(root - 1, -1, -1):
            step = self._plan.steps[i]
            readers = [r for t in step.writes for r in self._read_by[id(t)]]
            folded = isinstance(step, LayerStep) and step.body is not None
            fewer = len(step.reads) < joined and not folded
            if readers and fewer and inside.issuperset(readers):
                inside.add(i)
        return sorted(inside)

    def stretch(
        self,
        at: Sequence[int],
        *,
        several: bool = False,
        beside: Set[int] = frozenset(),
    ) -> Stretch | None:
        """Return steps as one, if they can be: one tensor in and one out.

        ``several``: more than one may come in; ``beside``: these may.
        """
        place = {i: n for n, i in enumerate(at)}
        steps = [self._plan.steps[i] for i in at]
        if not all(self.is_plain(step) for step in steps):
            return None
        outer: dict[int, int] = {}
        key: list[object] = []
        for step in steps:
            reads = []
            for tensor in step.reads:
                made, output = self._made.get(id(tensor), (-1, 0))
                if made in place:
                    reads.append((place[made], output))
                else:
                    reads.append((-1, outer.setdefault(id(tensor), len(outer))))
            key.append((self._kind(step), tuple(reads)))
        leaving = [
            tensor
            for step in steps
            for tensor in step.writes
            if any(r not in place for r in self._read_by[id(tensor)])
        ]
        if len(leaving) != 1 or not 1 <= len(outer) <= _MOST_INPUTS:
            return None
        if beside:
            # What the step before made goes in, and what waited long.
            last = [k for k in outer if self._made.get(k, (-1, 0))[0] == at[0] - 1]
            alone = not outer.keys() - beside - {*last}
            if not last or not alone:
                return None
        elif len(outer) > 1 and not several:
            return None
        return Stretch(tuple(at), tuple(key))

    def _kind(self, step: Step) -> object:
        if id(step) not in self._kinds:
            self._kinds[id(step)] = kind_of(step)
        return self._kinds[id(step)]

    def is_plain(self, step: Step) -> bool:
        """Whether a step may be moved into a class: nothing else holds on to it."""
        if any(id(t) in self._held for t in step.reads):
            return False
        if isinstance(step, PermuteStep):
            return True
        call = step.call
        if step.made_mask is not None or any(m is not None for m in call.masks):
            return False
        if call.states or call.named or len(call.outputs) != 1:
            return False
        alone = self._calls[step.node.path] == 1
        return alone and position(step.node.layer.name) is None


def kind_of(step: Step, config: Mapping[str, Any] | None = None) -> object:
    """Return what a step does, without the numbers that a constructor can take.

    ``config``: of its layer, if some of it is to be left out.
    """
    if isinstance(step, PermuteStep):
        return (step.source.layout, step.result.layout)
    layer = step.node.layer
    body = id(step.body) if step.body is not None else None
    ranks = tuple(t.rank for t in step.call.inputs)
    given = to_config(layer) if config is None else config
    told = sorted(
        (k, repr(_without_numbers(v))) for k, v in given.items() if not _says_nothing(k)
    )
    kind = layer.kind if isinstance(layer, Operator) else type(layer).__name__
    return (kind, body, ranks, tuple(told))


def _says_nothing(key: str) -> bool:
    return key in ("name", "dtype", "seed") or key.endswith("_initializer")


def _without_numbers(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 0
    if isinstance(value, (list, tuple)):
        return [_without_numbers(v) for v in value]
    if isinstance(value, dict):
        return {k: _without_numbers(v) for k, v in value.items()}
    return value
