"""With which arguments a module was made: its constructor call can be written again."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from weakref import WeakKeyDictionary

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_made: WeakKeyDictionary[Any, inspect.BoundArguments] = WeakKeyDictionary()


@contextmanager
def recording() -> Iterator[None]:
    """Remember the constructor call of every ``nn.Module`` that is made inside.

    ``nn.Module.__init__`` is where all of them come by; who called it, and with what,
    is in the frames of the constructors around it.
    """
    from torch import nn

    original: Any = nn.Module.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        frame, outermost = sys._getframe(1), None
        while frame is not None and _constructs(frame, self):
            outermost, frame = frame, cast(Any, frame.f_back)
        if outermost is not None:
            call = _call(type(self), outermost)
            original(self, *args, **kwargs)
            if call is not None:
                _made[self] = call
        else:
            original(self, *args, **kwargs)
            _made[self] = inspect.signature(type(self)).bind_partial(*args, **kwargs)

    vars_ = cast(Any, nn.Module)
    vars_.__init__ = init
    try:
        yield
    finally:
        vars_.__init__ = original


def _constructs(frame: Any, module: Any) -> bool:
    code = frame.f_code
    names = code.co_varnames
    return bool(
        code.co_name == "__init__" and names and frame.f_locals.get(names[0]) is module
    )


def _call(cls: type, frame: Any) -> inspect.BoundArguments | None:
    values = inspect.getargvalues(frame)
    there = values.locals
    given = {n: there[n] for n in values.args[1:] if n in there}
    extra = there.get(values.varargs, ()) if values.varargs else ()
    named = dict(there.get(values.keywords, {})) if values.keywords else {}
    try:
        signature = inspect.signature(cls)
        if extra:
            count = frame.f_code.co_argcount - 1
            placed = list(given.values())[:count]
            named |= dict(list(given.items())[count:])
            return signature.bind(*placed, *extra, **named)
        return signature.bind(**given, **named)
    except (TypeError, ValueError):
        return None


def arguments(module: Any) -> inspect.BoundArguments | None:
    """Return the constructor call of a module, if it was recorded."""
    return _made.get(module)
