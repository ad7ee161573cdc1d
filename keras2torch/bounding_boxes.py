"""What scripts take from ``keras.utils.bounding_boxes``.

Sources: ``bounding_box.py``, ``converters.py`` and ``iou.py`` in
``keras/src/layers/preprocessing/image_preprocessing/bounding_boxes`` (Keras 3.15).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from keras2torch.configuration import epsilon
from keras2torch.dtypes import standardize_dtype
from keras2torch.tensors import as_tensor

# Format → whether sizes are relative, and the order of its four numbers: corners
# (x, y, X, Y), a corner (x, y, w, h), or a centre (cx, cy, w, h).
_FORMATS: dict[str, tuple[bool, tuple[str, ...]]] = {
    "xyxy": (False, ("x", "y", "X", "Y")),
    "yxyx": (False, ("y", "x", "Y", "X")),
    "xywh": (False, ("x", "y", "w", "h")),
    "center_xywh": (False, ("cx", "cy", "w", "h")),
    "center_yxhw": (False, ("cy", "cx", "h", "w")),
    "rel_xyxy": (True, ("x", "y", "X", "Y")),
    "rel_yxyx": (True, ("y", "x", "Y", "X")),
    "rel_xywh": (True, ("x", "y", "w", "h")),
    "rel_center_xywh": (True, ("cx", "cy", "w", "h")),
}
_MEASURES: dict[str, Callable[..., torch.Tensor]] = {
    "x": lambda x, y, X, Y: x,
    "y": lambda x, y, X, Y: y,
    "X": lambda x, y, X, Y: X,
    "Y": lambda x, y, X, Y: Y,
    "w": lambda x, y, X, Y: X - x,
    "h": lambda x, y, X, Y: Y - y,
    "cx": lambda x, y, X, Y: x + (X - x) / 2.0,
    "cy": lambda x, y, X, Y: y + (Y - y) / 2.0,
}
Size = Any


def convert_format(
    boxes: Any,
    source: str,
    target: str,
    height: Size = None,
    width: Size = None,
    dtype: Any = "float32",
) -> Any:
    """Return boxes in another format.

    Parameters
    ----------
    boxes
        ``(..., 4)``, or a dict with them as ``"boxes"``, which is changed.
    source, target
        ``"xyxy"``, ``"yxyx"``, ``"xywh"``, ``"center_xywh"``, ``"center_yxhw"``, or
        one of the first three or ``"center_xywh"`` with ``rel_`` before it.
    height, width
        Of the image, for relative formats.
    dtype
        That they get.

    Raises
    ------
    ValueError
        If a format is none of these, or sizes are missing.
    """
    if isinstance(boxes, dict):
        boxes["boxes"] = convert_format(
            boxes["boxes"], source, target, height, width, dtype
        )
        return boxes
    found = as_tensor(boxes)
    if found.shape[-1] != 4:
        raise ValueError(
            "`boxes` must be a tensor with the last dimension of 4. Received: "
            f"boxes.shape={tuple(found.shape)}"
        )
    source, target = source.lower(), target.lower()
    if source not in _FORMATS or target not in _FORMATS:
        raise ValueError(
            "Invalid source or target format. Supported formats: "
            f"{tuple(_FORMATS)}. Received: source={source}, target={target}"
        )
    (relative, order), (to_relative, wanted) = _FORMATS[source], _FORMATS[target]
    if (relative or to_relative) and (height is None or width is None):
        raise ValueError(
            "convert_format() must receive `height` and `width` transforming between "
            f"relative and absolute formats. It received source={source!r}, "
            f"target={target!r}, but height={height} and width={width}."
        )
    kind = getattr(torch, standardize_dtype(dtype))
    found = found.to(kind)
    if source == target:
        return found
    corners = _corners(dict(zip(order, found.unbind(-1), strict=True)))
    if relative != to_relative:
        sizes = [torch.as_tensor(n).to(found) for n in (width, height)] * 2
        if relative:
            corners = [c * n for c, n in zip(corners, sizes, strict=True)]
        else:
            corners = [c / n for c, n in zip(corners, sizes, strict=True)]
    return torch.stack([_MEASURES[name](*corners) for name in wanted], -1)


def _corners(values: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Return left, top, right and bottom."""
    if "X" in values:
        return [values[n] for n in ("x", "y", "X", "Y")]
    w, h = values["w"], values["h"]
    if "cx" in values:
        x, y = values["cx"] - w / 2.0, values["cy"] - h / 2.0
        return [x, y, values["cx"] + w / 2.0, values["cy"] + h / 2.0]
    x, y = values["x"], values["y"]
    return [x, y, x + w, y + h]


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: Size = None,
    width: Size = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Return boxes within the image; those of which nothing is left get the label -1.

    Parameters
    ----------
    bounding_boxes
        ``"boxes"``, and perhaps ``"labels"``.
    height, width
        Of the image.
    bounding_box_format
        ``"xyxy"`` or ``"rel_xyxy"``.
    """
    if bounding_box_format not in ("xyxy", "rel_xyxy"):
        raise NotImplementedError(
            f"clip_to_image_size() takes 'xyxy' or 'rel_xyxy', not "
            f"{bounding_box_format!r}: convert_format() before."
        )
    if bounding_box_format == "xyxy" and (height is None or width is None):
        raise ValueError("`height` and `width` must be set if `format='xyxy'`.")
    relative = bounding_box_format == "rel_xyxy"
    right, bottom = (1.0, 1.0) if relative else (width, height)
    boxes = _within(as_tensor(bounding_boxes["boxes"]), right, bottom)
    made = {**bounding_boxes, "boxes": boxes}
    if bounding_boxes.get("labels") is not None:
        labels = as_tensor(bounding_boxes["labels"])
        area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
        made["labels"] = torch.where(area > 0, labels, torch.full_like(labels, -1))
    return made


def _within(boxes: torch.Tensor, right: Size, bottom: Size) -> torch.Tensor:
    most = [torch.as_tensor(n).to(boxes) for n in (right, bottom, right, bottom)]
    sides = zip(boxes.unbind(-1), most, strict=True)
    least = torch.zeros((), dtype=boxes.dtype, device=boxes.device)
    return torch.stack([torch.minimum(s.maximum(least), m) for s, m in sides], -1)


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Size,
    width: Size,
    center_x: float | None = None,
    center_y: float | None = None,
    bounding_box_format: str = "xyxy",
) -> torch.Tensor:
    """Return the boxes around transformed ones, ``(batch, boxes, 4)`` as ``"xyxy"``.

    Parameters
    ----------
    boxes
        ``(batch, boxes, 4)`` as ``"xyxy"``.
    angle, translate_x, translate_y, scale, shear_x, shear_y
        A number for each image: degrees, and parts of the image's size.
    height, width
        Of the images.
    center_x, center_y
        Where it is turned about, 0.5 if not given.
    bounding_box_format
        ``"xyxy"``.
    """
    _corners_alone(bounding_box_format)
    values = [
        as_tensor(v) for v in (angle, translate_x, translate_y, scale, shear_x, shear_y)
    ]
    matrix = _inverse_matrix(
        values,
        height,
        width,
        0.5 if center_x is None else center_x,
        0.5 if center_y is None else center_y,
    )
    x1, y1, x2, y2 = as_tensor(boxes).to(matrix).unbind(-1)
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    points = torch.stack(
        [torch.stack([x, y, torch.ones_like(x)], -1) for x, y in corners], 2
    )
    moved = torch.einsum("bnxy,byz->bnxz", points, matrix.transpose(1, 2))
    return torch.cat([moved.amin(2), moved.amax(2)], -1)


def _inverse_matrix(
    values: Sequence[torch.Tensor],
    height: Size,
    width: Size,
    center_x: float,
    center_y: float,
) -> torch.Tensor:
    """Return the matrices ``(batch, 2, 3)`` of an affine map."""
    angle, translate_x, translate_y, scale, shear_x, shear_y = values
    degrees = math.pi / 180.0
    rotation = -angle * degrees
    sx, sy = -shear_x * degrees, -shear_y * degrees
    cx, cy = center_x * (width - 1), center_y * (height - 1)
    tx, ty = -translate_x * (width - 1), -translate_y * (height - 1)
    a = (rotation - sy).cos() / sy.cos()
    b = a * sx.tan() + rotation.sin()
    c = -(rotation - sy).sin() / sy.cos()
    d = rotation.cos() - c * sx.tan()
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    a2 = cx - a0 * (cx + tx) - a1 * (cy + ty)
    b2 = cy - b0 * (cx + tx) - b1 * (cy + ty)
    rows = [torch.stack([a0, a1, a2], -1), torch.stack([b0, b1, b2], -1)]
    return torch.stack(rows, 1)


def _corners_alone(format: str) -> None:
    if format != "xyxy":
        raise NotImplementedError(
            f"only boxes in the format 'xyxy' are taken, not {format!r}: "
            "convert_format() before."
        )


def crop(
    boxes: Any,
    top: Size,
    left: Size,
    height: Size,
    width: Size,
    bounding_box_format: str = "xyxy",
) -> torch.Tensor:
    """Return ``"xyxy"`` boxes as they are in a part of the image."""
    _corners_alone(bounding_box_format)
    found = as_tensor(boxes)
    return _within(found - _offset(found, left, top), width, height)


def pad(
    boxes: Any,
    top: Size,
    left: Size,
    height: Size = None,
    width: Size = None,
    bounding_box_format: str = "xyxy",
) -> torch.Tensor:
    """Return ``"xyxy"`` boxes as they are in an image with more above and left.

    The image's ``height`` and ``width`` are taken and change nothing, as in Keras.
    """
    _corners_alone(bounding_box_format)
    found: torch.Tensor = as_tensor(boxes)
    return found + _offset(found, left, top)


def _offset(boxes: torch.Tensor, left: Size, top: Size) -> torch.Tensor:
    sides = [torch.as_tensor(n, device=boxes.device) for n in (left, top, left, top)]
    return torch.stack(sides, -1)


# ------------------------------------------------------------------------ anchor boxes
def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> torch.Tensor:
    """Return how far boxes are from anchors, as a detector learns it.

    Parameters
    ----------
    anchors, boxes
        ``(..., 4)``.
    anchor_format, box_format
        Their formats, see :func:`convert_format`.
    encoding_format
        ``"center_xywh"`` or ``"center_yxhw"``.
    variance
        Four numbers that the result is divided by.
    image_shape
        ``(height, width, channels)``, for relative formats.

    Raises
    ------
    ValueError
        If the format or the variance is none of these.
    """
    scale = _variance(variance, "encoding_format", encoding_format)
    size = _size(image_shape)
    around = convert_format(anchors, anchor_format, encoding_format, **size)
    found = convert_format(boxes, box_format, encoding_format, **size)
    anchor = around[..., 2:].clamp(min=epsilon())
    box = found[..., 2:].clamp(min=epsilon())
    moved = (found[..., :2] - around[..., :2]) / anchor
    made = torch.cat([moved, (box / anchor).log()], -1)
    return made if scale is None else made / scale


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Return boxes of what :func:`encode_box_to_deltas` made; dicts go key by key."""
    scale = _variance(variance, "encoded_format", encoded_format)
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        options = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {
            k: decode_deltas_to_boxes(a, boxes_delta[k], *options)
            for k, a in anchors.items()
        }
    size = _size(image_shape)
    around = convert_format(anchors, anchor_format, encoded_format, **size)
    delta = as_tensor(boxes_delta)
    delta = delta if scale is None else delta * scale
    place = delta[..., :2] * around[..., 2:] + around[..., :2]
    box = torch.cat([place, delta[..., 2:].exp() * around[..., 2:]], -1)
    return convert_format(box, encoded_format, box_format, **size)


