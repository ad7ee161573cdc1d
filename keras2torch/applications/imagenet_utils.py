"""Images as networks of ImageNet want them, and what their scores mean.

Source: ``keras/src/applications/imagenet_utils.py`` (Keras 3.15).
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import torch

from keras2torch import ops
from keras2torch.applications.building import IMAGENET_CLASSES
from keras2torch.applications.pretrained import cached
from keras2torch.backend import floatx, image_data_format

Prediction: TypeAlias = tuple[str, str, Any]

_MODES = ("caffe", "tf", "torch")
_FORMATS = ("channels_first", "channels_last")
# Of ImageNet: RGB between 0 and 1, and BGR between 0 and 255.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MEAN_BGR = (103.939, 116.779, 123.68)


def preprocess_input(
    x: Any, data_format: str | None = None, mode: str = "caffe"
) -> Any:
    """Return images with values from 0 to 255 as a network was trained on them.

    Parameters
    ----------
    x
        Images, or one: a NumPy array, a tensor, or a symbolic tensor. A floating
        array is written over, as in Keras.
    data_format
        ``"channels_last"`` or ``"channels_first"``.
    mode
        ``"caffe"``: BGR less ImageNet's mean. ``"tf"``: from -1 to 1. ``"torch"``:
        from 0 to 1, less the mean, over the deviation.

    Raises
    ------
    ValueError
        For a mode or format of another name.
    """
    if mode not in _MODES:
        raise ValueError(
            "Expected mode to be one of `caffe`, `tf` or `torch`. "
            f"Received: mode={mode}"
        )
    data_format = image_data_format() if data_format is None else data_format
    if data_format not in _FORMATS:
        raise ValueError(
            "Expected data_format to be one of `channels_first` or `channels_last`. "
            f"Received: data_format={data_format}"
        )
    axis = -1 if data_format == "channels_last" else len(x.shape) - 3
    if not isinstance(x, np.ndarray):
        x = ops.flip(x, axis) if mode == "caffe" else x
        return _scaled(x, axis, mode)
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(floatx())
    x = np.flip(x, axis) if mode == "caffe" else x
    x[...] = _scaled(x, axis, mode)
    return x


def _scaled(x: Any, axis: int, mode: str) -> Any:
    """Return images, whose channels have the order that they should, in other units."""
    if mode == "tf":
        return x / 127.5 - 1.0
    if mode == "caffe":
        return x - _along(x, axis, _MEAN_BGR)
    return (x / 255.0 - _along(x, axis, MEAN)) / _along(x, axis, DEVIATION)


def _along(x: Any, axis: int, values: tuple[float, ...]) -> Any:
    """Return a value for each channel, in a shape that fits."""
    shape = (len(values), *[1] * (-1 - axis if axis < 0 else len(x.shape) - 1 - axis))
    if isinstance(x, torch.Tensor):
        dtype = x.dtype if x.dtype.is_floating_point else torch.get_default_dtype()
        return torch.tensor(values, dtype=dtype, device=x.device).reshape(shape)
    known = str(x.dtype) in ("float16", "float32", "float64")
    return np.array(values, dtype=x.dtype if known else floatx()).reshape(shape)


def decode_predictions(preds: Any, top: int = 5) -> list[list[Prediction]]:
    """Return the best classes of each image: WordNet id, name, score.

    Parameters
    ----------
    preds
        Scores of ImageNet's 1000 classes, one row for an image.
    top
        How many.

    Raises
    ------
    ValueError
        For another shape.
    """
    if len(preds.shape) != 2 or preds.shape[1] != IMAGENET_CLASSES:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of "
            f"shape (samples, {IMAGENET_CLASSES})). Received array with shape: "
            f"{tuple(preds.shape)}"
        )
    if isinstance(preds, torch.Tensor):
        preds = preds.detach().cpu().numpy()
    names = _class_index()
    found = []
    for row in np.asarray(preds):
        best = row.argsort()[-top:][::-1]
        told = [(*names[str(i)], row[i]) for i in best]
        found.append(sorted(told, key=lambda t: t[2], reverse=True))
    return found


@cache
def _class_index() -> dict[str, tuple[str, str]]:
    """Return number → WordNet id and name of ImageNet's classes."""
    path = cached(
        "imagenet_class_index.json",
        "https://storage.googleapis.com/download.tensorflow.org/data/"
        "imagenet_class_index.json",
        "c2c37ea517e94d9795004a39431a14cb",
    )
    with open(path, encoding="utf-8") as file:
        return {number: (str(a), str(b)) for number, (a, b) in json.load(file).items()}


def passed(x: Any, data_format: str | None = None) -> Any:
    """Return images as they are: the model scales them itself.

    Parameters
    ----------
    x
        Images.
    data_format
        Not looked at.
    """
    return x


def scaled(x: Any, data_format: str | None = None) -> Any:
    """Return images from -1 to 1; see ``imagenet_utils.preprocess_input``.

    Parameters
    ----------
    x
        Images from 0 to 255, or one.
    data_format
        ``"channels_last"`` or ``"channels_first"``.
    """
    return preprocess_input(x, data_format, mode="tf")


def centered(x: Any, data_format: str | None = None) -> Any:
    """Return images as BGR less the mean; see ``imagenet_utils.preprocess_input``.

    Parameters
    ----------
    x
        Images from 0 to 255, or one.
    data_format
        ``"channels_last"`` or ``"channels_first"``.
    """
    return preprocess_input(x, data_format, mode="caffe")


def normalized(x: Any, data_format: str | None = None) -> Any:
    """Return images of mean 0 and variance 1; see ``imagenet_utils.preprocess_input``.

    Parameters
    ----------
    x
        Images from 0 to 255, or one.
    data_format
        ``"channels_last"`` or ``"channels_first"``.
    """
    return preprocess_input(x, data_format, mode="torch")


__all__ = ["decode_predictions", "preprocess_input"]
