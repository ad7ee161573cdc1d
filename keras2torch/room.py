"""Room for a large file, made in the page cache while Python does something else.

To find memory for the pages of a new file takes the kernel longer than to fill them,
and needs no Python: a thread does it while the model is read and written. The bytes of
the source come first into these pages, since one call copies them all; whoever takes
the file writes over them.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import TracebackType


class Room:
    """A file beside a folder that is to be written, as large as the source.

    Parameters
    ----------
    source
        A file; of anything else no room is made.
    folder
        The folder; its parent has to be there.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        self._path = folder.parent / f".{folder.name}.{os.urandom(4).hex()}"
        self._thread: threading.Thread | None = None
        # Elsewhere sendfile takes sockets alone.
        linux = sys.platform == "linux"
        if linux and source.is_file() and folder.parent.is_dir():
            self._thread = threading.Thread(target=self._make, args=(source,))

    def __enter__(self) -> Room:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wait()
        self._path.unlink(missing_ok=True)

    def take(self, path: Path) -> None:
        """Move the file to a place, if there is one: its bytes mean nothing."""
        self._wait()
        if self._path.exists():
            self._path.replace(path)

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _make(self, source: Path) -> None:
        try:
            with source.open("rb") as read, self._path.open("xb") as written:
                while os.sendfile(written.fileno(), read.fileno(), None, 1 << 30):
                    pass
        except OSError:
            # No permission, no space: whoever writes the file meets that again.
            self._path.unlink(missing_ok=True)
