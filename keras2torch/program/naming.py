"""What the layers inside a block are called, and the block.

Alike in all blocks of a class, and without what its own name says already.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from keras2torch.layout import GraphPlan, LayerStep, Step
from keras2torch.operators import Operator
from keras2torch.program.automatic import by_class, spoken
from keras2torch.program.likeness import schema_of
from keras2torch.program.words import common, numbered, own_words, words_of

# Of fewer layers the names may well end alike.
_LEAST_ALIKE = 6


@dataclass
class Piece:
    """Steps of a plan that become a block, and what it is called."""

    plan: GraphPlan
    at: tuple[int, ...]
    name: str = ""

    @cached_property
    def steps(self) -> list[Step]:
        """The steps themselves."""
        return [self.plan.steps[i] for i in self.at]


def name_alike(group: Sequence[Piece]) -> None:
    """Name the layers inside alike in all blocks of a group, and the blocks.

    ``conv2_block1_1_conv`` is ``conv1`` of ``conv2_block1``.
    """
    every_rest: list[list[list[str] | None]] = []
    for piece in group:
        every = [own_words(step) for step in piece.steps]
        named = [words for words in every if words is not None]
        # A layer with the name of the block is called as its class is.
        prefix = common(named)
        rest = [None if words is None else words[len(prefix) :] for words in every]
        suffix = _ending(rest)
        told = prefix or suffix
        piece.name = "" if all(word.isdigit() for word in told) else "_".join(told)
        piece.name = piece.name or _by_number(named)
        every_rest.append([w and w[: len(w) - len(suffix)] for w in rest])
    joins = any(len(step.reads) > 1 for step in group[0].steps)
    # A chain is told by its layers, a region of several plans by where it stands.
    own = {(id(piece.plan) if joins else 0, piece.name) for piece in group}
    if len(own) < len(group):
        for piece in group:
            # The prefix tells them not apart: a layer's name does.
            named = [words for words in map(words_of, piece.steps) if words is not None]
            last = -1 if len(piece.steps[-1].reads) > 1 else 0
            piece.name = "_".join(named[last]) if named else ""
    for n, steps in enumerate(zip(*[piece.steps for piece in group], strict=True)):
        words = _agreed([rest[n] for rest in every_rest])
        for step in steps:
            if isinstance(step, LayerStep) and not isinstance(
                step.node.layer, Operator
            ):
                step.node.layer.name = "_".join(words) or by_class(step.node.layer)


def name_equals(blocks: Sequence[LayerStep]) -> None:
    """Name the layers inside alike in blocks that do the same, if anything differs."""
    bodies = {id(b.body): b for b in blocks if b.body is not None and not b.body.family}
    groups: dict[object, list[GraphPlan]] = {}
    for block in bodies.values():
        schema = schema_of(block)
        if schema is not None and block.body is not None:
            groups.setdefault(schema, []).append(block.body)
    for group in groups.values():
        for steps in zip(*[body.layer_steps() for body in group], strict=True):
            if not any(isinstance(step.node.layer, Operator) for step in steps):
                name = one_name(steps)
                for step in steps:
                    step.node.layer.name = name


def one_name(steps: Sequence[LayerStep]) -> str:
    """Return what the layers of several blocks in one place are called."""
    layers = [step.node.layer for step in steps]
    [(name, times)] = Counter(spoken(layer) for layer in layers).most_common(1)
    if 3 * times > 2 * len(layers):
        return name
    words = _agreed([own_words(step) for step in steps])
    return "_".join(words) or by_class(layers[0])


def _shared_words(every: Sequence[Sequence[str]]) -> list[str]:
    """Return ``res branch2a`` for ``res2a_branch2a`` and ``res3b_branch2a``."""
    kept: list[str] = []
    for words in zip(*every, strict=True):
        split = [re.findall(r"[a-z]+|\d+", word) for word in words]
        if len(set(words)) == 1:
            kept.append(words[0])
        else:
            kept += [p[0] for p in zip(*split, strict=False) if len(set(p)) == 1]
    says = any(len(word) > 1 and word.isalpha() for word in kept)
    return kept if says and not kept[0].isdigit() else []


def _ending(every: Sequence[list[str] | None]) -> list[str]:
    """Return how all names of a block end, if it has enough to tell."""
    named = [words for words in every if words is not None]
    ending = common([words[::-1] for words in named])
    short = any(len(words) <= len(ending) for words in named)
    return [] if short or len(named) < _LEAST_ALIKE else ending[::-1]


def _by_number(every: Sequence[list[str]]) -> str:
    """Return ``res2a`` for ``res2a_branch2a`` and ``bn2a_branch2a``."""
    words = [numbered(own[0]) for own in every if own]
    tail = "".join(common([number for _, number in words]))
    return f"{words[0][0]}{tail}" if tail and words[0][0] else ""


def _agreed(every: Sequence[list[str] | None]) -> list[str]:
    """Return what is the same in the names of one layer in several blocks."""
    if any(words is None for words in every):
        return []
    given = [words for words in every if words is not None]
    first = given[0]
    if any(words != first for words in given):
        as_long = len({len(words) for words in given}) == 1
        first = [
            w for w in first if not w.isdigit() and all(w in words for words in given)
        ]
        first = (as_long and _shared_words(given)) or first
    if len(first) > 1 and first[0].isdigit():
        first = [f"{first[1]}{first[0]}", *first[2:]]
    return first


def shorten(block: LayerStep) -> None:
    """Leave out what the names of nearly all layers of a block begin with."""
    body = block.body
    assert body is not None
    words = {id(s): w for s in body.steps if (w := own_words(s)) is not None}
    first = Counter(own[0] for own in words.values())
    if len(words) < _LEAST_ALIKE or 4 * max(first.values()) < 3 * len(words):
        return
    [(most, _)] = first.most_common(1)
    shared = len(common([own for own in words.values() if own[0] == most]))
    short = {i: w[shared:] if w[0] == most else w for i, w in words.items()}
    # A number that tells nothing apart: conv_1 where there is no conv_2.
    stems = Counter("_".join(_unnumbered(w)) for w in short.values())
    short = {
        i: _unnumbered(w) if stems["_".join(_unnumbered(w))] == 1 else w
        for i, w in short.items()
    }
    names = {i: "_".join(w) for i, w in short.items()}
    as_many = len(set(names.values())) == len({tuple(w) for w in words.values()})
    if as_many and all(map(_can_name, names.values())):
        for step in body.layer_steps():
            if id(step) in names:
                step.node.layer.name = names[id(step)]


def _unnumbered(words: list[str]) -> list[str]:
    return words[:-1] if words and words[-1].isdigit() else words


def _can_name(text: str) -> bool:
    return text[:1].isalpha() and "." not in text


__all__ = ["Piece", "name_alike", "name_equals", "one_name", "shorten"]
