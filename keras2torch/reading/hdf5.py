"""HDF5, opened with suspicion: nothing outside the file itself is ever read.

A link or a storage that points at another file would put that file's bytes into the
weights (CVE-2026-1669); a declared shape without data would fill the memory
(CVE-2026-0897).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
import numpy.typing as npt

from keras2torch.errors import UnusableFile

Array = npt.NDArray[Any]

_MAX_RANK = 64
_MAX_BYTES = 1 << 40
_MAX_ATTRIBUTE = 1 << 28
_MAX_GROUPS = 1_000_000
# gzip reaches 1000:1 on zeros; small arrays may be that empty, large ones are bombs.
_MAX_RATIO = 100
_SMALL = 1 << 24


@dataclass(frozen=True)
class Stored:
    """An array of the file, not read yet.

    Attributes
    ----------
    name
        Its path in the file, for messages.
    shape, dtype
        As declared there, and checked.
    read
        Returns the array, while its file is open.
    changed
        Whether it is not what the file has, but made of it.
    offset
        Where its bytes are in the file, if they lie there as they are.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], Array]
    changed: bool = False
    offset: int | None = None

    def __call__(self) -> Array:
        """Read it."""
        return self.read()

    def holding(self, array: Array) -> Stored:
        """Return the same with another array in memory."""
        return replace(
            self,
            shape=array.shape,
            dtype=array.dtype,
            read=lambda: array,
            changed=True,
        )


@dataclass
class Place:
    """Where an HDF5 file is: opened when needed and closed again.

    An open one would keep Keras from writing it, in this process and in others.

    Attributes
    ----------
    name
        For messages.
    path
        The file, or the archive that it is in.
    inside
        What opens it inside an archive.
    """

    name: str
    path: Path
    inside: Callable[[], BinaryIO] | None = None
    _stamp: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self._stamp = self._stamped()

    def _stamped(self) -> tuple[int, int]:
        try:
            about = self.path.stat()
        except OSError as error:
            raise UnusableFile(f"{self.path} cannot be read any more.") from error
        return about.st_size, about.st_mtime_ns

    @contextmanager
    def opened(self) -> Iterator[h5py.File]:
        """Open it for as long as the block runs.

        Raises
        ------
        UnusableFile
            If it is damaged; a truncated download is the usual case.
        """
        with ExitStack() as stack:
            file: Path | BinaryIO = self.path
            if self.inside is not None:
                file = stack.enter_context(self.inside())
            yield stack.enter_context(_file(file, self.name))

    def load(self, wanted: Stored) -> Array:
        """Open it and read one array."""
        if self._stamped() != self._stamp:
            raise UnusableFile(f"{self.path} was changed while it was read.")
        if wanted.offset is None:
            with self.opened() as file:
                return array(file, wanted.name)()
        # Opening and closing an HDF5 file takes h5py some milliseconds.
        made = np.empty(wanted.shape, wanted.dtype)
        opener = self.inside or (lambda: self.path.open("rb"))
        with opener() as raw:
            raw.seek(wanted.offset)
            count = raw.readinto(made.reshape(-1).view(np.uint8))  # type: ignore[attr-defined]
        if count != made.nbytes:
            raise UnusableFile(f"{self.name} ends too early: save it again.")
        return made


def _file(file: Path | BinaryIO, name: str) -> h5py.File:
    try:
        return h5py.File(file, "r")
    except (OSError, ValueError, RuntimeError) as error:
        why = (
            "ends too early" if "truncated" in str(error) else "is a damaged HDF5 file"
        )
        raise UnusableFile(f"{name} {why}: download or save it again.") from error


def _step(parent: h5py.Group, name: str) -> Any:
    """Follow one hard link."""
    try:
        raw = _encoded(name)
        link = parent.id.links.get_info(raw)
        if link.type != h5py.h5l.TYPE_HARD:
            raise UnusableFile(
                f"{parent.name}/{name} in the HDF5 file is a link to somewhere else, "
                "which is refused; a file that Keras wrote has none."
            )
        # As `parent[name]` does, which asks for the file and its mode each time.
        found = h5py.h5o.open(parent.id, raw)
        if isinstance(found, h5py.h5g.GroupID):
            return h5py.Group(found)
        if isinstance(found, h5py.h5d.DatasetID):
            return h5py.Dataset(found, readonly=True)
        return parent[name]
    except (OSError, RuntimeError, ValueError) as error:
        raise UnusableFile(
            f"{parent.name}/{name} in the HDF5 file cannot be read: "
            "it is damaged, save it again."
        ) from error


def _encoded(name: str) -> bytes:
    # As h5py decodes them.
    return name.encode("utf-8", "surrogateescape")


def has(parent: h5py.Group, path: str) -> bool:
    """Whether there is something at a path, itself and on the way checked."""
    return find(parent, path) is not None


def find(parent: h5py.Group, path: str) -> Any | None:
    """Return what is at a path, or ``None``; every step of it is checked."""
    here: Any = parent
    for part in path.split("/"):
        if not part:
            continue
        # Asked by its link: a dangling one is refused, not overlooked.
        if not isinstance(here, h5py.Group) or not here.id.links.exists(_encoded(part)):
            return None
        here = _step(here, part)
    return here


def group(parent: h5py.Group, path: str) -> h5py.Group:
    """Return the group at a path."""
    found = find(parent, path)
    if not isinstance(found, h5py.Group):
        raise UnusableFile(
            f"the HDF5 file has no group {path!r} under {parent.name}: "
            "it is damaged or incomplete, save it again."
        )
    return found


