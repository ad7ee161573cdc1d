"""Keras' quantizers: numbers as integers and a scale, and back.

Sources: ``keras/src/quantizers`` (Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch import serialization
from keras2torch.quantizers.absolute import (
    AbsMaxQuantizer,
    Quantizer,
    abs_max_quantize,
    abs_max_quantize_grouped_with_zero_point,
)
from keras2torch.quantizers.faked import fake_quant_with_min_max_vars
from keras2torch.quantizers.narrow import (
    compute_float8_amax_history,
    compute_float8_scale,
    pack_int4,
    quantize_and_dequantize,
    unpack_int4,
)

_KNOWN = serialization.offer("keras.quantizers", (Quantizer, AbsMaxQuantizer))


def serialize(initializer: Quantizer) -> dict[str, Any]:
    """Return a quantizer as a dictionary that JSON can hold."""
    found: dict[str, Any] = serialization.serialize_keras_object(initializer)
    return found


def deserialize(config: Mapping[str, Any], custom_objects: Any = None) -> Any:
    """Make a quantizer from what :func:`serialize` returned."""
    return serialization.deserialize_keras_object(
        config, custom_objects, module_objects=_KNOWN, kind="quantizer"
    )


def get(identifier: Any, **kwargs: Any) -> Any:
    """Return a quantizer of a name, config, class or quantizer; None of None.

    Raises
    ------
    ValueError
        If it stands for none.
    """
    if isinstance(identifier, str) and kwargs:
        identifier = {"class_name": identifier, "config": kwargs}
    return serialization.resolve(identifier, "quantizer", _KNOWN)


__all__ = [
    "AbsMaxQuantizer",
    "Quantizer",
    "abs_max_quantize",
    "abs_max_quantize_grouped_with_zero_point",
    "compute_float8_amax_history",
    "compute_float8_scale",
    "deserialize",
    "fake_quant_with_min_max_vars",
    "get",
    "pack_int4",
    "quantize_and_dequantize",
    "serialize",
    "unpack_int4",
]
