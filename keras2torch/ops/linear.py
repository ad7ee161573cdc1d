"""Products of matrices."""

from __future__ import annotations

from keras2torch.layers.base import Forward
from keras2torch.layers.merging import broadcast_shape
from keras2torch.ops.base import Call, Operator, Shape, operators


@operators("MatMul")
class MatMul(Operator):
    """The product of matrices on the last two axes."""

    layout = "keras"
    tensors = frozenset({0, 1})

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Rows of the first, columns of the second."""
        left, right = shapes
        rows = left[-2:-1] if len(left) > 1 else ()
        columns = right[-1:] if len(right) > 1 else ()
        outer = broadcast_shape(left[:-2], right[:-2])
        return [(*outer, *rows, *columns)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x @ y``."""
        return Forward(" @ ".join(self.terms(call)))
