"""Operations that layers are made of: windows, normalisation, attention."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.reading.expressions import FAR
from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of
from keras2torch.reading.rules.linear import norm
from keras2torch.reading.rules.shaping import pad

_EPSILON = 1e-7


# -------------------------------------------------------------------------- windows
def _first(data_format: Any) -> bool:
    return str(data_format).startswith(("NC", "channels_first"))


def channels_first(c: OperationCall, x: ir.Value, data_format: Any) -> ir.Value:
    """Return images with the channels before the sizes."""
    rank = c.rank(x)
    return (
        x if _first(data_format) else c.transpose(x, [0, rank - 1, *range(1, rank - 1)])
    )


def channels_back(c: OperationCall, x: ir.Value, data_format: Any) -> ir.Value:
    """Undo :func:`channels_first`."""
    rank = c.rank(x)
    return x if _first(data_format) else c.transpose(x, [0, *range(2, rank), 1])


def _window(c: OperationCall, value: Any, rank: int, what: str) -> list[int]:
    """Return one number an axis; TensorFlow also names batch and channels."""
    found = c.numbers(1 if value is None else value, what)
    if len(found) == rank + 2:
        outer = (found[0], found[-1])
        if outer != (1, 1):
            if found[:2] != [1, 1]:
                c.refuse(f"{what}={value!r}")
            return found[2:]
        return found[1:-1]
    return found * rank if len(found) == 1 else found


def pooled(
    c: OperationCall,
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: Any = None,
) -> ir.Value:
    """Take the mean or the maximum of every window."""
    x = c.given(inputs)
    rank = c.rank(x) - 2
    if rank not in (1, 2, 3) or not isinstance(padding, str):
        c.refuse(f"windows of {rank} axes, padding={padding!r}")
    kind = "MaxPooling" if c.kind == "MaxPool" else "AveragePooling"
    config = {
        "pool_size": _window(c, pool_size, rank, "pool_size"),
        "strides": None if strides is None else _window(c, strides, rank, "strides"),
        "padding": padding.lower(),
        "data_format": "channels_first" if _first(data_format) else "channels_last",
    }
    return c.layer(f"{kind}{rank}D", config, x)


def adaptive(
    c: OperationCall, inputs: Any, output_size: Any, data_format: Any = None
) -> ir.Value:
    """Take the mean or the maximum of so many windows."""
    x = c.given(inputs)
    rank = c.rank(x) - 2
    config = {
        "output_size": _window(c, output_size, rank, "output_size"),
        "data_format": "channels_first" if _first(data_format) else "channels_last",
    }
    kind = "Max" if "Max" in c.kind else "Average"
    return c.layer(f"Adaptive{kind}Pooling{rank}D", config, x)


def convolution(
    c: OperationCall,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> ir.Value:
    """Convolve with a kernel that is a tensor."""
    x = c.given(inputs)
    rank = c.rank(x) - 2
    weight = _moved(c, kernel, dtype_of(x), [rank + 1, rank, *range(rank)])
    x = channels_first(c, x, data_format)
    groups = c.known(x, 1) // c.known(weight, 1)
    y = _convolved(c, x, weight, strides, padding, dilation_rate, groups)
    return channels_back(c, y, data_format)


def depthwise(
    c: OperationCall,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> ir.Value:
    """Convolve every channel by itself."""
    x = c.given(inputs)
    rank = c.rank(x) - 2
    weight = _moved(c, kernel, dtype_of(x), [rank, rank + 1, *range(rank)])
    sizes = shape_of(weight)
    channels, times = c.known(weight, 0), c.known(weight, 1)
    weight = c.reshape(weight, [channels * times, 1, *(n or -1 for n in sizes[2:])])
    x = channels_first(c, x, data_format)
    y = _convolved(c, x, weight, strides, padding, dilation_rate, channels)
    return channels_back(c, y, data_format)


def transposed(
    c: OperationCall,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    output_padding: Any = None,
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> ir.Value:
    """Convolve the other way: whole, and then cut as the convolution was padded."""
    x = c.given(inputs)
    rank = c.rank(x) - 2
    weight = _moved(c, kernel, dtype_of(x), [rank + 1, rank, *range(rank)])
    x = channels_first(c, x, data_format)
    steps = _window(c, strides, rank, "strides")
    rates = _window(c, dilation_rate, rank, "dilations")
    beyond: list[int | None] = [None] * rank
    if output_padding is not None:
        beyond = [*_window(c, output_padding, rank, "output_padding")]
    same = str(padding).lower() == "same"
    sizes = [c.known(weight, i + 2) for i in range(rank)]
    spans = [(k - 1) * r + 1 for k, r in zip(sizes, rates, strict=True)]
    old = shape_of(x)[2:]
    whole = [
        None if n is None else (n - 1) * step + span
        for n, step, span in zip(old, steps, spans, strict=True)
    ]
    attributes = {"kernel_shape": sizes, "strides": steps, "dilations": rates}
    shape = (shape_of(x)[0], shape_of(weight)[1], *whole)
    y = c.operator("ConvTranspose", [x, weight], shape, attributes)
    for axis, (step, span, more) in enumerate(
        zip(steps, spans, beyond, strict=True), 2
    ):
        # How much larger the whole is than the result, whatever the size is.
        surplus = span - max(span, step) if more is None else -more
        if same:
            surplus = span - step if more is None else span - span % 2 - more
        before = max(surplus, 0) // 2 if same else 0
        after = surplus - before
        if before or after > 0:
            y = c.slice(y, axis, before, -after if after > 0 else FAR)
        if after < 0:
            y = pad(
                c, y, [[0, -after] if a == axis else [0, 0] for a in range(rank + 2)]
            )
    return channels_back(c, y, data_format)


def separable(
    c: OperationCall,
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> ir.Value:
    """Convolve every channel by itself, then mix the channels."""
    options = {"padding": padding, "data_format": data_format}
    inner = depthwise(
        c, inputs, depthwise_kernel, strides, dilation_rate=dilation_rate, **options
    )
    return convolution(c, inner, pointwise_kernel, **options)


def _moved(c: OperationCall, kernel: Any, dtype: str, order: list[int]) -> ir.Value:
    """Put a kernel's axes in PyTorch's order: a constant once, here."""
    if isinstance(kernel, ir.Value):
        return c.transpose(c.cast(kernel, dtype), order)
    return c.constant(np.asarray(kernel).transpose(order), dtype)


def _convolved(
    c: OperationCall,
    x: ir.Value,
    weight: ir.Value,
    strides: Any,
    padding: Any,
    dilations: Any,
    groups: int,
) -> ir.Value:
    rank = c.rank(x) - 2
    steps = _window(c, strides, rank, "strides")
    rates = _window(c, dilations, rank, "dilations")
    mode = str(padding).lower()
    if mode not in ("same", "valid"):
        c.refuse(f"padding={padding!r}")
    kernel = [c.known(weight, i + 2) for i in range(rank)]
    spans = [(k - 1) * r + 1 for k, r in zip(kernel, rates, strict=True)]
    sizes, before, after = [], [], []
    for size, span, step in zip(shape_of(x)[2:], spans, steps, strict=True):
        if mode == "valid":
            sizes.append(None if size is None else (size - span) // step + 1)
            continue
        sizes.append(None if size is None else -(-size // step))
        if size is None and step > 1:
            c.refuse("padding='same' with strides, of sizes that are not known")
        lack = span - 1
        if size is not None:
            lack = max((-(-size // step) - 1) * step + span - size, 0)
        before.append(lack // 2)
        after.append(lack - lack // 2)
    attributes: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": steps,
        "dilations": rates,
        "group": groups,
    }
    if any(before + after):
        attributes["pads"] = before + after
    shape = (shape_of(x)[0], shape_of(weight)[0], *sizes)
    return c.operator("Conv", [x, weight], shape, attributes)


def blocks(
    c: OperationCall, x: Any, block_size: Any, data_format: Any = "channels_last"
) -> ir.Value:
    """Move channels into the plane, or the plane into channels."""
    x = c.given(x)
    n = c.number(block_size, "block_size")
    x = channels_first(c, x, data_format)
    batch, channels, height, width = shape_of(x)
    if c.kind == "DepthToSpace":
        shape = (
            batch,
            None if channels is None else channels // n**2,
            None if height is None else height * n,
            None if width is None else width * n,
        )
        y = c.operator("DepthToSpace", [x], shape, {"blocksize": n, "mode": "DCR"})
    else:
        shape = (
            batch,
            None if channels is None else channels * n**2,
            None if height is None else height // n,
            None if width is None else width // n,
        )
        y = c.operator("SpaceToDepth", [x], shape, {"blocksize": n})
    return channels_back(c, y, data_format)


def add_bias(
    c: OperationCall, value: Any, bias: Any, data_format: Any = None
) -> ir.Value:
    """Add a number a channel."""
    x = c.given(value)
    bias = c.tensor(bias, dtype_of(x))
    if _first(data_format) and c.rank(x) > 2:
        bias = c.unsqueeze(bias, *range(1, c.rank(x) - 1))
    return c.add(x, bias)


# ------------------------------------------------------------------- normalisation
def unit_length(
    c: OperationCall, x: Any, axis: Any = None, epsilon: float = 1e-12
) -> ir.Value:
    """TensorFlow's ``l2_normalize``: ``x / sqrt(max(sum(x ** 2), epsilon))``."""
    x = c.floats(x)
    total = c.reduce("ReduceSum", c.mul(x, x), axis, True)
    return c.div(x, c.unary("Sqrt", c.elementwise("Max", total, epsilon)))


