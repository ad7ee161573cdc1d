"""What the names of layers say about which of them belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from keras2torch.layout import GraphPlan, LayerStep, Step
from keras2torch.operators import Operator
from keras2torch.program.automatic import by_class, is_automatic
from keras2torch.program.steps import is_block

# More than any number that names end with.
_WORD = 100
_ONE_EACH = 2
# Where a word begins: Block1Conv, but conv2D is one.
_CAPITAL = r"(?<=[a-z])(?=[A-Z])|(?<=\d)(?=[A-Z][a-z])"


class Named:
    """How closely the names of neighbouring layers say that they belong together."""

    def __init__(self, plan: GraphPlan) -> None:
        named = [
            (i, w) for i, w in enumerate(map(words_of, plan.steps)) if w is not None
        ]
        # At i: between step i - 1 and step i. All places between two names are one gap.
        self._gap: list[int] = []
        self._common: list[int] = []
        # At i: whether one of step i - 1 and step i is a block, and the other is not.
        blocks = [False, *map(is_block, plan.steps), False]
        self._settled = [a != b for a, b in pairwise(blocks)]
        words = [[], *[w for _, w in named], []]
        at = 0
        for i in range(len(plan.steps) + 1):
            while at < len(named) and named[at][0] < i:
                at += 1
            self._gap.append(at)
            self._common.append(_nearness(words[at], words[at + 1]))

    def part(self, first: int, end: int) -> bool:
        """Whether a stretch keeps together what the names do, and nothing more."""
        edges = (first, end)
        outside = {self._gap[i] for i in edges}
        inside = [
            self._common[i]
            for i in range(first + 1, end)
            if self._gap[i] not in outside
        ]
        # Where a block begins or ends is known, whatever the names have in common.
        outer = [self._common[i] for i in edges if not self._settled[i]]
        most = max(outer, default=0)
        # Of names that have nothing in common none tells anything.
        return not inside or min(inside) > most or not any([*inside, *outer])


def words_of(step: Step) -> list[str] | None:
    """Return the parts of a layer's name, ``None`` where nobody gave it one."""
    if not isinstance(step, LayerStep) or isinstance(step.node.layer, Operator):
        return None
    if is_automatic(step.node.layer):
        return None
    parted = re.sub(_CAPITAL, "_", step.node.layer.name)
    return re.split(r"[\W_]", parted.lower())


def own_words(step: Step) -> list[str] | None:
    """Return the same, and nothing for what is already called after its class."""
    words = words_of(step)
    if words is None or not isinstance(step, LayerStep):
        return None
    return None if "_".join(words) == by_class(step.node.layer) else words


def says_more(step: Step) -> bool:
    """Whether a layer has a name that says more than its class."""
    words = words_of(step)
    if words is None or not isinstance(step, LayerStep):
        return False
    return re.sub(r"\d*$", "", "_".join(words)) != by_class(step.node.layer)


def numbered(word: str) -> tuple[str, str]:
    """Return what a word begins with, and the number that it ends with.

    Examples
    --------
    >>> numbered("res2a"), numbered("bn"), numbered("2a")
    (('res', '2a'), ('bn', ''), ('', '2a'))
    """
    found = re.fullmatch(r"([a-z]*)(\d\w*)", word)
    return (found[1], found[2]) if found else (word, "")


def _nearness(one: Sequence[str], two: Sequence[str]) -> int:
    """Return how much two names have in common: words, else as res2a, bn2a a number."""
    shared = len(common([one, two]))
    if shared or not one or not two:
        return _WORD * shared
    (head, number), (other, number_2) = numbered(one[0]), numbered(two[0])
    # Of names with more words the first counts blocks.
    if head == other and len(one) + len(two) > _ONE_EACH:
        return 0
    return len(common([number, number_2]))


def common(every: Sequence[Sequence[str]]) -> list[str]:
    """Return the words with which all names begin."""
    found = []
    for words in zip(*every, strict=False):
        if len(set(words)) > 1:
            break
        found.append(words[0])
    return found


__all__ = ["Named", "common", "numbered", "own_words", "says_more", "words_of"]
