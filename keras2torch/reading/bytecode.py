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
    for data in _bytes(text):
        for layout in ("3.11", "3.8", "3.0", "2"):
            walk = _Walk(data, layout)
            try:
                code = walk.object(0)
            except (_Damaged, struct.error, IndexError):
                continue
            if isinstance(code, _Code) and walk.at == len(data):
                names = tuple(dict.fromkeys(walk.names))
                return Stored(_python(code, layout), names[:_MAX_NAMES])
    return None


def _bytes(text: str) -> Iterator[bytes]:
    with contextlib.suppress(UnicodeEncodeError, binascii.Error, ValueError):
        yield base64.b64decode(text.encode("ascii"))
    # Before Keras 2.1.
    with contextlib.suppress(UnicodeEncodeError):
        yield text.encode("raw_unicode_escape")


@dataclass
class _Code:
    instructions: bytes


def _python(code: _Code, layout: str) -> str:
    body = code.instructions
    if layout == "2":
        return "2"
    if layout == "3.8":
        return "3.8 to 3.10"
    if layout == "3.11":
        first = list(body[:20:2])
        for here, behind in zip(first, [*first[1:], -1], strict=True):
            if here == _RESUME or (here == _RESUME_313 and behind == _RESUME):
                return "3.11 or 3.12"
            if here == _RESUME_313:
                return "3.13"
        return "3.11 or newer"
    # Instructions have two bytes each since 3.6, the last one without an argument too.
    return "3.6 or 3.7" if body[-2:] == b"S\0" else "3.0 to 3.5"


class _Walk:
    """Walks marshal data; what comes out are strings and tuples, never code."""

    def __init__(self, data: bytes, layout: str) -> None:
        self._data = data
        self._layout = layout
        self._refs: list[Any] = []
        self._interned: list[Any] = []
        self.at = 0
        self.names: list[str] = []

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
            return None
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
        if kind == "l":
            return self._take(2 * abs(self._int()))
        if kind in "fx":
            return [self._take(self._take(1)[0]) for _ in range(1 + (kind == "x"))]
        return self._take({"i": 4, "I": 8, "g": 8, "y": 16}.get(kind, -1))

    def _string(self, kind: str) -> Any:
        count = self._take(1)[0] if kind in "zZ" else self._int()
        raw = self._take(count)
        if kind == "s":
            return raw
        text = raw.decode("utf-8", "replace")
        if kind == "t" and self._layout == "2":
            self._interned.append(text)
        return text

    def _code(self, depth: int) -> _Code:
        fields = {"3.8": 6, "2": 4}.get(self._layout, 5)
        header = [self._int() for _ in range(fields)]
        if not all(0 <= n < 1 << 30 for n in header) or header[0] > 255:
            raise _Damaged
        body = self.object(depth)
        if not isinstance(body, bytes):
            raise _Damaged
        self.object(depth)
        names = self.object(depth)
        if not isinstance(names, tuple):
            raise _Damaged
        for name in names:
            text = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
            if not isinstance(text, str):
                raise _Damaged
            self.names.append(text)
        new = self._layout == "3.11"
        # Variables; then the names of the file and of the function.
        for _ in range(2 + 3 if new else 3 + 2):
            self.object(depth)
        self._int()
        for _ in range(2 if new else 1):
            self.object(depth)
        return _Code(body)
