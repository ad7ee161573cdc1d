"""Layers of several inputs: sums, products, concatenation, dot products.

Sources: ``keras/src/layers/merging`` (Keras 3.15), ``tf_keras/src/layers/merging``.

Masks: Keras 3 joins masks with "or", and lets them change what Multiply, Maximum and
Minimum compute. Keras ≤ 2 joins them with "and" and computes without them; a file of
that age is read with ``keras2=True``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from keras2torch.layers.base import (
    Call,
    Forward,
    Layer,
    Layout,
    Shape,
    Tensor,
    layer,
)
from keras2torch.layers.text import literal

LayoutRule = Literal["keras", "channels_first", "follow", "flat"]
MaskRule = Literal["stop", "pass", "use"]


class _Merge(Layer):
    """Base of layers that are called on a list."""

    layout: ClassVar[LayoutRule] = "follow"
    masking: ClassVar[MaskRule] = "use"
    takes_list: ClassVar[bool] = True

    keras2: bool = False
    # Keras 3.0 to 3.3 lost the masks of tensors in a list.
    forgets_mask: bool = False

    def makes_mask(self, masked: Sequence[bool]) -> bool:
        """Keras 3: only if every input has one; Keras 2: if any has."""
        if self.forgets_mask:
            return False
        return any(masked) if self.keras2 else bool(masked) and all(masked)

    def reads_masks(self, call: Call) -> bool:
        """They are joined to one that goes on."""
        return False

    def told_masks(self) -> bool:
        """It looks at its inputs."""
        return False

    def output_dtype(self, *dtypes: str) -> str:
        """Integers stay integers."""
        floats = [d for d in dtypes if "float" in d]
        return floats[0] if floats else dtypes[0]

    def _drop_masks(self, call: Call) -> None:
        """Forget masks from which none is made: the writer would compute them."""
        if not self.makes_mask([m is not None for m in call.masks]):
            call.masks = [None] * len(call.inputs)

    def _joined(self, call: Call) -> str | None:
        """Return the mask that comes out."""
        masks = [m for m in call.masks if m is not None]
        if not self.makes_mask([m is not None for m in call.masks]):
            return None
        if len({m.rank for m in masks}) > 1:
            raise self.unsupported("masks of different ranks")
        names = list(dict.fromkeys(m.name for m in masks))
        return (" & " if self.keras2 else " | ").join(names)


def broadcast_shape(first: Shape, second: Shape) -> Shape:
    """Return the shape of an elementwise result, as Keras infers it."""
    if len(first) < len(second):
        first, second = second, first
    lead = len(first) - len(second)
    sizes: list[int | None] = list(first[:lead])
    for a, b in zip(first[lead:], second, strict=True):
        if a is None or b is None:
            sizes.append(None)
        else:
            sizes.append(b if a == 1 else a)
    return tuple(sizes)


class _Elementwise(_Merge):
    """Base of merges that broadcast.

    Inputs of fewer axes get axes of size 1 after the batch axis; in PyTorch's order
    that is an index such as ``x[:, :, None, None]``.
    """

    operator: ClassVar[str] = ""
    # Name of the helper that computes with masks, as Keras 3 does.
    masked: ClassVar[str] = ""

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Broadcast all but the batch axis."""
        if len({s[0] for s in shapes} - {None}) > 1:
            raise self.unsupported(f"batch sizes differ: {shapes}")
        result = shapes[0][1:]
        for shape in shapes[1:]:
            result = broadcast_shape(result, shape[1:])
        batches = [s[0] for s in shapes if s[0] is not None]
        return [(batches[0] if batches else None, *result)]

    def reads_masks(self, call: Call) -> bool:
        """Keras 3 computes with them, where they matter to the result."""
        if self.keras2 or self.forgets_mask:
            return False
        return bool(self.masked) and any(call.masks)

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow; an input of fewer axes takes the order of the axes it has."""
        rank = max(t.rank for t in call.inputs)
        if not self.reads_masks(call):
            self._drop_masks(call)
        if self.reads_masks(call):
            orders = [Layout.keras(t.rank) for t in call.inputs]
            return orders, [Layout.keras(rank)]
        whole = [t for t in call.inputs if t.rank == rank]
        out = self._agree(Call(whole))[0]
        if out.flat and len(whole) < len(call.inputs):
            out = Layout.keras(rank)
        wanted = [
            out if t.rank == rank else _part(out, rank - t.rank) for t in call.inputs
        ]
        return wanted, [out]

    def forward(self, call: Call, module: str) -> Forward:
        """``x + y``."""
        mask = self._joined(call)
        if self.reads_masks(call):
            if len({t.rank for t in call.inputs}) > 1:
                raise self.unsupported("masked inputs of different ranks")
            for t, m in zip(call.inputs, call.masks, strict=True):
                if m is not None and m.rank != t.rank - 1:
                    raise self.unsupported(f"a mask of rank {m.rank} on {t.shape}")
            names = ", ".join(t.name for t in call.inputs)
            masks = ", ".join(m.name if m else "None" for m in call.masks)
            text = f"{self.masked}([{names}], [{masks}])"
            return Forward(text, helpers=(self.masked,), mask=mask)
        terms = [_expanded(t, call.y) for t in call.inputs]
        return Forward(self._merge(terms), mask=mask)

    def _merge(self, terms: list[str]) -> str:
        return f" {self.operator} ".join(terms)


def _part(layout: Layout, lead: int) -> Layout:
    """Return the order of a tensor that lacks the ``lead`` axes after the batch."""
    kept = [a if a == 0 else a - lead for a in layout.axes if a == 0 or a > lead]
    return Layout(tuple(kept))


def _expanded(tensor: Tensor, result: Tensor) -> str:
    """Return a tensor with axes of size 1 where the result has more."""
    lead = result.rank - tensor.rank
    if not lead:
        return tensor.name
    index = ["None" if 0 < axis <= lead else ":" for axis in result.layout.axes]
    while len(index) > 1 and index[-1] == ":":
        index.pop()
    return f"{tensor.name}[{', '.join(index)}]"


@layer
class Add(_Elementwise):
    """Sum of the inputs."""

    operator = "+"

    keras2: bool = False
    forgets_mask: bool = False


@layer
class Subtract(_Elementwise):
    """Difference of two inputs."""

    operator = "-"

    keras2: bool = False
    forgets_mask: bool = False

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Exactly two inputs."""
        if len(shapes) != 2:
            raise self.unsupported(f"{len(shapes)} inputs")
        return super().output_shapes(*shapes)


