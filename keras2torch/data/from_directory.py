"""Data sets of the images, texts and sounds in a folder.

Sources: ``keras/src/utils/image_dataset_utils.py``, ``text_dataset_utils.py`` and
``audio_dataset_utils.py`` (Keras 3.15). Files, labels and splits are Keras'; the order
in which ``shuffle=True`` hands them out is not the one that tf.data draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from keras2torch.configuration import standardize_data_format
from keras2torch.data.dataset import Dataset
from keras2torch.data.directories import Folder
from keras2torch.data.images import decoded, smart_resize
from keras2torch.data.resizing import METHODS, resized, within
from keras2torch.data.sounds import decode_wav
from keras2torch.data.words import Words

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return a data set of the images in a folder, with a subfolder for each class.

    Parameters
    ----------
    directory
        The folder.
    labels
        ``"inferred"`` from the subfolders, a list in the order of the sorted paths, or
        ``None``.
    label_mode
        ``"int"``, ``"categorical"`` (one-hot), ``"binary"`` or ``None``.
    class_names
        The subfolders in the order of their numbers, if it is not the alphabet's.
    color_mode
        ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
    batch_size
        Images in a batch; ``None``: one at a time.
    image_size
        Height and width that all get.
    shuffle, seed
        Whether files come in random order, and what it is drawn from.
    validation_split, subset
        The fraction for validation, and whether ``"training"``, ``"validation"`` or
        ``"both"`` is wanted.
    interpolation
        A name of TensorFlow's: ``"bilinear"``, ``"nearest"``, ``"bicubic"``,
        ``"area"``, ``"lanczos3"``, ``"lanczos5"``, ``"gaussian"`` or
        ``"mitchellcubic"``.
    follow_links
        Whether folders behind links are searched.
    crop_to_aspect_ratio, pad_to_aspect_ratio
        Whether the middle is cut out, or zeros are put around, instead of distorting.
    data_format
        Whether channels are last or first; what was set if not given.
    format
        ``"tf"`` or ``"grain"``: the same here.
    verbose
        Whether the numbers of files and classes are printed.

    Returns
    -------
    Dataset
        Of tensors ``(images, labels)``, images float32 from 0 to 255, with
        ``class_names`` and ``file_paths``; a list of two for ``subset="both"``.

    Raises
    ------
    ValueError
        If there are no such images, or an argument is none of these.
    """
    folder = Folder(
        directory,
        labels,
        label_mode,
        class_names,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
        _IMAGES,
        "image",
    )
    if color_mode not in ("rgb", "rgba", "grayscale"):
        raise ValueError(
            '`color_mode` must be one of {"rgb", "rgba", "grayscale"}. '
            f"Received: color_mode={color_mode}"
        )
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise ValueError(
            "Invalid `image_size` value. Expected a tuple of 2 integers. Received: "
            f"image_size={image_size}"
        )
    size = (int(size[0]), int(size[1]))
    interpolation = interpolation.lower()
    if interpolation not in METHODS:
        raise ValueError(
            f"Argument `interpolation` should be one of {tuple(METHODS)}. Received: "
            f"interpolation={interpolation}"
        )
    _check_format(format)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to "
            "`True`."
        )
    last = standardize_data_format(data_format) == "channels_last"

    def load(path: str) -> torch.Tensor:
        image = decoded(Path(path).read_bytes(), color_mode)
        if crop_to_aspect_ratio:
            made: torch.Tensor = smart_resize(
                image, size, interpolation, "channels_first"
            )
        elif pad_to_aspect_ratio:
            made = within(image[None], size, interpolation)[0]
        else:
            made = resized(image[None], size, interpolation)[0]
        return made.permute(1, 2, 0).contiguous() if last else made

    return folder.datasets(load, _batches(batch_size), _buffer(batch_size))


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return a data set of the ``.txt`` files in a folder, a subfolder for each class.

    Parameters
    ----------
    directory, labels, label_mode, class_names, batch_size
        As in :func:`image_dataset_from_directory`.
    max_length
        Bytes of a text, if it is cut.
    shuffle, seed, validation_split, subset, follow_links, format, verbose
        As in :func:`image_dataset_from_directory`.

    Returns
    -------
    Dataset
        Of ``(texts, labels)``. Torch has no tensors of strings: texts are ``Words``,
        which layers that read text take, and ``.numpy()`` gives their bytes.

    Raises
    ------
    ValueError
        If there are no such files, or an argument is none of these.
    """
    _check_format(format)
    folder = Folder(
        directory,
        labels,
        label_mode,
        class_names,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
        (".txt",),
        "text",
    )

    def load(path: str) -> Words:
        return Words(np.array(Path(path).read_bytes()[:max_length], dtype=object))

    return folder.datasets(load, _batches(batch_size), _buffer(batch_size))


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Return a data set of the ``.wav`` files in a folder, a subfolder for each class.

    Parameters
    ----------
    directory, labels, label_mode, class_names, batch_size
        As in :func:`image_dataset_from_directory`.
    sampling_rate
        Not supported: sounds keep their rates. Keras resamples by tensorflow_io.
    output_sequence_length
        Samples of a sound, cut or padded with zeros; those of a batch's longest if not
        given.
    ragged
        Not supported when true: torch has no ragged tensors.
    shuffle, seed, validation_split, subset, follow_links, verbose
        As in :func:`image_dataset_from_directory`.

    Returns
    -------
    Dataset
        Of ``(sounds, labels)``, sounds ``(batch, samples, channels)`` from -1 to 1.

    Raises
    ------
    ValueError
        If there are no such files, or an argument is none of these.
    """
    if ragged and output_sequence_length is not None:
        raise ValueError("Cannot set both `ragged` and `output_sequence_length`")
    if ragged:
        raise ValueError(
            "audio_dataset_from_directory: torch has no ragged tensors; without "
            "ragged=True the sounds of a batch are padded to the longest."
        )
    if sampling_rate is not None:
        if not isinstance(sampling_rate, int) or sampling_rate <= 0:
            raise ValueError(
                "`sampling_rate` should be an integer higher than 0. Received: "
                f"sampling_rate={sampling_rate}"
            )
        raise ValueError(
            "audio_dataset_from_directory does not resample: leave sampling_rate out, "
            "and map torchaudio.functional.resample over the data set."
        )
    folder = Folder(
        directory,
        labels,
        label_mode,
        class_names,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
        (".wav",),
        "audio",
    )

    def load(path: str) -> torch.Tensor:
        return decode_wav(Path(path).read_bytes(), output_sequence_length)[0]

    def finish(samples: Dataset) -> Dataset:
        if batch_size is None:
            return samples
        if output_sequence_length is None:
            return samples.padded_batch(batch_size)
        return samples.batch(batch_size)

    return folder.datasets(load, finish, _buffer(batch_size))


def _batches(batch_size: int | None) -> Any:
    def finish(samples: Dataset) -> Dataset:
        return samples if batch_size is None else samples.batch(batch_size)

    return finish


def _buffer(batch_size: int | None) -> int:
    return 1024 if batch_size is None else batch_size * 8


def _check_format(format: str) -> None:
    if format not in ("tf", "grain"):
        raise ValueError(
            f'`format` should be either "tf" or "grain". Received: format={format}'
        )
