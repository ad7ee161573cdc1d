"""Operations as TensorFlow 2.0 to 2.3 wrote them: nodes of TensorFlow's own graph.

A TensorFlowOpLayer's config holds a NodeDef, as JSON or as a serialized protocol
buffer, and the node's constant inputs by number; the others are those of the call.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from keras2torch.errors import UnusableFile
from keras2torch.reading.expressions import Expressions

# Operator of TensorFlow → rule, the rule's names of its inputs ("*xs" takes the rest;
# "?": given if there), and attributes → arguments.
_TABLE = """
Abs Absolute x
Acos Arccos x
Acosh Arccosh x
Add Add x1 x2
AddN AddMany *xs
AddV2 Add x1 x2
All All x axis keep_dims=keepdims
Any Any x axis keep_dims=keepdims
ArgMax TensorFlowArgmax input axis output_type
ArgMin TensorFlowArgmin input axis output_type
Asin Arcsin x
Asinh Arcsinh x
Atan Arctan x
Atan2 Arctan2 x1 x2
Atanh Arctanh x
AvgPool TensorFlowAveragePool input ksize strides padding data_format
BatchMatMul Matmul x1 x2 adj_x=adjoint_a adj_y=adjoint_b
BatchMatMulV2 Matmul x1 x2 adj_x=adjoint_a adj_y=adjoint_b
BiasAdd AddBias value bias data_format
BroadcastTo BroadcastTo x shape
Bucketize Digitize x boundaries=bins
Cast Cast x DstT=dtype
Ceil Ceil x
ClipByValue Clip x x_min x_max
ConcatV2 Concatenate *xs axis
Conv2D TensorFlowConv input filters strides padding data_format dilations
Cos Cos x
Cosh Cosh x
Cross Cross x1 x2
Cumprod TensorFlowCumprod x axis exclusive reverse
Cumsum TensorFlowCumsum x axis exclusive reverse
DepthToSpace DepthToSpace x block_size data_format
DepthwiseConv2dNative TensorFlowDepthwiseConv input filter strides padding \
    data_format dilations
Div TruncatedDivide x y
DivNoNan DivideNoNan x1 x2
Einsum Einsum *operands equation=subscripts
Elu Elu x
Equal Equal x1 x2
Erf Erf x
Erfc Erfc x
EuclideanNorm TensorFlowNorm tensor axis keep_dims=keepdims
Exp Exp x
ExpandDims ExpandDims x axis
Expm1 Expm1 x
ExtractImagePatches TensorFlowPatches images ksizes=sizes strides rates padding
Fill FillShape shape value
Floor Floor x
FloorDiv FloorDivide x1 x2
FloorMod Mod x1 x2
HSVToRGB HSVToRGB images
GatherNd GatherNd params indices
GatherV2 Gather params indices axis batch_dims
Greater Greater x1 x2
GreaterEqual GreaterEqual x1 x2
Identity Copy x
IdentityN CopyAll *xs
Inv Reciprocal x
IsFinite Isfinite x
IsInf Isinf x
IsNan Isnan x
L2Loss L2Loss x
LeakyRelu LeakyRelu x alpha=negative_slope
Less Less x1 x2
LessEqual LessEqual x1 x2
Log Log x
Log1p Log1p x
LogSoftmax LogSoftmax x
LogicalAnd LogicalAnd x1 x2
LogicalNot LogicalNot x
LogicalOr LogicalOr x1 x2
MatMul Matmul x1 x2 transpose_a transpose_b
MatrixDiagPartV3 MatrixDiagPartV3 input_ k padding_value
MatrixDiagV3 MatrixDiagV3 diagonal k num_rows num_cols padding_value
MatrixSetDiagV3 MatrixSetDiagV3 input_ diagonal k
Max Max x axis keep_dims=keepdims
MaxPool TensorFlowMaxPool input ksize strides padding data_format
Maximum Maximum x1 x2
Mean Mean x axis keep_dims=keepdims
Min Min x axis keep_dims=keepdims
Minimum Minimum x1 x2
MirrorPad Pad x pad_width mode
Mul Multiply x1 x2
MulNoNan MultiplyNoNan x y
Neg Negative x
NotEqual NotEqual x1 x2
OneHot TensorFlowOneHot indices depth on_value off_value axis T=dtype
OnesLike OnesLike x
Pack Stack *x axis
Pad Pad x pad_width
PadV2 Pad x pad_width constant_values
Pow Power x1 x2
Prod Prod x axis keep_dims=keepdims
Range TensorFlowRange start limit delta
Rank Ndim x
RealDiv TruncatedDivide x y
Reciprocal Reciprocal x
RGBToHSV RGBToHSV images
Relu Relu x
Relu6 Relu6 x
Reshape Reshape x newshape
ResizeBilinear OldResize images size align_corners half_pixel_centers
ResizeNearestNeighbor OldResizeNearest images size align_corners half_pixel_centers
ReverseV2 TensorFlowFlip tensor axis
Rint Round x
Round Round x
Rsqrt Rsqrt x
Select SelectRows condition x y
SelectV2 Where condition x1 x2
Selu Selu x
Shape Shape x out_type
Sigmoid Sigmoid x
Sign Sign x
Sin Sin x
Sinh Sinh x
Size Size x out_type
Slice TensorFlowSlice input_ begin size
Softmax Softmax x
Softplus Softplus x
Softsign Softsign x
SpaceToDepth SpaceToDepth x block_size data_format
Split TensorFlowSplit axis value num_split=num_or_size_splits
SplitV TensorFlowSplit value num_or_size_splits axis
Sqrt Sqrt x
Square Square x
SquaredDifference SquaredDifference x1 x2
Squeeze Squeeze x squeeze_dims=axis
StopGradient StopGradient variable
StridedSlice StridedSlice input_ begin end strides begin_mask end_mask \
    ellipsis_mask new_axis_mask shrink_axis_mask
