"""Large buffers that glibc gives back to the kernel at every step, kept.

A training step allocates and frees the same buffers again and again. Above a threshold
glibc maps each anew, and the kernel clears its pages every time: measured, a plain
loop over a CNN took 3.9 s an epoch with it and 2.3 s without.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# malloc.h
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


@cache
def keep_buffers() -> bool:
    """Tell glibc to keep freed memory; True where that was possible.

    For the whole process, once. Memory that was used stays with the process.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # musl has none
        return False
    kept = mallopt(_M_MMAP_MAX, 0), mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    return all(kept)
