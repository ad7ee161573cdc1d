"""Functions of single entries, called on tensors.

Source: ``vectorize_impl`` in ``keras/src/backend/common/backend_utils.py`` (3.15).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch

from keras2torch.ops.promotion import tensor

_DIMENSIONS = r"\(([\w\s,]*)\)"


def _names(text: str) -> list[tuple[str, ...]]:
    """Return the axes' names of each argument in ``(m,n),(n)``."""
    found = re.findall(_DIMENSIONS, text)
    return [tuple(n.strip() for n in part.split(",") if n.strip()) for part in found]


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None
) -> Callable[..., Any]:
    """Return a function that is called for each entry, or for each matrix.

    Parameters
    ----------
    pyfunc
        Takes and returns tensors.
    excluded
        Positions and names of arguments that are handed on as they are.
    signature
        ``"(m,n),(n)->(m)"``: the axes that it takes and gives; none unless given.
    """
    whole = set(excluded or ())

    @wraps(pyfunc)
    def called(*args: Any, **kwargs: Any) -> Any:
        at = [i for i, a in enumerate(args) if i not in whole and a is not None]
        keys = [k for k in kwargs if k not in whole]
        given = [tensor(args[i]) for i in at] + [tensor(kwargs[k]) for k in keys]
        inner = _names(signature.partition("->")[0]) if signature else [()] * len(given)
        if len(inner) != len(given):
            raise TypeError(
                f"vectorize: signature={signature!r} is of {len(inner)} arguments, the "
                f"call has {len(given)}."
            )

        def one(*entries: torch.Tensor) -> Any:
            left = iter(entries)
            filled = [next(left) if i in at else a for i, a in enumerate(args)]
            named = {k: next(left) if k in keys else v for k, v in kwargs.items()}
            return pyfunc(*filled, **named)

        outer = [t.shape[: t.ndim - len(n)] for t, n in zip(given, inner, strict=True)]
        shape = torch.broadcast_shapes(*outer)
        rows = [
            t.expand(*shape, *t.shape[t.ndim - len(n) :])
            for t, n in zip(given, inner, strict=True)
        ]
        function = one
        for _ in shape:
            function = torch.func.vmap(function)
        return function(*rows)

    return called
