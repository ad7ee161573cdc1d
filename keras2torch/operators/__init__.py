"""Standard ONNX operators as torch expressions: what in a graph is no Keras layer.

One file per family: :mod:`.elementwise`, :mod:`.activations`, :mod:`.reductions`,
:mod:`.rearranging`, :mod:`.indexing`, :mod:`.linear`, :mod:`.converting`,
:mod:`.creating`. :mod:`.folding` finds what is known before the model runs.
"""

from keras2torch.operators import (
    activations,
    borders,
    converting,
    creating,
    drawing,
    elementwise,
    foreign,
    images,
    indexing,
    linear,
    normalizing,
    rearranging,
    reductions,
    resizing,
    sampling,
    scattering,
    selecting,
)
from keras2torch.operators.base import MISSING, OPERATORS, Operator, definition
from keras2torch.operators.sizes import Dim, Size

__all__ = [
    "MISSING",
    "OPERATORS",
    "Dim",
    "Operator",
    "Size",
    "activations",
    "borders",
    "converting",
    "creating",
    "definition",
    "drawing",
    "elementwise",
    "foreign",
    "images",
    "indexing",
    "linear",
    "normalizing",
    "rearranging",
    "reductions",
    "resizing",
    "sampling",
    "scattering",
    "selecting",
]
