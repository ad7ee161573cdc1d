"""Functions of TensorFlow that no operation of Keras equals, or with other defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.reading.known_sizes import entries
from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of
from keras2torch.reading.rules import (
    diagonals,
    indexing,
    networks,
    reductions,
    shaping,
)
from keras2torch.reading.rules import images as image_rules


def place(
    c: OperationCall,
    input: Any,
    axis: Any = 0,
    dimension: Any = None,
    output_type: str = "int64",
) -> ir.Value:
    """Return where the largest is, along the first axis if none is named."""
    at = dimension if dimension is not None else (0 if axis is None else axis)
    return reductions.place_of_extreme(c, input, _known(c, at), dtype=output_type)


def _known(c: OperationCall, value: Any) -> Any:
    """Return the numbers in a constant."""
    return value.tolist() if hasattr(value, "tolist") else value


def cumulated(
    c: OperationCall,
    x: Any,
    axis: Any = 0,
    exclusive: bool = False,
    reverse: bool = False,
) -> ir.Value:
    """Add up or multiply along the first axis if none is named."""
    rule = reductions.cumprod if c.kind == "TensorFlowCumprod" else reductions.cumsum
    return rule(c, x, _known(c, axis), None, exclusive, reverse)


def counted(
    c: OperationCall,
    input: Any,
    axis: Any = None,
    keepdims: Any = False,
    dtype: str = "int64",
) -> ir.Value:
    """Count what is not zero, in int64."""
    return reductions.count_nonzero(c, input, axis, keepdims, dtype)


def one_hot(
    c: OperationCall,
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: str | None = None,
) -> ir.Value:
    """Return one value at the place that is named, else another."""
    found = _known(c, depth)
    if isinstance(found, ir.Value):
        [found] = entries(found) or [None]
    on_value, off_value = _known(c, on_value), _known(c, off_value)
    values = [v for v in (on_value, off_value) if v is not None]
    if dtype is None and values:
        dtype = "float32" if any(isinstance(v, float) for v in values) else "int32"
    return indexing.one_hot(c, indices, found, axis, dtype, on_value, off_value)


def filled(
    c: OperationCall, shape: Any, value: Any = None, dtype: str | None = None
) -> ir.Value:
    """One value in a shape."""
    if c.kind in ("Ones", "Zeros"):
        value = int(c.kind == "Ones")
    sizes = shaping.sizes_of(c, shape)
    if isinstance(value, ir.Value):
        return c.expand(value, sizes)
    kind = c.dtype(value)
    weak = {"int": "int32", "float": "float32"}
    made = dtype or ("float32" if c.kind in ("Ones", "Zeros") else weak.get(kind, kind))
    return c.filled(sizes, _known(c, value), made)


def span(
    c: OperationCall,
    start: Any,
    limit: Any = None,
    delta: Any = 1,
    dtype: str | None = None,
) -> ir.Value:
    """Count in steps."""
    first, last, step = (_known(c, v) for v in (start, limit, delta))
    return shaping.arange(c, first, last, step, dtype)


def strided(
    c: OperationCall,
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
) -> ir.Value:
    """``x[begin:end:strides]``, each mask with a bit for every place of the index."""
    first, last = (_known(c, v) for v in (begin, end))
    count = len(first) if isinstance(first, list) else None
    if count is None and isinstance(first, ir.Value):
        count = shape_of(first)[0]
    if count is None:
        c.refuse("how many axes it takes is not known")
    steps = _known(c, strides) if strides is not None else [1] * count
    keys: list[Any] = []
    for i in range(count):
        bit = 1 << i
        if ellipsis_mask & bit:
            keys.append({"class_name": "__ellipsis__"})
        elif new_axis_mask & bit:
            keys.append(None)
        elif shrink_axis_mask & bit:
            keys.append(_end(c, first, i))
        else:
            start = None if begin_mask & bit else _end(c, first, i)
            stop = None if end_mask & bit else _end(c, last, i)
            step = c.number(_end(c, steps, i), "strides")
            keys.append({"start": start, "stop": stop, "step": step})
    return indexing.item(c, input_, keys)


def _end(c: OperationCall, values: Any, at: int) -> int:
    if isinstance(values, ir.Value):
        known = entries(values)
        values = known if known is not None else [None] * (at + 1)
    return c.number(values[at], "an end of a slice")


def part(c: OperationCall, input_: Any, begin: Any, size: Any) -> ir.Value:
    """Take a block that begins somewhere."""
    starts, sizes = _known(c, begin), _known(c, size)
    known = [entries(v) if isinstance(v, ir.Value) else v for v in (starts, sizes)]
    starts, sizes = (
        _partly(c, v, k) for v, k in zip((starts, sizes), known, strict=True)
    )
    # What the batch alone tells is the whole of it.
    whole = shape_of(c.given(input_))
    sizes = [
        -1 if n is None and whole[i] is None and starts[i] == 0 else n
        for i, n in enumerate(sizes)
    ]
    return indexing.part(c, input_, starts, sizes)


def _partly(c: OperationCall, value: Any, known: Any) -> list[Any]:
    if known is None:
        c.refuse("where it begins or ends is not known")
    return [
        k if not isinstance(v, ir.Value) else (entries(v) or [None])[0]
        for v, k in zip(value if isinstance(value, list) else known, known, strict=True)
    ]


def norm(
    c: OperationCall,
    tensor: Any,
    ord: Any = "euclidean",
    axis: Any = None,
    keepdims: Any = False,
) -> ir.Value:
    """Return the length of vectors, or of all entries."""
    from keras2torch.reading.rules.linear import norm as length

    if ord in ("euclidean", "fro", 2, 2.0) and not (
        ord in (2, 2.0) and isinstance(axis, list)
    ):
        return c.reduce("ReduceL2", c.floats(tensor), axis, keepdims)
    if axis is None:
        return length(c, c.reshape(c.given(tensor), [-1]), ord, 0)
    return length(c, tensor, ord, axis, keepdims)


def masked_steps(
    c: OperationCall, lengths: Any, maxlen: Any = None, dtype: str = "bool"
) -> ir.Value:
    """Whether a step is within its sequence."""
    ends = c.given(lengths)
    known = _known(c, maxlen)
    if isinstance(known, ir.Value):
        found = entries(known)
        known = found[0] if found and found[0] is not None else known
    if known is None:
        known = c.reduce("ReduceMax", ends)
    steps = c.span(known, dtype_of(ends))
    return c.cast(c.elementwise("Less", steps, c.unsqueeze(ends, -1)), dtype)


def pooled(
    c: OperationCall,
    input: Any,
    ksize: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
) -> ir.Value:
    """Take the mean or the maximum of every window."""
    kind, c.kind = c.kind, "MaxPool" if "Max" in c.kind else "AveragePool"
    found = networks.pooled(c, input, ksize, strides, padding, data_format)
    c.kind = kind
    return found


def depthwise(
    c: OperationCall,
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    dilations: Any = None,
    rate: Any = None,
) -> ir.Value:
    """Convolve every channel by itself."""
    rates = dilations if dilations is not None else rate
    return networks.depthwise(
        c, input, filter, strides, padding, data_format, rates or 1
    )


def convolution(
    c: OperationCall,
    input: Any,
    filters: Any,
    strides: Any = 1,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
) -> ir.Value:
    """Convolve with a kernel that is a tensor."""
    rates = 1 if dilations is None else dilations
    return networks.convolution(
        c, input, filters, strides or 1, padding, data_format, rates
    )


def gray(c: OperationCall, images: Any) -> ir.Value:
    """Weigh the colours into one channel."""
    x = c.floats(images)
    weights = c.constant([0.2989, 0.5870, 0.1140], dtype_of(x))
    return c.reduce("ReduceSum", c.mul(x, weights), -1, True)


def batch_normalization(
    c: OperationCall,
    x: Any,
    mean: Any,
    variance: Any,
    offset: Any,
    scale: Any,
    variance_epsilon: float,
) -> ir.Value:
    """Normalise by what broadcasts."""
    root = c.unary("Sqrt", c.add(c.tensor(variance, dtype_of(x)), variance_epsilon))
    y = c.div(c.sub(x, c.tensor(mean, dtype_of(x))), root)
    y = y if scale is None else c.mul(y, c.tensor(scale, dtype_of(x)))
    return y if offset is None else c.add(y, c.tensor(offset, dtype_of(x)))


def crossentropy(
    c: OperationCall, labels: Any, logits: Any, axis: Any = -1
) -> ir.Value:
    """Return the cross-entropy of each row."""
    scores = c.floats(logits)
    at = c.axis(axis, c.rank(scores))
    shares = c.operator("LogSoftmax", [scores], shape_of(scores), {"axis": at})
    y = c.tensor(labels, dtype_of(scores))
    return c.unary("Neg", c.reduce("ReduceSum", c.mul(y, shares), at))


def truncated_division(c: OperationCall, x: Any, y: Any) -> ir.Value:
    """``x / y`` of integers, towards zero."""
    a, b = c.promoted(x, y)
    if c.is_float(a):
        return c.div(a, b)
    return c.elementwise("Div", a, b)


def select_rows(c: OperationCall, condition: Any, x: Any, y: Any) -> ir.Value:
    """``x`` where the condition holds, else ``y``; a vector chooses whole rows."""
    there = c.tensor(condition, "bool")
    a, b = c.promoted(x, y)
    if c.rank(there) == 1 and c.rank(a) > 1:
        there = c.unsqueeze(there, *range(1, c.rank(a)))
    return c.where(there, a, b)


def times_log(c: OperationCall, x: Any, y: Any) -> ir.Value:
    """``x * log(y)``, and 0 where ``x`` is."""
    a, b = c.promoted(x, y)
    nothing = c.elementwise("Equal", a, 0)
    if c.kind == "Xdivy":
        return c.where(nothing, 0, c.div(a, c.where(nothing, 1, b)))
    log = c.unary("Log", c.where(nothing, 1, b))
    return c.where(nothing, 0, c.mul(a, log))


def multiply_no_nan(c: OperationCall, x: Any, y: Any) -> ir.Value:
    """``x * y``, and 0 where ``y`` is."""
    a, b = c.promoted(x, y)
    return c.where(c.elementwise("Equal", b, 0), 0, c.mul(a, b))


def reversed_sequence(c: OperationCall, tensor: Any, axis: Any) -> ir.Value:
    """Turn axes around."""
    return shaping.flip(c, tensor, _known(c, axis))


def crop_box(
    c: OperationCall,
    image: Any,
    offset_height: Any,
    offset_width: Any,
    target_height: Any,
    target_width: Any,
) -> ir.Value:
    """Cut a box out of images."""
    x = c.given(image)
    at = c.rank(x) - 3
    x = c.slice(x, at, offset_height, offset_height + target_height)
    return c.slice(x, at + 1, offset_width, offset_width + target_width)


def pad_box(
    c: OperationCall,
    image: Any,
    offset_height: Any,
    offset_width: Any,
    target_height: Any,
    target_width: Any,
) -> ir.Value:
    """Put images into larger ones of zeros."""
    x = c.given(image)
    at = c.rank(x) - 3
    pairs = [[0, 0] for _ in range(c.rank(x))]
    for axis, before, target in (
        (at, offset_height, target_height),
        (at + 1, offset_width, target_width),
    ):
        pairs[axis] = [before, target - c.known(x, axis) - before]
    return shaping.pad(c, x, pairs)


def clipped_norm(
    c: OperationCall, t: Any, clip_norm: Any, axes: Any = None
) -> ir.Value:
    """Scale down what is longer than a limit."""
    x = c.floats(t)
    length = c.reduce("ReduceL2", x, axes, True)
    limit = c.elementwise("Max", length, clip_norm)
    return c.div(c.mul(x, clip_norm), limit)


def standardized(c: OperationCall, image: Any) -> ir.Value:
    """Every image with mean 0 and variance 1."""
    x = c.floats(image)
    axes = [-3, -2, -1]
    count = float(np.prod([c.known(x, a) for a in axes]))
    rest = c.sub(x, c.reduce("ReduceMean", x, axes, True))
    spread = c.unary("Sqrt", c.reduce("ReduceMean", c.mul(rest, rest), axes, True))
    return c.div(rest, c.elementwise("Max", spread, 1 / np.sqrt(count).item()))


def all_as_they_came(c: OperationCall, xs: list[Any]) -> list[ir.Value]:
    """Hand on what comes."""
    return [c.tensor(x) for x in xs]


def normalized(
    c: OperationCall, tensor: Any, ord: Any = "euclidean", axis: Any = None
) -> list[ir.Value]:
    """Return a tensor divided by its length, and the length."""
    x = c.floats(tensor)
    length = norm(c, x, ord, axis, True)
    return [c.div(x, length), length]


def matrix_trace(c: OperationCall, x: Any) -> ir.Value:
    """Return the sum of the diagonal of the last two axes."""
    return diagonals.trace(c, x, 0, -2, -1)


def scaled(c: OperationCall, scalar: Any, x: Any) -> ir.Value:
    """``scalar * x``."""
    return c.mul(*c.promoted(scalar, x))


def scatter_add(c: OperationCall, tensor: Any, indices: Any, updates: Any) -> ir.Value:
    """Add values at places."""
    return indexing.update(c, tensor, indices, updates, "add")


def half_square(c: OperationCall, x: Any) -> ir.Value:
    """``sum(x ** 2) / 2``."""
    x = c.given(x)
    return c.mul(c.reduce("ReduceSum", c.mul(x, x)), 0.5)


def patches(
    c: OperationCall, images: Any, sizes: Any, strides: Any, rates: Any, padding: Any
) -> ir.Value:
    """Put what is in each window into the channels."""
    window, steps, apart = (
        c.numbers(v, "sizes")[1:-1] for v in (sizes, strides, rates)
    )
    return image_rules.patches(c, images, window, steps, apart, str(padding).lower())


RULES: dict[str, Rule] = {
    "ClipByNorm": clipped_norm,
    "CopyAll": all_as_they_came,
    "CropBox": crop_box,
    "Crossentropy": crossentropy,
    "L2Loss": half_square,
    "MatrixTrace": matrix_trace,
    "NormalizePair": normalized,
    "ScalarMul": scaled,
    "ScatterAdd": scatter_add,
    "TensorFlowPatches": patches,
    "FillShape": filled,
    "MaskedSteps": masked_steps,
    "MultiplyNoNan": multiply_no_nan,
    "Ones": filled,
    "PadBox": pad_box,
    "SelectRows": select_rows,
    "Standardized": standardized,
    "StridedSlice": strided,
    "TensorFlowArgmax": place,
    "TensorFlowArgmin": place,
    "TensorFlowAveragePool": pooled,
    "TensorFlowBatchNorm": batch_normalization,
    "TensorFlowConv": convolution,
    "TensorFlowCountNonzero": counted,
    "TensorFlowCumprod": cumulated,
    "TensorFlowCumsum": cumulated,
    "TensorFlowDepthwiseConv": depthwise,
    "TensorFlowFlip": reversed_sequence,
    "TensorFlowGray": gray,
    "TensorFlowMaxPool": pooled,
    "TensorFlowNorm": norm,
    "TensorFlowOneHot": one_hot,
    "TensorFlowRange": span,
    "TensorFlowSlice": part,
    "TruncatedDivide": truncated_division,
    "Xdivy": times_log,
    "Xlogy": times_log,
    "Zeros": filled,
}
