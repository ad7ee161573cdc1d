"""Rules for convolutions, pooling, matrices, tables, and what stands alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.errors import UnsupportedLayer
from keras2torch.operators.modules import (
    StoredConv,
    StoredConvTranspose,
    StoredEmbedding,
    StoredLinear,
    StoredPool,
)
from keras2torch.operators.norm_modules import StoredDropout, StoredPReLU
from keras2torch.reading.onnx_recognize import (
    Recognizer,
    attributes_of,
    rule,
    sizes_of,
)


def _window(node: ir.Node, kernel: list[int]) -> dict[str, Any]:
    """Return what the attributes of a window say, defaults filled in."""
    given, rank = attributes_of(node), len(kernel)
    auto = given.get("auto_pad", "NOTSET")
    pads = given.get("pads") or [0] * (2 * rank)
    if auto == "VALID":
        pads = [0] * (2 * rank)
    return {
        "operator": node.op_type,
        "kernel_size": kernel,
        "stride": given.get("strides") or [1] * rank,
        "dilation": given.get("dilations") or [1] * rank,
        "pads": pads,
        "auto_pad": auto if auto.startswith("SAME") else "",
    }


def _refused(node: ir.Node, why: str) -> UnsupportedLayer:
    return UnsupportedLayer(f"the operator {node.op_type} ({node.name!r}): {why}")


def _x(node: ir.Node) -> ir.Value:
    x = node.inputs[0]
    assert x is not None
    return x


def _input(node: ir.Node, at: int) -> ir.Value | None:
    return node.inputs[at] if len(node.inputs) > at else None


# ------------------------------------------------------------------ convolutions
@rule("Conv", "ConvTranspose")
def convolution(r: Recognizer, node: ir.Node) -> bool:
    """A stored kernel; a stored bias, or one that is added behind it."""
    kernel = r.stored(_input(node, 1))
    if kernel is None or kernel.shape is None:
        raise _refused(node, "a kernel that is computed has no rule")
    sizes, up = kernel.shape.numpy(), node.op_type == "ConvTranspose"
    groups = attributes_of(node).get("group", 1)
    first, second = sizes[0], sizes[1] * groups
    ins, outs = (first, second) if up else (second, first)
    x, window = _x(node), _window(node, list(sizes[2:]))
    weights, old = {"weight": kernel}, [node]
    result, bias = node.outputs[0], _input(node, 2)
    if not up and (flat := _over_time(r, node, kernel, window)) is not None:
        x, weights["weight"], window, squeeze = flat
        old.append(squeeze)
        result = squeeze.outputs[0]
    if bias is None:
        added = _added(r, result, outs, axis=1)
        if added is not None:
            bias, result, step = added
            old.append(step)
    if bias is not None:
        stored = r.stored(bias)
        if stored is None:
            array = r.array(bias)
            if array is None:
                raise _refused(node, "a bias that is computed has no rule")
            stored = r.filled(str(bias.name), array)
        weights["bias"] = stored
    common = {**window, "in_channels": ins, "out_channels": outs, "groups": groups}
    if not up:
        layer = StoredConv(**common, bias="bias" in weights)
        r.put(layer, old, [x], weights, [result])
        return True
    pads, extra = _transposed_pads(node, window)
    common.update(pads=pads, auto_pad="", output_padding=extra)
    made = StoredConvTranspose(**common, bias="bias" in weights)
    r.put(made, old, [_x(node)], weights, [result])
    return True


def _over_time(
    r: Recognizer, node: ir.Node, kernel: ir.Value, window: dict[str, Any]
) -> tuple[ir.Value, ir.Value, dict[str, Any], ir.Node] | None:
    """Recognize a convolution over time, for which TensorFlow adds an axis of one.

    Returns what goes in with its channels second, the kernel, the window, and the
    Squeeze behind it.
    """
    squeeze, source = r.only_reader(node.outputs[0]), _x(node).producer()
    pads = window["pads"]
    if len(window["kernel_size"]) != 2 or window["kernel_size"][0] != 1:
        return None
    if window["auto_pad"] or pads[0] or pads[2] or squeeze is None or source is None:
        return None
    if squeeze.op_type != "Squeeze" or r.numbers(_input(squeeze, 1)) != [2]:
        return None
    turned = source.op_type == "Transpose"
    if turned:
        if attributes_of(source).get("perm") != [0, 3, 1, 2]:
            return None
        inner = _x(source).producer()
        if inner is None:
            return None
        source = inner
    added = r.numbers(_input(source, 1)) if source.op_type == "Unsqueeze" else None
    x, array = _x(source), r.array(kernel)
    assert x.shape is not None
    if added is None or [a % 4 for a in added] != ([1] if turned else [2]):
        return None
    assert array is not None
    if turned:
        order = ir.Node("", "Transpose", [x], [ir.AttrInt64s("perm", [0, 2, 1])])
        made = order.outputs[0]
        made.name = f"{node.outputs[0].name}/time"
        made.shape, made.type = ir.Shape([x.shape[i] for i in (0, 2, 1)]), x.type
        r.graph.insert_before(node, order)
        x = made
    last = {k: window[k][1:] for k in ("kernel_size", "stride", "dilation")}
    flat = r.derived(kernel, array.squeeze(2), "time")
    return x, flat, {**window, **last, "pads": [pads[1], pads[3]]}, squeeze


def _transposed_pads(
    node: ir.Node, window: dict[str, Any]
) -> tuple[list[int], list[int]]:
    """Return pads and output padding; ONNX may say the size that comes out instead."""
    given, rank = attributes_of(node), len(window["kernel_size"])
    extra = given.get("output_padding") or [0] * rank
    wanted, auto = given.get("output_shape"), window["auto_pad"]
    if not wanted and not auto:
        return window["pads"], extra
    begins, ends = [], []
    for axis in range(rank):
        stride = window["stride"][axis]
        extent = (window["kernel_size"][axis] - 1) * window["dilation"][axis] + 1
        size = sizes_of(_x(node))[2 + axis]
        if wanted:
            if not isinstance(size, int):
                raise _refused(node, "output_shape with an input of unknown size")
            total = stride * (size - 1) + extra[axis] + extent - wanted[-rank:][axis]
        else:
            # The size that comes out is the stride times the size that goes in.
            total = extra[axis] + extent - stride
        # What is too little is added at the far end, as ONNX Runtime does.
        if total < 0:
            extra[axis] -= total
            total = 0
        half = total // 2
        lower = auto != "SAME_UPPER"
        begins.append(total - half if lower else half)
        ends.append(half if lower else total - half)
    return begins + ends, extra


def _added(
    r: Recognizer, result: ir.Value, size: int, axis: int
) -> tuple[ir.Value, ir.Value, ir.Node] | None:
    """Return the stored bias that is added to a result, the sum, and the Add."""
    step = r.only_reader(result)
    if step is None or step.op_type != "Add":
        return None
    bias = r.stored(r.other(step, result))
    if bias is None or bias.shape is None or result.shape is None:
        return None
    rank, sizes = len(result.shape), bias.shape.numpy()
    place = len(sizes) - (rank - axis % rank)
    fits = place >= 0 and sizes[place] == size and len(sizes) <= rank
    if not fits or any(n != 1 for i, n in enumerate(sizes) if i != place):
        return None
    flat = r.vector(bias, size)
    return None if flat is None else (flat, step.outputs[0], step)


# ------------------------------------------------------------------------ pooling
@rule("MaxPool", "AveragePool")
def pooling(r: Recognizer, node: ir.Node) -> bool:
    """Windows without weights."""
    if len(node.outputs) > 1 and node.outputs[1].uses():
        raise _refused(node, "its second output, the indices, has no rule")
    given = attributes_of(node)
    average = node.op_type == "AveragePool"
    layer = StoredPool(
        **_window(node, given["kernel_shape"]),
        average=average,
        ceil_mode=bool(given.get("ceil_mode", 0)),
        count_include_pad=average and bool(given.get("count_include_pad", 0)),
    )
    r.put(layer, [node], [_x(node)], {}, [node.outputs[0]])
    return True


# ----------------------------------------------------------------------- matrices
def _matrix(r: Recognizer, value: ir.Value | None) -> tuple[ir.Value, bool] | None:
    """Return a stored matrix, and whether it is read transposed."""
    if (stored := r.stored(value)) is not None:
        flat = stored.shape is not None and len(stored.shape) == 2
        return (stored, False) if flat else None
    source = value.producer() if value is not None else None
    if source is None or source.op_type != "Transpose":
        return None
    stored = r.stored(source.inputs[0])
    if stored is None or stored.shape is None or len(stored.shape) != 2:
        return None
    perm = attributes_of(source).get("perm") or [1, 0]
    return (stored, True) if perm == [1, 0] else None


@rule("Gemm")
def gemm(r: Recognizer, node: ir.Node) -> bool:
    """``alpha * x @ W + beta * c`` with W and c stored."""
    given = attributes_of(node)
    found = _matrix(r, _input(node, 1))
    if given.get("transA", 0) or found is None:
        return False
    matrix, turned = found
    assert matrix.shape is not None
    rows = bool(given.get("transB", 0)) != turned
    sizes = matrix.shape.numpy()
    outs, ins = sizes if rows else sizes[::-1]
    weights, bias = {"weight": matrix}, _input(node, 2)
    if bias is not None:
        flat = _row(r, bias, outs)
        if flat is None:
            return False
        weights["bias"] = flat
    layer = StoredLinear(
        operator="Gemm",
        in_features=ins,
        out_features=outs,
        bias=bias is not None,
        rows=rows,
        alpha=float(given.get("alpha", 1.0)),
        beta=float(given.get("beta", 1.0)),
    )
    if not r.is_free(matrix, r.key(layer, weights)):
        return False
    old, result = [node], node.outputs[0]
    if bias is None and (added := _added(r, result, outs, axis=-1)) is not None:
        weights["bias"], result, step = added
        old.append(step)
        layer.bias = True
    r.put(layer, old, [_x(node)], weights, [result])
    return True


def _row(r: Recognizer, value: ir.Value, size: int) -> ir.Value | None:
    """Return a stored bias as one row, a constant one as a parameter."""
    if (stored := r.stored(value)) is not None:
        return r.vector(stored, size)
    array = r.array(value)
    if array is None or array.size not in (1, size):
        return None
    row = np.broadcast_to(array.reshape(-1), (size,)).astype(array.dtype)
    return r.filled(str(value.name), row)


@rule("MatMul")
def product(r: Recognizer, node: ir.Node) -> bool:
    """``x @ W``, whatever the rank of x, and a stored row that is added."""
    x, found = _x(node), _matrix(r, _input(node, 1))
    if found is None or x.shape is None or len(x.shape) < 2 or r.stored(x) is not None:
        return False
    matrix, turned = found
    assert matrix.shape is not None
    sizes = matrix.shape.numpy()
    outs, ins = sizes if turned else sizes[::-1]
    layer = StoredLinear(
        operator="MatMul", in_features=ins, out_features=outs, bias=False, rows=turned
    )
    weights, old, result = {"weight": matrix}, [node], node.outputs[0]
    around = _reshaped_around(r, node, ins, outs)
    if around is not None:
        x, back = around
        old.append(back)
        result = back.outputs[0]
    if (added := _added(r, result, outs, axis=-1)) is not None:
        weights["bias"], result, step = added
        old.append(step)
        layer.bias = True
    if not r.is_free(matrix, r.key(layer, weights)):
        return False
    r.put(layer, old, [x], weights, [result])
    return True


def _reshaped_around(
    r: Recognizer, node: ir.Node, ins: int, outs: int
) -> tuple[ir.Value, ir.Node] | None:
    """Return what a product reads and makes between two Reshapes of all other axes.

    TensorFlow's Tensordot makes a matrix of any input first, and undoes it after.
    """
    before, after = _x(node).producer(), r.only_reader(node.outputs[0])
    if before is None or before.op_type != "Reshape" or after is None:
        return None
    if after.op_type != "Reshape" or after.inputs[0] is not node.outputs[0]:
        return None
    x = _x(before)
    wide, back = sizes_of(x), sizes_of(after.outputs[0])
    same = len(wide) == len(back) > 2 and wide[-1] == ins and back[-1] == outs
    if not same or len(sizes_of(node.outputs[0])) != 2:
        return None
    unknown = [
        i for i, (a, b) in enumerate(zip(wide[:-1], back[:-1], strict=True)) if a != b
    ]
    # One that nobody knows is what the others leave: both hold as many rows.
    open_ones = [i for i in unknown if not isinstance(wide[i], int)]
    if len(unknown) > 1 or len(open_ones) != len(unknown):
        return None
    return x, after


# ------------------------------------------------------------------------- tables
@rule("Gather")
def table(r: Recognizer, node: ir.Node) -> bool:
    """Rows of a stored table, by integers that come in."""
    stored, index = r.stored(node.inputs[0]), node.inputs[1]
    axis = attributes_of(node).get("axis", 0)
    if stored is None or stored.shape is None or len(stored.shape) != 2 or axis:
        return False
    if index is None or r.array(index) is not None:
        return False
    rows, width = stored.shape.numpy()
    layer = StoredEmbedding(operator="Gather", num_embeddings=rows, embedding_dim=width)
    if not r.is_free(stored, r.key(layer, {"weight": stored})):
        return False
    r.put(layer, [node], [index], {"weight": stored}, [node.outputs[0]])
    return True


# -------------------------------------------------------------------- activations
@rule("PRelu")
def slope(r: Recognizer, node: ir.Node) -> bool:
    """One slope for all, or one per channel."""
    stored, x = r.stored(_input(node, 1)), _x(node)
    array = r.array(_input(node, 1))
    if array is None or x.shape is None:
        return False
    if stored is None:
        stored = r.filled(f"{node.outputs[0].name}/slope", array.reshape(-1))
        array = array.reshape(-1)
    sizes, rank = array.shape, len(x.shape)
    channels = sizes_of(x)[1] if rank > 1 else None
    spread = (1,) * (rank - len(sizes)) + tuple(sizes)
    if array.size > 1 and (array.size != channels or spread[1] != channels or rank < 2):
        return False
    if len(sizes) != 1:
        stored = r.derived(stored, array.reshape(-1), "flat")
    layer = StoredPReLU(operator="PRelu", num_features=int(array.size))
    r.put(layer, [node], [x], {"weight": stored}, [node.outputs[0]])
    return True


@rule("Dropout")
def dropout(r: Recognizer, node: ir.Node) -> bool:
    """Kept, though it does nothing at inference."""
    if len(node.outputs) > 1 and node.outputs[1].uses():
        raise _refused(node, "its second output, the mask, has no rule")
    ratio = _input(node, 1)
    p = 0.5 if ratio is None else r.number(ratio)
    if p is None:
        raise _refused(node, "a ratio that is computed has no rule")
    layer = StoredDropout(operator="Dropout", p=p)
    r.put(layer, [node], [_x(node)], {}, [node.outputs[0]])
    return True


@rule("Erf")
def gelu(r: Recognizer, node: ir.Node) -> bool:
    """``x * 0.5 * (1 + erf(x / sqrt(2)))``, in whatever order it is multiplied."""
    scaled = _x(node).producer()
    if scaled is None or scaled.op_type not in ("Div", "Mul"):
        return False
    x, factor = _split(r, scaled)
    root = 2.0**0.5 if scaled.op_type == "Div" else 2.0**-0.5
    if x is None or factor is None or abs(factor - root) > 1e-6:
        return False
    plus = r.only_reader(node.outputs[0])
    if plus is None or plus.op_type != "Add":
        return False
    if r.number(r.other(plus, node.outputs[0])) != 1:
        return False
    return _as_gelu(r, node, x, plus, "none")


@rule("Tanh")
def gelu_by_tanh(r: Recognizer, node: ir.Node) -> bool:
    """``x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x³)))``."""
    scaled = _x(node).producer()
    total, factor = _product(r, scaled)
    if total is None or factor is None or abs(factor - (2 / np.pi) ** 0.5) > 1e-6:
        return False
    sum_ = total.producer()
    if sum_ is None or sum_.op_type != "Add":
        return False
    for x, cubic in (sum_.inputs, sum_.inputs[::-1]):
        cube, share = _product(r, cubic.producer() if cubic is not None else None)
        power = cube.producer() if cube is not None else None
        if share is None or power is None or abs(share - 0.044715) > 1e-6:
            continue
        if (
            power.op_type == "Pow"
            and power.inputs[0] is x
            and (r.number(power.inputs[1]) == 3)
        ):
            plus = r.only_reader(node.outputs[0])
            if plus is None or plus.op_type != "Add" or x is None:
                return False
            if r.number(r.other(plus, node.outputs[0])) != 1:
                return False
            return _as_gelu(r, node, x, plus, "tanh")
    return False


def _product(
    r: Recognizer, node: ir.Node | None
) -> tuple[ir.Value | None, float | None]:
    """Return tensor and number of a product."""
    if node is None or node.op_type != "Mul":
        return None, None
    return _split(r, node)


def _as_gelu(
    r: Recognizer, node: ir.Node, x: ir.Value, plus: ir.Node, approximate: str
) -> bool:
    """Look behind ``1 + erf`` for the product with x and the one with 0.5."""
    value, wanted = plus.outputs[0], {"x", "half"}
    while wanted:
        step = r.only_reader(value)
        if step is None or step.op_type != "Mul":
            return False
        other = r.other(step, value)
        if other is x and "x" in wanted:
            wanted.remove("x")
        elif r.number(other) == 0.5 and "half" in wanted:
            wanted.remove("half")
        elif wanted == {"x", "half"} and _is_half(r, other, x):
            wanted = set()
        else:
            return False
        value = step.outputs[0]
    last = value.producer()
    assert last is not None
    attribute = ir.AttrString("approximate", approximate)
    made = ir.Node("", "Gelu", [x], [attribute], name=node.name)
    ir.convenience.replace_nodes_and_values(
        r.graph, last, [], [made], [value], made.outputs
    )
    # What led there is read by nobody now.
    value.name = f"{value.name}/unused"
    return True


def _split(r: Recognizer, node: ir.Node) -> tuple[ir.Value | None, float | None]:
    """Return the tensor and the number that an operator reads."""
    left, right = node.inputs[:2]
    if (number := r.number(right)) is not None:
        return left, number
    return (right, r.number(left)) if node.op_type == "Mul" else (None, None)


def _is_half(r: Recognizer, value: ir.Value | None, x: ir.Value) -> bool:
    source = value.producer() if value is not None else None
    if source is None or source.op_type != "Mul":
        return False
    of, factor = _split(r, source)
    return of is x and factor == 0.5
