"""All cases of steps, loops and classes of one's own."""

from __future__ import annotations

# A module of cases adds its own.
from shim import distillation_cases, example_cases  # noqa: F401
from shim.cases import CASES

__all__ = ["CASES"]
