"""``(x, y, sample_weight)``, of which the last ones may be absent.

Keras 3.15: trainers/data_adapters/data_adapter_utils.py.
"""

from __future__ import annotations

from typing import Any


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return ``(x, y, sample_weight)`` of what a data set yields, ``None`` for absent.

    Parameters
    ----------
    data
        ``x`` that is no tuple or list, ``(x,)``, ``(x, y)`` or
        ``(x, y, sample_weight)``.

    Raises
    ------
    ValueError
        If there are none, or more than three.
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "data comes as x, (x,), (x, y) or (x, y, sample_weight), "
            f"not as {len(data)} items."
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return what ``fit`` takes from a data set: ``x``, ``(x, y)`` or all three.

    ``x`` alone stays alone, unless it is a list or tuple: then ``(x,)``.
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    if sample_weight is None:
        return x, y
    return x, y, sample_weight
