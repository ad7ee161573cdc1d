"""Results that are parts of a variable: they are read there, and get no other name.

``out, (h, c) = self.encoder(x)`` is all that a person writes; what reads the state
reads ``h[-1]``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from keras2torch.layers.definitions import Tensor

_PART = re.compile(r"([A-Za-z_]\w*)(\[-?\d+\])?")


def parts_of(before: Sequence[str], results: Sequence[str]) -> dict[int, str]:
    """Return the results that stand in what the statements before them bind.

    Returns
    -------
    dict
        Which result → the variable.
    """
    if not before:
        return {}
    # What an earlier statement binds, a later one may bind anew.
    [last] = ast.parse(before[-1]).body
    bound = {
        n.id
        for n in ast.walk(last)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    found = {k: _PART.fullmatch(text) for k, text in enumerate(results)}
    return {k: m[1] for k, m in found.items() if m is not None and m[1] in bound}


def holders(
    parts: Mapping[int, str],
    outputs: Sequence[Tensor],
    uses: dict[int, list[int]],
) -> dict[str, Tensor]:
    """Return a tensor for each variable, which is read when any of its parts is."""
    found: dict[str, Tensor] = {}
    for k, variable in parts.items():
        read = uses.get(id(outputs[k]), [])
        if read:
            holder = found.setdefault(variable, Tensor(()))
            uses[id(holder)] = sorted([*uses.get(id(holder), []), *read])
    return found
