"""Random numbers that standard ONNX cannot draw: truncated ones, and whole ones.

Like the ``keras`` domain's ``RandomNormal`` and ``RandomUniform`` they take the shape
as an input, which ONNX' own do not.
"""

from __future__ import annotations

from typing import ClassVar

from keras2torch.layers.base import Forward
from keras2torch.operators.base import Call, operators
from keras2torch.operators.creating import Filled, made_where


@operators("RandomTruncated", "RandomInteger")
class Drawn(Filled):
    """A normal distribution cut at two deviations; whole numbers between two bounds.

    In whichever order the axes of the tensor are that lends its shape: the numbers are
    independent of each other.
    """

    constants: ClassVar[frozenset[int]] = frozenset({0, 1, 2})

    def output_dtype(self, *dtypes: str) -> str:
        """Floats, or whole numbers."""
        return "int32" if self.kind == "RandomInteger" else "float32"

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.randint(0, 9, (x.shape[0], 2), device=x.device)``."""
        sizes = [self.text(call, self.operands[0][a]) for a in call.y.layout.axes]
        where = made_where(self, call)
        shape = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
        if self.kind == "RandomInteger":
            low, high = (self.text(call, o) for o in self.operands[1:3])
            return Forward(f"torch.randint({low}, {high}, {shape}{where})")
        empty = f"torch.empty({', '.join(sizes) or '()'}{where})"
        if self._like(call):
            empty = f"torch.empty_like({call.x.name})"
        return Forward(f"nn.init.trunc_normal_({empty}, a=-2.0, b=2.0)")
