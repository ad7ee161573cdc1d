"""A sum of what two modules make is one line: ``self.left(x) + self.right(y)``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from keras2torch.program.classtext import Attribute, Capture, ClassText

_CALL = re.compile(r"(\w+) = (self\.(\w+)\(\w+\))")
_SUM = re.compile(r"(\w+ = |return )(\w+) \+ (\w+)")
_POOL = re.compile(r"nn\.(Max|Avg)Pool[123]d\(")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
# With its place in the class: what is longer is wrapped.
_LONGEST = 80


def join_sums(text: ClassText) -> None:
    """Write sums of two calls, made right before and read by nobody else, as one."""
    # Of what other instances lack, those have none that could be part of a sum.
    lacked = text.options.keys() - text.either
    calls = {a.name: a for a in text.attributes.values() if a.name not in lacked}
    i = 0
    while i + 3 <= len(text.forward):
        line = _joined(text.forward, i, calls)
        if line is not None:
            made = {i + n: _CALL.fullmatch(text.forward[i + n]) for n in range(2)}
            parts = {n: found[2] for n, found in made.items() if found is not None}
            text.forward[i : i + 3] = [line]
            moved = [_moved(capture, i, parts) for capture in text.captures]
            text.captures[:] = [capture for capture in moved if capture is not None]
        i += 1


def _joined(lines: Sequence[str], i: int, calls: Mapping[str, Attribute]) -> str | None:
    """Return the line for three, if they are two calls and their sum."""
    first, second = (_CALL.fullmatch(line) for line in lines[i : i + 2])
    total = _SUM.fullmatch(lines[i + 2])
    if first is None or second is None or total is None:
        return None
    names = [first[1], second[1]]
    if sorted(names) != sorted(total.groups()[1:]) or names[0] == names[1]:
        return None
    if names[0] in _WORD.findall(second[2]) or not all(
        _is_quiet(calls.get(found[3])) for found in (first, second)
    ):
        return None
    after = [total[1].removesuffix(" = ") + " = 0", *lines[i + 3 :]]
    if any(_is_read(name, after) for name in names):
        return None
    values = dict(zip(names, (first[2], second[2]), strict=True))
    line = f"{total[1]}{values[total[2]]} + {values[total[3]]}"
    return line if len(line) <= _LONGEST else None


def _is_quiet(attribute: Attribute | None) -> bool:
    """Whether nobody looks at what a module makes, or may make it once more."""
    if attribute is None:
        return False
    pools = bool(_POOL.match(attribute.text))
    return pools or (attribute.body is not None and _is_folded(attribute.path))


def _is_folded(path: str) -> bool:
    """Whether it is no layer of Keras, but a block of several."""
    return path.endswith(">")


def _is_read(name: str, lines: Sequence[str]) -> bool:
    """Whether a variable is read before it is bound anew."""
    for line in lines:
        target, _, value = line.partition(" = ")
        if name in _WORD.findall(value or target):
            return True
        if target == name:
            return False
        if line.startswith((" ", "for ")) and name in _WORD.findall(line):
            return True
    return False


def _moved(capture: Capture, i: int, parts: Mapping[int, str]) -> Capture | None:
    at = capture.statement
    if at in parts:
        if _is_folded(capture.path) or capture.variables == ("_",):
            return None
        return replace(capture, statement=i, variables=(parts[at],), before=True)
    return replace(capture, statement=at - 2) if at > i else capture


__all__ = ["join_sums"]
