"""Padding in all its modes."""

from __future__ import annotations

from typing import Any

from keras2torch.layers.base import Forward
from keras2torch.operators.base import (
    MISSING,
    Call,
    Layout,
    Operator,
    Shape,
    followed,
    operators,
)

_MODES = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@operators("Pad")
class Pad(Operator):
    """More before and after some axes; a negative number cuts off."""

    constants = frozenset({1, 2, 3})

    def _pads(self, rank: int) -> dict[int, tuple[Any, Any]]:
        pads = self.given(1, "pads")
        axes = self.given(3) or list(range(rank))
        return {
            axis % rank: (pads[i], pads[i + len(axes)])
            for i, axis in enumerate(axes)
            if (pads[i], pads[i + len(axes)]) != (0, 0)
        }

    def _mode(self) -> str:
        return str(self.attributes.get("mode", "constant"))

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes and what is added."""
        sizes: list[Any] = list(shapes[0])
        for axis, (before, after) in self._pads(len(sizes)).items():
            known = isinstance(before, int) and isinstance(after, int)
            known = known and sizes[axis] is not None
            sizes[axis] = sizes[axis] + before + after if known else None
        return [tuple(sizes)]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow; but only constants go around any axis, the rest around the last."""
        order, padded = followed(call.x), self._pads(call.x.rank)
        if self._mode() != "constant" and padded:
            end = order.axes[len(order.axes) - len(padded) :]
            if set(end) != set(padded):
                left = [a for a in range(call.x.rank) if a not in padded]
                order = Layout((*left, *sorted(padded)))
        return [order], [order]

    def forward(self, call: Call, module: str) -> Forward:
        """``F.pad(x, (1, 1, 1, 1), mode="reflect")``."""
        x, pads = call.x.name, self._pads(call.x.rank)
        if not pads:
            return Forward(x)
        order, mode, rank = call.x.layout.axes, self._mode(), call.x.rank
        flat = [
            self.text(call, n) for a in reversed(order) for n in pads.get(a, (0, 0))
        ]
        if mode == "constant":
            while flat[-2:] == ["0", "0"]:
                del flat[-2:]
            value = self.given(2)
            value = value[0] if isinstance(value, list) else value
            extra = (
                "" if value in (None, 0, False) else f", value={self.text(call, value)}"
            )
            return Forward(f"F.pad({x}, ({', '.join(flat)}){extra})")
        # torch pads the last one to three axes, behind one or two others.
        count = len(pads)
        deep = next((q for q in (rank - 2, rank - 1) if count <= q <= 3), None)
        name = _MODES[mode]
        if deep is not None and deep > 0:
            flat = flat[: 2 * deep]
            return Forward(f'F.pad({x}, ({", ".join(flat)}), mode="{name}")')
        if count == rank <= 3:
            text = f'F.pad({x}.unsqueeze(0), ({", ".join(flat)}), mode="{name}")'
            return Forward(f"{text}.squeeze(0)")
        if count > 3:
            raise self.unsupported(f"mode {mode!r} around {count} axes")
        inner = flat[: 2 * count]
        lead = rank - count
        shaped = f"{x}.flatten(0, {lead - 1})" if lead > 1 else x
        text = f'F.pad({shaped}, ({", ".join(inner)}), mode="{name}")'
        return Forward(f"{text}.unflatten(0, {x}.shape[:{lead}])")


__all__ = ["MISSING", "Pad"]
