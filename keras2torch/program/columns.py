"""The arguments of a class that several instances share: what differs between them."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras2torch.program.arguments import annotation, is_class
from keras2torch.program.names import Names, identifier
from keras2torch.program.numbers import OTHER, Key

# Left out of a call where they say nothing, as in torch.
_DEFAULTS = {"stride": "1", "padding": "0", "dilation": "1", "output_padding": "0"}

# Equal by chance, as the padding and the kernel are not.
_APART = {"stride", "dilation"}


@dataclass
class Column:
    """A number that an argument of the constructor tells.

    Attributes
    ----------
    values
        One for each instance; ``None`` where it lacks the part that needs it.
    keys
        Where it stands.
    name
        Of the argument.
    default
        What need not be told.
    """

    values: list[str | None]
    keys: list[Key] = field(default_factory=list)
    name: str = ""
    default: str | None = None

    def fits(self, values: Sequence[str | None]) -> bool:
        """Whether one number can stand for both, where both are there."""
        pairs = list(zip(self.values, values, strict=True))
        return all(None in (a, b) or a == b for a, b in pairs)

    def told(self) -> list[str]:
        """Return the values that are there."""
        return [v for v in self.values if v is not None]

    def numbers(self) -> dict[int, Any]:
        """Return which instance has which value; nothing if these are classes."""
        told = {i: v for i, v in enumerate(self.values) if v is not None}
        if any(is_class(v) for v in told.values()):
            return {}
        return {i: ast.literal_eval(v) for i, v in told.items()}

    def annotation(self) -> str:
        """Return type and default of the argument."""
        kind = annotation([*self.told(), *([self.default] if self.default else [])])
        return kind if self.default is None else f"{kind} = {self.default}"

    def lacks(self) -> list[bool]:
        """Return which instances lack it."""
        return [value is None for value in self.values]

    def of(self, i: int) -> str:
        """Return the value for an instance, whether it needs it or not."""
        value = self.values[i]
        return value if value is not None else self.default or self.told()[0]


def columns(
    literals: Sequence[Mapping[Key, str]],
    meanings: Mapping[Key, str],
    attributes: Sequence[str],
    taken: Names,
    usual: Mapping[str, str] | None = None,
) -> list[Column]:
    """Return the arguments of a class, in the order of its constructor.

    Parameters
    ----------
    literals
        The numbers of each instance.
    meanings
        What each of them is.
    attributes
        Those that the statements of ``__init__`` make.
    taken
        Names that no argument may have; the arguments' names are added.
    usual
        What classes inside need not be told: argument → default.
    """
    defaults = {**(usual or {}), **_DEFAULTS}
    rows = dict.fromkeys(key for found in literals for key in found)
    every = {key: [found.get(key) for found in literals] for key in rows}
    twins = _twins(every, meanings)
    found: list[Column] = []
    for key, values in every.items():
        if None not in values and len(set(values)) > 1:
            _column(found, values, key, meanings).keys.append(key)
    for key, values in every.items():
        if None in values:
            _take_partial(found, key, values, meanings, defaults)
    for column in found:
        column.keys += [twins[key] for key in column.keys if key in twins]
    # What joined convolutions put out, the normalization behind them tells.
    ends = ("out_", "num_features")
    outs = [k for k in literals[0] if meanings.get(k, "").startswith(ends)]
    for column in found:
        column.name = _name(column, meanings, outs[-1:], attributes, taken)
        column.default = _default(column, meanings, defaults)
    return sorted(found, key=_place)


def _twins(
    every: dict[Key, list[str | None]], meanings: Mapping[Key, str]
) -> dict[Key, Key]:
    """Take together what one statement and the one in its place say alike."""
    found: dict[Key, Key] = {}
    for key in [k for k in every if k[1] >= OTHER]:
        own = (key[0], key[1] - OTHER, key[2])
        if own in every and _alike(meanings, own, key):
            other = every.pop(key)
            pairs = zip(every[own], other, strict=True)
            every[own] = [b if a is None else a for a, b in pairs]
            found[own] = key
    return found


def _column(
    found: list[Column],
    values: list[str | None],
    key: Key,
    meanings: Mapping[Key, str],
) -> Column:
    for column in found:
        said = {meanings.get(k) for k in [*column.keys, key]}
        if column.values == values and not said >= _APART:
            return column
    found.append(Column(values))
    return found[-1]


def _take_partial(
    found: list[Column],
    key: Key,
    values: list[str | None],
    meanings: Mapping[Key, str],
    defaults: Mapping[str, str],
) -> None:
    """Find the argument that tells a number which some instances do not have."""
    fitting = [c for c in found if c.fits(values)]
    alike = [c for c in fitting if any(_alike(meanings, k, key) for k in c.keys)]
    alike = [c for c in found if c.values == values] or alike
    told = [v for v in values if v is not None]
    usual = set(told) == {defaults.get(meanings.get(key, ""))}
    if usual or (not alike and len(set(told)) == 1):
        return
    whole = [c for c in fitting if None not in c.values]
    column = next(iter(alike or whole), None)
    if column is None:
        found.append(Column(values, [key]))
        return
    pairs = zip(column.values, values, strict=True)
    column.values = [b if a is None else a for a, b in pairs]
    column.keys.append(key)


def _alike(meanings: Mapping[Key, str], a: Key, b: Key) -> bool:
    return bool(meanings.get(a)) and meanings.get(a) == meanings.get(b)


def _name(
    column: Column,
    meanings: Mapping[Key, str],
    last_out: list[Key],
    attributes: Sequence[str],
    taken: Names,
) -> str:
    said = [meanings[k] for k in column.keys if k in meanings]
    if last_out and last_out[0] in column.keys:
        said += [m for m in meanings.values() if m.startswith("out_")][:1]
    wish = _first(said, "out_") or _first(said, "in_") or _first(said, "") or "size"
    behind = any(meanings[k] == "num_features" for k in last_out)
    read = behind or any(m.startswith("in_") for m in said)
    between = read and last_out != [k for k in column.keys if k in last_out]
    enters = [k for k, m in meanings.items() if m.startswith("in_")][:1]
    if between and enters and enters[0] in column.keys:
        wish, between = meanings[enters[0]], False
    if wish.startswith("out_") and between:
        wish = wish.replace("out_", "hidden_")
    wish = identifier(wish, "size")
    inside = any(key[0] < 0 for key in column.keys)
    wish = f"{wish}_value" if inside and wish in attributes else wish
    if taken.has(wish) and not inside:
        # Two hidden sizes: the second is called after the layer that makes it.
        made = [k for k in column.keys if meanings[k].startswith("out_")]
        line = (made or column.keys)[0][0]
        wish = f"{attributes[line]}_{wish.removeprefix('hidden_').removeprefix('out_')}"
    return taken.unique_numbered(wish)


def _first(meanings: Sequence[str], start: str) -> str:
    return next((m for m in meanings if m and m.startswith(start)), "")


def _default(
    column: Column, meanings: Mapping[Key, str], defaults: Mapping[str, str]
) -> str | None:
    usual = {defaults.get(meanings[k]) for k in column.keys}
    only = usual.pop() if len(usual) == 1 else None
    times = Counter(column.told())
    own = times.pop(only, 0) if only is not None else 0
    if 2 * own >= len(column.values) or own > max(times.values(), default=0):
        return only
    if None not in column.values:
        return None
    told = column.told()
    if "None" in told or is_class(told[0]):
        return "None" if "None" in told else told[0]
    return repr(_nothing(ast.literal_eval(told[0])))


def _nothing(value: object) -> object:
    if isinstance(value, (tuple, list)):
        return type(value)(_nothing(v) for v in value)
    return type(value)() if isinstance(value, (bool, int, float)) else 0


def _place(column: Column) -> int:
    """What goes in stands before what comes out, what need not be told behind."""
    if column.default is not None:
        return 4
    starts = ("in_", "hidden_", "out_")
    return next((i for i, s in enumerate(starts) if column.name.startswith(s)), 3)
