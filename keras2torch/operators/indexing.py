"""Parts of tensors: slices, items, and what indices take or put."""

from __future__ import annotations

from typing import Any

from keras2torch.layers.base import Forward
from keras2torch.operators.base import (
    Call,
    Layout,
    Operator,
    Shape,
    followed,
    operators,
    with_axes,
    without,
)
from keras2torch.operators.sizes import FAR, Size


class Part:
    """What is taken of an axis; ``step`` is not negative, ``flip`` comes first."""

    def __init__(self, start: Any, stop: Any, step: int, *, flip: bool = False) -> None:
        self.start, self.stop, self.step, self.flip = start, stop, step, flip

    @property
    def whole(self) -> bool:
        """Whether it is all of the (flipped) axis."""
        return self.start is None and self.stop is None and self.step == 1


@operators("Slice", "Item")
class Slice(Operator):
    """A part of some axes; ``Item`` also drops axes, of which one entry was taken.

    Operands: the tensor, starts, ends, axes, steps, and of an ``Item`` the axes that
    go.
    """

    constants = frozenset({1, 2, 3, 4, 5})

    def _parts(self, shape: Shape) -> dict[int, Part]:
        starts = self.given(1, "starts")
        ends = self.given(2, "ends")
        axes = self.given(3, "axes") or list(range(len(starts)))
        steps = self.given(4) or [1] * len(starts)
        return {
            axis % len(shape): self._part(start, end, step, axis % len(shape), shape)
            for start, end, axis, step in zip(starts, ends, axes, steps, strict=True)
        }

    def _part(self, start: Any, end: Any, step: Any, axis: int, shape: Shape) -> Part:
        if isinstance(step, Size):
            raise self.unsupported("a step that is not known")
        size = shape[axis]
        dim: Any = size
        for known, (at, of) in self.sizes.items():
            if size is None and (at, of) == (0, axis):
                dim = Size.of(known)
        if step < 0:
            return self._backwards(start, end, step, size)
        start, end = _from_end(start, dim), _from_end(end, dim)
        if isinstance(end, int) and (end >= FAR or (size is not None and end >= size)):
            end = None
        return Part(None if start == 0 else start, end, step)

    def _backwards(self, start: Any, end: Any, step: int, size: int | None) -> Part:
        """Return a slice of the axis turned round: torch takes no negative steps."""
        if isinstance(start, int) and isinstance(end, int):
            if size is not None:
                first, last, _ = slice(start, _begin(end, size), step).indices(size)
                if not range(first, last, step):
                    return Part(0, 0, 1)
                last = len(range(first, last, step)) * -step + size - 1 - first
                stop = None if last >= size else last
                return Part((size - 1 - first) or None, stop, -step, flip=True)
            from_end = start >= FAR or start < 0
            if from_end and (end <= -FAR or -FAR < end < -1):
                first = 0 if start >= FAR else -1 - start
                return Part(
                    first or None, None if end <= -FAR else -1 - end, -step, flip=True
                )
        raise self.unsupported("a slice backwards over a size that is not known")

    def _gone(self, rank: int) -> list[int]:
        gone = self.operands[5] if self.kind == "Item" else []
        return sorted(axis % rank for axis in gone)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """What is left of each axis."""
        sizes: list[int | None] = list(shapes[0])
        for axis, part in self._parts(shapes[0]).items():
            sizes[axis] = _length(part, sizes[axis])
        gone = self._gone(len(sizes))
        return [tuple(s for i, s in enumerate(sizes) if i not in gone)]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keep the order of the axes that are left."""
        order = followed(call.x)
        return [order], [without(order, self._gone(call.x.rank))]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """The axes that are left in the order wished."""
        return [None if wish.flat else with_axes(wish, self._gone(call.x.rank))]

    def forward(self, call: Call, module: str) -> Forward:
        """``x[:, 0]``, ``x[:, :, ::2]``, ``x.flip(1)``."""
        parts, gone = self._parts(call.x.shape), self._gone(call.x.rank)
        keys, flips = [], []
        for position, axis in enumerate(call.x.layout.axes):
            part = parts.get(axis) or Part(None, None, 1)
            if part.flip:
                flips.append(position)
            if axis in gone:
                keys.append(self.text(call, part.start or 0))
                continue
            ends = [
                "" if e is None else self.text(call, e) for e in (part.start, part.stop)
            ]
            step = f":{part.step}" if part.step != 1 else ""
            keys.append(":".join(ends) + step)
        x = call.x.name
        if flips:
            x += f".flip({', '.join(map(str, flips))})"
        return Forward(indexed(x, keys))


def indexed(x: str, keys: list[str]) -> str:
    """Return ``x[…]`` without the colons at the end."""
    keys = list(keys)
    while keys and keys[-1] == ":":
        keys.pop()
    return f"{x}[{', '.join(keys)}]" if keys else x


def _begin(end: int, size: int) -> int | None:
    """Return where a slice backwards ends: before the first entry."""
    return None if end < -size else end


def _from_end(end: Any, dim: Any) -> Any:
    """Return an end that depends on the size as a person counts it: from the end."""
    if isinstance(end, Size) and isinstance(dim, Size):
        gap = end - dim
        if isinstance(gap, int) and gap <= 0:
            return gap or FAR
    return end


def _length(part: Part, size: int | None) -> int | None:
    if size is None:
        ends = [e for e in (part.start, part.stop) if e is not None]
        return 0 if part.start == part.stop == 0 and len(ends) == 2 else None
    if any(isinstance(e, Size) for e in (part.start, part.stop)):
        return None
    return len(range(*slice(part.start, part.stop, part.step).indices(size)))


@operators("Gather")
class Gather(Operator):
    """Entries along an axis: one, a few, or those that a tensor names."""

    welcome = frozenset({1})
    tensors = frozenset({0})

    def _axis(self, rank: int) -> int:
        return int(self.attributes.get("axis", 0)) % rank

    def _rank(self, call: Call) -> int:
        """Return the number of axes of the indices."""
        known = self.operands[1]
        return call.inputs[1].rank if known is None else _depth(known)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The indices' shape in place of the axis."""
        axis = self._axis(len(shapes[0]))
        known = self.operands[1]
        middle = shapes[1] if known is None else _shape_of(known)
        return [(*shapes[0][:axis], *middle, *shapes[0][axis + 1 :])]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keep the order of the other axes."""
        order, axis = followed(call.x), self._axis(call.x.rank)
        more = self._rank(call) - 1
        axes: list[int] = []
        for a in order.axes:
            if a == axis:
                axes += range(axis, axis + more + 1)
            else:
                axes.append(a + more if a > axis else a)
        indices = [Layout.keras(t.rank) for t in call.inputs[1:]]
        return [order, *indices], [Layout(tuple(axes))]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """The other axes in the order wished."""
        axis, more = self._axis(call.x.rank), self._rank(call) - 1
        rest: list[Layout | None] = [None] * (len(call.inputs) - 1)
        if wish.flat or more > 0:
            return [None, *rest]
        return [with_axes(wish, [axis]) if more else wish, *rest]

    def forward(self, call: Call, module: str) -> Forward:
        """``x[:, 0]``, ``x[:, [2, 1, 0]]``, ``self.table[x]``."""
        place = call.x.layout.position(self._axis(call.x.rank))
        key = self.terms(call)[1]
        known = self.operands[1]
        if isinstance(known, Size):
            key = self.text(call, known)
        elif isinstance(known, list) and (run := _run(known)):
            key = run
        elif isinstance(known, list) and _depth(known) > 1:
            # torch would take lists in a list for one index per axis.
            key = f"torch.tensor({key})"
        elif known is None and call.inputs[1].dtype == "uint8":
            # torch would take it for a mask.
            key += ".long()"
        return Forward(indexed(call.x.name, [":"] * place + [key]))


def _depth(value: Any) -> int:
    return (
        1 + _depth(value[0])
        if isinstance(value, list) and value
        else int(isinstance(value, list))
    )


def _shape_of(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    return (len(value), *(_shape_of(value[0]) if value else ()))


def _run(indices: list[Any]) -> str | None:
    """Return a slice that takes the same: ``1:4`` for [1, 2, 3]."""
    if not all(isinstance(i, int) and i >= 0 for i in indices) or not indices:
        return None
    if indices != list(range(indices[0], indices[0] + len(indices))):
        return None
    return f"{indices[0] or ''}:{indices[-1] + 1}"
