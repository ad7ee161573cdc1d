"""What each layer puts out, seen while the generated ``forward`` itself runs.

The program says after which statement of ``forward`` which variables hold a layer's
outputs. A trace function reads them there: nothing is added to the module, and
functions (``F.relu(x)``) are seen as well as submodules. Only the entries of an
``nn.Sequential`` are watched by hooks, which go again.
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
from torch.utils.hooks import RemovableHandle

from keras2torch.program.classtext import Capture, statements
from keras2torch.verification.axes import Array, to_keras


@dataclass
class _Method:
    """A ``forward``: where its statements begin, and what to read in which module."""

    starts: list[int]
    captures: dict[nn.Module, dict[tuple[int, int, bool], list[Capture]]]

    def statement(self, line: int) -> int:
        return bisect_right(self.starts, line) - 1


class _Run:
    """One run of a ``forward``: the statement that it is in, and in which turn."""

    def __init__(self, method: _Method, frame: FrameType, seen: Seen) -> None:
        self._method, self._frame, self._seen = method, frame, seen
        self._captures = method.captures.get(frame.f_locals["self"], {})
        self._now = -1
        self._turns: dict[int, int] = {}

    def at(self, line: int) -> None:
        """Go on to the statement of a line."""
        now = self._method.statement(line)
        if now != self._now:
            self.done(None)
            self._now = now
            self._turns[now] = self._turns.get(now, -1) + 1
            self._read(before=True)

    def done(self, result: Any) -> None:
        """End the current statement; ``result`` is what a ``return`` gives back."""
        self._read(before=False, result=result)

    def _read(self, *, before: bool, result: Any = None) -> None:
        key = (self._now, self._turns.get(self._now, 0), before)
        for capture in self._captures.get(key, ()):
            if capture.variables == ("",):
                values = result if isinstance(result, tuple) else (result,)
                self._seen.add(capture, values)
            else:
                values = tuple(self._value(v) for v in capture.variables)
                if not any(v is _MISSING for v in values):
                    self._seen.add(capture, values)

    def _value(self, text: str) -> Any:
        if text == "_":
            return None
        found = self._frame.f_locals
        if text.isidentifier():
            return found.get(text, _MISSING)
        # A part of the statement that runs next, which was checked as that was.
        return eval(text, self._frame.f_globals, found)  # noqa: S307


_MISSING = object()


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
        Submodule → captures of its ``forward``, from the program.
    """
    methods = _methods(module, captures)
    seen = Seen()
    before = sys.gettrace()
    runs: dict[FrameType, _Run] = {}

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            runs[frame].at(frame.f_lineno)
        elif event == "return":
            runs.pop(frame).done(argument)
        return local

    def start(frame: FrameType, event: str, argument: Any) -> Any:
        method = methods.get(frame.f_code)
        if method is None:
            return None
        runs[frame] = _Run(method, frame, seen)
        return local

    hooks = list(_hooks(module, captures, seen))
    sys.settrace(start)
    try:
        yield seen
    finally:
        sys.settrace(before)
        for hook in hooks:
            hook.remove()


def _hooks(
    module: nn.Module, captures: Mapping[str, Sequence[Capture]], seen: Seen
) -> Iterator[RemovableHandle]:
    """Watch the entries of each ``nn.Sequential``, whose forward is PyTorch's own."""
    for name, wanted in captures.items():
        part = module.get_submodule(name)
        if not isinstance(part, nn.Sequential):
            continue
        for capture in wanted:

            def hook(
                entry: nn.Module, given: Any, result: Any, own: Capture = capture
            ) -> None:
                seen.add(own, (result,))

            yield part[capture.statement].register_forward_hook(hook)


def _methods(
    module: nn.Module, captures: Mapping[str, Sequence[Capture]]
) -> dict[CodeType, _Method]:
    """Return the forward of every class that one of the submodules has."""
    found: dict[CodeType, _Method] = {}
    for name, wanted in captures.items():
        part = module.get_submodule(name)
        if isinstance(part, nn.Sequential):
            continue
        forward: Any = type(part).forward
        code = forward.__code__
        if code not in found:
            lines = linecache.getlines(code.co_filename)
            found[code] = _Method(_starts("".join(lines), type(part).__name__), {})
        by_statement = found[code].captures.setdefault(part, {})
        for capture in wanted:
            key = (capture.statement, capture.turn, capture.before)
            by_statement.setdefault(key, []).append(capture)
    return found


def _starts(source: str, name: str) -> list[int]:
    """Return the lines at which the statements of a class's forward begin."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "forward":
                    return [s.lineno for s in statements(item)]
    raise AssertionError(f"no forward of {name} in its own file")
