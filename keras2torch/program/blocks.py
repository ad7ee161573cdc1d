"""Blocks that a network repeats: each becomes a class, as a person writes them.

Keras' functional models are flat: the sixteen blocks of a ResNet50 are 170 layers in a
row. A block here is a stretch of steps that one tensor enters and one leaves, and that
comes again, but for numbers; :mod:`keras2torch.program.sharing` makes one class of
those that are written alike. Where blocks begin is told by the wiring (from the fork to
the sum) and by the names (``conv2_block1_1_conv``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from keras2torch.dialect import LayerNode
from keras2torch.layers.core import Block
from keras2torch.layers.definitions import (
    Call,
    Tensor,
)
from keras2torch.layout import GraphPlan, LayerStep, Step
from keras2torch.operators import Operator
from keras2torch.program.automatic import by_class, is_automatic
from keras2torch.program.kinds import class_of, snake
from keras2torch.program.paddings import part_paddings
from keras2torch.program.runs import fold_runs, fold_straight, number_branches
from keras2torch.program.steps import like, read_instead, uses_of_tensors
from keras2torch.program.stretches import (
    LEAST_SAVED,
    Stretch,
    chains,
    cones,
    elements,
)
from keras2torch.program.variants import (
    Kinds,
    Schemas,
    are_variants,
    blocks_of,
    is_variant,
    join_variants,
    schemas,
)

# A shorter stretch reads as well where it stands.
_LEAST_STEPS = 3
# A forward of more steps is looked through for chains such as Conv, BatchNorm, ReLU.
_LONG = 20
_TOO_LONG = 24
# Of so many steps the forks and sums do not nest: NASNet's cells read the two before.
_TANGLED = 80
_LONGEST_GRAM = 40
_LONGEST_SINGLE = 16
_LEAST_REGION = 4
# What waits so many steps is no shortcut within a block.
_FAR = 8
# What a cut is worth that a person would not make.
_OTHERWISE = 0.75
# A forward of fewer steps stays as it is.
_SHORT = 8
_LEAST_CHAINS = 4


@dataclass
class _Found:
    """A plan with its elements in order; ``None`` parts what is not to be joined.

    ``names`` say more, where they are asked. Unless it ``counts``, nothing is folded
    for being here, and nothing that somebody named. ``far``: what is made inside may be
    read far behind.
    """

    plan: GraphPlan
    elements: list[Stretch | None]
    names: _Named | None = None
    counts: bool = True
    far: bool = False

    def steps(self, start: int, length: int) -> tuple[int, ...]:
        """Return the steps of some elements."""
        found: tuple[int, ...] = ()
        for element in self.elements[start : start + length]:
            assert element is not None
            found += element.at
        return found

    def may(self, at: tuple[int, ...]) -> bool:
        """Whether the names let these steps be a block."""
        if not self.counts and any(_words(self.plan.steps[i]) for i in at):
            return False
        if self.far and self._leaving(at) > 1:
            return False
        return self.names is None or self.names.part(at[0], at[-1] + 1)

    @cached_property
    def _uses(self) -> dict[int, list[int]]:
        return uses_of_tensors(self.plan)

    def _leaving(self, at: tuple[int, ...]) -> int:
        """Return how many tensors of these steps others read."""
        inside = set(at)
        made = [t for i in at for t in self.plan.steps[i].writes]
        return sum(not inside.issuperset(self._uses.get(id(t), ())) for t in made)


def find_blocks(top: GraphPlan) -> None:
    """Fold the blocks of a plan, and of the models inside it, into bodies."""
    plans = list(_plans(top))
    for plan in plans:
        if _fold_once(plan):
            # Blocks that are found later are made of these steps.
            for part in [plan, *(b.body for b in blocks_of([plan]) if b.body)]:
                part_paddings(part)
            _fold_singles(plan)
            # What is left may be such a block, too, before it is parted further.
            while _fold_once(plan):
                _fold_singles(plan)
        if len(plan.steps) > _TANGLED:
            before = len(plan.steps)
            _fold([_Found(plan, list(cones(plan, least=2)))], least=2)
            if len(plan.steps) < before:
                # Where cells repeat, one that stands alone is a cell too.
                _fold([_Found(plan, list(cones(plan, least=1)))], least=1)
        far = list(elements(plan, far=_FAR))
        _fold([_Found(plan, far, _Named(plan), far=True)], least=2)
        _fold_singles(plan)
    join_variants(list(blocks_of(plans)))
    every = [
        _Found(p, list(chains(p)), counts=len(p.steps) > _LONG) for p in _plans(top)
    ]
    _fold([f for f in every if len(f.plan.steps) >= _SHORT], least=_LEAST_CHAINS)
    for plan in list(_plans(top)):
        fold_runs(plan)
    for plan in list(_plans(top)):
        if len(plan.steps) > _TOO_LONG:
            _fold_regions(plan)
        if len(plan.steps) > _TOO_LONG:
            fold_straight(plan, _LONG)


def _fold_once(plan: GraphPlan) -> bool:
    """Fold what is most worthwhile; return whether there was something."""
    found = _Found(plan, list(elements(plan)), _Named(plan))
    return _fold([found], least=2, once=True)


def _fold_singles(plan: GraphPlan) -> None:
    """Fold what comes once, but is one of the plan's blocks without some part."""
    blocks = list(blocks_of([plan]))
    taken, kinds = {id(block) for block in blocks}, schemas(blocks)
    found = _Found(plan, list(elements(plan)), _Named(plan))
    pieces: list[_Piece] = []
    known: Kinds = {}
    start = 0
    while blocks and start < len(found.elements):
        length = next(
            (
                n
                for n in range(_LONGEST_SINGLE, 0, -1)
                if _fits(found, start, n, taken, kinds, known)
            ),
            0,
        )
        if length:
            at = found.steps(start, length)
            pieces.append(_Piece(at, [plan.steps[i] for i in at]))
            _name(pieces[-1:])
        start += max(length, 1)
    _replace(plan, pieces)


