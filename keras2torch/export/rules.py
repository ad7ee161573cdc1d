"""Operators of torch that Keras models use and its exporter cannot say in ONNX."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch.onnx import symbolic_helper, utils


def _argsort(g: Any, x: Any, *given: Any) -> Any:
    """Sort by TopK, which keeps what is equal in its order."""
    stable = len(given) == 3
    dim, descending = (given[1], given[2]) if stable else (given[0], given[1])
    axis = symbolic_helper._get_const(dim, "i", "dim")
    down = symbolic_helper._get_const(descending, "b", "descending")
    sizes = g.op("Shape", x)
    at = g.op("Constant", value_t=torch.tensor([axis]))
    count = g.op("Gather", sizes, at, axis_i=0)
    _, places = g.op("TopK", x, count, axis_i=axis, largest_i=int(down), outputs=2)
    return places


def _rms_norm(g: Any, x: Any, shape: Any, weight: Any, epsilon: Any) -> Any:
    sizes = symbolic_helper._get_const(shape, "is", "normalized_shape")
    small = symbolic_helper._get_const(epsilon, "f", "eps")
    axes = g.op("Constant", value_t=torch.arange(-len(sizes), 0))
    mean = g.op("ReduceMean", g.op("Mul", x, x), axes, keepdims_i=1)
    # torch's own default: the smallest step of float32.
    least = torch.finfo(torch.float32).eps if small is None else small
    shifted = g.op("Add", mean, g.op("Constant", value_t=torch.tensor(least)))
    found = g.op("Div", x, g.op("Sqrt", shifted))
    none = symbolic_helper._is_none(weight)
    return found if none else g.op("Mul", found, weight)


def _take_along_dim(g: Any, x: Any, places: Any, dim: Any) -> Any:
    """Gather along an axis; the others are broadcast, as torch does."""
    rank = symbolic_helper._get_tensor_rank(x)
    assert rank is not None
    axis = symbolic_helper._get_const(dim, "i", "dim") % rank
    here = g.op("Constant", value_t=torch.arange(rank) == axis)
    sizes, others = g.op("Shape", x), g.op("Shape", places)
    both = g.op("Max", sizes, others)
    x = g.op("Expand", x, g.op("Where", here, sizes, both))
    places = g.op("Expand", places, g.op("Where", here, others, both))
    return g.op("GatherElements", x, places, axis_i=axis)


_RULES = {
    "aten::argsort": _argsort,
    "aten::rms_norm": _rms_norm,
    "aten::take_along_dim": _take_along_dim,
}


@cache
def register(opset: int) -> None:
    """Tell torch's exporter these rules for a version of ONNX."""
    for name, rule in _RULES.items():
        utils.register_custom_op_symbolic(name, rule, opset)
