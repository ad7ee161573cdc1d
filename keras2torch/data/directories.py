"""Files of a folder with their labels, in the order and the split that Keras gives.

Source: ``keras/src/utils/dataset_utils.py`` (Keras 3.15).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from keras2torch.callbacks.printing import print_msg
from keras2torch.data.dataset import AUTOTUNE, Dataset

Load = Callable[[str], Any]
Finish = Callable[[Dataset], Dataset]


@dataclass
class Files:
    """Paths, the number of the class of each, and the names of the classes."""

    paths: list[str]
    labels: Any
    class_names: list[str] | None

    def part(self, validation_split: float | None, subset: str | None) -> Files:
        """Return those of a subset, and say how many they are."""
        if not validation_split:
            return self
        count = int(validation_split * len(self.paths))
        if subset == "training":
            print_msg(f"Using {len(self.paths) - count} files for training.")
            rows = slice(None, -count)
        else:
            print_msg(f"Using {count} files for validation.")
            rows = slice(-count, None)
        labels = None if self.labels is None else self.labels[rows]
        return Files(self.paths[rows], labels, self.class_names)


@dataclass
class Folder:
    """The arguments that the functions ``…_dataset_from_directory`` share.

    Raises
    ------
    ValueError
        If one is none that there is, or they do not go together.
    """

    directory: Any
    labels: Any
    label_mode: str | None
    class_names: Sequence[str] | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool
    formats: tuple[str, ...]
    kind: str

    def __post_init__(self) -> None:
        if self.labels not in ("inferred", None):
            if not isinstance(self.labels, (list, tuple)):
                raise ValueError(
                    "`labels` argument should be a list/tuple of integer labels, of "
                    f"the same size as the number of {self.kind} files in the target "
                    "directory. To infer them from the subdirectories, pass labels="
                    '"inferred"; for a dataset without labels, pass labels=None. '
                    f"Received: labels={self.labels}"
                )
            if self.class_names:
                raise ValueError(
                    'You can only pass `class_names` if `labels="inferred"`. Received: '
                    f"labels={self.labels}, and class_names={self.class_names}"
                )
        if self.label_mode not in ("int", "categorical", "binary", None):
            raise ValueError(
                '`label_mode` argument must be one of "int", "categorical", "binary", '
                f"or None. Received: label_mode={self.label_mode}"
            )
        if self.labels is None or self.label_mode is None:
            self.labels = self.label_mode = None
        self._check_split()
        if self.seed is None:
            self.seed = int(np.random.randint(10**6))

    def _check_split(self) -> None:
        split, subset = self.validation_split, self.subset
        if split and not 0 < split < 1:
            raise ValueError(
                f"`validation_split` must be between 0 and 1, received: {split}"
            )
        if bool(split) != bool(subset):
            raise ValueError(
                "If `subset` is set, `validation_split` must be set, and inversely."
            )
        if subset not in ("training", "validation", "both", None):
            raise ValueError(
                '`subset` must be either "training", "validation" or "both", '
                f"received: {subset}"
            )
        if split and self.shuffle and self.seed is None:
            raise ValueError(
                "If using `validation_split` and shuffling the data, you must provide "
                "a `seed` argument, to make sure that there is no overlap between the "
                "training and validation subset."
            )

    # -- files
    def files(self) -> Files:
        """Return all files, shuffled with Keras' order if they are to be."""
        names = self._names()
        found = [self._of_class(n) for n in (names if names is not None else [""])]
        paths = [p for part in found for p in part]
        if self.verbose:
            classes = self._classes(names)
            belonging = (
                "" if classes is None else f" belonging to {len(classes)} classes"
            )
            print_msg(f"Found {len(paths)} files{belonging}.")
        labels: Any = None
        if names is not None:
            counts = [len(part) for part in found]
            labels = np.repeat(np.arange(len(names), dtype="int32"), counts)
        elif self.labels is not None:
            labels = list(self.labels)
            if len(labels) != len(paths):
                raise ValueError(
                    "Expected the lengths of `labels` to match the number of files in "
                    f"the target directory. len(labels) is {len(labels)} while we "
                    f"found {len(paths)} files in directory {self.directory}."
                )
        if self.shuffle:
            np.random.RandomState(self.seed).shuffle(paths)
            if labels is not None:
                np.random.RandomState(self.seed).shuffle(labels)
        return Files(paths, labels, self._classes(names))

    def _names(self) -> list[str] | None:
        """Return the classes whose folders are looked into; None if they are not."""
        if self.labels != "inferred":
            if self.class_names is not None:
                raise ValueError(
                    "When `labels=None` (no labels), argument `class_names` cannot be "
                    "specified."
                )
            return None
        folder = os.fspath(self.directory)
        names = [
            n
            for n in sorted(os.listdir(folder))
            if os.path.isdir(os.path.join(folder, n)) and not n.startswith(".")
        ]
        if self.class_names is None:
            return names
        if not set(self.class_names) <= set(names):
            raise ValueError(
                "The `class_names` passed did not match the names of the "
                f"subdirectories of the target directory. Expected: {names} (or a "
                f"subset of it), but received: class_names={self.class_names}"
            )
        return list(self.class_names)

    def _classes(self, names: list[str] | None) -> list[str] | None:
        if names is not None or self.labels is None:
            return names
        return [str(label) for label in sorted(set(self.labels))]

    def _of_class(self, name: str) -> list[str]:
        top = os.path.join(os.fspath(self.directory), name)
        return [
            os.path.join(root, file)
            for root, _, files in sorted(
                os.walk(top, followlinks=self.follow_links), key=lambda found: found[0]
            )
            for file in sorted(files)
            if file.lower().endswith(self.formats)
        ]

    # -- data sets
    def datasets(self, load: Load, finish: Finish, buffer: int) -> Any:
        """Return the data set of the files, or two for ``subset="both"``.

        Parameters
        ----------
        load
            Makes a sample of a path.
        finish
            Makes batches of samples.
        buffer
            How many samples are shuffled together at each pass.
        """
        files = self.files()
        classes = len(files.class_names or ())
        if self.label_mode == "binary" and classes != 2:
            raise ValueError(
                'When passing `label_mode="binary"`, there must be exactly 2 '
                f"class_names. Received: class_names={files.class_names}"
            )

        def made(subset: str | None, which: str, shuffle: bool) -> Dataset:
            part = files.part(self.validation_split, subset)
            if not part.paths:
                raise ValueError(
                    f"No {which}{self.kind} files found in directory "
                    f"{self.directory}. Allowed formats: {self.formats}"
                )
            samples = _samples(part, self.label_mode)
            if shuffle:
                samples = samples.shuffle(buffer, seed=self.seed)
            samples = samples.map(_loading(load), num_parallel_calls=AUTOTUNE)
            dataset = finish(samples).prefetch(AUTOTUNE)
            dataset.class_names = part.class_names
            dataset.file_paths = part.paths
            return dataset

        if self.subset == "both":
            return [
                made("training", "training ", self.shuffle),
                made("validation", "validation ", False),
            ]
        return made(self.subset, "", self.shuffle)


