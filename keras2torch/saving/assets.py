"""Files beside the weights: what ``save_assets`` of a user's layer writes.

Source: ``DiskIOStore`` in ``keras/src/saving/saving_lib.py`` (Keras 3.15).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from keras2torch.errors import UnusableFile
from keras2torch.reading.archive import Archive, Folder
from keras2torch.saving.places import places

_ROOT = "assets"


def assets_of(model: Any) -> dict[str, bytes]:
    """Return name in the archive → content of every file that a layer wants kept."""
    found: dict[str, bytes] = {}
    for owner, name in _owners(model, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            owner.save_assets(folder)
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    inside = file.relative_to(folder).as_posix()
                    found[f"{name}{inside}"] = file.read_bytes()
    return found


def read_assets(model: Any, archive: Archive | Folder) -> None:
    """Hand each layer the folder with its files.

    Raises
    ------
    UnusableFile
        If the name of a file leads out of its folder.
    """
    for owner, name in _owners(model, "load_assets"):
        members = [m for m in archive.members if m.startswith(name) and m != name]
        if not members:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for member in members:
                if member.endswith("/"):
                    continue
                inside = PurePosixPath(member[len(name) :])
                if inside.is_absolute() or ".." in inside.parts or "\\" in member:
                    raise UnusableFile(
                        f"{archive.path} holds {member!r}, which leads out of its "
                        "folder and is refused."
                    )
                file = Path(folder, *inside.parts)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(member))
            owner.load_assets(folder)


def _owners(model: Any, method: str) -> Iterator[tuple[Any, str]]:
    for place in places(model):
        if place.owner is not None and hasattr(place.owner, method):
            inside = f"{place.path}/" if place.path else ""
            yield place.owner, f"{_ROOT}/{inside}"