def _fits(
    found: _Found,
    start: int,
    length: int,
    taken: set[int],
    kinds: Schemas,
    known: Kinds,
) -> bool:
    """Whether these elements are a block, by their names and by what they do."""
    own = found.elements[start : start + length]
    if len(own) < length or any(element is None for element in own):
        return False
    at = found.steps(start, length)
    steps = [found.plan.steps[i] for i in at]
    if len(at) < _LEAST_STEPS or any(id(step) in taken for step in steps):
        return False
    return found.may(at) and is_variant(steps, kinds, known)


def _fold_regions(plan: GraphPlan) -> None:
    """Make classes of what forks and joins again in a forward that is too long."""
    pieces = []
    for element in elements(plan):
        if element is not None and _LEAST_REGION <= len(element.at) <= _LONG:
            pieces.append(_Piece(element.at, [plan.steps[i] for i in element.at]))
            _name(pieces[-1:])
            number_branches(pieces[-1].steps)
    _replace(plan, pieces)


def _plans(plan: GraphPlan) -> Iterator[GraphPlan]:
    seen: set[int] = set()
    waiting = [plan]
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        waiting += [
            s.body
            for s in here.steps
            if isinstance(s, LayerStep) and s.body is not None
        ]


# ------------------------------------------------------------------------ choosing
def _fold(found: Sequence[_Found], *, least: int, once: bool = False) -> bool:
    """Fold what repeats, the most worthwhile first, until nothing is left.

    ``once``: only that. Returns whether there was something.
    """
    numbers: dict[object, int] = {}
    rows: list[list[int]] = []
    for one in found:
        keys = [None if e is None else e.key for e in one.elements]
        rows.append(
            [-1 if k is None else numbers.setdefault(k, len(numbers)) for k in keys]
        )
    chosen: list[list[_Piece]] = [[] for _ in found]
    while (best := _best(found, rows, least)) is not None:
        f, (start, length) = best[0]
        offset = 0
        for part in _parted(found[f], start, length):
            group = []
            for f, (start, _) in best:
                # What is taken belongs to no other block.
                here = start + offset
                at = found[f].steps(here, part)
                rows[f][here : here + part] = [-1] * part
                group.append(_Piece(at, [found[f].plan.steps[i] for i in at]))
                chosen[f].append(group[-1])
            _name(group)
            offset += part
        if once:
            break
    for one, pieces in zip(found, chosen, strict=True):
        _replace(one.plan, sorted(pieces, key=lambda piece: piece.at))
    return any(chosen)


def _parted(found: _Found, start: int, length: int) -> list[int]:
    """Return how many elements the blocks have of which a stretch consists.

    A stage of two residual blocks, the first with a projection, is two blocks.
    """
    for first in range(1, length):
        pieces = [first]
        while (here := sum(pieces)) < length:
            after = next(
                (
                    n
                    for n in sorted(range(1, length - here + 1), key=_nearest(first))
                    if _alike(found, (start, first), (start + here, n))
                ),
                0,
            )
            if not after:
                break
            pieces.append(after)
        if sum(pieces) == length:
            return pieces
    return [length]


