"""Modules of others that are imported only once something in them is asked for.

onnx_ir imports sympy for arithmetic on sizes with names, which no conversion does: a
third of what the command line would wait for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

# Not sympy alone: at its top level this one asks it for functions.
_NAMES = ("sympy", "onnx_ir._symbolic_shapes")


class _Deferring:
    """Finds the modules of that list, and gives them without running their code."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname not in _NAMES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def defer() -> None:
    """Defer those imports, from now on.

    For a process of our own: modules that come so are loaded by whichever thread asks
    first, which Python before 3.12 does not guard.
    """
    if not any(isinstance(finder, _Deferring) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Deferring())
