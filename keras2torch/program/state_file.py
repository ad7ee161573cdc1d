"""The state dict as a safetensors file, one array in memory at a time.

The format is eight bytes for the length of a header, the header as JSON, and the bytes
of the tensors: sizes follow from the shapes, so that the header can be written before
any array is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from keras2torch.program.weights import TorchWeight

Array = npt.NDArray[Any]

# Of a large array so many bytes are brought into torch's order at once: what the
# processor's caches hold.
_PIECE = 1 << 21
_DTYPES = {
    "bool": "BOOL",
    "bfloat16": "BF16",
    "complex64": "C64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
}


@dataclass(frozen=True)
class _Entry:
    weight: TorchWeight
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def save_state(weights: Sequence[TorchWeight], path: Path) -> None:
    """Write the entries of a state dict as a safetensors file.

    Parameters
    ----------
    weights
        The entries; each is read when its turn comes.
    path
        The file; one that is there is written over.

    Raises
    ------
    RuntimeError
        If an array is not what its weights' shapes said.
    """
    entries = [_entry(weight) for weight in weights]
    # Each tensor then begins at a multiple of its item's size.
    entries.sort(key=lambda e: -e.dtype.itemsize)
    with path.open("wb") as file:
        file.write(_header(entries))
        for entry in entries:
            written = 0
            for piece in pieces(entry.weight):
                written += file.write(_bytes(piece))
            if written != entry.nbytes:
                raise RuntimeError(
                    f"{entry.weight.name} has {written} bytes, not {entry.nbytes}"
                )


def pieces(weight: TorchWeight) -> Iterator[Array]:
    """Give the torch-side array in pieces along its first axis.

    They are made from views of the Keras array: the whole is not held twice.
    """
    arrays = weight.arrays()
    axis = weight.source.leading(arrays[0].ndim) if len(arrays) == 1 else None
    if axis is None or arrays[0].nbytes <= _PIECE:
        yield weight.source(*arrays)
        return
    array = np.moveaxis(arrays[0], axis, 0)
    step = max(1, _PIECE * len(array) // array.nbytes)
    for start in range(0, len(array), step):
        yield weight.source(np.moveaxis(array[start : start + step], 0, axis))


def _entry(weight: TorchWeight) -> _Entry:
    given = weight.kinds()
    if len(given) == 1:
        ((shape, dtype),) = given
        order = weight.source.order(len(shape))
        if order is not None:
            return _Entry(weight, tuple(shape[axis] for axis in order), dtype)
        if (axis := weight.source.leads) is not None and shape[axis] > 1:
            one = list(shape)
            one[axis] = 1
            made = _made(weight, [(tuple(one), dtype)])
            return _Entry(weight, (shape[axis], *made.shape[1:]), made.dtype)
    made = _made(weight, given)
    return _Entry(weight, made.shape, made.dtype)


def _made(
    weight: TorchWeight, given: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]
) -> Array:
    """Return what becomes of nothing but zeros, which take no memory."""
    zeros = [np.broadcast_to(np.zeros((), dtype), shape) for shape, dtype in given]
    return np.asarray(weight.source.transform(*zeros))


def _header(entries: Sequence[_Entry]) -> bytes:
    told: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for entry in entries:
        end = start + entry.nbytes
        told[entry.weight.name] = {
            "dtype": _DTYPES[entry.dtype.name],
            "shape": list(entry.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(told, separators=(",", ":")).encode()
    # The tensors begin at a multiple of eight.
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