def _variance(variance: Any, name: str, format: str) -> torch.Tensor | None:
    if format not in ("center_xywh", "center_yxhw"):
        raise ValueError(
            f"`{name}` should be one of 'center_xywh' or 'center_yxhw', got {format}"
        )
    if variance is None:
        return None
    found: torch.Tensor = as_tensor(variance).to(torch.float32)
    if found.shape[-1] != 4:
        raise ValueError(f"`variance` must be length 4, got {variance}")
    return found


def _size(image_shape: Any) -> dict[str, Size]:
    height, width, _ = (None, None, None) if image_shape is None else image_shape
    return {"height": height, "width": width}


# ------------------------------------------------------------------------------ overlap
def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> torch.Tensor:
    """Return the intersection over the union of each box with each other.

    Parameters
    ----------
    boxes1, boxes2
        ``(n, 4)`` and ``(m, 4)``, or batches of them.
    bounding_box_format
        See :func:`convert_format`.
    use_masking, mask_val
        Whether boxes of negative numbers give ``mask_val``.
    image_shape
        ``(height, width, channels)``, for relative formats.

    Returns
    -------
    torch.Tensor
        ``(n, m)``, or batches of it.
    """
    one, other = as_tensor(boxes1), as_tensor(boxes2)
    for name, found in (("boxes1", one), ("boxes2", other)):
        if found.ndim not in (2, 3):
            raise ValueError(
                f"compute_iou() expects {name} to be batched, or to be unbatched. "
                f"Received len(boxes1.shape)={one.ndim}, "
                f"len(boxes2.shape)={other.ndim}. Expected either len({name}.shape)=2 "
                f"or len({name}.shape)=3."
            )
    if "rel" in bounding_box_format and image_shape is None:
        raise ValueError(
            "When using relative bounding box formats (e.g. `rel_yxyx`) the "
            f"`image_shape` argument must be provided. Received `image_shape`: {None}"
        )
    size = _size(image_shape)
    one = convert_format(one, bounding_box_format, "xyxy", **size).unsqueeze(-2)
    other = convert_format(other, bounding_box_format, "xyxy", **size).unsqueeze(-3)
    shared = _area(
        torch.cat(
            [
                torch.maximum(one[..., :2], other[..., :2]),
                torch.minimum(one[..., 2:], other[..., 2:]),
            ],
            -1,
        ),
        positive=True,
    )
    union = _area(one) + _area(other) - shared
    found = shared / (union + epsilon())
    if not use_masking:
        return found
    background = (one.amax(-1) < 0) | (other.amax(-1) < 0)
    return torch.where(background, torch.full_like(found, mask_val), found)


