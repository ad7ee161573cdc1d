"""What the tests of functions of one tensor share."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import numpy as np
import torch


def applied(
    function: Any, x: Any, dtype: str = "float32", **arguments: Any
) -> dict[str, Any]:
    """Values, and the gradient of their weighted sum, as ``keras_side.applied``."""
    given = torch.tensor(np.asarray(x).tolist(), dtype=getattr(torch, dtype))
    if given.is_floating_point():
        given.requires_grad_()
    y = function(given, **arguments)
    found: dict[str, Any] = {"value": y.detach().numpy(), "y": y}
    found["dtype"] = str(y.dtype).removeprefix("torch.")
    if y.requires_grad:
        factors = torch.arange(y.numel(), dtype=torch.float64).cos().reshape(y.shape)
        (y * factors.to(y.dtype)).sum().backward()
        found["gradient"] = given.grad.numpy()
    return found


def same_names(module: Any, keras: dict[str, Any]) -> None:
    """Every spelling, every public name, and every signature in Keras' order."""
    assert sorted(getattr(module, "_OBJECTS", {})) == keras["spellings"]
    assert set(keras["exported"]) <= set(module.__all__)
    for name, expected in keras["signatures"].items():
        taken = [
            [p.name, "required" if p.default is Parameter.empty else p.default]
            for p in signature(getattr(module, name)).parameters.values()
            if p.kind is not Parameter.KEYWORD_ONLY
        ]
        assert taken == [e for e in expected if e[0] != "kwargs"], name


def compare(
    found: dict[str, Any], expected: dict[str, Any], float64: float = 1e-9
) -> None:
    """Values, gradients and dtypes are Keras'."""
    tolerance = float64 if expected["dtype"] == "float64" else 1e-5
    assert found["dtype"] == expected["dtype"]
    for what in ("value", "gradient"):
        if what in expected:
            assert found[what].shape == expected[what].shape
            np.testing.assert_allclose(
                found[what], expected[what], rtol=tolerance, atol=tolerance
            )
