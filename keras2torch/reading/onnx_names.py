"""What a module is called, from the names that an exporter left."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What stands behind a layer's name: TensorFlow's operations and what reads variables.
_OPERATIONS = frozenset(
    """
    add add_1 batchnorm biasadd cast cast_1 concat conv conv1d conv2d conv3d
    conv_transpose convolution conv2d_transpose conv2dbackpropinput depthwise
    avgpool avgpool2d embedding_lookup expanddims fusedbatchnormv3 gemm matmul
    maxpool maxpool2d moments mul mul_1 read
    readvariableop reshape resource separable_conv2d squeeze tensordot transpose
    while batch_normalization bias kernel split lookup gather
    """.split()
)
# Second ones within a layer; conv2d_1 is a layer's name.
_NUMBERED = re.compile(
    r"(add|biasadd|cast|convolution|expanddims|matmul|mul|readvariableop|reshape|squeeze|sub"
    r"|tensordot|transpose)_\d+"
)
_WRAPPERS = frozenset({"statefulpartitionedcall", "partitionedcall", "model"})
_MADE_UP = re.compile(
    r"(onnx::|const_fold_opt|const_|val_|[WRB]\d*__\d|\d+$|_?initializer|tensor_?\d)"
)


def module_name(
    node_name: str, weights: Iterable[str], prefix: str, default: str
) -> str:
    """Return the name of the module that an operator is.

    Parameters
    ----------
    node_name
        ``/layer1/layer1.0/conv1/Conv``, ``model/conv2d/Conv2D``, ``""``.
    weights
        Names of its initializers, the telling ones first.
    prefix
        A first part that all names of the file share, and that says nothing.
    default
        For what has no name: ``"conv"``.

    Examples
    --------
    >>> module_name("/fc/Gemm", ["fc.weight", "fc.bias"], "", "linear")
    'fc'
    >>> module_name("/layer1/layer1.0/conv1/Conv", ["onnx::Conv_12"], "", "conv")
    'layer1.0.conv1'
    >>> module_name("model/dense/MatMul", ["model/dense/ReadVariableOp:0"], "", "x")
    'dense'
    """
    found = _told(node_name, weights, prefix)
    if not found:
        return default
    return f"{default}_{found}" if found.replace(".", "").isdigit() else found


def _told(node_name: str, weights: Iterable[str], prefix: str) -> str:
    for weight in weights:
        if _MADE_UP.match(weight) or weight.startswith("/"):
            continue
        if "/" not in weight and "." in weight:
            return weight.rpartition(".")[0]
        if "/" in weight and (found := _of_tensorflow(weight, prefix)):
            return found
    if node_name.startswith("/"):
        return _of_scopes(node_name)
    if "/" in node_name:
        return _of_tensorflow(node_name, prefix)
    return ""


def is_made_up(name: str) -> bool:
    """Whether an exporter numbered it."""
    return _MADE_UP.match(name) is not None


def _of_scopes(name: str) -> str:
    """Read PyTorch's scopes: each part is a module's name, some with their parent's."""
    found: list[str] = []
    for part in name.strip("/").split("/")[:-1]:
        if found and part.startswith(f"{found[-1]}."):
            found[-1] = part
        else:
            found.append(part)
    return ".".join(found)


def _of_tensorflow(name: str, prefix: str) -> str:
    parts = [p for p in name.partition(":")[0].split("/") if p]
    while parts and (parts[0].lower() in _WRAPPERS or parts[0] == prefix):
        parts.pop(0)
    while len(parts) > 1 and _is_operation(parts[-1]):
        parts.pop()
    if not parts or _is_operation(parts[-1]) or _MADE_UP.match(parts[-1]):
        return ""
    return "/".join(parts)


def _is_operation(part: str) -> bool:
    text = re.sub(r"__\d+$", "", part).lower()
    return text in _OPERATIONS or _NUMBERED.fullmatch(text) is not None


def shared_prefix(names: Iterable[str]) -> str:
    """Return the first part that all names with parts begin with, if they do."""
    first = {n.split("/")[0] for n in names if "/" in n and not n.startswith("/")}
    return first.pop() if len(first) == 1 else ""
