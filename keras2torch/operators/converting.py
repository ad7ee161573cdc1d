"""Other dtypes, and what computes nothing."""

from __future__ import annotations

from keras2torch.layers.base import Forward
from keras2torch.operators.base import Call, Flat, Operator, dtype_name, operators


@operators("Cast", "CastLike")
class Cast(Operator):
    """The same values as another dtype."""

    @property
    def _dtype(self) -> str:
        return dtype_name(self.attributes["to"])

    def takes_flat(self) -> Flat:
        """Entry by entry: any order goes."""
        return "follows"

    def count(self) -> int:
        """Of the other only its dtype is read."""
        return 1

    def output_dtype(self, *dtypes: str) -> str:
        """As the cast says."""
        return dtypes[1] if self.kind == "CastLike" else self._dtype

    def forward(self, call: Call, module: str) -> Forward:
        """``x.to(torch.int32)``."""
        x, dtype = call.x, call.y.dtype
        if dtype == "float32":
            # What PyTorch computes in by default, be it in double precision.
            same = x.dtype == "float32"
            text = x.name if same else f"{x.name}.to(torch.get_default_dtype())"
            return Forward(text)
        return Forward(x.name if dtype == x.dtype else f"{x.name}.to(torch.{dtype})")


@operators("StopGradient")
class Stopped(Operator):
    """Its input, through which no gradient goes back."""

    def takes_flat(self) -> Flat:
        """Entry by entry: any order goes."""
        return "follows"

    def forward(self, call: Call, module: str) -> Forward:
        """``x.detach()``."""
        return Forward(f"{call.x.name}.detach()")


@operators("Identity", "Dropout")
class Same(Operator):
    """Its input: Dropout too, outside of training."""

    def takes_flat(self) -> Flat:
        """Entry by entry: any order goes."""
        return "follows"

    def count(self) -> int:
        """Only the first is read."""
        return 1

    def forward(self, call: Call, module: str) -> Forward:
        """``x``."""
        return Forward(call.x.name)
