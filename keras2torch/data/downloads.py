"""Files of a script: downloaded once, checked and unpacked.

Source: ``keras/src/utils/file_utils.py`` (Keras 3.15).
"""

from __future__ import annotations

import os
import shutil
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keras2torch.callbacks.printing import print_msg
from keras2torch.datasets.files import download, home, matches, writable


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file in the cache; download it if it is not there.

    Parameters
    ----------
    fname
        What the file is called there; the end of the address if not given.
    origin
        Its address.
    untar, extract
        Whether it is an archive to unpack; the folder's path comes back then.
    md5_hash, file_hash
        MD5 or SHA-256, in hexadecimal digits, to check it by.
    cache_subdir
        The folder in the cache.
    hash_algorithm
        ``"auto"``: by the number of digits.
    archive_format
        ``"tar"``, ``"zip"``, ``"auto"`` for either, or ``None`` for neither.
    cache_dir
        ``$KERAS_HOME`` or ``~/.keras`` if not given.
    force_download
        Whether to download a file that is there.

    Raises
    ------
    DatasetUnavailable
        If it cannot be downloaded, or is not the file that the hash was taken of.
    ValueError
        If the address is missing, or the name has a folder in it.

    Notes
    -----
    Members of an archive whose paths or links lead out of the folder are skipped, with
    a warning.
    """
    if origin is None:
        raise ValueError(
            'Please specify the "origin" argument (URL of the file to download).'
        )
    digits = file_hash if file_hash is not None else md5_hash
    base = writable(Path(cache_dir).expanduser() if cache_dir is not None else home())
    folder = base / cache_subdir
    name = os.fspath(fname) if fname else os.path.basename(urlsplit(origin).path)
    if not name:
        raise ValueError(
            f"Can't parse the file name from the origin provided: '{origin}'. Please "
            "specify the `fname` argument."
        )
    if os.path.basename(name) != name or name == "..":
        raise ValueError(
            "Paths are no longer accepted as the `fname` argument. To specify the "
            "file's parent directory, use the `cache_dir` argument. Received: "
            f"fname={name}"
        )
    target, unpacked = folder / name, folder / name
    if extract or untar:
        if fname and "." in name:
            unpacked = folder / f"{name[: name.find('.')]}_extracted"
        else:
            target = folder / f"{name}_archive"
    there = not force_download and target.exists()
    if there and not matches(target, digits):
        print_msg(
            "A local file was found, but it seems to be incomplete or outdated because "
            f"its hash is not {digits} so we will re-download the data."
        )
        there = False
    if not there:
        print_msg(f"Downloading data from {origin}")
        download(origin, target, digits)
    if not (extract or untar):
        return str(target)
    if not _unpacked(target, unpacked, "tar" if untar else archive_format):
        warnings.warn("Could not extract archive.", stacklevel=2)
    return str(unpacked)


def _unpacked(path: Path, folder: Path, formats: str | Sequence[str] | None) -> bool:
    """Unpack an archive; return whether it is one of these formats."""
    # Members are filtered one by one below.
    import tarfile  # noqa: TID251

    unpack: dict[str, tuple[Callable[[Path], bool], Callable[[Path, Path], None]]] = {
        "tar": (lambda p: tarfile.is_tarfile(p), _untar),
        "zip": (lambda p: zipfile.is_zipfile(p), _unzip),
    }
    if formats is None:
        return False
    names = ["tar", "zip"] if formats == "auto" else formats
    for name in [names] if isinstance(names, str) else names:
        if name not in unpack:
            raise ValueError(f'archive_format is "tar" or "zip", not {name!r}.')
        fits, work = unpack[name]
        if fits(path):
            begun = not folder.exists()
            try:
                folder.mkdir(parents=True, exist_ok=True)
                work(path, folder)
            except BaseException:
                if begun:
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            return True
    return False


def _untar(path: Path, folder: Path) -> None:
    # Each member passes Python's filter against paths, links and devices (PEP 706).
    import tarfile  # noqa: TID251

    filtered = hasattr(tarfile, "data_filter")
    root = folder.resolve()
    with tarfile.open(path) as archive:
        for member in archive:
            if filtered:
                try:
                    archive.extract(member, root, filter="data")
                except tarfile.FilterError:
                    _skipped(member.name)
                continue
            # Before Python 3.10.12 and 3.11.4: plain files and folders only.
            inside = (root / member.name).resolve().is_relative_to(root)
            if inside and (member.isfile() or member.isdir()):
                archive.extract(member, root, set_attrs=False)
            else:
                _skipped(member.name)


def _unzip(path: Path, folder: Path) -> None:
    root = folder.resolve()
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if (root / member.filename).resolve().is_relative_to(root):
                archive.extract(member, root)
            else:
                _skipped(member.filename)


def _skipped(name: str) -> None:
    warnings.warn(
        f"Skipping invalid path during archive extraction: '{name}'.", stacklevel=2
    )
