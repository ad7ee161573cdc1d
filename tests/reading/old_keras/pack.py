"""Pack what `make_files.py` wrote: one archive for each Keras, compressed.

Usage: ``python -m tests.reading.old_keras.pack NAME FOLDER [MODEL …]``

Of each model the files that say something new are kept: the whole model where its
Keras saved one, the architecture and the weights apart where it did not.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

RECORDED = Path(__file__).with_name("recorded")


def pack(name: str, folder: Path, models: list[str]) -> Path:
    """Write ``recorded/NAME.zip`` and return its path."""
    RECORDED.mkdir(exist_ok=True)
    made = RECORDED / f"{name}.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as archive:
        for one in sorted(folder.glob("*.npz")):
            if models and one.stem not in models:
                continue
            for part in [one, *_kept(one)]:
                # No time of writing: the same files make the same archive.
                info = zipfile.ZipInfo(part.name)
                info.compress_type = zipfile.ZIP_LZMA
                archive.writestr(info, part.read_bytes())
    return made


def _kept(one: Path) -> list[Path]:
    whole = [one.with_suffix(end) for end in (".keras", ".h5")]
    there = [path for path in whole if path.exists()]
    if there:
        return there
    apart = [one.with_suffix(end) for end in (".json", ".yaml", ".weights.h5")]
    return [path for path in apart if path.exists()]


if __name__ == "__main__":
    print(pack(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
