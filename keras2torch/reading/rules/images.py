"""Operations on images."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from keras2torch.operators.resizing import TABLE
from keras2torch.reading.operation_calls import OperationCall, Rule, dtype_of, shape_of
from keras2torch.reading.rules.networks import channels_back, channels_first
from keras2torch.reading.rules.shaping import pad
from keras2torch.reading.rules.unary import saturated

_GRAY = (0.2989, 0.5870, 0.1140)
_MODES: dict[str, dict[str, Any]] = {
    "bicubic": {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1},
    "bilinear": {"mode": "linear"},
    "nearest": {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
}


def _batched(c: OperationCall, x: ir.Value) -> tuple[ir.Value, bool]:
    """Return images with a batch, and whether they came without."""
    alone = c.rank(x) == 3
    return (c.unsqueeze(x, 0) if alone else x), alone


def resized(
    c: OperationCall,
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: Any = None,
    grid: str = "half_pixel",
) -> ir.Value:
    """Change height and width by interpolation."""
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        c.refuse("it keeps the aspect ratio")
    if interpolation not in _MODES:
        c.refuse(f"interpolation={interpolation!r}")
    x, alone = _batched(c, c.given(images))
    sizes = c.numbers(size, "size")
    kind = dtype_of(x)
    x = channels_first(c, x, data_format)
    smaller = any(
        n is None or n > m for n, m in zip(shape_of(x)[2:], sizes, strict=True)
    )
    if antialias and interpolation != "nearest" and smaller:
        c.refuse("antialias while it makes images smaller")
    if interpolation != "nearest":
        x = c.floats(x)
    options = dict(_MODES[interpolation]) | {"coordinate_transformation_mode": grid}
    if grid != "half_pixel" and interpolation == "nearest":
        options["nearest_mode"] = (
            "floor" if grid == "asymmetric" else "round_prefer_ceil"
        )
    options["axes"] = [2, 3]
    y = _resize(c, x, sizes, options)
    y = channels_back(c, y, data_format)
    if c.spec.kind == "ops.Resize" and interpolation != "nearest" and "int" in kind:
        y = saturated(c, c.unary("Round", y), kind)
    elif c.spec.kind == "ops.Resize" or interpolation == "nearest":
        y = c.cast(y, kind)
    return c.squeeze(y, 0) if alone else y


def _resize(
    c: OperationCall, x: ir.Value, sizes: list[int], options: dict[str, Any]
) -> ir.Value:
    shape = (*shape_of(x)[:2], *sizes)
    nothing = c.constant(np.zeros(0), "float32")
    given = [x, nothing, nothing, c.constant(sizes, "int64")]
    resized = c.operator("Resize", given, shape, options)
    node = resized.producer()
    assert node is not None
    node.metadata_props[TABLE] = "1"
    return resized


def tensorflow_resized(
    c: OperationCall,
    images: Any,
    size: Any,
    method: Any = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
) -> ir.Value:
    """TensorFlow's ``tf.image.resize``; nearest keeps the dtype, others make floats."""
    if preserve_aspect_ratio:
        c.refuse("it keeps the aspect ratio")
    methods = {0: "bilinear", 1: "nearest", 2: "bicubic"}
    found = methods.get(method, method)
    return resized(c, images, size, str(found).lower(), antialias)


def old_resized(
    c: OperationCall,
    images: Any,
    size: Any,
    align_corners: bool = False,
    half_pixel_centers: bool = False,
    method: str = "bilinear",
) -> ir.Value:
    """TensorFlow 1's resizing, which knows three grids."""
    grid = "half_pixel" if half_pixel_centers else "asymmetric"
    grid = "align_corners" if align_corners else grid
    if c.kind.endswith("Nearest"):
        method = "nearest"
    return resized(c, images, size, method, grid=grid)


def padded(
    c: OperationCall,
    images: Any,
    top_padding: Any = None,
    left_padding: Any = None,
    bottom_padding: Any = None,
    right_padding: Any = None,
    target_height: Any = None,
    target_width: Any = None,
    data_format: Any = None,
) -> ir.Value:
    """Add zeros around images."""
    x = c.given(images)
    at = c.rank(x) - (2 if str(data_format) == "channels_first" else 3)
    vertical = _pair(c, x, at, top_padding, bottom_padding, target_height, 1)
    level = _pair(c, x, at + 1, left_padding, right_padding, target_width, 1)
    pairs = [[0, 0] for _ in range(c.rank(x))]
    pairs[at], pairs[at + 1] = vertical, level
    return pad(c, x, pairs)


def cropped(
    c: OperationCall,
    images: Any,
    top_cropping: Any = None,
    left_cropping: Any = None,
    bottom_cropping: Any = None,
    right_cropping: Any = None,
    target_height: Any = None,
    target_width: Any = None,
    data_format: Any = None,
) -> ir.Value:
    """Cut the edges of images off."""
    x = c.given(images)
    at = c.rank(x) - (2 if str(data_format) == "channels_first" else 3)
    vertical = _pair(c, x, at, top_cropping, bottom_cropping, target_height, -1)
    level = _pair(c, x, at + 1, left_cropping, right_cropping, target_width, -1)
    for axis, (before, after) in ((at, vertical), (at + 1, level)):
        if before or after:
            x = c.slice(x, axis, before, c.known(x, axis) - after)
    return x


def _pair(
    c: OperationCall,
    x: ir.Value,
    axis: int,
    before: Any,
    after: Any,
    target: Any,
    sign: int,
) -> list[int]:
    """Return what is added before and after; one of three may be left open."""
    if before is None:
        before = sign * (target - c.known(x, axis)) - after
    if after is None:
        after = sign * (target - c.known(x, axis)) - before
    return [c.number(before, "before"), c.number(after, "after")]


