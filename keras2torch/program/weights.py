"""The entries of the state dict: which Keras weights each is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.layers.definitions import Source
from keras2torch.program.held import array_of

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TorchWeight:
    """One entry of the state dict.

    Attributes
    ----------
    name
        Its key: ``encoder.conv1.weight``.
    path
        The Keras layer: ``encoder/conv1``.
    source
        Which Keras weights it is made of, and how.
    values
        The initializers of the graph that hold those weights.
    trainable
        Whether the optimizer may move it.
    held
        It is the class' own, not a layer's.
    """

    name: str
    path: str
    source: Source
    values: tuple[ir.Value, ...]
    trainable: bool
    held: bool = False

    def arrays(self) -> list[Array]:
        """Return the Keras arrays that :attr:`source` takes, read from the file."""
        found = [array_of(value) for value in self.values]
        return [a.astype(self._kept(a.dtype), copy=False) for a in found]

    def kinds(self) -> list[tuple[tuple[int, ...], np.dtype[Any]]]:
        """Return shape and dtype of each of :meth:`arrays`; none is read."""
        found = []
        for value in self.values:
            tensor = value.const_value
            if tensor is None:
                array = array_of(value)
                shape, dtype = array.shape, array.dtype
            else:
                shape, dtype = tuple(tensor.shape.numpy()), tensor.dtype.numpy()
            found.append((shape, self._kept(dtype)))
        return found

    def array(self) -> Array:
        """Return the torch-side array."""
        return self.source(*self.arrays())

    def _kept(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return what a dtype becomes: all parameters of layers are floats."""
        plain = self.held or dtype.kind in "fc"
        return dtype if plain else np.dtype(np.float32)
