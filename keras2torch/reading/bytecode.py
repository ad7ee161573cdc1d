"""What a Lambda's stored function would use, told without running or loading it.

Keras stores a Python function as ``marshal`` data in base64. Loading that is the first
step to running it (CVE-2024-3660); here its bytes are walked for the strings in them.
The layout of a code object tells which Python wrote it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MAX_DEPTH = 50
_MAX_NAMES = 200
# RESUME, with which every function begins: since 3.11, and since 3.13, where 149 was
# the instruction before it in a closure.
_RESUME, _RESUME_313 = 151, 149


@dataclass(frozen=True)
class Stored:
    """A function as its file has it.

    Attributes
    ----------
    python
        Which Python wrote it: ``"3.6 or 3.7"``; empty if that cannot be told.
    names
        What it uses by name: globals, attributes, methods.
    """

    python: str
    names: tuple[str, ...]


class _Damaged(ValueError):
    """No marshal data of this layout."""


def stored(text: str) -> Stored | None:
    """Look at a function in base64; ``None`` if it is no Python function."""
    code = code_of(text)
    if code is None:
        return None
    names = tuple(dict.fromkeys(_names(code)))
    return Stored(code.python, names[:_MAX_NAMES])


def code_of(text: str) -> Code | None:
    """Return the code object in base64 as data; ``None`` if it is none."""
    for data in _bytes(text):
        for layout in ("3.11", "3.8", "3.0", "2"):
            walk = _Walk(data, layout)
            try:
                code = walk.object(0)
            except (_Damaged, struct.error, IndexError, ValueError):
                continue
            if isinstance(code, Code) and walk.at == len(data):
                return code
    return None


def _names(code: Code) -> Iterator[str]:
    yield from code.names
    for constant in code.constants:
        if isinstance(constant, Code):
            yield from _names(constant)


def _bytes(text: str) -> Iterator[bytes]:
    with contextlib.suppress(UnicodeEncodeError, binascii.Error, ValueError):
        yield base64.b64decode(text.encode("ascii"))
    # Before Keras 2.1.
    with contextlib.suppress(UnicodeEncodeError):
        yield text.encode("raw_unicode_escape")


@dataclass
class Code:
    """A code object as data.

    Attributes
    ----------
    name
        ``"<lambda>"``, ``"<listcomp>"`` or the function's.
    arguments
        Number of positional arguments; those by keyword only follow.
    variables
        Names of arguments and locals; since 3.11 of cells and free variables too.
    cells
        Names of the variables shared with inner functions, then of the free ones.
    free
        Names of the variables of the function around it.
    layout, python
        Which Python wrote it, as far as can be told.
    """

    name: str
    arguments: int
    keyword_only: int
    flags: int
    instructions: bytes
    constants: tuple[Any, ...]
    names: tuple[str, ...]
    variables: tuple[str, ...]
    cells: tuple[str, ...]
    free: tuple[str, ...]
    layout: str
    python: str


def _python(body: bytes, layout: str, lines: Any) -> str:
    if layout == "2":
        return "2"
    if layout == "3.8":
        # Since 3.10 the table of lines covers all instructions, before it not the last.
        covers = isinstance(lines, bytes) and sum(lines[::2]) == len(body)
        return "3.10" if covers else "3.8 or 3.9"
    if layout == "3.11":
        first = list(body[:20:2])
        for here, behind in zip(first, [*first[1:], -1], strict=True):
            if here == _RESUME or (here == _RESUME_313 and behind == _RESUME):
                return _by_caches(body)
            if here == _RESUME_313:
                return "3.13"
        return "3.11 or newer"
    # Instructions have two bytes each since 3.6, the last one without an argument too.
    return "3.6 or 3.7" if body[-2:] == b"S\0" else "3.0 to 3.5"


# Instruction → the empty ones behind it in 3.11 and in 3.12.
_CACHES = {25: (4, 1), 106: (4, 9), 107: (2, 1), 116: (5, 4), 171: (4, 3)}


def _by_caches(body: bytes) -> str:
    """Tell 3.11 from 3.12, which leave other room behind an instruction."""
    for at in range(0, len(body), 2):
        if body[at] in _CACHES:
            rest = body[at + 2 :: 2]
            empty = len(rest) - len(rest.lstrip(b"\0"))
            if empty in _CACHES[body[at]]:
                return ("3.11", "3.12")[_CACHES[body[at]].index(empty)]
    return "3.11 or 3.12"


class _Walk:
    """Walks marshal data; what comes out are strings and tuples, never code."""

    def __init__(self, data: bytes, layout: str) -> None:
        self._data = data
        self._layout = layout
        self._refs: list[Any] = []
        self._interned: list[Any] = []
        self.at = 0

    def _take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self._data):
            raise _Damaged
        self.at += count
        return self._data[self.at - count : self.at]

    def _int(self) -> int:
        return int(struct.unpack("<i", self._take(4))[0])

    def object(self, depth: int) -> Any:
        """Return what stands here: a string, a tuple, a code object's instructions."""
        if depth > _MAX_DEPTH:
            raise _Damaged
        first = self._take(1)[0]
        kind, keep = chr(first & 0x7F), bool(first & 0x80)
        if kind == "r":
            return self._refs[self._index(len(self._refs))]
        if kind == "R":
            return self._interned[self._index(len(self._interned))]
        place = len(self._refs)
        if keep:
            self._refs.append(None)
        value = self._value(kind, depth + 1)
        if keep:
            self._refs[place] = value
        return value

    def _index(self, count: int) -> int:
        index = self._int()
        if not 0 <= index < count:
            raise _Damaged
        return index

    def _value(self, kind: str, depth: int) -> Any:
        if kind in "NTFS.":
            return {"T": True, "F": False, ".": ...}.get(kind)
        if kind in "iIfglxyYz":
            return self._number(kind)
        if kind in "suatAZ" or kind == "z":
            return self._string(kind)
        if kind in "()[<>":
            count = self._take(1)[0] if kind == ")" else self._int()
            if not 0 <= count <= len(self._data):
                raise _Damaged
            return tuple(self.object(depth) for _ in range(count))
        if kind == "{":
            while self._data[self.at] != ord("0"):
                self.object(depth)
                self.object(depth)
            self.at += 1
            return None
        if kind == ":" and self._layout == "3.11":
            return tuple(self.object(depth) for _ in range(3))
        if kind == "c":
            return self._code(depth)
        raise _Damaged

    def _number(self, kind: str) -> Any:
        if kind == "z":
            return self._string(kind)
        if kind == "i":
            return self._int()
        if kind == "l":
            count = self._int()
            digits = struct.unpack(f"<{abs(count)}H", self._take(2 * abs(count)))
            size = sum(digit << 15 * k for k, digit in enumerate(digits))
            return -size if count < 0 else size
        if kind in "fx":
            parts = [
                float(self._take(self._take(1)[0])) for _ in range(1 + (kind == "x"))
            ]
        else:
            size = {"I": 8, "g": 8, "y": 16}.get(kind, -1)
            parts = list(struct.unpack(f"<{size // 8}d", self._take(size)))
        return complex(*parts) if len(parts) == 2 else parts[0]

    def _string(self, kind: str) -> Any:
        count = self._take(1)[0] if kind in "zZ" else self._int()
        raw = self._take(count)
        if kind == "s":
            return raw
        text = raw.decode("utf-8", "replace")
        if kind == "t" and self._layout == "2":
            self._interned.append(text)
        return text

    def _code(self, depth: int) -> Code:
        new = self._layout == "3.11"
        counts = {"3.8": 6, "2": 4}.get(self._layout, 5)
        header = [self._int() for _ in range(counts)]
        if not all(0 <= n < 1 << 30 for n in header) or header[0] > 255:
            raise _Damaged
        body = self.object(depth)
        constants = self.object(depth)
        if not isinstance(body, bytes) or not isinstance(constants, tuple):
            raise _Damaged
        names, variables = self._texts(depth), self._texts(depth)
        if new:
            kinds = self.object(depth)
            if not isinstance(kinds, bytes) or len(kinds) != len(variables):
                raise _Damaged
            free = tuple(v for v, k in zip(variables, kinds, strict=True) if k & 0x80)
            cells = tuple(v for v, k in zip(variables, kinds, strict=True) if k & 0x40)
        else:
            free, cells = self._texts(depth), self._texts(depth)
        self.object(depth)
        name = self.object(depth)
        if new:
            self.object(depth)
        self._int()
        lines = self.object(depth)
        if new:
            self.object(depth)
        name = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
        if not isinstance(name, str):
            raise _Damaged
        keyword_only = 0
        if self._layout != "2":
            keyword_only = header[2 if self._layout in ("3.8", "3.11") else 1]
        return Code(
            name,
            header[0],
            keyword_only,
            header[-1],
            body,
            constants,
            names,
            variables,
            cells + free,
            free,
            self._layout,
            _python(body, self._layout, lines),
        )

    def _texts(self, depth: int) -> tuple[str, ...]:
        found = self.object(depth)
        if not isinstance(found, tuple):
            raise _Damaged
        texts = [
            t.decode("utf-8", "replace") if isinstance(t, bytes) else t for t in found
        ]
        if not all(isinstance(t, str) for t in texts):
            raise _Damaged
        return tuple(texts)
