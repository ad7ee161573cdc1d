"""What ONNX is made of TensorFlow's kernels where tf2onnx has none, or another one.

A script beside ``worker.py``: self-contained, and for the same Pythons. Some kernels go
on as they are, as nodes ``keras::Op`` with the kernel's definition as JSON: the
converter has the same rules for them as for the operations that a file names.
"""

from __future__ import annotations

import functools
import json
from typing import Any

# Kernels that tf2onnx writes as a loop or a branch, or computes otherwise.
KEPT = {
    "Cumprod",
    "DenseBincount",
    "ExtractImagePatches",
    "MatrixDiagPartV3",
    "MatrixDiagV3",
    "MatrixSetDiagV3",
    "ResizeArea",
    "ReverseSequence",
    "SegmentMax",
    "SegmentMean",
    "SegmentMin",
    "SegmentProd",
    "SegmentSum",
    "StopGradient",
    "UnsortedSegmentMax",
    "UnsortedSegmentMin",
    "UnsortedSegmentProd",
    "UnsortedSegmentSum",
}
# No kernels: tf2onnx knows them otherwise.
PLAIN = {"Const", "EagerPyFunc", "NoOp", "Placeholder", "PlaceholderWithDefault"}


def of(definition: Any) -> dict[str, Any]:
    """Return tf2onnx' ``custom_op_handlers`` for a graph."""
    known = known_kernels()
    nodes = {node.name: node for node in definition.node if is_kept(node, known)}
    handler = functools.partial(keep, nodes)
    return {node.op: (handler, []) for node in nodes.values()}


@functools.lru_cache(maxsize=None)
def known_kernels() -> set[str]:
    """What tf2onnx knows by itself: a conversion adds what it is given."""
    import tf2onnx.tfonnx  # type: ignore[import-untyped,unused-ignore]

    registry = tf2onnx.handler.tf_op.get_opsets()
    return {op for versions in registry.values() for v in versions for op in v}


def is_kept(node: Any, known: set[str]) -> bool:
    if node.op == "MirrorPad":
        return bool(node.attr["mode"].s == b"SYMMETRIC")
    return node.op in KEPT or (node.op not in known and node.op not in PLAIN)


def keep(nodes: dict[str, Any], ctx: Any, node: Any, name: str, args: Any) -> None:
    """Leave a kernel as it is."""
    if name not in nodes:
        return
    from google.protobuf import json_format  # type: ignore[import-untyped]

    definition = type(nodes[name])()
    definition.CopyFrom(nodes[name])
    # Two calls of a layer compute the same, whatever their operators are called.
    definition.name = ""
    del definition.input[:]
    for attribute in list(definition.attr):
        if attribute.startswith("_"):
            del definition.attr[attribute]
    made = [_described(ctx, output) for output in node.output]
    for attribute in list(node.attr):
        del node.attr[attribute]
    node.domain = "keras"
    node.type = "Op"
    node.set_attr("node", json_format.MessageToJson(definition, indent=None))
    node.set_attr("made", json.dumps(made))


def _described(ctx: Any, output: str) -> list[Any]:
    shape = ctx.get_shape(output)
    sizes = None if shape is None else [None if n < 0 else int(n) for n in shape]
    return [sizes, int(ctx.get_dtype(output) or 1)]