@layer
class Multiply(_Elementwise):
    """Product of the inputs; in Keras 3 masked entries count as 1."""

    operator = "*"
    masked = "multiply_masked"

    keras2: bool = False
    forgets_mask: bool = False


@layer
class Average(_Elementwise):
    """Mean of the inputs."""

    keras2: bool = False
    forgets_mask: bool = False

    def output_dtype(self, *dtypes: str) -> str:
        """Always floats."""
        floats = [d for d in dtypes if "float" in d]
        return floats[0] if floats else "float32"

    def _merge(self, terms: list[str]) -> str:
        return f"({' + '.join(terms)}) / {len(terms)}"


class _Extremum(_Elementwise):
    """Base of both extrema; in Keras 3 a masked entry takes the other's value."""

    def _merge(self, terms: list[str]) -> str:
        text = terms[0]
        for term in terms[1:]:
            text = f"{self.operator}({text}, {term})"
        return text


@layer
class Maximum(_Extremum):
    """Largest of the inputs, entry by entry."""

    operator = "torch.maximum"
    masked = "maximum_masked"

    keras2: bool = False
    forgets_mask: bool = False


@layer
class Minimum(_Extremum):
    """Smallest of the inputs, entry by entry."""

    operator = "torch.minimum"
    masked = "minimum_masked"

    keras2: bool = False
    forgets_mask: bool = False


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


