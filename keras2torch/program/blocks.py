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
from keras2torch.program.alternatives import join_alternatives
from keras2torch.program.cells import list_cells
from keras2torch.program.kinds import CELLS, class_of, enlarges, snake
from keras2torch.program.likeness import (
    Kinds,
    Schemas,
    are_variants,
    is_variant,
    schemas,
)
from keras2torch.program.naming import Piece, name_alike, name_equals, shorten
from keras2torch.program.paddings import part_paddings
from keras2torch.program.pairs import fold_pairs
from keras2torch.program.relatives import relatives
from keras2torch.program.runs import fold_runs, fold_straight, number_branches
from keras2torch.program.steps import blocks_of, like, read_instead, uses_of_tensors
from keras2torch.program.stretches import (
    LEAST_SAVED,
    Stretch,
    chains,
    cones,
    elements,
    regions,
)
from keras2torch.program.variants import join_variants
from keras2torch.program.words import Named, says_more, words_of

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
# Blocks that only resemble each other have to save so many steps, and so many times
# what equal ones would.
_LEAST_KIN = 12
_MUCH = 2


@dataclass
class _Found:
    """A plan with its elements in order; ``None`` parts what is not to be joined.

    ``names`` say more, where they are asked. Unless it ``counts``, nothing is folded
    for being here, and nothing that somebody named. ``far``: what is made inside may be
    read far behind.
    """

    plan: GraphPlan
    elements: list[Stretch | None]
    names: Named | None = None
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
        if not self.counts and any(map(says_more, (self.plan.steps[i] for i in at))):
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
        _fold([_Found(plan, far, Named(plan), far=True)], least=2)
        _fold_singles(plan)
    cells = [p for p in _plans(top) if len(p.inputs) > 1 and len(p.steps) > _LONG]
    _fold([_Found(p, list(regions(p))) for p in cells if p is not top], least=2)
    join_variants(list(blocks_of(plans)))
    every = [
        _Found(p, list(chains(p)), counts=len(p.steps) > _LONG) for p in _plans(top)
    ]
    _fold([f for f in every if len(f.plan.steps) >= _SHORT], least=_LEAST_CHAINS)
    fold_pairs(list(_plans(top)))
    for plan in list(_plans(top)):
        list_cells(plan)
        fold_runs(plan)
    for plan in list(_plans(top)):
        if len(plan.steps) > _TOO_LONG:
            _fold_regions(plan)
        if len(plan.steps) > _TOO_LONG:
            fold_straight(plan, _LONG)
    # Blocks that stood alone where others begin may be alike as well.
    join_variants(list(blocks_of(list(_plans(top)))), whole=True)
    name_equals(list(blocks_of(list(_plans(top)))))
    for block in blocks_of(list(_plans(top))):
        shorten(block)
    join_alternatives(list(blocks_of(list(_plans(top)))))


def _fold_once(plan: GraphPlan) -> bool:
    """Fold what is most worthwhile; return whether there was something."""
    found = _Found(plan, list(elements(plan)), Named(plan))
    rows = _numbered([found])
    best = _best([found], rows, 2)
    saved = 0
    if best is not None:
        (_, (start, length)), *others = best
        saved = len(found.steps(start, length)) * len(others)
    kin = relatives(plan, found.elements, max(_LEAST_KIN, _MUCH * saved))
    if kin:
        pieces = [Piece(plan, at) for at in kin if found.may(at)]
        for piece in pieces:
            name_alike([piece])
    else:
        pieces = [] if best is None else _taken([found], rows, best)
    _replace(plan, pieces)
    return bool(pieces)


def _fold_singles(plan: GraphPlan) -> None:
    """Fold what comes once, but is one of the plan's blocks without some part."""
    # Each that is found shows where its neighbours begin and end.
    while _fold_some_singles(plan):
        pass