def array(parent: h5py.Group, path: str) -> Stored:
    """Return the array at a path, checked but not read."""
    found = find(parent, path)
    if not isinstance(found, h5py.Dataset):
        raise UnusableFile(
            f"the HDF5 file has no array {path!r} under {parent.name}: "
            "it is damaged or incomplete, save it again."
        )
    return stored(found)


def stored(dataset: h5py.Dataset) -> Stored:
    """Check a dataset and return it, not read yet."""
    name = str(dataset.name)
    made = dataset.id.get_create_plist()
    layout = made.get_layout()
    if layout == h5py.h5d.VIRTUAL or made.get_external_count():
        raise UnusableFile(
            f"{name} keeps its data in another file, which is refused; "
            "a file that Keras wrote has no such array."
        )
    shape = dataset.shape
    dtype = dataset.dtype
    # NumPy has no bfloat16: h5py writes two bytes of no known meaning for it.
    half = dtype.itemsize == 2 and (
        dtype.str == "|V2" or dataset.attrs.get("dtype") == "bfloat16"
    )
    if shape is None or (dtype.kind not in "fiub" and not half) or dtype.hasobject:
        raise UnusableFile(
            f"{name} in the HDF5 file holds {dtype}, which is no weight: "
            "save the model again."
        )
    shape = tuple(int(n) for n in shape)
    if len(shape) > _MAX_RANK or any(n < 0 for n in shape):
        raise UnusableFile(f"{name} declares the impossible shape {shape}.")
    size = dtype.itemsize
    for n in shape:
        size *= n
    there = int(dataset.id.get_storage_size())
    if size > _MAX_BYTES or (size > _SMALL and size > _MAX_RATIO * there):
        raise UnusableFile(
            f"{name} declares {size} bytes and stores {there}: "
            "such a file is refused, it would fill the memory."
        )
    if half:
        return Stored(name, shape, np.dtype(np.float32), lambda: _bfloat16(dataset))
    plain = layout == h5py.h5d.CONTIGUOUS and size
    offset = dataset.id.get_offset() if plain else None
    return Stored(name, shape, dtype, lambda: _read(dataset), offset=offset)


def _read(dataset: h5py.Dataset) -> Array:
    try:
        return np.asarray(dataset[()])
    except (OSError, RuntimeError, ValueError) as error:
        raise UnusableFile(
            f"{dataset.name} in the HDF5 file cannot be read ({error}): "
            "it is damaged, save it again."
        ) from error


def _bfloat16(dataset: h5py.Dataset) -> Array:
    bits = _read(dataset).view(np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32)


# ------------------------------------------------------------------- attributes
def _attribute(holder: h5py.HLObject, name: str) -> Any:
    about = holder.attrs.get_id(name)
    shape, dtype = about.shape, about.dtype
    count = math.prod(int(n) for n in shape or ())
    if count * max(dtype.itemsize, 1) > _MAX_ATTRIBUTE:
        raise UnusableFile(f"the attribute {name!r} declares an absurd size.")
    told = h5py.check_string_dtype(dtype)
    try:
        if not shape or told is None or told.length is not None:
            return holder.attrs[name]
        # Keras' lists of names, one in each layer: without opening it once more.
        values = np.empty(shape, dtype)
        about.read(values)
        for at, value in np.ndenumerate(values):
            values[at] = value.decode("utf-8", "surrogateescape")
        return values
    except (OSError, RuntimeError, ValueError, UnicodeError) as error:
        raise UnusableFile(
            f"the attribute {name!r} of the HDF5 file cannot be read: "
            "it is damaged, save it again."
        ) from error


def text(holder: h5py.HLObject, name: str) -> str | None:
    """Return a string attribute, ``None`` if it is not there."""
    if name not in holder.attrs:
        return None
    value = _attribute(holder, name)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return _decoded(value)


def count(holder: h5py.HLObject, name: str) -> int:
    """Return a number of things from an attribute, 0 if it is not there."""
    if name not in holder.attrs:
        return 0
    value = np.ravel(_attribute(holder, name))
    number = int(value[0]) if value.size == 1 and value.dtype.kind in "iu" else -1
    if not 0 <= number <= _MAX_GROUPS:
        raise UnusableFile(f"the attribute {name!r} is no sensible number.")
    return number


def texts(holder: h5py.HLObject, name: str) -> list[str]:
    """Return a list of strings; Keras cuts long ones into ``name0``, ``name1`` …."""
    if name in holder.attrs:
        return [_decoded(v) for v in np.ravel(_attribute(holder, name))]
    found: list[str] = []
    chunk = 0
    while f"{name}{chunk}" in holder.attrs:
        values = np.ravel(_attribute(holder, f"{name}{chunk}"))
        found += [_decoded(v) for v in values]
        chunk += 1
    return found


def _decoded(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf8", errors="replace")
    return str(value)


def groups_with_vars(root: h5py.Group) -> Iterator[tuple[str, h5py.Group]]:
    """Yield (path, group ``vars``) of Keras 3's layout, with ``/`` in the path.

    Files written on Windows have backslashes inside the names.
    """
    left = [("", root)]
    seen = 0
    while left:
        path, here = left.pop()
        for name in here:
            seen += 1
            if seen > _MAX_GROUPS:
                raise UnusableFile("the HDF5 file has an absurd number of groups.")
            child = _step(here, name)
            if not isinstance(child, h5py.Group):
                continue
            if name == "vars":
                yield path, child
            else:
                part = name.replace("\\", "/")
                left.append((f"{path}/{part}" if path else part, child))
