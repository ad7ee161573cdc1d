"""The table of cases: one function each, written against Keras' public API only.

``run(keras)`` gets the package (``keras`` or ``keras2torch``) and returns numbers by
name. This package imports neither, nor torch: the case is all that both sides share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Results = dict[str, Any]
RTOL = 1e-5


@dataclass(frozen=True)
class Case:
    name: str
    run: Callable[[Any], Results]
    # Relative to the largest number of an array. More than 1e-5 needs a reason.
    rtol: float = RTOL
    why: str = ""
    # What keras2torch does not have yet. Its test fails the day it has.
    missing: str = ""

    @property
    def group(self) -> str:
        return self.name.partition("/")[0]


CASES: dict[str, Case] = {}


def add(
    name: str,
    run: Callable[[Any], Results],
    rtol: float = RTOL,
    why: str = "",
    missing: str = "",
) -> None:
    assert name not in CASES, f"two cases are called {name}"
    assert rtol == RTOL or why, f"{name}: another tolerance needs a reason"
    CASES[name] = Case(name, run, rtol, why, missing)


def case(
    name: str,
    *,
    rtol: float = RTOL,
    why: str = "",
    missing: str = "",
) -> Callable[[Callable[[Any], Results]], Callable[[Any], Results]]:
    def register(run: Callable[[Any], Results]) -> Callable[[Any], Results]:
        add(name, run, rtol, why, missing)
        return run

    return register
