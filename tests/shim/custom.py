"""All cases of steps, loops and classes of one's own."""

from __future__ import annotations

from shim import distillation_cases  # noqa: F401 - a module of cases adds its own
from shim.cases import CASES

__all__ = ["CASES"]
