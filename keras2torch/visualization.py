"""Galleries of images, boxes and masks; what scripts take from ``keras.visualization``.

Sources: the modules of ``keras/src/visualization`` (Keras 3.15).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from keras2torch.bounding_boxes import convert_format
from keras2torch.configuration import standardize_data_format
from keras2torch.data.images import pillow
from keras2torch.dtypes import is_int_dtype, standardize_dtype

Colour = Sequence[int]


def _array(value: Any) -> Any:
    """Return a tensor or array as an array."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    return np.asarray(value)


def _images(images: Any, data_format: str | None) -> Any:
    """Return a batch of images with channels last.

    Raises
    ------
    ValueError
        If it is no batch of images.
    """
    found = _array(images)
    if found.ndim != 4:
        raise ValueError(
            f"`images` must be batched 4D tensor. Received: images.shape={found.shape}"
        )
    first = standardize_data_format(data_format) == "channels_first"
    return found.transpose(0, 2, 3, 1) if first else found


def _matplotlib(function: str) -> Any:
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError(
            f"The `{function}` function requires the `matplotlib` package. Please "
            "install it with `pip install matplotlib`."
        ) from None
    return pyplot


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: dict[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Colour = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> Any:
    """Return images with boxes and the names of their classes drawn on them.

    Keras draws by OpenCV, this by Pillow: lines are square at their corners, and the
    font is another.

    Parameters
    ----------
    images
        ``(batch, height, width, channels)``, from 0 to 1 or to 255.
    bounding_boxes
        ``"boxes"``, ``"labels"`` and perhaps ``"confidences"``; the label -1 is none.
    bounding_box_format
        See ``keras.utils.bounding_boxes.convert_format``.
    class_mapping
        The name of each label.
    color, line_thickness, text_thickness, font_scale
        Of what is drawn; the thickness of text is Pillow's.
    data_format
        Where images have their channels.

    Returns
    -------
    array
        uint8.
    """
    last = _images(images, data_format)
    if not isinstance(bounding_boxes, dict):
        raise TypeError(
            "`bounding_boxes` should be a dict. Received: bounding_boxes="
            f"{bounding_boxes} of type {type(bounding_boxes)}"
        )
    if "boxes" not in bounding_boxes or "labels" not in bounding_boxes:
        raise ValueError(
            "`bounding_boxes` should be a dict containing 'boxes' and 'labels' keys. "
            f"Received: bounding_boxes={bounding_boxes}"
        )
    height, width = last.shape[1:3]
    boxes = convert_format(
        bounding_boxes["boxes"], bounding_box_format, "xyxy", height, width
    )
    corners, labels = _array(boxes).astype("int32"), _array(bounding_boxes["labels"])
    sure = bounding_boxes.get("confidences")
    names = class_mapping or {}
    drawn = []
    for i, pixels in enumerate(_bytes(last)):
        image = pillow().fromarray(pixels)
        for n, box in enumerate(corners[i]):
            label = int(labels[i][n])
            if label == -1:
                continue
            text = names.get(label)
            if text is not None and sure is not None:
                text = f"{text} | {_array(sure)[i][n]:.2f}"
            _draw(
                image,
                [int(v) for v in box],
                text,
                tuple(color),
                line_thickness,
                font_scale,
            )
        drawn.append(np.asarray(image))
    return np.stack(drawn)


def _bytes(images: Any) -> Any:
    if images.dtype.kind == "f" and images.size:
        images = images.clip(0, 1) * 255 if images.max() <= 1 else images.clip(0, 255)
    return images.astype("uint8")


def _draw(
    image: Any,
    box: list[int],
    text: str | None,
    color: tuple[int, ...],
    thickness: int,
    font_scale: float,
) -> None:
    from PIL import ImageDraw, ImageFont

    canvas, half = ImageDraw.Draw(image), thickness // 2
    x1, y1, x2, y2 = box
    outer = (x1 - half, y1 - half, max(x2, x1) + half, max(y2, y1) + half)
    canvas.rectangle(outer, outline=color, width=thickness)
    if text is None:
        return
    size = int(font_scale * 12)
    above = y1 - 8 - 2 * size > 0
    place = (x1, y1 - 8 - size) if above else (x1 + 3, y1 + size + thickness + 3)
    canvas.text(place, text, fill=color, font=ImageFont.load_default(size))


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Colour] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> Any:
    """Return images with the classes of their pixels in colours.

    Parameters
    ----------
    images
        ``(batch, height, width, channels)``.
    segmentation_masks
        Integers ``(batch, height, width, 1)``.
    num_classes
        The greatest integer if not given, as in Keras, which leaves it out.
    color_mapping
        The colour of each class.
    alpha, blend
        Whether the colours are laid over the images, and how thick.
    ignore_index
        The class that is left as it is.
    data_format
        Where images and masks have their channels.
    """
    last, masks = _images(images, data_format), _images(segmentation_masks, data_format)
    if not is_int_dtype(masks.dtype):
        raise TypeError(
            "`segmentation_masks` must be in integer dtype. Received: "
            f"segmentation_masks.dtype={standardize_dtype(masks.dtype)}"
        )
    last = last.astype("float32")
    count = int(masks.max()) if num_classes is None else num_classes
    colors = _palette(count)
    if color_mapping is not None:
        colors = [list(color_mapping[i]) for i in range(count)]
    classes, drawn = masks[..., 0], last.copy()
    for label, color in enumerate(colors):
        drawn[classes == label] = np.asarray(color, "float32")
    if not blend:
        return torch.from_numpy(drawn)
    mixed = last * np.float32(1 - alpha) + drawn * np.float32(alpha)
    return np.where((classes != ignore_index)[..., None], mixed, last).astype("uint8")