def gray(c: OperationCall, images: Any, data_format: Any = None) -> ir.Value:
    """Weigh the colours into one channel."""
    x = c.given(images)
    at = c.rank(x) - (3 if str(data_format) == "channels_first" else 1)
    if shape_of(x)[at] == 1:
        return x
    kind = dtype_of(x)
    floats = c.floats(x)
    weights = np.asarray(_GRAY).reshape([-1] + [1] * (c.rank(x) - 1 - at))
    mixed = c.reduce(
        "ReduceSum", c.mul(floats, c.constant(weights, dtype_of(floats))), at, True
    )
    return c.cast(mixed, kind)


def hue(c: OperationCall, images: Any, data_format: Any = None) -> ir.Value:
    """Return hue, saturation and value of colours."""
    x = c.given(images)
    at = c.rank(x) - (3 if str(data_format) == "channels_first" else 1)
    red, green, blue = (c.slice(x, at, i, i + 1) for i in range(3))
    most, least = (c.reduce(n, x, at, True) for n in ("ReduceMax", "ReduceMin"))
    spread = c.sub(most, least)
    plain, dark = (c.elementwise("Equal", v, 0) for v in (spread, most))
    share = c.div(c.where(plain, 0, spread), c.where(dark, 1, most))
    sixth = c.div(1 / 6, c.where(plain, 1, spread))
    of_red = c.mul(sixth, c.sub(green, blue))
    of_green = c.add(c.mul(sixth, c.sub(blue, red)), 2 / 6)
    of_blue = c.add(c.mul(sixth, c.sub(red, green)), 4 / 6)
    found = c.where(c.elementwise("Equal", most, green), of_green, of_blue)
    found = c.where(c.elementwise("Equal", most, red), of_red, found)
    found = c.where(c.elementwise("Less", found, 0), c.add(found, 1), found)
    return c.concat([c.where(plain, 0, found), share, most], at)


def colours(c: OperationCall, images: Any, data_format: Any = None) -> ir.Value:
    """Return red, green and blue of hue, saturation and value."""
    x = c.given(images)
    at = c.rank(x) - (3 if str(data_format) == "channels_first" else 1)
    tone, saturation, value = (c.slice(x, at, i, i + 1) for i in range(3))
    around = c.mul(tone, 6)
    found = []
    for centre, sign, offset in ((3, 1, -1), (2, -1, 2), (4, -1, 2)):
        away = c.unary("Abs", c.sub(around, centre))
        way = c.add(c.mul(away, sign), offset)
        limits = [c.constant(v, dtype_of(x)) for v in (0, 1)]
        part = c.operator("Clip", [way, *limits], shape_of(way))
        mixed = c.add(c.sub(1, saturation), c.mul(saturation, part))
        found.append(c.mul(mixed, value))
    return c.concat(found, at)


def patches(
    c: OperationCall,
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: Any = None,
) -> ir.Value:
    """Put what is in each window into the channels."""
    x, alone = _batched(c, c.given(images))
    if str(data_format) == "channels_first" or c.rank(x) != 4:
        c.refuse("images that are not channels last")
    window = c.numbers(size, "size")
    window = window * 2 if len(window) == 1 else window
    steps = window if strides is None else c.numbers(strides, "strides")
    steps = steps * 2 if len(steps) == 1 else steps
    rates = c.numbers(dilation_rate, "dilation_rate")
    rates = rates * 2 if len(rates) == 1 else rates
    for axis, (k, step, rate) in enumerate(zip(window, steps, rates, strict=True)):
        span, length = (k - 1) * rate + 1, c.known(x, axis + 1)
        count = (length - span) // step + 1
        if padding.lower() == "same":
            count = -(-length // step)
            lack = max((count - 1) * step + span - length, 0)
            pairs = [[0, 0] for _ in range(4)]
            pairs[axis + 1] = [lack // 2, lack - lack // 2]
            x = pad(c, x, pairs)
        places = np.arange(count)[:, None] * step + np.arange(k) * rate
        # The window's axis goes behind, in front of the channels.
        at = axis + 1
        flat = c.gather(x, c.constant(places.reshape(-1), "int64"), at)
        sizes = c.sizes(flat)
        x = c.reshape(flat, [*sizes[:at], count * k, *sizes[at + 1 :]])
    batch, rows, columns, channels = c.sizes(x)
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    high, wide = rows // window[0], columns // window[1]
    parts = c.reshape(x, [batch, high, window[0], wide, window[1], channels])
    parts = c.transpose(parts, [0, 1, 3, 2, 4, 5])
    depth = c.known(x, 3) * window[0] * window[1]
    found = c.reshape(parts, [batch, high, wide, depth])
    return c.squeeze(found, 0) if alone else found


def flipped(c: OperationCall, image: Any) -> ir.Value:
    """Turn images around."""
    x = c.given(image)
    return c.flip(x, c.rank(x) - (2 if c.kind == "FlipLeftRight" else 3))


RULES: dict[str, Rule] = {
    "CropImages": cropped,
    "ExtractPatches": patches,
    "FlipLeftRight": flipped,
    "FlipUpDown": flipped,
    "HSVToRGB": colours,
    "OldResize": old_resized,
    "OldResizeNearest": old_resized,
    "PadImages": padded,
    "RGBToGrayscale": gray,
    "RGBToHSV": hue,
    "Resize": resized,
    "TensorFlowResize": tensorflow_resized,
}
