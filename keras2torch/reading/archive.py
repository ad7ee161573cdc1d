"""``.keras`` archives and folders: members are read in memory, none is extracted."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from keras2torch.errors import UnusableFile

_MAX_RATIO = 100
_MAX_MEMBER = 1 << 36
_SMALL = 1 << 20
_MAX_MEMBERS = 100_000
_LOCAL_HEADER = 30


class Archive:
    """A zip file whose directory was checked.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    UnusableFile
        For duplicate names, zip bombs and encrypted members.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise UnusableFile(
                f"{path} is a damaged zip archive ({error}): download or save it again."
            ) from error
        self.members: dict[str, zipfile.ZipInfo] = {}
        infos = self._zip.infolist()
        if len(infos) > _MAX_MEMBERS:
            raise UnusableFile(f"{path} has an absurd number of members.")
        for info in infos:
            self._check(info)
            self.members[info.filename] = info

    def _check(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        if name in self.members:
            raise UnusableFile(
                f"{self.path} holds two members called {name!r}, which is refused: "
                "different programs would read different models."
            )
        size, packed = info.file_size, info.compress_size
        bomb = size > _SMALL and size > _MAX_RATIO * max(packed, 1)
        if bomb or size > _MAX_MEMBER:
            raise UnusableFile(
                f"{self.path} declares {size} bytes for {name!r} in {packed}: "
                "such an archive is refused, it would fill the memory."
            )
        if info.flag_bits & 1:
            raise UnusableFile(f"{self.path} is encrypted: save it without a password.")

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def read(self, name: str) -> bytes:
        """Return a member's bytes."""
        info = self.members[name]
        try:
            with self._zip.open(info) as member:
                # The declared size was checked; what comes out may be more than it.
                data = member.read(info.file_size + 1)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
            raise UnusableFile(
                f"{name!r} in {self.path} is damaged ({error}): save it again."
            ) from error
        except Exception as error:  # zlib.error, lzma.LZMAError: no common base
            raise UnusableFile(
                f"{name!r} in {self.path} is damaged ({error}): save it again."
            ) from error
        if len(data) != info.file_size:
            raise UnusableFile(f"{name!r} in {self.path} has not the declared size.")
        return data

    def opener(self, name: str) -> Callable[[], BinaryIO]:
        """Return what opens a member; one that is only stored is not copied."""
        info = self.members[name]
        if info.compress_type != zipfile.ZIP_STORED:
            data = self.read(name)
            return lambda: io.BytesIO(data)
        path = self.path
        with path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(_LOCAL_HEADER)
        if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
            raise UnusableFile(f"{name!r} in {path} is damaged: save it again.")
        lengths = [int.from_bytes(header[a : a + 2], "little") for a in (26, 28)]
        start = info.header_offset + _LOCAL_HEADER + sum(lengths)
        size = info.file_size
        return lambda: io.BufferedReader(_Window(path.open("rb"), start, size))

    def close(self) -> None:
        """Close the archive; openers go on working."""
        self._zip.close()


class Folder:
    """The members of an archive as files in a folder: ``save(zipped=False)``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Listed, not joined: no name leads out of the folder.
        self.members = {
            (Path(at) / name).relative_to(path).as_posix(): Path(at) / name
            for at, _, names in os.walk(path)
            for name in names
            if not (Path(at) / name).is_symlink()
        }

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return self.members[name].read_bytes()

    def opener(self, name: str) -> Callable[[], BinaryIO]:
        """Return what opens a file."""
        path = self.members[name]
        return lambda: path.open("rb")

    def close(self) -> None:
        """Do nothing: no file stays open."""


class _Window(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        wanted = min(len(view), max(0, self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
