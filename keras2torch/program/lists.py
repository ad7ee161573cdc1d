"""Layers that the user kept in a list: ``nn.ModuleList``, and the loop over it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from keras2torch.layers.definitions import Tensor
from keras2torch.layout import LayerStep, Step
from keras2torch.program.classtext import ClassText
from keras2torch.program.names import Names, variable

_ELEMENT = re.compile(r"self\.(\w+)\[(\d+)\]")
_WORD = re.compile(r"[A-Za-z_]\w*|\S")
Place = tuple[int, int]


def position(name: str) -> tuple[str, int] | None:
    """Take ``blocks.0``, the first of a list ``self.blocks``, apart."""
    found = re.fullmatch(r"([^.]+)\.(\d+)", name)
    return (found[1], int(found[2])) if found else None


def whole_lists(names: Iterable[str]) -> dict[str, int]:
    """Return the lists of which every entry is there, and their lengths."""
    entries: dict[str, set[int]] = {}
    for base, index in filter(None, map(position, names)):
        entries.setdefault(base, set()).add(index)
    return {b: len(n) for b, n in entries.items() if n == set(range(len(n)))}


@dataclass
class Turns:
    """Steps that are the same for each entry of a list.

    Attributes
    ----------
    first, size, count
        The first step, how many there are for an entry, and how many entries.
    carried
        What a turn reads of the turn before, as (step within the turn, output) → what
        the first turn reads in its place.
    """

    first: int
    size: int
    count: int
    carried: dict[Place, Tensor]

    @property
    def end(self) -> int:
        """The step after the last turn."""
        return self.first + self.size * self.count

    def place(self, step: int) -> tuple[int, int] | None:
        """Return the turn of a step, and its place there."""
        inside = self.first <= step < self.end
        return divmod(step - self.first, self.size) if inside else None


def find_turns(steps: Sequence[Step], lists: Mapping[str, int]) -> list[Turns]:
    """Return where the steps run through the entries of lists."""
    found: list[Turns] = []
    for base, count in lists.items():
        at = [_entry(step) for step in steps]
        starts, size = _turns([n[1] if n and n[0] == base else None for n in at], count)
        for offset in range(size):
            first = starts[0] - offset
            if first < 0 or first + count * size > len(steps):
                continue
            turns = Turns(first, size, count, {})
            if _are_alike(steps, turns):
                if all(turns.end <= t.first or t.end <= turns.first for t in found):
                    found.append(turns)
                break
    return found


def _entry(step: Step) -> tuple[str, int] | None:
    return position(step.node.layer.name) if isinstance(step, LayerStep) else None


def _are_alike(steps: Sequence[Step], turns: Turns) -> bool:
    """Whether the turns do the same, and find what is carried from one to the next."""
    made: list[dict[int, Place]] = []
    kinds, reads = [], []
    for k in range(turns.count):
        begin = turns.first + k * turns.size
        own = steps[begin : begin + turns.size]
        made.append(
            {
                id(tensor): (j, o)
                for j, step in enumerate(own)
                for o, tensor in enumerate(step.writes)
            }
        )
        kinds.append([_kind(step) for step in own])
        reads.append([tensor for step in own for tensor in step.reads])
    told = []
    for k, tensors in enumerate(reads):
        last = made[k - 1] if k else {}
        told.append(
            [
                ("own", made[k][id(t)])
                if id(t) in made[k]
                else ("last", last[id(t)])
                if id(t) in last
                else ("out", id(t))
                for t in tensors
            ]
        )
    if turns.count == 1:
        return _hands_on(steps[turns.first], turns)
    if any(k != kinds[0] for k in kinds) or any(t != told[1] for t in told[2:]):
        return False
    if len(told[0]) != len(told[1]):
        return False
    for (ours, theirs), tensor in zip(
        zip(told[0], told[1], strict=True), reads[0], strict=True
    ):
        if theirs[0] == "last" and ours[0] == "out":
            place: Any = theirs[1]
            if turns.carried.setdefault(place, tensor) is not tensor:
                return False
        elif ours != theirs:
            return False
    return len({id(t) for t in turns.carried.values()}) == len(turns.carried)


def _hands_on(step: Step, turns: Turns) -> bool:
    """Whether a single step could be repeated: what comes out may go in again."""
    if len(step.reads) != 1 or len(step.writes) != 1:
        return False
    [tensor], [made] = step.reads, step.writes
    turns.carried[0, 0] = tensor
    return (tensor.shape, tensor.layout) == (made.shape, made.layout)


def _kind(step: Step) -> tuple[object, ...]:
    if not isinstance(step, LayerStep):
        return (step.source.layout, step.result.layout)
    entry = _entry(step)
    return (
        type(step.node.layer),
        entry and entry[0],
        getattr(step.node.layer, "kind", ""),
    )


@dataclass
class ModuleList:
    """An ``nn.ModuleList`` while its class is written.

    Attributes
    ----------
    name
        The attribute.
    entries
        Constructor calls by index.
    after
        Statements about the entries.
    """

    name: str
    entries: dict[int, str] = field(default_factory=dict)
    after: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the statements of ``__init__``."""
        entries = ", ".join(self.entries[i] for i in sorted(self.entries))
        return [f"self.{self.name} = nn.ModuleList([{entries}])", *self.after]