def _palette(count: int) -> list[list[int]]:
    steps = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])
    return [(i * steps % 255).tolist() for i in range(count)]


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[Any, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Any = None,
    data_format: str | None = None,
) -> None:
    """Show images in rows and columns, by matplotlib.

    Parameters
    ----------
    images
        ``(batch, height, width, channels)``.
    y_true, y_pred, label_map
        Labels for titles, and their names.
    rows, cols
        As many as make a square if not given.
    value_range
        The least and greatest value of a pixel.
    scale
        Inches of an image.
    path, show
        Where it is saved, or whether it is shown.
    transparent, dpi, legend_handles
        Given to matplotlib.
    data_format
        Where images have their channels.

    Raises
    ------
    ValueError
        If it is both to be saved and shown, labels have no names, or fewer images
        come than there are places.
    """
    plt = _matplotlib("plot_image_gallery")
    if path is not None and show:
        raise ValueError(
            "plot_gallery() expects either `path` to be set, or `show` to be true."
        )
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError(
            "If `y_true` or `y_pred` are provided, a `label_map` must also be provided."
        )
    found = _images(images, data_format)
    rows = rows or math.ceil(math.sqrt(len(found)))
    cols = cols or math.ceil(len(found) // rows)
    if rows * cols > len(found):
        raise ValueError(
            f"{rows} rows of {cols} images are wanted, and there are {len(found)}."
        )
    low, high = value_range
    pixels = ((found - low) / (high - low) * 255).astype("uint8")
    figure, axes = plt.subplots(
        nrows=rows,
        ncols=cols,
        figsize=(cols * scale, rows * scale),
        frameon=False,
        layout="tight",
        squeeze=False,
        sharex="row",
        sharey="col",
    )
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    for n, axis in enumerate(axes.reshape(-1)):
        axis.imshow(pixels[n])
        axis.margins(x=0, y=0)
        axis.axis("off")
        titles = [
            f"{told}: {(label_map or {}).get(_array(labels)[n], 'Unknown')}"
            for told, labels in (("Label", y_true), ("Pred", y_pred))
            if labels is not None and n < len(labels)
        ]
        if titles:
            axis.set_title("  ".join(titles), fontsize=8)
    if path is not None:
        options = {"transparent": transparent, "dpi": dpi}
        plt.savefig(path, pad_inches=0, bbox_inches="tight", **options)
        plt.close(figure)
    elif show or show is None:
        plt.show()
        plt.close(figure)


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: dict[str, Any] | None = None,
    y_pred: dict[str, Any] | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: Colour = (0, 188, 212),
    pred_color: Colour = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Any = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Show images with true and predicted boxes.

    Parameters
    ----------
    images, bounding_box_format
        Those of :func:`draw_bounding_boxes`.
    y_true, y_pred
        The boxes.
    true_color, pred_color, line_thickness, font_scale, text_thickness
        Of what is drawn.
    class_mapping, ground_truth_mapping, prediction_mapping
        Names of labels: of all, of true and of predicted ones.
    legend, legend_handles
        Whether the colours are explained, or what explains them.
    value_range, rows, cols, data_format, **kwargs
        Those of :func:`plot_image_gallery`.
    """
    _matplotlib("plot_bounding_box_gallery")
    from matplotlib.patches import Patch

    pixels = _images(images, data_format)
    for boxes, color, names in (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    ):
        if boxes is not None:
            pixels = draw_bounding_boxes(
                pixels,
                boxes,
                bounding_box_format,
                names,
                color,
                line_thickness,
                text_thickness or line_thickness,
                font_scale,
                "channels_last",
            )
    if legend:
        if legend_handles:
            raise ValueError(
                "Only pass `legend` OR `legend_handles` to "
                "`keras.visualization.plot_bounding_box_gallery()`."
            )
        legend_handles = [
            Patch(color=[c / 255.0 for c in color], label=label)  # type: ignore[arg-type]
            for color, label in (
                (true_color, "Ground Truth"),
                (pred_color, "Prediction"),
            )
        ]
    plot_image_gallery(
        pixels,
        value_range=value_range,
        legend_handles=legend_handles,
        rows=rows,
        cols=cols,
        data_format="channels_last",
        **kwargs,
    )


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Mapping[int, Colour] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Show images beside their true and predicted masks, an image a row.

    Parameters
    ----------
    images, num_classes, color_mapping, blend, alpha, ignore_index
        Those of :func:`draw_segmentation_masks`.
    y_true, y_pred
        The masks.
    value_range, data_format, **kwargs
        Those of :func:`plot_image_gallery`.
    """
    pixels = _images(images, data_format)
    columns = [pixels]
    for masks in (y_true, y_pred):
        if masks is not None:
            columns.append(
                draw_segmentation_masks(
                    pixels,
                    _images(masks, data_format).astype("int32"),
                    num_classes,
                    color_mapping,
                    alpha,
                    blend,
                    ignore_index,
                    "channels_last",
                )
            )
    shown = np.stack([_array(c)[i] for i in range(len(pixels)) for c in columns])
    plot_image_gallery(
        shown,
        value_range=value_range,
        rows=len(pixels),
        cols=len(columns),
        data_format="channels_last",
        **kwargs,
    )


__all__ = [
    "draw_bounding_boxes",
    "draw_segmentation_masks",
    "plot_bounding_box_gallery",
    "plot_image_gallery",
    "plot_segmentation_mask_gallery",
]