def _area(boxes: torch.Tensor, positive: bool = False) -> torch.Tensor:
    sides = boxes[..., 2:] - boxes[..., :2]
    return (sides.clamp(min=0) if positive else sides).prod(-1)


def compute_ciou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None
) -> torch.Tensor:
    """Return the complete IoU of pairs of boxes: distance and shape count, too.

    Parameters
    ----------
    boxes1, boxes2
        ``(..., 4)``.
    bounding_box_format
        A format that is not relative, see :func:`convert_format`.
    image_shape
        Taken, as in Keras.
    """
    if "rel" in bounding_box_format:
        raise ValueError(
            "compute_ciou() takes no relative format: convert_format() before. "
            f"Received: bounding_box_format={bounding_box_format!r}"
        )
    size = _size(image_shape)
    one, other = (
        convert_format(b, bounding_box_format, "xyxy", **size) for b in (boxes1, boxes2)
    )
    least = epsilon()
    x1, y1, X1, Y1 = one.unbind(-1)
    x2, y2, X2, Y2 = other.unbind(-1)
    w1, h1, w2, h2 = X1 - x1, Y1 - y1 + least, X2 - x2, Y2 - y2 + least
    wide = (torch.minimum(X1, X2) - torch.maximum(x1, x2)).clamp(min=0)
    high = (torch.minimum(Y1, Y2) - torch.maximum(y1, y2)).clamp(min=0)
    shared = wide * high
    union = w1 * h1 + w2 * h2 - shared + least
    iou = shared / (union + least)
    convex_w = torch.maximum(X1, X2) - torch.minimum(x1, x2)
    convex_h = torch.maximum(Y1, Y2) - torch.minimum(y1, y2)
    diagonal = convex_w**2 + convex_h**2 + least
    distance = ((x1 + X1) / 2 - (x2 + X2) / 2) ** 2
    distance = distance + ((y1 + Y1) / 2 - (y2 + Y2) / 2) ** 2
    v = 4 / math.pi**2 * ((w2 / h2).arctan() - (w1 / h1).arctan()) ** 2
    alpha = v / (v - iou + (1 + least))
    found: torch.Tensor = iou - (distance / diagonal + v * alpha)
    return found


__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]
