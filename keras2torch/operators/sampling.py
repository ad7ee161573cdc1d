"""Pixels at computed places, pools by a norm, and parts of sequences turned round."""

from __future__ import annotations

from keras2torch.layers.base import Forward
from keras2torch.layers.spatial import pad_text
from keras2torch.layers.text import literal, scalar_or_tuple
from keras2torch.operators.base import (
    Call,
    Layout,
    Operator,
    Shape,
    followed,
    operators,
)
from keras2torch.operators.images import Windowed

_MODES = {"linear": "bilinear", "cubic": "bicubic"}


@operators("GridSample")
class GridSample(Operator):
    """Images read at the places that a grid gives, from -1 to 1."""

    layout = "keras"
    tensors = frozenset({0, 1})

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The channels, at each place of the grid."""
        return [(*shapes[0][:2], *shapes[1][1:-1])]

    def forward(self, call: Call, module: str) -> Forward:
        """``F.grid_sample(x, grid, align_corners=False)``."""
        x, grid = self.terms(call)
        mode = str(self.attributes.get("mode", "linear"))
        mode = _MODES.get(mode, mode)
        border = str(self.attributes.get("padding_mode", "zeros"))
        corners = bool(self.attributes.get("align_corners", 0))
        args = [x, grid]
        if mode != "bilinear":
            args.append(f"mode={literal(mode)}")
        if border != "zeros":
            args.append(f"padding_mode={literal(border)}")
        args.append(f"align_corners={corners}")
        return Forward(f"F.grid_sample({', '.join(args)})")


@operators("LpPool")
class LpPool(Windowed):
    """The norm of each window."""

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The channels stay."""
        return [(*shapes[0][:2], *[None] * (len(shapes[0]) - 2))]

    def forward(self, call: Call, module: str) -> Forward:
        """``F.lp_pool2d(x.abs(), 2.0, 3, stride=1)``."""
        count = call.x.rank - 2
        kernel = tuple(self.attributes["kernel_shape"])
        if set(self.numbers("dilations", count)) != {1}:
            raise self.unsupported("dilations")
        pads = self.pads(call.x.shape, kernel, count)
        ceil = ", ceil_mode=True" if self.attributes.get("ceil_mode") else ""
        if any(map(any, pads)) and ceil:
            raise self.unsupported("ceil_mode with padding")
        x = f"{call.x.name}.abs()"
        if any(map(any, pads)):
            x = pad_text(x, ((0, 0), (0, 0), *pads))
        strides = self.numbers("strides", count)
        args = [x, literal(float(self.attributes.get("p", 2)))]
        args.append(literal(scalar_or_tuple(kernel)))
        if strides != kernel:
            args.append(f"stride={literal(scalar_or_tuple(strides))}")
        return Forward(f"F.lp_pool{count}d({', '.join(args)}{ceil})")


@operators("Flip")
class Flip(Operator):
    """Turned round along an axis."""

    def forward(self, call: Call, module: str) -> Forward:
        """``x.flip(1)``."""
        dim = call.x.layout.position(self.attributes["axis"])
        return Forward(f"{call.x.name}.flip({dim})")


@operators("ReverseSequence")
class ReverseSequence(Operator):
    """The first entries of each sequence turned round, as many as its length says."""

    tensors = frozenset({0, 1})

    def _axes(self) -> tuple[int, int]:
        return self.attributes.get("time_axis", 0), self.attributes.get("batch_axis", 1)

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow; of the lengths there is one axis."""
        order = followed(call.x)
        return [order, Layout.keras(1)], [order]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """The sequences in the order wished."""
        return [None if wish.flat else wish, None]

    def forward(self, call: Call, module: str) -> Forward:
        """Take what is as far from the end, where a sequence is not over."""
        x, lengths = self.terms(call)
        time, batch = (call.x.layout.position(a) for a in self._axes())
        step = f"torch.arange({x}.shape[{time}], device={x}.device)"
        shaped = ["None"] * call.x.rank
        shaped[time] = ":"
        along = ["None"] * call.x.rank
        along[batch] = ":"
        before = (
            f"step = {step}[{_keys(shaped)}]",
            f"end = {lengths}[{_keys(along)}]",
            "place = torch.where(step < end, end - 1 - step, step)",
        )
        return Forward(
            f"torch.take_along_dim({x}, place.long(), dim={time})", before=before
        )


def _keys(keys: list[str]) -> str:
    return ", ".join(keys)