def roll(text: ClassText, lists: Mapping[str, int]) -> None:
    """Write calls of every entry of a list, one after the other, as a loop.

    Parameters
    ----------
    text
        A class whose ``forward`` does not yet return; its captures follow.
    lists
        Attribute → number of entries.
    """
    for name, count in lists.items():
        _roll(text, name, count, lists)


def _roll(text: ClassText, name: str, count: int, lists: Mapping[str, int]) -> None:
    starts, size = _turns([_index(line, name) for line in text.forward], count)
    for offset in range(size):
        first = starts[0] - offset
        end = first + count * size
        if first < 0 or end > len(text.forward):
            continue
        turns = [
            text.forward[first + k * size : first + (k + 1) * size]
            for k in range(count)
        ]
        if any(line.startswith((" ", "for ")) for turn in turns for line in turn):
            continue
        used = list(dict.fromkeys(m[1] for m in _ELEMENT.finditer("\n".join(turns[0]))))
        # A longer list goes as far as the others do.
        if any(lists.get(n, 0) < count for n in used):
            continue
        names = _item_names(used, text.forward)
        bodies = [_with_items(turn, k, names) for k, turn in enumerate(turns)]
        if any("self." + n in line for b in bodies for line in b for n in used):
            continue
        if count == 1 and not _repeats(bodies[0][0]):
            return
        if all(body == bodies[0] for body in bodies[1:]):
            _replace(text, first, size, count, _loop(names, bodies[0]))
            return


def _repeats(line: str) -> bool:
    """Whether a line reads the variable that it binds."""
    target, _, value = line.partition(" = ")
    return target.isidentifier() and target in _WORD.findall(value)


def _turns(entries: Sequence[int | None], count: int) -> tuple[list[int], int]:
    """Return where each entry is first used, and how long a turn is; 0 if none.

    The entries are used in their order.
    """
    starts: list[int] = []
    for i, index in enumerate(entries):
        if index is None:
            continue
        if index == len(starts):
            starts.append(i)
        elif index != len(starts) - 1:
            return [], 0
    sizes = {b - a for a, b in pairwise(starts)}
    if len(starts) != count or len(sizes) > 1:
        return [], 0
    # Of one entry nobody knows what else its turn was: only the call itself is.
    return starts, sizes.pop() if sizes else 1


def _index(line: str, name: str) -> int | None:
    """Return which entry of a list a line uses; -1 for several."""
    found = {int(m[2]) for m in _ELEMENT.finditer(line) if m[1] == name}
    return None if not found else found.pop() if len(found) == 1 else -1


def _item_names(lists: list[str], forward: list[str]) -> dict[str, str]:
    # An attribute of the same name is none of the variables.
    taken = set(_WORD.findall(re.sub(r"\.\w+", "", "\n".join(forward))))
    # Behind its loop an item is free again.
    loops = (re.match(r"for (.+?) in ", line) for line in forward)
    taken -= {item for loop in loops if loop for item in loop[1].split(", ")}
    names = Names(taken)
    return {name: names.unique(variable(_singular(name))) for name in lists}


def _singular(name: str) -> str:
    plain = re.sub(r"_?\d+$", "", name)
    if plain not in (name, "") and _singular(plain) != plain:
        return _singular(plain)
    if name.endswith("ies") and len(name) > 4:
        return f"{name[:-3]}y"
    if re.search(r"(ss|x|ch|sh)es$", name):
        return name[:-2]
    if name.endswith("s") and not name.endswith("ss") and len(name) > 2:
        return name[:-1]
    return name.removesuffix("_list") or name


def _with_items(lines: list[str], index: int, names: Mapping[str, str]) -> list[str]:
    pattern = re.compile(rf"self\.({'|'.join(names)})\[{index}\]")
    return [pattern.sub(lambda m: names[m[1]], line) for line in lines]


def _loop(names: Mapping[str, str], body: list[str]) -> list[str]:
    items, lists = ", ".join(names.values()), [f"self.{n}" for n in names]
    over = lists[0] if len(lists) == 1 else f"zip({', '.join(lists)})"
    return [f"for {items} in {over}:", *[f"    {line}" for line in body]]


def _replace(
    text: ClassText, first: int, size: int, count: int, lines: list[str]
) -> None:
    """Put the loop in place of its turns, and move the captures."""
    end = first + size * count
    text.forward[first:end] = lines
    body = first + len(lines) - size
    moved = []
    for capture in text.captures:
        at = capture.statement
        if first <= at < end:
            turn, line = divmod(at - first, size)
            capture = replace(capture, statement=body + line, turn=turn)
        elif at >= end:
            capture = replace(capture, statement=at - size * count + len(lines))
        moved.append(capture)
    text.captures[:] = moved
