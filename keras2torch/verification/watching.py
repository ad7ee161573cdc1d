"""What each layer puts out, seen while the generated ``forward`` itself runs.

The program says after which statement of ``forward`` which variables hold a layer's
outputs. A trace function reads them there: nothing is added to the module, and
functions (``F.relu(x)``) are seen as well as submodules.
"""

from __future__ import annotations

import ast
import linecache
import sys
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from torch import Tensor, nn

from keras2torch.program.classes import Capture
from keras2torch.verification.axes import Array, to_keras


@dataclass
class _Method:
    """A ``forward``: where its statements begin, and what to read after each."""

    starts: list[int]
    captures: dict[int, list[Capture]]

    def statement(self, line: int) -> int:
        return bisect_right(self.starts, line) - 1


@dataclass
class Seen:
    """``(path, call)`` → the outputs of a layer, in Keras' axes."""

    layers: dict[tuple[str, int], list[Array | None]] = field(default_factory=dict)
    _calls: dict[str, int] = field(default_factory=dict)

    def add(self, capture: Capture, values: Sequence[Any]) -> None:
        """Keep a copy of one call's outputs: later statements may write into them.

        ``None`` stands for an output that the program throws away.
        """
        if not all(v is None or isinstance(v, Tensor) for v in values):
            return
        call = self._calls.get(capture.path, 0)
        self._calls[capture.path] = call + 1
        self.layers[capture.path, call] = [
            None if v is None else to_keras(v.detach().cpu().numpy().copy(), t.layout)
            for v, t in zip(values, capture.tensors, strict=True)
        ]


@contextmanager
def watching(
    module: nn.Module, captures: Mapping[str, Sequence[Capture]]
) -> Iterator[Seen]:
    """Record what the layers put out while ``module`` runs inside.

    Parameters
    ----------
    module
        The model; the classes of its file are watched too.
    captures
        Class name → captures of its ``forward``, from the program.
    """
    methods = _methods(module, captures)
    seen = Seen()
    before = sys.gettrace()
    current: dict[FrameType, int] = {}

    def read(frame: FrameType, method: _Method, statement: int, result: Any) -> None:
        for capture in method.captures.get(statement, ()):
            if capture.variables == ("",):
                seen.add(capture, result if isinstance(result, tuple) else (result,))
            elif all(n == "_" or n in frame.f_locals for n in capture.variables):
                found = frame.f_locals
                values = [None if n == "_" else found[n] for n in capture.variables]
                seen.add(capture, values)

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        method = methods[frame.f_code]
        if event == "line":
            now = method.statement(frame.f_lineno)
            last = current.get(frame, -1)
            if now != last:
                current[frame] = now
                read(frame, method, last, None)
        elif event == "return":
            read(frame, method, current.pop(frame, -1), argument)
        return local

    def start(frame: FrameType, event: str, argument: Any) -> Any:
        return local if frame.f_code in methods else None

    sys.settrace(start)
    try:
        yield seen
    finally:
        sys.settrace(before)


def _methods(
    module: nn.Module, captures: Mapping[str, Sequence[Capture]]
) -> dict[CodeType, _Method]:
    """Return the forward of every class in the file that the module came from."""
    forward: Any = type(module).forward
    lines = linecache.getlines(forward.__code__.co_filename)
    found = {}
    for node in ast.parse("".join(lines)).body:
        wanted = captures.get(node.name) if isinstance(node, ast.ClassDef) else None
        cls = forward.__globals__.get(getattr(node, "name", None))
        if not wanted or cls is None:
            continue
        assert isinstance(node, ast.ClassDef)
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "forward":
                by_statement: dict[int, list[Capture]] = {}
                for capture in wanted:
                    by_statement.setdefault(capture.statement, []).append(capture)
                starts = [s.lineno for s in _statements(item)]
                found[cls.forward.__code__] = _Method(starts, by_statement)
    return found


def _statements(function: ast.FunctionDef) -> list[ast.stmt]:
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return function.body[1:] if documented else function.body