@layer
class Concatenate(_Merge):
    """Inputs one behind the other along an axis."""

    aliases: ClassVar[Mapping[str, str]] = {"concat_axis": "axis"}

    axis: int = -1
    keras2: bool = False
    forgets_mask: bool = False

    def makes_mask(self, masked: Sequence[bool]) -> bool:
        """One mask is enough: the other inputs count as unmasked.

        Along the last axis that makes every entry unmasked in Keras 3: no mask.
        """
        if self.forgets_mask:
            return False
        nothing = self.axis == -1 and not self.keras2
        return bool(masked) and (all(masked) if nothing else any(masked))

    def _axis(self, rank: int) -> int:
        if not -rank <= self.axis < rank:
            raise self.unsupported(f"axis {self.axis} of inputs of rank {rank}")
        return self.axis % rank

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes along the axis add up."""
        axis = self._axis(len(shapes[0]))
        if len({len(s) for s in shapes}) > 1:
            raise self.unsupported(f"inputs of different ranks: {shapes}")
        sizes = list(shapes[0])
        for shape in shapes[1:]:
            for i, size in enumerate(shape):
                if i == axis:
                    sizes[i] = _sum(sizes[i], size)
                elif sizes[i] is None:
                    sizes[i] = size
        return [tuple(sizes)]

    def mask_shape(self, *shapes: Shape) -> Shape:
        """All axes but the last."""
        return self.output_shapes(*shapes)[0][:-1]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow; of flattened axes each part keeps its order."""
        self._drop_masks(call)
        there, rank = [t.layout for t in call.inputs], call.x.rank
        if not any(w.flat for w in there):
            wanted = self._agree(call)
            return wanted, [wanted[0]]
        sizes = [t.shape[-1] for t in call.inputs]
        known = [n for n in sizes if n is not None]
        plain = all(w.axes == tuple(range(rank)) for w in there)
        if self._axis(rank) == rank - 1 and plain and len(known) == len(sizes):
            parts = [
                w.flat or (((n,), (0,)),) for w, n in zip(there, known, strict=True)
            ]
            return there, [Layout(there[0].axes, tuple(p for f in parts for p in f))]
        return [Layout.keras(rank)] * len(there), [Layout.keras(rank)]

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.cat([x, y], dim=1)``."""
        rank = call.x.rank
        at = call.x.layout.position(self._axis(rank))
        dim = -1 if at == rank - 1 else at
        names = ", ".join(t.name for t in call.inputs)
        mask = self._joined_along(call) if any(call.masks) else None
        return Forward(f"torch.cat([{names}], dim={dim})", mask=mask)

    def _joined_along(self, call: Call) -> str:
        rank, axis = call.x.rank, self._axis(call.x.rank)
        given = [m for m in call.masks if m is not None]
        if any(m.rank != rank - 1 for m in given):
            raise self.unsupported(f"masks of rank {given[0].rank} on {call.x.shape}")
        if axis < rank - 1:
            masks = [
                m.name if m is not None else self._ones(t)
                for t, m in zip(call.inputs, call.masks, strict=True)
            ]
            return f"torch.cat([{', '.join(masks)}], dim={axis})"
        names = list(dict.fromkeys(m.name for m in given))
        if self.keras2:
            return " & ".join(names)
        if len(given) < len(call.masks):
            return f"torch.ones_like({names[0]})"
        return " | ".join(names)

    def _ones(self, tensor: Tensor) -> str:
        """Return a mask of ones for an input without one."""
        rank, order = tensor.rank, tensor.layout
        sizes = ", ".join(
            f"{tensor.name}.shape[{order.position(a)}]" for a in range(rank - 1)
        )
        return f"torch.ones({sizes}, dtype=torch.bool, device={tensor.name}.device)"


@layer
class Dot(_Merge):
    """Dot products of two inputs along one axis of each, sample by sample.

    Attributes
    ----------
    expand
        Whether an axis of length 1 follows the batch's, as in Keras 1's ``cos`` merge.
    """

    layout = "keras"
    masking = "stop"
    aliases: ClassVar[Mapping[str, str]] = {"dot_axes": "axes"}

    axes: int | list[int]
    normalize: bool = False
    keras2: bool = False
    expand: bool = False

    def makes_mask(self, masked: Sequence[bool]) -> bool:
        """Never."""
        return False

    def _pair(self, *shapes: Shape) -> tuple[int, int]:
        if len(shapes) != 2:
            raise self.unsupported(f"{len(shapes)} inputs")
        axes: Any = self.axes
        first, second = (axes, axes) if isinstance(axes, int) else axes
        pair = first % len(shapes[0]), second % len(shapes[1])
        if 0 in pair:
            raise self.unsupported(f"axes {self.axes!r}: the batch axis")
        return pair

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The axes that are left, those of the first input before the second's."""
        first, second = self._pair(*shapes)
        left = [s for i, s in enumerate(shapes[0]) if i != first]
        left += [s for i, s in enumerate(shapes[1]) if i not in (0, second)]
        whole = tuple(left) if len(left) > 1 else (left[0], 1)
        return [(whole[0], 1, *whole[1:]) if self.expand else whole]

    def forward(self, call: Call, module: str) -> Forward:
        """``x @ y.transpose(1, 2)``, or an einsum of other ranks."""
        made = self._product(call)
        if self.expand:
            whole = made.results
            whole = f"({whole})" if "@" in whole else whole
            made.results = f"{whole}.unsqueeze(1)"
        return made

    def _product(self, call: Call) -> Forward:
        first, second = self._pair(call.inputs[0].shape, call.inputs[1].shape)
        a, b = (t.name for t in call.inputs)
        helpers: tuple[str, ...] = ()
        if self.normalize:
            helpers = ("l2_normalize",)
            a = f"l2_normalize({a}, dim={literal(first)})"
            b = f"l2_normalize({b}, dim={literal(second)})"
        if call.inputs[0].rank == 2 and call.inputs[1].rank == 2:
            return Forward(f"({a} * {b}).sum(dim=1, keepdim=True)", helpers=helpers)
        if call.inputs[0].rank == 3 and call.inputs[1].rank == 3:
            a = a if first == 2 else f"{a}.transpose(1, 2)"
            b = b if second == 1 else f"{b}.transpose(1, 2)"
            return Forward(f"{a} @ {b}", helpers=helpers)
        letters = iter("ijklmnop")
        left = ["b", *(next(letters) for _ in range(call.inputs[0].rank - 1))]
        right = ["b", *(next(letters) for _ in range(call.inputs[1].rank - 1))]
        right[second] = left[first]
        out = [c for i, c in enumerate(left) if i != first]
        out += [c for i, c in enumerate(right) if i not in (0, second)]
        equation = f"{''.join(left)},{''.join(right)}->{''.join(out)}"
        return Forward(f'torch.einsum("{equation}", {a}, {b})', helpers=helpers)


__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "broadcast_shape",
]
