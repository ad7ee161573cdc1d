"""Which whole numbers of a graph are surely not negative: places found by a search."""

from __future__ import annotations

import onnx_ir as ir

from keras2torch.operators.folding import stored_array

# What makes places, sizes or magnitudes, whatever it is given.
_NEVER = frozenset("Abs ArgMax ArgMin NonZero Not Relu Shape Size".split())
# What only moves numbers, or makes others of no other sign, of its first input.
_MOVES = frozenset(
    "Cast Expand Flatten Gather GatherElements GatherND Identity ReduceMax ReduceMean "
    "ReduceMin ReduceSum Reshape Slice Split Squeeze StopGradient Tile Transpose "
    "Unsqueeze".split()
)
# What keeps the sign that all of its inputs have.
_ALL = frozenset("Add Concat Div Max Min Mul Sum".split())
_DEEP = 32


def never_negative(value: ir.Value | None, depth: int = _DEEP) -> bool:
    """Whether no entry of a value is below 0."""
    if value is None or depth == 0:
        return False
    if value.dtype in (ir.DataType.BOOL, ir.DataType.UINT8, ir.DataType.UINT32):
        return True
    array = stored_array(value)
    if array is not None:
        return array.dtype.kind in "biuf" and bool((array >= 0).all())
    node = value.producer()
    if node is None:
        return False
    below = depth - 1
    if node.domain == "" and node.op_type in _NEVER:
        return True
    if node.op_type in _MOVES:
        return never_negative(node.inputs[0], below)
    if node.domain == "" and node.op_type in _ALL:
        return all(never_negative(v, below) for v in node.inputs)
    if node.op_type == "Clip" and len(node.inputs) > 1:
        return never_negative(node.inputs[1], below)
    if node.op_type == "Mod" and not node.attributes.get("fmod"):
        return never_negative(node.inputs[1], below)
    if node.op_type == "Where":
        return all(never_negative(v, below) for v in node.inputs[1:])
    if node.op_type == "TopK":
        return value is node.outputs[1]
    if node.op_type == "Range":
        return all(never_negative(v, below) for v in node.inputs)
    return False


__all__ = ["never_negative"]
