"""Arguments of a class that follow from others: the class computes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from keras2torch.program.columns import Column
from keras2torch.program.flags import Optional
from keras2torch.program.numbers import Key

_LEAST = 3
_FEW = 2
# How many times as wide a person makes the inside of a block, and as narrow.
_WIDER = (2, 3, 4, 6, 8)
_NARROWER = (2, 4, 8, 16)
# What enters or leaves a block is told by who knows it.
_WIDTH = re.compile(r"(?!(\w+_)?in_|out_)\w*(channels|features)")


def derived(
    found: Sequence[Column],
    meanings: Mapping[Key, str],
    pads: Mapping[str, Sequence[bool]],
) -> dict[str, str]:
    """Return the arguments that follow from others → how, as text.

    What a person computes has to hold in all instances: the padding that keeps an
    image's size, the width inside a block, a number of channels as a shape. That
    numbers are multiples of others elsewhere says nothing.

    Parameters
    ----------
    found
        The arguments of a class.
    meanings
        What the numbers are that they tell.
    pads
        Text of a choice, of no padding where the class pads by a layer of its own, →
        which instances do.

    Examples
    --------
    >>> sizes = Column(["3", "5"], [(0, 0, "kernel_size")], "kernel_size")
    >>> padding = Column(["1", "2"], [(0, 0, "padding")], "padding")
    >>> meanings = {(0, 0, name): name for name in ("kernel_size", "padding")}
    >>> derived([sizes, padding], meanings, {})
    {'padding': 'kernel_size // 2'}
    """
    made: dict[str, str] = {}
    for column in found:
        if text := _width(column, found):
            made[column.name] = text
    for column in found:
        others = [c for c in found if c.name not in made and c is not column]
        text = _padding(column, others, meanings, pads) or _shape(column, others)
        if text and column.name not in made:
            made[column.name] = text
    inner = {c.name for c in found if any(line < 0 for line, _, _ in c.keys)}
    return {name: text for name, text in made.items() if name not in inner}


def _width(column: Column, found: Sequence[Column]) -> str | None:
    """Return ``4 * in_channels``: a bottleneck, an inverted residual."""
    values = _whole(column)
    told = column.default == "None"
    if told or len(values) < _LEAST or not _WIDTH.fullmatch(column.name):
        return None
    # What is inside follows from what goes in or comes out, the rest from that too.
    inner = column.name.startswith("hidden_")
    ends = [c for c in found if c.name.startswith(("in_", "out_"))]
    for other in [*ends, *(c for c in found if c.name.startswith("hidden_"))]:
        if inner and other not in ends:
            continue
        pairs = _pairs(values, _whole(other))
        for times in _WIDER:
            if pairs and all(b == times * a for b, a in pairs):
                return f"{times} * {other.name}"
        for part in _NARROWER:
            if pairs and all(b * part == a for b, a in pairs):
                return f"{other.name} // {part}"
    return None


def _padding(
    column: Column,
    others: Sequence[Column],
    meanings: Mapping[Key, str],
    pads: Mapping[str, Sequence[bool]],
) -> str | None:
    """Return ``kernel_size // 2``: as many pixels come out as went in."""
    values = _whole(column)
    if {meanings.get(key) for key in column.keys} != {"padding"}:
        return None
    calls = {key[:2] for key in column.keys}
    kernels = [
        (c, {k[:2] for k in c.keys if meanings.get(k) == "kernel_size"}) for c in others
    ]
    kernel = next((c for c, own in kernels if own >= calls), None)
    if not values:
        return _paddings(column, kernel) if kernel is not None else None
    nowhere = [False] * len(column.values)
    for text, there in {"{}": nowhere, **pads}.items():
        own = {i: value for i, value in values.items() if not there[i]}
        if any(value for i, value in values.items() if there[i]):
            continue
        if kernel is not None:
            sizes = _whole(kernel)
            pairs = _pairs(own, sizes)
            if pairs and all(b == a // 2 and a % 2 for b, a in pairs):
                return text.format(f"{kernel.name} // 2")
        elif not any(calls & own for _, own in kernels) and len(set(own.values())) == 1:
            return text.format(next(iter(own.values())))
    return None


def _paddings(column: Column, kernel: Column) -> str | None:
    """Return ``(kernel_size[0] // 2, kernel_size[1] // 2)``, as text."""
    values, sizes = column.numbers(), kernel.numbers()
    every = [*values.values(), *sizes.values()]
    if values.keys() != sizes.keys() or len({str(v) for v in values.values()}) < _FEW:
        return None
    lengths = {len(v) if isinstance(v, tuple) else 0 for v in every}
    if len(lengths) != 1 or 0 in lengths:
        return None
    if any(tuple(k // 2 for k in sizes[i]) != values[i] for i in values):
        return None
    if any(k % 2 == 0 for size in sizes.values() for k in size):
        return None
    axes = range(len(every[0]))
    return f"({', '.join(f'{kernel.name}[{axis}] // 2' for axis in axes)})"


def _shape(column: Column, others: Sequence[Column]) -> str | None:
    """Return ``(out_channels, 1, 1)``."""
    shapes = column.numbers()
    lengths = {len(s) if isinstance(s, tuple) else 0 for s in shapes.values()}
    if len(lengths) != 1 or 0 in lengths:
        return None
    places = list(zip(*shapes.values(), strict=True))
    differ = [k for k, numbers in enumerate(places) if len(set(numbers)) > 1]
    if len(differ) != 1:
        return None
    [place] = differ
    values = {i: s[place] for i, s in shapes.items()}
    for other in others:
        if other.name.endswith(("channels", "features")) and (
            values.items() <= _whole(other).items()
        ):
            parts = [str(numbers[0]) for numbers in places]
            parts[place] = other.name
            return f"({', '.join(parts)})"
    return None


def _whole(column: Column) -> dict[int, int]:
    """Return which instance is told which whole number; nothing if others are told."""
    found = column.numbers()
    return found if all(type(v) is int for v in found.values()) else {}


def _pairs(
    values: Mapping[int, int], others: Mapping[int, int]
) -> list[tuple[int, int]]:
    """Return both numbers of each instance, if the second is there and differs."""
    pairs = [(value, others[i]) for i, value in values.items() if i in others]
    differ = len({other for _, other in pairs}) > 1
    return pairs if differ and len(pairs) == len(values) else []


# ------------------------------------------------------------------- in __init__
def own_pads(
    init: Sequence[str],
    options: Mapping[int, Optional],
    found: Sequence[Column],
    flags: Mapping[str, Sequence[bool]],
) -> dict[str, Sequence[bool]]:
    """Return the choices by which a class pads in a layer of its own."""
    pads: dict[str, Sequence[bool]] = {}
    for flag in {
        o.flag: None for i, o in options.items() if " = nn.ZeroPad" in init[i]
    }:
        if flag in flags:
            pads[f"0 if {flag} else {{}}"] = flags[flag]
        for column in found:
            if column.name == flag:
                there = [not lacks for lacks in column.lacks()]
                pads[f"{{}} if {flag} is None else 0"] = there
    return pads


def put_derived(
    init: Sequence[str], follows: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Compute what follows from arguments where it is used, or before if used twice."""
    used = [
        n.id
        for line in init
        for n in ast.walk(ast.parse(line))
        if isinstance(n, ast.Name)
    ]
    used += [word for text in follows.values() for word in re.findall(r"\w+", text)]
    once = {name: text for name, text in follows.items() if used.count(name) == 1}
    first = [f"{n} = {text}" for n, text in follows.items() if n not in once]
    made = []
    for line in init:
        code, comment, remark = line.partition("  # ")
        made.append(_inserted(code, once) + comment + remark)
    return made, first


def _inserted(line: str, values: Mapping[str, str]) -> str:
    tree = ast.parse(line)
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    return line if names.isdisjoint(values) else ast.unparse(inserted(tree, values))


def inserted(tree: ast.Module, values: Mapping[str, str]) -> ast.Module:
    """Put numbers in the place of arguments."""
    made = _Inserter(values).visit(tree)
    assert isinstance(made, ast.Module)
    return made


class _Inserter(ast.NodeTransformer):
    """Puts numbers in the place of arguments."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self._values.get(node.id)
        return node if value is None else ast.parse(value, mode="eval").body