def normalize(
    c: OperationCall,
    x: Any,
    axis: Any = -1,
    order: Any = 2,
    epsilon: float | None = None,
) -> ir.Value:
    """Divide by the length along an axis."""
    x = c.floats(x)
    least = _EPSILON if epsilon is None else epsilon
    if order == 2:
        length = c.reduce("ReduceL2", x, axis, True)
    else:
        length = norm(c, x, order, axis, True)
    return c.div(x, c.elementwise("Max", length, least))


def _along(c: OperationCall, v: Any, x: ir.Value, axes: list[int]) -> ir.Value:
    """Give a vector of channels the rank that it meets."""
    value = c.tensor(v, dtype_of(x))
    if c.rank(value) == c.rank(x) or axes == [c.rank(x) - 1]:
        return value
    sizes = [n if i in axes else 1 for i, n in enumerate(c.sizes(x))]
    return c.reshape(value, sizes)


def batch_normalization(
    c: OperationCall,
    x: Any,
    mean: Any,
    variance: Any,
    offset: Any = None,
    scale: Any = None,
    axis: Any = -1,
    epsilon: float = 1e-3,
) -> ir.Value:
    """Normalise by a given mean and variance."""
    x = c.floats(x)
    axes = [c.axis(axis, c.rank(x))]
    middle, spread = (_along(c, v, x, axes) for v in (mean, variance))
    y = c.div(c.sub(x, middle), c.unary("Sqrt", c.add(spread, epsilon)))
    if scale is not None:
        y = c.mul(y, _along(c, scale, x, axes))
    return y if offset is None else c.add(y, _along(c, offset, x, axes))


