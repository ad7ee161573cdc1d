"""Images in files and arrays. Keras 3.15: ``keras/src/utils/image_utils.py``."""

from __future__ import annotations

import io
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from keras2torch.configuration import standardize_data_format
from keras2torch.data.resizing import middle, resized

_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
_MODES = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}
# Of 2**15, as libpng has them, all rounded down.
_GRAY = np.array([9797, 19234, 3737])


def pillow() -> Any:
    """Return PIL's module for images.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            "images are read and written by Pillow, which is not installed: "
            "pip install pillow."
        ) from None
    return Image


def _floatx(dtype: Any) -> Any:
    return str(torch.get_default_dtype())[6:] if dtype is None else dtype


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """Return a PIL image of an array.

    Parameters
    ----------
    x
        ``(height, width, channels)`` with 1, 3 or 4 channels; an array or a tensor.
    data_format
        ``"channels_first"`` if the channels are the first axis.
    scale
        Whether its least value becomes 0 and its greatest 255.
    dtype
        What it is computed in.

    Raises
    ------
    ValueError
        If it is no image.
    """
    layout, image = standardize_data_format(data_format), pillow()
    if isinstance(x, torch.Tensor):
        x = x.detach().cpu()
    x = np.asarray(x, dtype=_floatx(dtype))
    if x.ndim != 3:
        raise ValueError(
            "Expected image array to have rank 3 (single image). Got array with "
            f"shape: {x.shape}"
        )
    if layout == "channels_first":
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - x.min()
        if (greatest := x.max()) != 0:
            x = x / greatest
        x = x * 255
    channels = x.shape[2]
    if channels in (3, 4):
        return image.fromarray(x.astype("uint8"))
    if channels == 1:
        kind = "int32" if x.max() > 255 else "uint8"
        return image.fromarray(x[:, :, 0].astype(kind))
    raise ValueError(f"Unsupported channel number: {channels}")


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Any:
    """Return an image as an array ``(height, width, channels)``.

    Parameters
    ----------
    img
        A PIL image, or an array of two or three axes.
    data_format
        ``"channels_first"`` for channels as the first axis.
    dtype
        floatx if not given.

    Raises
    ------
    ValueError
        If it has other than two or three axes.
    """
    layout = standardize_data_format(data_format)
    x = np.asarray(img, dtype=_floatx(dtype))
    if x.ndim == 2:
        x = x[:, :, None]
    elif x.ndim != 3:
        raise ValueError(f"Unsupported image shape: {x.shape}")
    return x.transpose(2, 0, 1) if layout == "channels_first" else x


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image.

    Parameters
    ----------
    path
        A path, or a file, for which ``file_format`` is needed.
    x, data_format, scale
        Those of :func:`array_to_img`.
    file_format
        That of the path's ending if not given.
    **kwargs
        Given to PIL's ``save``.
    """
    if file_format is None and isinstance(path, (str, Path)):
        file_format = Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    img = array_to_img(x, data_format=data_format, scale=scale)
    if img.mode == "RGBA" and file_format == "jpeg":
        warnings.warn(
            "The JPEG format does not support RGBA images, converting to RGB.",
            stacklevel=2,
        )
        img = img.convert("RGB")
    img.save(path, format=file_format, **kwargs)


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Return a PIL image of a file.

    Parameters
    ----------
    path
        A path or an ``io.BytesIO``.
    color_mode
        ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
    target_size
        Height and width, if it is to have others.
    interpolation
        ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"hamming"``, ``"box"`` or
        ``"lanczos"``, which are PIL's.
    keep_aspect_ratio
        Whether the middle is cut out, in the ratio of ``target_size``.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """
    image = pillow()
    if isinstance(path, io.BytesIO):
        img = image.open(path)
    elif isinstance(path, (PathLike, bytes, str)):
        with open(path, "rb") as file:
            img = image.open(io.BytesIO(file.read()))
    else:
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    if color_mode not in _MODES:
        raise ValueError('color_mode must be "grayscale", "rgb", or "rgba"')
    kept = ("L", "I;16", "I") if color_mode == "grayscale" else (_MODES[color_mode],)
    if img.mode not in kept:
        img = img.convert(_MODES[color_mode])
    if target_size is None or img.size == (target_size[1], target_size[0]):
        return img
    methods = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
    if interpolation not in methods:
        raise ValueError(
            f"Invalid interpolation method {interpolation} specified. Supported "
            f"methods are {', '.join(methods)}"
        )
    box = None
    if keep_aspect_ratio:
        (width, height), (rows, columns) = img.size, target_size
        high = min(height, width * rows // columns)
        wide = min(width, height * columns // rows)
        top, left = (height - high) // 2, (width - wide) // 2
        box = (left, top, left + wide, top + high)
    method = getattr(image.Resampling, interpolation.upper())
    return img.resize((target_size[1], target_size[0]), method, box=box)


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> Any:
    """Return images of another size, their middle cut out in its ratio.

    Parameters
    ----------
    x
        ``(height, width, channels)`` or ``(batch, height, width, channels)``.
    size
        Height and width.
    interpolation
        ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"`` or
        ``"lanczos5"``.
    data_format
        ``"channels_first"`` if the channels come before the height.

    Returns
    -------
    array or tensor
        What ``x`` is.

    Raises
    ------
    ValueError
        If it is no image, or an argument is none of these.
    """
    if unknown := kwargs.keys() - {"backend_module"}:
        raise TypeError(
            f"smart_resize() got unexpected keyword arguments: {sorted(unknown)}"
        )
    if len(size) != 2:
        raise ValueError(
            f"Expected `size` to be a tuple of 2 integers, but got: {size}."
        )
    names = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
    if interpolation not in names:
        raise ValueError(
            "Invalid value for argument `interpolation`. Expected of one "
            f"{names}. Received: interpolation={interpolation}"
        )
    given = x if isinstance(x, torch.Tensor) else torch.from_numpy(np.array(x))
    if given.ndim not in (3, 4):
        raise ValueError(
            "Expected an image array with shape `(height, width, channels)`, or "
            "`(batch_size, height, width, channels)`, but got input with incorrect "
            f"rank, of shape {tuple(given.shape)}."
        )
    last = data_format == "channels_last"
    images = given if given.ndim == 4 else given[None]
    images = images.permute(0, 3, 1, 2) if last else images
    made = resized(
        middle(images, (size[0], size[1])), (size[0], size[1]), interpolation
    )
    # As in Keras on TensorFlow: lanczos and the others give float32, of integers too.
    if given.is_floating_point():
        made = made.to(given.dtype)
    made = made.permute(0, 2, 3, 1) if last else made
    made = made if given.ndim == 4 else made[0]
    return made.numpy() if isinstance(x, np.ndarray) else made


def decoded(content: bytes, color_mode: str) -> torch.Tensor:
    """Return a file's image ``(channels, height, width)`` of bytes.

    Those of a PNG, BMP or GIF are TensorFlow's. A JPEG is decoded with the exact
    discrete cosine transform, where TensorFlow takes a fast one, a few levels off.
    """
    img = pillow().open(io.BytesIO(content))
    if img.format == "JPEG" and color_mode == "grayscale":
        img.draft("L", img.size)  # the luminance as the file has it
    if img.mode.startswith("I"):
        gray = (np.asarray(img) >> 8).astype("uint8")  # of 16 bits the upper ones
        img = pillow().fromarray(gray)
    if color_mode != "grayscale" or img.mode in ("1", "L", "LA"):
        array = np.array(img.convert(_MODES[color_mode]))
    else:
        rgb = np.asarray(img.convert("RGB"))
        array = ((rgb @ _GRAY) >> 15).astype("uint8")
        same = (rgb == rgb[:, :, :1]).all(-1)
        array = np.where(same, rgb[:, :, 0], array)
    tensor = torch.from_numpy(array)
    return tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
