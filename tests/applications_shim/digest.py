"""What a network is, in a few words: imported beside Keras and beside torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any


def described(model: Any, shapes: Callable[[Any], list[list[int]]]) -> list[Any]:
    """Return class, name and weights of each layer, those within models as well."""
    return [
        [
            type(layer).__name__,
            layer.name,
            described(layer, shapes) if hasattr(layer, "layers") else shapes(layer),
        ]
        for layer in model.layers
    ]


def digest(model: Any, shapes: Callable[[Any], list[list[int]]]) -> dict[str, Any]:
    """Return numbers of layers and weights, and a digest of names and shapes."""
    rows = described(model, shapes)
    return {
        "layers": len(rows),
        "parameters": sum(map(math.prod, _shapes(rows))),
        "digest": hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16],
    }


def _shapes(rows: list[Any]) -> list[list[int]]:
    found: list[list[int]] = []
    for _, _, held in rows:
        inside = bool(held) and isinstance(held[0][0], str)
        found += _shapes(held) if inside else held
    return found