def _nearest(length: int) -> Callable[[int], int]:
    return lambda n: abs(n - length)


def _alike(found: _Found, a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two stretches are residual blocks that differ in some part at most."""
    places = [found.steps(*a), found.steps(*b)]
    if any(len(at) < _LEAST_STEPS or not found.may(at) for at in places):
        return False
    one, two = [[found.plan.steps[i] for i in at] for at in places]
    joins = any(len(step.reads) > 1 for step in [*one, *two])
    return joins and are_variants(one, two)


def _best(
    found: Sequence[_Found],
    rows: Sequence[list[int]],
    least: int,
) -> list[tuple[int, tuple[int, int]]] | None:
    """Return the places of the stretch whose class saves most steps."""
    best: list[tuple[int, tuple[int, int]]] | None = None
    most = LEAST_SAVED - 1
    longest = max((len(row) for row in rows), default=0)
    for length in range(1, min(_LONGEST_GRAM, longest) + 1):
        places: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        for f, row in enumerate(rows):
            for start in range(len(row) - length + 1):
                gram = tuple(row[start : start + length])
                if -1 not in gram:
                    places.setdefault(gram, []).append((f, start))
        repeated = False
        for at in places.values():
            if len(at) < least:
                continue
            repeated = True
            kept: list[tuple[int, tuple[int, int]]] = []
            end = (-1, 0)
            steps = 0
            for f, start in at:
                if f == end[0] and start < end[1]:
                    continue
                steps_here = found[f].steps(start, length)
                if found[f].may(steps_here):
                    kept.append((f, (start, length)))
                    end = (f, start + length)
                    steps = len(steps_here)
            times = sum(found[f].counts for f, _ in kept)
            saved = steps * (times - 1 if least > 1 else times)
            if kept and not _begins_well(found[kept[0][0]], kept[0][1][0]):
                saved = int(saved * _OTHERWISE)
            if times >= least and steps >= _LEAST_STEPS and saved > most:
                best, most = kept, saved
        if not repeated:
            break
    return best


def _begins_well(found: _Found, start: int) -> bool:
    """Whether a block that nobody named may begin here.

    What repeats may be cut anywhere: a person begins at the fork, or with weights, and
    not with the activation behind the block before.
    """
    element = found.elements[start]
    assert element is not None
    step = found.plan.steps[element.at[0]]
    forks = found.names is not None
    if not forks or len(element.at) > 1 or not isinstance(step, LayerStep):
        return True
    named = _words(step) is not None
    return named or step.body is not None or bool(step.node.weights)


class _Named:
    """How closely the names of neighbouring layers say that they belong together."""

    def __init__(self, plan: GraphPlan) -> None:
        named = [(i, w) for i, w in enumerate(map(_words, plan.steps)) if w is not None]
        # At i: between step i - 1 and step i. All places between two names are one gap.
        self._gap: list[int] = []
        self._common: list[int] = []
        words = [[], *[w for _, w in named], []]
        at = 0
        for i in range(len(plan.steps) + 1):
            while at < len(named) and named[at][0] < i:
                at += 1
            self._gap.append(at)
            self._common.append(len(_common([words[at], words[at + 1]])))

    def part(self, first: int, end: int) -> bool:
        """Whether a stretch keeps together what the names do, and nothing more."""
        edges = (first, end)
        outside = {self._gap[i] for i in edges}
        inside = [
            self._common[i]
            for i in range(first + 1, end)
            if self._gap[i] not in outside
        ]
        return not inside or min(inside) > max(self._common[i] for i in edges)


def _words(step: Step) -> list[str] | None:
    """Return the parts of a layer's name, ``None`` where nobody gave it one."""
    if not isinstance(step, LayerStep) or isinstance(step.node.layer, Operator):
        return None
    name = step.node.layer.name
    return None if is_automatic(step.node.layer) else name.lower().split("_")


def _common(every: Sequence[Sequence[str]]) -> list[str]:
    found = []
    for words in zip(*every, strict=False):
        if len(set(words)) > 1:
            break
        found.append(words[0])
    return found


# ------------------------------------------------------------------------- folding
@dataclass
class _Piece:
    """Steps that become a block: which of the plan they are, and what it is called."""

    at: tuple[int, ...]
    steps: list[Step]
    name: str = ""


def _name(group: Sequence[_Piece]) -> None:
    """Name the layers inside alike in all blocks of a group, and the blocks.

    ``conv2_block1_1_conv`` is ``conv1`` of ``conv2_block1``.
    """
    own: list[list[list[str] | None]] = []
    for piece in group:
        every = [_words(step) for step in piece.steps]
        named = [words for words in every if words is not None]
        prefix = _common(named)
        if any(len(words) == len(prefix) for words in named):
            prefix = prefix[:-1]
        piece.name = "_".join(prefix)
        rest = [None if words is None else words[len(prefix) :] for words in every]
        own.append(rest)
    if len({piece.name for piece in group}) < len(group):
        for piece in group:
            # The prefix tells them not apart: a layer's name does.
            named = [words for words in map(_words, piece.steps) if words is not None]
            joins = len(piece.steps[-1].reads) > 1
            piece.name = "_".join(named[-1 if joins else 0]) if named else ""
    for n, steps in enumerate(zip(*[piece.steps for piece in group], strict=True)):
        words = _agreed([rest[n] for rest in own])
        for step in steps:
            if isinstance(step, LayerStep) and not isinstance(
                step.node.layer, Operator
            ):
                step.node.layer.name = "_".join(words) or by_class(step.node.layer)


def _agreed(every: Sequence[list[str] | None]) -> list[str]:
    """Return what is the same in the names of one layer in several blocks."""
    if any(words is None for words in every):
        return []
    given = [words for words in every if words is not None]
    first = given[0]
    if any(words != first for words in given):
        first = [
            w for w in first if not w.isdigit() and all(w in words for words in given)
        ]
    if len(first) > 1 and first[0].isdigit():
        first = [f"{first[1]}{first[0]}", *first[2:]]
    return first


def _replace(plan: GraphPlan, pieces: Sequence[_Piece]) -> None:
    """Put calls of bodies in the places of their steps."""
    last = {piece.at[-1]: piece for piece in pieces}
    taken = {i for piece in pieces for i in piece.at}
    outside = {
        id(t) for i, s in enumerate(plan.steps) if i not in taken for t in s.reads
    }
    outside |= {id(t) for t in plan.outputs}
    for piece in pieces:
        outside |= _entering(piece).keys()
    read: dict[int, Tensor] = {}
    steps: list[Step] = []
    for i, step in enumerate(plan.steps):
        if i in last:
            steps.append(_folded(plan, last[i], i, outside, read))
        elif i not in taken:
            steps.append(step)
    for step in steps:
        for tensor in step.reads:
            if id(tensor) in read:
                read_instead(step, tensor, read[id(tensor)])
    plan.outputs = [read.get(id(t), t) for t in plan.outputs]
    plan.steps[:] = steps


def _entering(piece: _Piece) -> dict[int, Tensor]:
    made = {id(t) for step in piece.steps for t in step.writes}
    return {id(t): t for s in piece.steps for t in s.reads if id(t) not in made}


def _folded(
    plan: GraphPlan,
    piece: _Piece,
    number: int,
    outside: set[int],
    read: dict[int, Tensor],
) -> LayerStep:
    """Return the call of a body made of these steps.

    ``read`` gets the tensor that leaves: what the steps after it read in its place.
    """
    entering = list(_entering(piece).values())
    [leaving] = [t for s in piece.steps for t in s.writes if id(t) in outside]
    given, result = [like(t) for t in entering], like(leaving)
    for step in piece.steps:
        for tensor, inner in zip(entering, given, strict=True):
            read_instead(step, tensor, inner)
    read[id(leaving)] = result
    kind = class_of(piece.steps, given[0])
    body = GraphPlan(
        kind,
        f"{plan.path}<{kind} {len(plan.steps)} {number}>",
        inputs=list(zip(_input_names(kind), given, strict=False)),
        steps=piece.steps,
        outputs=[leaving],
        output_names=[""],
    )
    node = LayerNode(Block(name=piece.name or snake(kind)), body.path, [])
    call = Call(entering, [result], masks=[None] * len(entering))
    return LayerStep(node, call, body=body)


def _input_names(kind: str) -> tuple[str, ...]:
    return ("x", "memory", "z") if kind == "DecoderBlock" else ("x", "y", "z")


__all__ = ["find_blocks"]