Sub Subtract x1 x2
Sum Sum x axis keep_dims=keepdims
Tan Tan x
Tanh Tanh x
Tile Tile x repeats
TopKV2 TopK x k sorted
Transpose Transpose x axes
TruncateDiv TruncatedDivide x y
TruncateMod TruncateMod x y
Unpack Unstack x num axis
UnsortedSegmentMax SegmentMax data segment_ids num_segments
UnsortedSegmentMin SegmentMin data segment_ids num_segments
UnsortedSegmentProd SegmentProd data segment_ids num_segments
UnsortedSegmentSum SegmentSum data segment_ids num_segments
Xdivy Xdivy x y
Xlog1py Xlog1py x y
Xlogy Xlogy x y
ZerosLike ZerosLike x
"""
_NODES = {line.split()[0]: line.split()[1:] for line in _TABLE.strip().splitlines()}
# Constants of tensorflow/core/framework/types.proto.
_TYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    19: "float16",
    22: "uint32",
    23: "uint64",
}
_NAMES = {
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "HALF": "float16",
} | {name.upper(): name for name in _TYPES.values()}
# Operators whose axis may be an attribute or an input that holds one number.
_DTYPES = frozenset({"DstT", "out_type", "output_type"})


def op_of(config: Mapping[str, Any]) -> str:
    """Return the operator's name, ``""`` of a damaged node."""
    try:
        return _node(config)[0]
    except UnusableFile:
        return ""


def rule_of(config: Mapping[str, Any]) -> str:
    """Return the name of the rule, ``""`` if there is none."""
    return _NODES.get(op_of(config), [""])[0]