def layer_normalization(
    c: OperationCall,
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> ir.Value:
    """Normalise every sample by its own mean and variance."""
    x = c.floats(x)
    axes = sorted(c.axes(axis, c.rank(x)))
    rest = c.sub(x, c.reduce("ReduceMean", x, axes, True))
    spread = c.reduce("ReduceMean", c.mul(rest, rest), axes, True)
    root = c.unary("Sqrt", c.add(spread, _EPSILON if epsilon is None else epsilon))
    y = c.div(x if rms_scaling else rest, root)
    if gamma is not None:
        y = c.mul(y, _along(c, gamma, x, axes))
    return y if beta is None else c.add(y, _along(c, beta, x, axes))


def rms_normalization(
    c: OperationCall,
    x: Any,
    scale: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
) -> ir.Value:
    """Divide by the root of the mean square."""
    x = c.floats(x)
    square = c.reduce("ReduceMean", c.mul(x, x), axis, True)
    root = c.unary("Sqrt", c.add(square, _EPSILON if epsilon is None else epsilon))
    y = c.div(x, root)
    return y if scale is None else c.mul(y, c.tensor(scale, dtype_of(x)))


# ----------------------------------------------------------------------- attention
def attention(
    c: OperationCall,
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
    is_causal: bool = False,
    flash_attention: Any = None,
    attn_logits_soft_cap: Any = None,
) -> ir.Value:
    """Mix values by how well keys answer queries: (batch, time, heads, size)."""
    if attn_logits_soft_cap is not None:
        c.refuse("attn_logits_soft_cap")
    q, k, v = c.promoted(query, key, value)
    heads, groups = c.known(q, 2), c.known(k, 2)
    if heads > groups > 1:
        k, v = (_repeated(c, t, heads // groups) for t in (k, v))
    q, v = (c.transpose(t, [0, 2, 1, 3]) for t in (q, v))
    scores = c.matmul(q, c.transpose(k, [0, 2, 3, 1]))
    size = 1 / math.sqrt(c.known(k, 3)) if scale is None else scale
    scores = c.mul(scores, size)
    if bias is not None:
        scores = c.add(scores, c.tensor(bias, dtype_of(scores)))
    seen = None if mask is None else c.tensor(mask, "bool")
    if is_causal:
        ones = c.filled([c.size(q, 2), c.size(k, 1)], 1, dtype_of(scores))
        zero = c.constant(0, "int64")
        past = c.operator("Trilu", [ones, zero], shape_of(ones), {"upper": 0})
        past = c.cast(past, "bool")
        seen = past if seen is None else c.elementwise("And", seen, past)
    if seen is not None:
        far = -0.7 * (65500.0 if dtype_of(scores) == "float16" else 3.38953e38)
        scores = c.where(seen, scores, far)
    shares = c.operator("Softmax", [scores], shape_of(scores), {"axis": -1})
    return c.transpose(c.matmul(shares, v), [0, 2, 1, 3])


def _repeated(c: OperationCall, x: ir.Value, times: int) -> ir.Value:
    batch, steps, heads, size = c.sizes(x)
    assert isinstance(heads, int)
    wide = c.expand(c.unsqueeze(x, 3), [batch, steps, heads, times, size])
    return c.reshape(wide, [batch, steps, heads * times, size])


def framed(
    c: OperationCall, x: Any, sequence_length: Any, sequence_stride: Any
) -> ir.Value:
    """Cut the last axis into windows."""
    x = c.given(x)
    length = c.number(sequence_length, "sequence_length")
    step = c.number(sequence_stride, "sequence_stride")
    count = 1 + (c.known(x, -1) - length) // step
    if count < 1:
        c.refuse("no window fits in")
    places = np.arange(count)[:, None] * step + np.arange(length)
    return c.gather(x, c.constant(places, "int64"), -1)


RULES: dict[str, Rule] = {
    "AdaptiveAveragePool": adaptive,
    "AdaptiveMaxPool": adaptive,
    "AddBias": add_bias,
    "AveragePool": pooled,
    "BatchNorm": batch_normalization,
    "Conv": convolution,
    "ConvTranspose": transposed,
    "DepthToSpace": blocks,
    "DepthwiseConv": depthwise,
    "DotProductAttention": attention,
    "ExtractSequences": framed,
    "L2Normalize": unit_length,
    "LayerNorm": layer_normalization,
    "MaxPool": pooled,
    "Normalize": normalize,
    "RMSNorm": rms_normalization,
    "SeparableConv": separable,
    "SpaceToDepth": blocks,
}
