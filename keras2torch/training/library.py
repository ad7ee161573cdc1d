"""Code of this folder, cut out by name for a ``train.py``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from keras2torch.program.library import Pieces, cut_out

# In the order in which they stand in a train.py.
_FILES = ("losses.py", "metrics.py", "schedules.py", "optimizers.py", "constraints.py")
# Torch's signature is wider than what Keras' optimizers need; a user need not read it.
_IGNORED = "  # type: ignore[override]"


@cache
def _sources() -> Pieces:
    """Return every piece; read and not imported: no torch."""
    folder = files("keras2torch.training")
    found = cut_out((folder / f).read_text(encoding="utf-8") for f in _FILES)
    return {
        name: ("\n".join(li.removesuffix(_IGNORED) for li in cut.split("\n")), used)
        for name, (cut, used) in found.items()
    }


def names() -> frozenset[str]:
    """Return the names of everything that can be cut out."""
    return frozenset(_sources())


def pieces(wanted: Iterable[str]) -> list[str]:
    """Return the sources of these names and of what they use, in the files' order."""
    sources = _sources()
    needed: set[str] = set()
    left = set(wanted)
    while left:
        name = left.pop()
        needed.add(name)
        left |= (sources[name][1] & sources.keys()) - needed
    return [source for name, (source, _) in sources.items() if name in needed]
