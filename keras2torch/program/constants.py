"""Constants as a person writes them: ``torch.arange(20)``, and what they are called."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.layers.text import Raw, call, short
from keras2torch.operators import OPERATORS
from keras2torch.program.names import identifier

Array = npt.NDArray[Any]

# A formula that is no shorter than the numbers is no help.
_FEW = 3
# What exporters call a constant when nobody named it, beside the operators' names.
_NAMELESS = (
    "arange arg band batch begin bias c concat const constant cst delta dims end eye "
    "fill floor fold full initializer input layer limit linspace lookup mat numpy ones "
    "onnx opt output pack perm range read real resource shape size slice stack start "
    "step strided tensor true truediv val value variable x y zeros"
)
_KNOWN = frozenset(n.replace("_", "").lower() for n in [*_NAMELESS.split(), *OPERATORS])
# What a constant is to the operator that reads it, at any place.
_ROLES = {
    **dict.fromkeys(("Add", "Sub"), "offset"),
    **dict.fromkeys(("Mul", "Div"), "scale"),
    **dict.fromkeys(("MatMul", "Gemm", "Einsum"), "matrix"),
    **dict.fromkeys(("Pow",), "exponent"),
    **dict.fromkeys(("Gather", "GatherND", "GatherElements"), "table"),
    **dict.fromkeys(("Conv", "ConvTranspose"), "kernel"),
    **dict.fromkeys(("Max", "Min", "Clip"), "limit"),
    **dict.fromkeys(("Less", "LessOrEqual", "Greater", "GreaterOrEqual"), "threshold"),
}

# What hands on a part of a value, or all of it.
_PARTS = frozenset(
    ("Slice", "Reshape", "Unsqueeze", "Squeeze", "Transpose", "Expand", "Cast")
)


def constant_name(value: ir.Value, array: Array) -> str:
    """Return what a constant is called: by a person, else by what it is or is for."""
    last = str(value.name).removesuffix("/y").rpartition("/")[2].partition(":")[0]
    text = identifier(last, "constant")
    if not _is_nameless(text):
        return text
    if (formula(array, str(array.dtype)) or "").startswith("torch.tri"):
        return "causal_mask"
    if array.dtype.kind == "b":
        return "mask"
    if (stem := re.sub(r"(_?\d+)+$", "", text)) in ("cos", "sin"):
        # What rotates: nobody calls that anything else.
        return stem
    if _steps(array.reshape(-1)):
        return "positions"
    roles = set(_roles(value))
    return roles.pop() if len(roles) == 1 else "constant"


def _roles(value: ir.Value) -> Iterator[str]:
    """Give what a value is to the operators that read it, or a part of it."""
    for use in value.uses():
        kind = use.node.op_type
        if kind in _PARTS and not use.idx:
            yield from _roles(use.node.outputs[0])
        elif kind.startswith("Gather") and use.idx:
            yield "indices"
        elif kind in _ROLES:
            yield _ROLES[kind]


def _is_nameless(name: str) -> bool:
    """Whether only operators are named in it: ``matrixbandpart``, ``const_fold_3``."""
    plain = re.sub(r"(_?v?\d+)+$", "", name)
    words = plain.split("_")
    at = 0
    while at < len(words):
        longest = next(
            (n for n in range(len(words), at, -1) if "".join(words[at:n]) in _KNOWN), 0
        )
        if not longest:
            return plain.replace("_", "") in _KNOWN_OF_TENSORFLOW
        at = longest
    return True


# Operators of TensorFlow that no ONNX operator is named after.
_KNOWN_OF_TENSORFLOW = frozenset(
    "addn addv2 batchmatmul batchmatmulv2 broadcastto cumsum depthtospace "
    "expanddims gatherv2 invertpermutation leakyrelu linspace logicaland logicalnot "
    "logicalor matrixbandpart matrixdiag maximum minimum mirrorpad onehot oneslike "
    "padv2 realdiv resourcegather reverse rsqrt select selectv2 setdiff "
    "softplus spacetodepth square squareddifference stridedslice tensorscatterupdate "
    "tril triu unpack zeroslike".split()
)


def dtype_argument(dtype: str, usual: str) -> dict[str, Raw]:
    """Return the argument ``dtype``, if it is not the usual one."""
    return {} if dtype == usual else {"dtype": Raw(f"torch.{dtype}")}


def written(array: Array, dtype: str) -> Raw:
    """Return ``torch.tensor([…])``."""
    usual = {"f": "float32", "i": "int64", "b": "bool"}.get(array.dtype.kind, "")
    numbers = array.astype(np.float64) if array.dtype.kind not in "iub" else array
    return call(
        "torch.tensor", _plain(numbers.tolist()), **dtype_argument(dtype, usual)
    )


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return short(value) if isinstance(value, float) else value


def formula(array: Array, dtype: str) -> str | None:
    """Return the expression that makes a constant exactly, if there is one."""
    if array.size <= _FEW or array.dtype.kind not in "iufb":
        return None
    flat = array.reshape(-1)
    if (flat == flat[0]).all():
        return _full(array.shape, flat[0].item(), dtype)
    if steps := _steps(flat):
        made = call("torch.arange", *steps, **dtype_argument(dtype, "int64"))
        return made if array.ndim == 1 else f"{made}.reshape({_sizes(array.shape)})"
    inner = array.reshape([n for n in array.shape if n != 1])
    if inner.ndim != 2:
        return None
    matrix = _triangle(inner, dtype)
    if matrix is None or inner.shape == array.shape:
        return matrix
    return f"{matrix}.reshape({_sizes(array.shape)})"


def _full(shape: tuple[int, ...], value: Any, dtype: str) -> str:
    """Return the expression of one number everywhere."""
    if value in (0, 1) and math.copysign(1, value) > 0:
        name = "ones" if value else "zeros"
        return call(f"torch.{name}", *shape, **dtype_argument(dtype, "float32"))
    usual = {float: "float32", int: "int64"}[type(value)]
    number = _plain(value)
    return call("torch.full", shape, number, **dtype_argument(dtype, usual))


def _steps(flat: Array) -> list[int] | None:
    """Return what ``arange`` is given for whole numbers with one distance."""
    if flat.dtype.kind not in "iuf" or flat.size < 2:
        return None
    limit = 2**24 if flat.dtype.kind == "f" else 2**31
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.abs(flat) < limit
        if not whole.all() or (flat != np.floor(flat)).any():
            return None
    numbers = flat.astype("int64")
    step = int(numbers[1] - numbers[0])
    if not step or (np.diff(numbers) != step).any():
        return None
    first, end = int(numbers[0]), int(numbers[-1]) + (1 if step > 0 else -1)
    if step == 1:
        return [end] if first == 0 else [first, end]
    return [first, end, step]


def _triangle(array: Array, dtype: str) -> str | None:
    """Return ``torch.tril(torch.ones(…))`` and its like for a matrix, or ``eye``."""
    rows, columns = array.shape
    for name, corner in (("tril", array[-1, 0]), ("triu", array[0, -1])):
        if corner == 0 or np.isnan(corner):
            continue
        whole = np.full_like(array, corner)
        cut = getattr(np, name)
        first = np.count_nonzero(array[0] == corner)
        diagonal = first - 1 if name == "tril" else columns - first
        if name == "tril" and not first:
            diagonal = -int(np.count_nonzero(array[:, 0] == 0))
        if (cut(whole, diagonal) == array).all():
            full = _full(array.shape, corner.item(), dtype)
            extra = f", diagonal={diagonal}" if diagonal else ""
            return f"torch.{name}({full}{extra})"
    if (array == np.eye(rows, columns, dtype=array.dtype)).all():
        sizes = (rows,) if rows == columns else (rows, columns)
        return call("torch.eye", *sizes, **dtype_argument(dtype, "float32"))
    return None


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