def _samples(files: Files, label_mode: str | None) -> Dataset:
    """Return the data set of paths, or of pairs of a path and a label."""
    if label_mode is None:
        return Dataset(lambda: iter(files.paths), len(files.paths))
    dtype = torch.int32
    if not isinstance(files.labels, np.ndarray) and label_mode == "int":
        dtype = _given_dtype(files.labels)
    labels = torch.as_tensor(np.asarray(files.labels), dtype=dtype)
    if label_mode == "binary":
        labels = labels.to(torch.float32)[:, None]
    elif label_mode == "categorical":
        labels = _one_hot(labels, len(files.class_names or ()))

    def pairs() -> Iterator[Any]:
        return zip(files.paths, labels, strict=True)

    return Dataset(pairs, len(files.paths))


def _given_dtype(labels: Any) -> torch.dtype:
    kind = np.asarray(labels).dtype
    return torch.float32 if kind.kind == "f" else torch.int32


def _one_hot(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return rows with a 1 at the label, none for one that is no class."""
    inside = (labels >= 0) & (labels < classes)
    rows = F.one_hot(labels.long() * inside, classes) * inside[:, None]
    return rows.to(torch.float32)


def _loading(load: Load) -> Callable[..., Any]:
    def loaded(path: str, *label: torch.Tensor) -> Any:
        return (load(path), *label) if label else load(path)

    return loaded
