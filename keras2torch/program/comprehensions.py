"""Entries of a stack that are alike, as a person writes them: in a loop."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

# Two such entries take more lines than a loop.
_LONG = 72
_LEAST = 3
_KINDS = ("nn.Sequential", "nn.ModuleList")


def comprehended(line: str, parameters: Mapping[str, Sequence[str]]) -> str:
    """Write the entries of a stack or list that are alike as a comprehension.

    Parameters
    ----------
    line
        A statement of ``__init__``.
    parameters
        Class → the arguments of its constructor.

    Examples
    --------
    >>> comprehended("self.a = nn.Sequential(B(1), B(2), B(2), B(2))", {})
    'self.a = nn.Sequential(B(1), *[B(2) for _ in range(3)])'
    >>> comprehended("self.a = nn.Sequential(B(8), B(16), B(24))", {"B": ["size"]})
    'self.a = nn.Sequential(*[B(size) for size in range(8, 32, 8)])'
    >>> comprehended("self.a = nn.ModuleList([B(1), B(2), B(2), B(2)])", {})
    'self.a = nn.ModuleList([B(1), *[B(2) for _ in range(3)]])'
    """
    code, comment, remark = line.partition("  # ")
    if code.count("(") < 2 or not any(f"{kind}(" in code for kind in _KINDS):
        return line
    tree = _Loops(parameters).visit(ast.parse(code))
    return ast.unparse(ast.fix_missing_locations(tree)) + comment + remark


@dataclass
class _Loop:
    """Entries that differ in one argument at most: which, and its values."""

    entries: list[ast.Call]
    place: int | str | None = None


class _Loops(ast.NodeTransformer):
    def __init__(self, parameters: Mapping[str, Sequence[str]]) -> None:
        self._parameters = parameters

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        kind = ast.unparse(node.func)
        if kind == "nn.Sequential":
            node.args = self._entries(node.args)
        elif kind == "nn.ModuleList" and isinstance(node.args[0], ast.List):
            # A list that the user counted up stays as it was.
            entries = self._entries(node.args[0].elts, equal=True)
            whole = len(entries) == 1 and isinstance(entries[0], ast.Starred)
            node.args = [entries[0].value if whole else ast.List(entries)]  # type: ignore[attr-defined]
        return node

    def _entries(
        self, entries: Sequence[ast.expr], *, equal: bool = False
    ) -> list[ast.expr]:
        found: list[ast.expr] = []
        for loop in _loops(entries):
            apart = isinstance(loop, _Loop) and equal and loop.place is not None
            found += (
                loop.entries
                if apart and isinstance(loop, _Loop)
                else (self._written(loop))
            )
        return found

    def _written(self, loop: _Loop | ast.expr) -> list[ast.expr]:
        if isinstance(loop, ast.expr):
            return [loop]
        entries, count = loop.entries, len(loop.entries)
        long = len(ast.unparse(entries[0])) > _LONG
        if count < (2 if long else _LEAST):
            return list(entries)
        if loop.place is None:
            text = f"[{ast.unparse(entries[0])} for _ in range({count})]"
            return [_starred(text)]
        values = [_value(entry, loop.place) for entry in entries]
        name = self._name(entries[0], loop.place)
        if name is None:
            return list(entries)
        _put(entries[0], loop.place, ast.Name(name))
        made = ast.unparse(ast.fix_missing_locations(entries[0]))
        return [_starred(f"[{made} for {name} in {_iterated(values)}]")]

    def _name(self, entry: ast.Call, place: int | str) -> str | None:
        if isinstance(place, str):
            return place
        known = self._parameters.get(ast.unparse(entry.func), ())
        return known[place] if place < len(known) else None


def _loops(entries: Sequence[ast.expr]) -> list[_Loop | ast.expr]:
    found: list[_Loop | ast.expr] = []
    for entry in entries:
        last = found[-1] if found else None
        if not isinstance(entry, ast.Call):
            found.append(entry)
        elif isinstance(last, _Loop) and (place := _fits(last, entry)) is not False:
            last.place = place if place is not None else last.place
            last.entries.append(entry)
        else:
            loop = _Loop([entry])
            if isinstance(last, _Loop) and _begins(last, entry):
                # That one and this are equal, those before are not.
                loop.entries.insert(0, last.entries.pop())
                last.place = None
            found.append(loop)
    return found


def _begins(loop: _Loop, entry: ast.Call) -> bool:
    two = len(loop.entries) == 2 and loop.place is not None
    return two and ast.unparse(loop.entries[-1]) == ast.unparse(entry)


def _fits(loop: _Loop, entry: ast.Call) -> int | str | bool | None:
    """Return where an entry differs from those before; False if in too much."""
    before = loop.entries[-1]
    if _frame(before) != _frame(entry):
        return False
    differs: list[int | str] = [
        place for place in _places(entry) if _text(before, place) != _text(entry, place)
    ]
    if not differs:
        return None if loop.place is None else False
    if len(differs) > 1 or (len(loop.entries) > 1 and loop.place != differs[0]):
        return False
    return differs[0]


def _frame(entry: ast.Call) -> tuple[object, ...]:
    return (
        ast.unparse(entry.func),
        len(entry.args),
        tuple(k.arg for k in entry.keywords),
    )


def _places(entry: ast.Call) -> list[int | str]:
    keywords = [k.arg for k in entry.keywords if k.arg is not None]
    return [*range(len(entry.args)), *keywords]


def _value(entry: ast.Call, place: int | str) -> ast.expr:
    if isinstance(place, int):
        return entry.args[place]
    return next(k.value for k in entry.keywords if k.arg == place)


def _text(entry: ast.Call, place: int | str) -> str:
    return ast.unparse(_value(entry, place))


def _put(entry: ast.Call, place: int | str, value: ast.expr) -> None:
    if isinstance(place, int):
        entry.args[place] = value
        return
    for keyword in entry.keywords:
        if keyword.arg == place:
            keyword.value = value


def _iterated(values: Sequence[ast.expr]) -> str:
    """Return ``range(8, 32, 8)`` or a tuple."""
    numbers = [v.value for v in values if isinstance(v, ast.Constant)]
    whole = [n for n in numbers if type(n) is int]
    if len(whole) == len(values):
        steps = {b - a for a, b in pairwise(whole)}
        if len(steps) == 1 and (step := steps.pop()) > 0:
            by = f", {step}" if step > 1 else ""
            return f"range({whole[0]}, {whole[-1] + step}{by})"
    return f"({', '.join(ast.unparse(v) for v in values)})"


def _starred(text: str) -> ast.Starred:
    return ast.Starred(ast.parse(text, mode="eval").body)
