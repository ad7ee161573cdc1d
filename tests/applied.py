"""The weight map of ``report.json``, applied as the README says, with numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def applied(row: dict[str, Any], arrays: Sequence[Array]) -> Array:
    """Return the entry of the state dict that a row makes of the Keras weights."""
    values = list(arrays)
    for step in row["steps"]:
        given = [values[n] for n in step["of"]]
        values.append(_done(step, *given))
    return values[-1]


def _done(step: dict[str, Any], *given: Array) -> Array:
    a = given[0] if given else np.empty(0)
    match step["op"]:
        case "transpose":
            return a.transpose(step["axes"])
        case "reshape":
            return a.reshape(step["shape"])
        case "select":
            return np.take(a, step["index"], axis=step["axis"])
        case "slice":
            return np.take(a, range(step["start"], step["stop"]), axis=step["axis"])
        case "take":
            return np.take(a, step["indices"], axis=step["axis"])
        case "concatenate":
            return np.concatenate(given, axis=step["axis"])
        case "multiply":
            return a * np.float32(step["by"])
        case "add":
            return a + given[1]
        case "zeros":
            return np.zeros(step["shape"], np.float32)
    raise ValueError(f"no step {step['op']!r}")
