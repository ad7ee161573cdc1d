"""Values of a Keras config as ONNX attributes, and back, exactly.

======================  ==========================================================
a value                 travels as
======================  ==========================================================
``int`` (not bool)      INT
``float``               FLOAT if float32's shortest decimal gives it back
``str``                 STRING
a non-empty list of     INTS, FLOATS, STRINGS
one of these
anything else           STRING ``json:`` + its JSON (None, bools, nested lists,
                        objects, floats that need 64 bits, strings that begin so)
======================  ==========================================================

Tuples come back as lists: JSON, where configs come from, knows no tuples.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx_ir as ir

_JSON = "json:"
_INT64 = 2**63


def _is_int(value: object) -> bool:
    return type(value) is int and -_INT64 <= value < _INT64


def _from_float32(value: float) -> float:
    with np.errstate(over="ignore"):
        return float(str(np.float32(value)))


def _is_float(value: object) -> bool:
    return type(value) is float and np.isfinite(value) and _from_float32(value) == value


def _is_str(value: object) -> bool:
    return type(value) is str and not value.startswith(_JSON)


def encode(name: str, value: Any) -> ir.Attr:
    """Return the attribute that carries ``value``."""
    if _is_int(value):
        return ir.AttrInt64(name, value)
    if _is_float(value):
        return ir.AttrFloat32(name, value)
    if _is_str(value):
        return ir.AttrString(name, value)
    if isinstance(value, (list, tuple)) and value:
        items = list(value)
        if all(map(_is_int, items)):
            return ir.AttrInt64s(name, items)
        if all(map(_is_float, items)):
            return ir.AttrFloat32s(name, items)
        if all(map(_is_str, items)):
            return ir.AttrStrings(name, items)
    return ir.AttrString(name, _JSON + json.dumps(value, sort_keys=True))


def decode(attribute: ir.Attr) -> Any:
    """Return the value that an attribute carries."""
    value: Any = attribute.value
    kind = attribute.type
    if kind == ir.AttributeType.FLOAT:
        return _from_float32(value)
    if kind == ir.AttributeType.FLOATS:
        return [_from_float32(v) for v in value]
    if kind == ir.AttributeType.INTS:
        return [int(v) for v in value]
    if kind == ir.AttributeType.STRINGS:
        return [_text(v) for v in value]
    if kind == ir.AttributeType.STRING:
        text = _text(value)
        return json.loads(text[len(_JSON) :]) if text.startswith(_JSON) else text
    return value


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