def arguments(
    c: Expressions, config: Mapping[str, Any], given: list[Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return what the rule takes: the node's inputs and attributes by the rule's names.

    Parameters
    ----------
    c
        Where constants get their dtype from.
    config
        Of the layer.
    given
        Arguments of its call.
    """
    op, attributes = _node(config)
    constants = config.get("constants")
    constants = constants if isinstance(constants, dict) else {}
    tensors = given[0] if given and isinstance(given[0], list) else list(given)
    count = len(tensors) + len(constants)
    rest = iter(tensors)
    try:
        inputs = [
            constants[str(i)] if str(i) in constants else next(rest)
            for i in range(count)
        ]
    except StopIteration:
        raise c.unsupported("its constants are numbered beyond its inputs") from None
    names = _NODES[op][1:]
    args: list[Any] = []
    options: dict[str, Any] = {}
    for i, name in enumerate(names):
        attribute, _, argument = name.partition("=")
        argument = argument or attribute
        if name.startswith("*"):
            # The rest, but for one input a plain name that follows.
            after = sum("=" not in n and n not in attributes for n in names[i + 1 :])
            taken, inputs = inputs[: len(inputs) - after], inputs[len(inputs) - after :]
            args = list(taken) if name == "*operands" else [list(taken)]
        elif attribute in attributes:
            value = attributes[attribute]
            if attribute == "squeeze_dims" and not value:
                continue
            options[argument] = value
        elif "=" not in name and inputs:
            options[argument] = inputs.pop(0)
    if inputs:
        raise c.unsupported(f"it has {len(inputs)} inputs more than {op} has")
    if op == "OneHot":
        # The type of what comes out is that of on_value.
        options["on_value"] = options.get("on_value")
    return args, options


# -------------------------------------------------------------------------- NodeDef
def _node(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the operator and its attributes."""
    node = config.get("node_def")
    if isinstance(node, str) and node.lstrip().startswith("{"):
        try:
            node = json.loads(node)
        except (json.JSONDecodeError, RecursionError):
            node = None
    if isinstance(node, str):
        try:
            return _parsed(node.encode("utf-8"))
        except (IndexError, struct.error, UnicodeDecodeError, ValueError):
            raise _damaged(config) from None
    if not isinstance(node, dict) or not isinstance(node.get("op"), str):
        raise _damaged(config)
    attributes = node.get("attr", {})
    if not isinstance(attributes, dict):
        raise _damaged(config)
    try:
        return node["op"], {str(k): _from_json(v) for k, v in attributes.items()}
    except (AttributeError, binascii.Error, TypeError, ValueError):
        raise _damaged(config) from None


def _damaged(config: Mapping[str, Any]) -> UnusableFile:
    return UnusableFile(
        f"the node of operation {config.get('name')!r} cannot be read: it is damaged."
    )


def _from_json(value: Any) -> Any:
    """Return an attribute written as JSON: 64-bit integers are text, bytes base64."""
    [(kind, held)] = value.items() if value else [("list", {})]
    if kind == "i":
        return int(held)
    if kind == "s":
        return base64.b64decode(held, validate=True).decode("utf-8")
    if kind == "type":
        return _type(held)
    if kind == "list":
        return [_from_json({k: v}) for k, vs in held.items() for v in vs]
    return held


def _type(value: Any) -> str:
    if type(value) is int:
        return _TYPES.get(value, f"type {value}")
    name = str(value).removeprefix("DT_")
    return _NAMES.get(name, name)


def _parsed(data: bytes) -> tuple[str, dict[str, Any]]:
    """Read a serialized NodeDef: op is field 2, attr field 5."""
    op, attributes = "", {}
    for field, value in _fields(data):
        if field == 2:
            op = value.decode("utf-8")
        elif field == 5:
            entry = dict(_fields(value))
            attributes[entry[1].decode("utf-8")] = _attribute(entry.get(2, b""))
    return op, attributes


def _attribute(data: bytes) -> Any:
    """Read an AttrValue: s 2, i 3, f 4, b 5, type 6, list 1."""
    for field, value in _fields(data):
        if field == 1:
            return [v for at, held in _fields(value) for v in _listed(at, held)]
        return _single(field, value)
    return []


def _single(field: int, value: Any) -> Any:
    if field == 2:
        return value.decode("utf-8")
    if field == 3:
        return value - (1 << 64) if value >> 63 else value
    if field == 4:
        return struct.unpack("<f", value)[0]
    if field == 5:
        return bool(value)
    return _type(value) if field == 6 else value


def _listed(field: int, value: Any) -> Iterator[Any]:
    """Return the numbers of a packed list, or one entry."""
    if field in (3, 5, 6) and isinstance(value, bytes):
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            yield _single(field, number)
    elif field == 4 and len(value) != 4:
        yield from struct.unpack(f"<{len(value) // 4}f", value)
    else:
        yield _single(field, value)


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Return the fields of a serialized message: numbers, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, kind = key >> 3, key & 7
        if kind == 0:
            value: Any
            value, at = _varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if kind == 2:
                size, at = _varint(data, at)
            if size is None or at + size > len(data):
                raise ValueError(kind)
            value, at = data[at : at + size], at + size
        yield field, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError(number)
