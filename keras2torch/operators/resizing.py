"""Resize: which of PyTorch's ways takes the same pixels."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from keras2torch.layers.base import Forward
from keras2torch.layers.text import literal, scalar_or_tuple, short
from keras2torch.operators.base import Call, Operator, Shape, operators
from keras2torch.operators.sizes import Size

# Set beside what comes from TensorFlow, which reads its cubic kernel from a table.
TABLE = "keras2torch.table"
_HALF_PIXEL = ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric")
_SMOOTH = {
    "linear": {1: "linear", 2: "bilinear", 3: "trilinear"},
    "cubic": {2: "bicubic"},
}


@operators("Resize", "Upsample")
class Resize(Operator):
    """Images of another size; axes in ONNX' order, channels at position 1."""

    layout = "keras"
    constants = frozenset({1, 2, 3})

    # -- how large
    def _axes(self, rank: int) -> list[int]:
        return [a % rank for a in self.attributes.get("axes") or range(rank)]

    def _scales(self, rank: int) -> dict[int, float] | None:
        scales = self.given(1 if self.kind == "Upsample" else 2)
        if not scales:
            return None
        return dict(zip(self._axes(rank), scales, strict=True))

    def _sizes(self, rank: int) -> dict[int, Any] | None:
        sizes = self.given(3) if self.kind == "Resize" else None
        return dict(zip(self._axes(rank), sizes, strict=True)) if sizes else None

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes asked for, or the scaled ones."""
        shape = shapes[0]
        scales, sizes = self._scales(len(shape)), self._sizes(len(shape))
        found: list[int | None] = list(shape)
        for axis, old in enumerate(shape):
            if scales is not None and axis in scales:
                found[axis] = None if old is None else _scaled(old, scales[axis])
            elif sizes is not None and axis in sizes:
                size = sizes[axis]
                found[axis] = size if isinstance(size, int) else None
        return [tuple(found)]

    # -- text
    def forward(self, call: Call, module: str) -> Forward:
        """``F.interpolate(x, scale_factor=2, mode="nearest")``."""
        x, rank = call.x, call.x.rank
        count = rank - 2
        if self.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise self.unsupported("keep_aspect_ratio_policy")
        scales, sizes = self._scales(rank), self._sizes(rank)
        self._only_pixels(call, scales, sizes)
        exact = None if scales is None else self._exact(call, scales)
        if exact is not None:
            how = f"size={literal(exact)}"
        elif scales is not None:
            each = tuple(_tidy(scales.get(a, 1.0)) for a in range(2, rank))
            how = f"scale_factor={literal(_one(each))}"
        elif sizes is not None:
            wanted = [sizes.get(a, x.shape[a]) for a in range(2, rank)]
            texts = [
                f"{x.name}.shape[{a}]" if n is None else self.text(call, n)
                for a, n in zip(range(2, rank), wanted, strict=True)
            ]
            how = f"size=({', '.join(texts)}{',' if len(texts) == 1 else ''})"
        else:
            raise self.unsupported("neither scales nor sizes")
        if count not in (1, 2, 3):
            raise self.unsupported(f"{count} spatial axes")
        mode = self.attributes.get("mode", "nearest")
        if mode == "nearest":
            if (name := self._nearest(call, scales)) is None:
                return Forward(self._picked(call))
            return Forward(f'F.interpolate({x.name}, {how}, mode="{name}")')
        if mode == "cubic" and self._is_keys(count):
            if scales is not None and exact is None:
                how = f"size={literal(self._scaled_whole(call))}"
            steps = "" if self.attributes.get(TABLE) else ", table=False"
            return Forward(
                f"resize_bicubic({x.name}, {how}{steps})", helpers=("resize_bicubic",)
            )
        return Forward(f"F.interpolate({x.name}, {how}, {self._smooth(call, mode)})")

    def _is_keys(self, count: int) -> bool:
        """Whether the kernel is TensorFlow's, whose weights are of what is there."""
        coefficient = float(self.attributes.get("cubic_coeff_a", -0.75))
        own = coefficient == -0.5 and bool(self.attributes.get("exclude_outside"))
        plain = self._where() == "half_pixel" and not self.attributes.get("antialias")
        return own and plain and count == 2

    def _scaled_whole(self, call: Call) -> tuple[int, ...]:
        """Return the sizes that whole factors make."""
        scales = self._scales(call.x.rank) or {}
        found = []
        for axis in range(2, call.x.rank):
            old, scale = call.x.shape[axis], scales.get(axis, 1.0)
            if old is None or scale != int(scale):
                raise self.unsupported("a cubic kernel over a size that is not known")
            found.append(old * int(scale))
        return tuple(found)

    def _exact(self, call: Call, scales: dict[int, float]) -> tuple[int, ...] | None:
        """Return the sizes, where a scale is a fraction of them that was rounded."""
        old, new = call.x.shape[2:], call.y.shape[2:]
        if all(scale == int(scale) for scale in scales.values()):
            return None
        for axis, (a, b) in enumerate(zip(old, new, strict=True), 2):
            if not a or b is None:
                return None
            if np.float32(b / a) != np.float32(scales.get(axis, 1.0)):
                return None
        return tuple(n for n in new if n is not None)

    def _only_pixels(
        self, call: Call, scales: dict[int, float] | None, sizes: dict[int, Any] | None
    ) -> None:
        """Refuse to resize batch and channels."""
        for axis in (0, 1):
            scale = 1.0 if scales is None else scales.get(axis, 1.0)
            size = None if sizes is None else sizes.get(axis)
            same = size is None or size == call.x.shape[axis]
            if isinstance(size, Size) and size.dim is not None:
                same = self.sizes.get(size.dim) == (0, axis)
            if scale != 1 or not same:
                raise self.unsupported("another size of the batch or the channels")

    def _where(self) -> str:
        if self.kind == "Upsample":
            return "asymmetric"
        how = self.attributes.get("coordinate_transformation_mode", "half_pixel")
        return str(how)

    def _smooth(self, call: Call, mode: str) -> str:
        """Return mode, corners and what else PyTorch needs to know."""
        name = _SMOOTH.get(mode, {}).get(call.x.rank - 2)
        where = self._where()
        corners = where == "align_corners"
        spatial = range(2, call.x.rank)
        if where == "pytorch_half_pixel" and any(call.y.shape[a] == 1 for a in spatial):
            name = None
        if where not in (*_HALF_PIXEL, "align_corners") and not all(
            call.x.shape[a] == call.y.shape[a] is not None for a in spatial
        ):
            name = None
        if name is None:
            raise self.unsupported(f"mode {mode!r} with coordinates {where!r}")
        if mode == "cubic" and abs(
            self.attributes.get("cubic_coeff_a", -0.75) + 0.75
        ) > (1e-6):
            raise self.unsupported(f"cubic_coeff_a={self.attributes['cubic_coeff_a']}")
        if self.attributes.get("exclude_outside"):
            raise self.unsupported("exclude_outside")
        extra = ", align_corners=True" if corners else ""
        if self.attributes.get("antialias"):
            extra += ", antialias=True"
        return f'mode="{name}"{extra}'

    def _nearest(self, call: Call, scales: dict[int, float] | None) -> str | None:
        """Return the mode of PyTorch's that picks the same pixels, if one does."""
        found = {"nearest", "nearest-exact"}
        for axis in range(2, call.x.rank):
            old, new = call.x.shape[axis], call.y.shape[axis]
            scale = None if scales is None else scales.get(axis, 1.0)
            if old is None or new is None:
                found &= self._in_general(scale)
                continue
            step = Fraction(old, new) if scale is None else 1 / Fraction(scale)
            wanted = self._picks(old, new, step)
            last = old - 1
            plain = [min(int(i * step), last) for i in range(new)]
            half = [min(int((i + Fraction(1, 2)) * step), last) for i in range(new)]
            found &= {
                name
                for name, picks in (("nearest", plain), ("nearest-exact", half))
                if picks == wanted
            }
        return min(found) if found else None

    def _in_general(self, scale: float | None) -> set[str]:
        """Return the modes that pick the same whatever the size is."""
        where = self._where()
        how = self.attributes.get("nearest_mode", "round_prefer_floor")
        if where == "asymmetric" and (how == "floor" or self.kind == "Upsample"):
            return {"nearest"}
        if where == "tf_half_pixel_for_nn" and how == "floor":
            return {"nearest-exact"}
        if where not in _HALF_PIXEL:
            return set()
        if how == "round_prefer_ceil":
            return {"nearest-exact"}
        # Made larger by a whole number, no pixel lies half way between two.
        if scale is not None and scale >= 1 and scale == int(scale):
            whole = how == "round_prefer_floor"
            return {"nearest", "nearest-exact"} if whole else set()
        return set()

    def _picks(self, old: int, new: int, step: Fraction) -> list[int]:
        """Return which pixel each new one takes, by ONNX' formula."""
        where, half = self._where(), Fraction(1, 2)
        how = self.attributes.get("nearest_mode", "round_prefer_floor")
        if self.kind == "Upsample":
            how = "floor"
        found = []
        for i in range(new):
            if where == "asymmetric":
                at = i * step
            elif where == "align_corners":
                at = Fraction(i * (old - 1), new - 1) if new > 1 else Fraction(0)
            elif where == "tf_half_pixel_for_nn":
                at = (i + half) * step
            elif where == "pytorch_half_pixel" and new == 1:
                at = Fraction(0)
            elif where in _HALF_PIXEL:
                at = (i + half) * step - half
            else:
                raise self.unsupported(f"coordinates {where!r}")
            place = {
                "floor": math.floor(at),
                "ceil": math.ceil(at),
                "round_prefer_floor": math.ceil(at - half),
                "round_prefer_ceil": math.floor(at + half),
            }[how]
            found.append(min(max(place, 0), old - 1))
        return found

    def _picked(self, call: Call) -> str:
        """Return the pixels taken one by one, where no mode takes the same."""
        text = call.x.name
        scales = self._scales(call.x.rank)
        for axis in range(2, call.x.rank):
            old, new = call.x.shape[axis], call.y.shape[axis]
            if old is None or new is None:
                raise self.unsupported(
                    f"nearest pixels by {self.attributes.get('nearest_mode')!r} and "
                    f"{self._where()!r} of a size that is not known"
                )
            scale = None if scales is None else scales.get(axis, 1.0)
            step = Fraction(old, new) if scale is None else 1 / Fraction(scale)
            picks = self._picks(old, new, step)
            if picks != list(range(old)):
                text += f"[{':, ' * axis}{literal(picks)}]"
        return text


def _scaled(old: int, scale: float) -> int:
    """Return how large a scaled axis is: in float32, in which 9 * 17/9 is 17."""
    return math.floor(np.float32(old) * np.float32(scale))


def _tidy(scale: float) -> float | int:
    return int(scale) if scale == int(scale) else short(scale)


def _one(values: tuple[Any, ...]) -> Any:
    return scalar_or_tuple(values)
