"""``jit_compile``: a program run by ``torch.compile``, as long as it can be."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn


class Compiled:
    """A module as ``torch.compile`` makes it; the module itself where that fails.

    It fails at the first call: without a compiler for C++ or CUDA, or for code that
    cannot be traced. Then one warning says why, and training goes on without it.

    Parameters
    ----------
    net
        What to compile.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self._run: Any = torch.compile(net)
        self.works: bool | None = None

    def __call__(self, *tensors: Any) -> Any:
        """Call it."""
        if self.works is False:
            return self.net(*tensors)
        try:
            made = self._run(*tensors)
        except Exception as error:
            if self.works:
                raise
            self.works, self._run = False, None
            # If the module itself cannot be called, that is what to tell.
            made = self.net(*tensors)
            reason = str(error).strip().partition("\n")[0]
            warnings.warn(
                f"jit_compile: torch.compile cannot compile {type(self.net).__name__} "
                f"here ({type(error).__name__}: {reason}). It runs uncompiled.",
                stacklevel=3,
            )
            return made
        self.works = True
        return made

    def __deepcopy__(self, memo: Any) -> None:
        # A copied model compiles anew.
        return None
