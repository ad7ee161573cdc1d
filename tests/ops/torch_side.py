"""The calls of the tables under keras2torch."""

from __future__ import annotations

from typing import Any

import calls
import numpy as np
import torch

import keras2torch as keras
from keras2torch import ops


def numpy(value: Any) -> Any:
    """Return an array; bfloat16, which an archive cannot hold, as float32."""
    found = np.asarray(ops.convert_to_numpy(value))
    return found.astype("float32") if found.dtype.name == "bfloat16" else found


def eager(case: calls.Case) -> dict[str, Any]:
    """Return what a call gives on arrays."""
    return calls.eager(case, ops, case.arrays(), numpy)


def symbolic(case: calls.Case) -> dict[str, Any]:
    """Return what a call gives in a functional model."""
    return calls.symbolic(case, keras, numpy)


def gradients(case: calls.Case) -> list[Any]:
    """Return the gradients of the weighted sum of all results that have any."""
    given = [torch.as_tensor(a) for a in case.arrays()]
    for t in given:
        t.requires_grad_(t.is_floating_point())
    total = torch.zeros(())
    for v in calls.flat(case.run(ops, *given)):
        if torch.is_tensor(v) and v.is_floating_point() and v.requires_grad:
            total = total + (v * torch.as_tensor(calls.weights(v.shape)).to(v)).sum()
    if not total.requires_grad:
        return [None for _ in given]
    total.backward()
    return [None if t.grad is None else t.grad.numpy() for t in given]
