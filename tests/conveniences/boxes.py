"""Bounding boxes, for Keras and for us."""

from __future__ import annotations

from typing import Any

import numpy as np

RNG = np.random.default_rng(9)
RNG_MASKS = np.random.default_rng(10)
FORMATS = (
    "xyxy yxyx xywh center_xywh center_yxhw rel_xyxy rel_yxyx rel_xywh rel_center_xywh"
).split()


def corners(*shape: int) -> Any:
    """Return boxes of two different corners within 40 by 30."""
    low = RNG.uniform(0, 15, (*shape, 2))
    high = low + RNG.uniform(1, 15, (*shape, 2))
    return np.concatenate([low, high], -1).astype("float32")


BOXES, OTHERS = corners(2, 5), corners(2, 3)
LABELS = RNG.integers(0, 4, (2, 5))
LEVELS = {"p3": BOXES[0], "p4": BOXES[1]}


def numbers(value: Any) -> Any:
    """Return what comes as numpy."""
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items()}
    return np.asarray(value)


def answers(keras: Any) -> dict[str, Any]:
    """Return what each function gives, by case."""
    boxes = keras.utils.bounding_boxes
    found: dict[str, Any] = {}

    def ask(name: str, function: Any, *args: Any, **kwargs: Any) -> None:
        made = numbers(function(*args, **kwargs))
        if isinstance(made, dict):
            found.update({f"{name} {k}": v for k, v in made.items()})
        else:
            found[name] = made

    size = {"height": 30, "width": 40}
    shape = (30, 40, 3)
    for source in FORMATS:
        given = boxes.convert_format(BOXES, "xyxy", source, **size)
        for target in FORMATS:
            name = f"{source} to {target}"
            ask(name, boxes.convert_format, given, source, target, **size)
        if "center" not in source:
            ask(
                f"iou {source}",
                boxes.compute_iou,
                boxes.convert_format(BOXES[0], "xyxy", source, **size),
                boxes.convert_format(OTHERS[1], "xyxy", source, **size),
                source,
                image_shape=shape,
            )
    ask("half", boxes.convert_format, BOXES, "xyxy", "xywh", dtype="float16")
    ask("iou of batches", boxes.compute_iou, BOXES, OTHERS, "xyxy")
    hidden = np.where(np.arange(5)[None, :, None] > 2, -1.0, BOXES).astype("float32")
    masked = {"use_masking": True, "mask_val": -7}
    ask("iou masked", boxes.compute_iou, hidden[0], OTHERS[0], "xyxy", **masked)
    for source in ("xyxy", "center_xywh", "yxyx"):
        one = boxes.convert_format(BOXES, "xyxy", source)
        other = boxes.convert_format(BOXES[:, ::-1], "xyxy", source)
        ask(f"ciou {source}", boxes.compute_ciou, one, other, source)
    outside = {"boxes": BOXES * 2 - 12, "labels": LABELS}
    ask("clip", boxes.clip_to_image_size, outside, 30, 40)
    relative = {"boxes": BOXES / 10 - 1, "labels": LABELS, "more": LABELS}
    name = "rel_xyxy"
    ask("clip rel", boxes.clip_to_image_size, relative, bounding_box_format=name)
    ask("crop", boxes.crop, BOXES, 4, 3, 12, 14)
    ask("pad", boxes.pad, BOXES, 4, 3)
    turns = [RNG.uniform(-1, 1, 2).astype("float32") for _ in range(6)]
    turns[0], turns[4], turns[5] = turns[0] * 90, turns[4] * 20, turns[5] * 20
    ask("affine", boxes.affine_transform, BOXES, *turns, 30, 40)
    ask("affine about", boxes.affine_transform, BOXES, *turns, 30, 40, 0.2, 0.7)
    for kind in ("center_xywh", "center_yxhw"):
        for variance in (None, [0.1, 0.1, 0.2, 0.2]):
            options = {"variance": variance, "image_shape": shape}
            args = (BOXES, BOXES[:, ::-1], "xyxy", "xyxy", kind)
            delta = boxes.encode_box_to_deltas(*args, **options)
            found[f"encode {kind} {variance}"] = numbers(delta)
            name = f"decode {kind} {variance}"
            args = (BOXES, delta, "xyxy", "rel_yxyx", kind)
            ask(name, boxes.decode_deltas_to_boxes, *args, **options)
    options = {"variance": None, "image_shape": shape}
    args = (LEVELS, {k: v / 40 for k, v in LEVELS.items()}, "xywh", "xyxy")
    ask("decode levels", boxes.decode_deltas_to_boxes, *args, **options)
    found |= masks(keras)
    return found


def masks(keras: Any) -> dict[str, Any]:
    """Return images under masks."""
    draw = keras.visualization.draw_segmentation_masks
    images = RNG_MASKS.uniform(0, 255, (2, 6, 5, 3)).astype("float32")
    classes = RNG_MASKS.integers(-1, 4, (2, 6, 5, 1))
    colours = {n: (n * 20, 250 - n, n) for n in range(4)}
    moved = {"data_format": "channels_first"}
    first = (images.transpose(0, 3, 1, 2), classes.transpose(0, 3, 1, 2))
    return {
        "masks": numbers(draw(images, classes)),
        "masks of four": numbers(draw(images, classes, 4, alpha=0.3)),
        "masks ignored": numbers(draw(images, classes, 4, ignore_index=2)),
        "masks in colours": numbers(draw(images, classes, 4, colours)),
        "masks alone": numbers(draw(images, classes, 4, blend=False)),
        "masks first": numbers(draw(*first, num_classes=4, **moved)),
    }