def _fold_some_singles(plan: GraphPlan) -> bool:
    blocks = list(blocks_of([plan]))
    taken, kinds = {id(block) for block in blocks}, schemas(blocks)
    found = _Found(plan, list(elements(plan)), Named(plan))
    pieces: list[Piece] = []
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
            pieces.append(Piece(plan, at))
            name_alike(pieces[-1:])
        start += max(length, 1)
    _replace(plan, pieces)
    return bool(pieces)


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
    if not _begins_well(found, start) or not found.may(at):
        return False
    named = any(words_of(step) is not None for step in steps)
    return is_variant(steps, kinds, known, named=named)


def _fold_regions(plan: GraphPlan) -> None:
    """Make classes of what forks and joins again in a forward that is too long."""
    pieces = []
    for element in elements(plan):
        if element is not None and _LEAST_REGION <= len(element.at) <= _LONG:
            pieces.append(Piece(plan, element.at))
            name_alike(pieces[-1:])
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
def _fold(found: Sequence[_Found], *, least: int) -> None:
    """Fold what repeats, the most worthwhile first, until nothing is left."""
    rows = _numbered(found)
    pieces: list[Piece] = []
    while (best := _best(found, rows, least)) is not None:
        pieces += _taken(found, rows, best)
    for one in found:
        _replace(one.plan, [piece for piece in pieces if piece.plan is one.plan])


def _taken(
    found: Sequence[_Found],
    rows: Sequence[list[int]],
    best: Sequence[tuple[int, tuple[int, int]]],
) -> list[Piece]:
    """Return the blocks at these places; what they take belongs to no others."""
    pieces: list[Piece] = []
    f, (start, length) = best[0]
    offset = 0
    for part in _parted(found[f], start, length):
        group = []
        for f, (start, _) in best:
            here = start + offset
            rows[f][here : here + part] = [-1] * part
            group.append(Piece(found[f].plan, found[f].steps(here, part)))
        name_alike(group)
        pieces += group
        offset += part
    return pieces


def _numbered(found: Sequence[_Found]) -> list[list[int]]:
    """Return a number for what each element does, -1 for what is not to be joined."""
    numbers: dict[object, int] = {}
    keys = [[None if e is None else e.key for e in one.elements] for one in found]
    return [
        [-1 if k is None else numbers.setdefault(k, len(numbers)) for k in own]
        for own in keys
    ]


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
    named = words_of(step) is not None or enlarges(step.node.layer)
    return named or step.body is not None or bool(step.node.weights)


# ------------------------------------------------------------------------- folding
def _replace(plan: GraphPlan, pieces: Sequence[Piece]) -> None:
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


def _entering(piece: Piece) -> dict[int, Tensor]:
    made = {id(t) for step in piece.steps for t in step.writes}
    return {id(t): t for s in piece.steps for t in s.reads if id(t) not in made}


def _folded(
    plan: GraphPlan,
    piece: Piece,
    number: int,
    outside: set[int],
    read: dict[int, Tensor],
) -> LayerStep:
    """Return the call of a body made of these steps.

    ``read`` gets the tensor that leaves: what the steps after it read in its place.
    """
    entering = list(_entering(piece).values())
    kind = class_of(piece.steps, entering[0])
    if kind in CELLS:
        # What was made first comes first, in every cell.
        made = [id(t) for step in plan.steps for t in step.writes]
        entering.sort(key=lambda t: made.index(id(t)) if id(t) in made else -1)
    [leaving] = [t for s in piece.steps for t in s.writes if id(t) in outside]
    given, result = [like(t) for t in entering], like(leaving)
    for step in piece.steps:
        for tensor, inner in zip(entering, given, strict=True):
            read_instead(step, tensor, inner)
    read[id(leaving)] = result
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
    if kind in CELLS:
        return ("before", "x", "z")
    return ("x", "memory", "z") if kind == "DecoderBlock" else ("x", "y", "z")


__all__ = ["find_blocks"]
