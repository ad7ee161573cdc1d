"""The same values under other axes: transposed, reshaped, joined, split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from keras2torch.layers.base import Forward
from keras2torch.layers.reshaping import flattened_layouts, same_order
from keras2torch.operators.base import (
    MISSING,
    Call,
    Layout,
    Operator,
    Shape,
    followed,
    operators,
    with_axes,
    without,
)
from keras2torch.operators.sizes import Size


@operators("Transpose")
class Transpose(Operator):
    """Other names for the axes: nothing moves until someone needs an order."""

    def _perm(self, rank: int) -> list[int]:
        return list(self.attributes.get("perm") or range(rank)[::-1])

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes in their new places."""
        return [tuple(shapes[0][a] for a in self._perm(len(shapes[0])))]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """The order in which it lies, or the one that everyone wants."""
        there, perm = followed(call.x), self._perm(call.x.rank)
        same = Layout(tuple(perm.index(a) for a in there.axes))
        return [there], [Layout.keras(call.y.rank) if call.wants_keras else same]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """The order in which the wish lies."""
        perm = self._perm(call.x.rank)
        return [None if wish.flat else Layout(tuple(perm[a] for a in wish.axes))]

    def asks(self, call: Call) -> list[Layout]:
        """The order that lies as everyone wants the result, who then moves nothing."""
        if call.wants_keras:
            return [Layout(tuple(self._perm(call.x.rank)))]
        return super().asks(call)

    def forward(self, call: Call, module: str) -> Forward:
        """``x``, or ``x.transpose(1, 2)`` where an order was wanted."""
        x, perm = call.x, self._perm(call.x.rank)
        order = [x.layout.position(perm[a]) for a in call.y.layout.axes]
        return Forward(permuted(x.name, order))


def permuted(x: str, order: Sequence[int]) -> str:
    """Return a tensor with its axes in another order."""
    moved = [i for i, o in enumerate(order) if i != o]
    if not moved:
        return x
    if len(moved) == 2:
        return f"{x}.transpose({moved[0]}, {moved[1]})"
    return f"{x}.permute({', '.join(map(str, order))})"


@operators("Unsqueeze")
class Unsqueeze(Operator):
    """New axes of size 1."""

    constants = frozenset({1})

    def _axes(self, rank: int) -> list[int]:
        axes = list(self.given(1, "axes"))
        return sorted(a % (rank + len(axes)) for a in axes)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """With size 1 at each axis."""
        sizes = list(shapes[0])
        for axis in self._axes(len(sizes)):
            sizes.insert(axis, 1)
        return [tuple(sizes)]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keep the order of the old axes."""
        order, new = followed(call.x), self._axes(call.x.rank)
        first = Layout.channels_first(call.y.rank)
        if call.wants_first and without(first, new) == order:
            return [order], [first]
        return [order], [with_axes(order, new)]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """The old axes in the order wished."""
        return [None if wish.flat else without(wish, self._axes(call.x.rank))]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.unsqueeze(1)``, ``x[:, :, None, None]``."""
        new = self._axes(call.x.rank)
        return Forward(unsqueezed(call.x.name, [a in new for a in call.y.layout.axes]))


def unsqueezed(x: str, new: Sequence[bool]) -> str:
    """Return a tensor with new axes where ``new`` says so."""
    if sum(new) == 1:
        return f"{x}.unsqueeze({list(new).index(True)})"
    keys = ["None" if n else ":" for n in new]
    while keys and keys[-1] == ":":
        keys.pop()
    return f"{x}[{', '.join(keys)}]" if keys else x


@operators("Squeeze")
class Squeeze(Operator):
    """Without axes of size 1."""

    constants = frozenset({1})

    def _axes(self, shape: Shape) -> list[int]:
        axes = self.given(1, "axes")
        if axes is None:
            return [i for i, n in enumerate(shape) if n == 1]
        return sorted(a % len(shape) for a in axes)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The other sizes."""
        axes = self._axes(shapes[0])
        return [tuple(s for i, s in enumerate(shapes[0]) if i not in axes)]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Keep the order of the axes that are left."""
        order = followed(call.x)
        return [order], [without(order, self._axes(call.x.shape))]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """The axes that are left in the order wished."""
        return [None if wish.flat else with_axes(wish, self._axes(call.x.shape))]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.squeeze(1)``."""
        dims = sorted(call.x.layout.position(a) for a in self._axes(call.x.shape))
        return Forward(squeezed(call.x.name, dims))


def squeezed(x: str, dims: Sequence[int]) -> str:
    """Return a tensor without some axes of size 1."""
    if not dims:
        return x
    if len(dims) == 1:
        return f"{x}.squeeze({dims[0]})"
    return f"{x}.squeeze(({', '.join(map(str, dims))}))"


@operators("Reshape", "Flatten")
class Reshape(Operator):
    """Other axes over the same values, in the graph's order of them.

    The new shape comes as ``target``: numbers, sizes, and -1 for what is left.
    """

    constants = frozenset({1})

    def target(self, shape: Shape) -> list[Any]:
        """Return the new sizes; a 0 in the graph stands for the old one."""
        if self.kind == "Flatten":
            axis = self.attributes.get("axis", 1)
            axis = axis + len(shape) if axis < 0 else axis
            head, tail = shape[:axis], shape[axis:]
            if None not in tail:
                return [-1, prod(n for n in tail if n is not None)]
            return [prod(n for n in head if n) if None not in head else -1, -1]
        return list(self.operands[1])

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Those asked for; one -1 is what is left."""
        shape = shapes[0]
        copies = not self.attributes.get("allowzero")
        found: list[int | None] = []
        for i, n in enumerate(self.target(shape)):
            if n == 0 and copies and self.kind == "Reshape":
                found.append(shape[i])
            else:
                found.append(n if isinstance(n, int) and n >= 0 else None)
        left = [i for i, n in enumerate(found) if n is None]
        if len(left) == 1 and None not in shape and 0 not in found:
            rest = prod(n for n in found if n is not None)
            found[left[0]] = prod(n for n in shape if n is not None) // max(rest, 1)
        return [tuple(found)]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """The graph's order, unless the sizes leave no difference."""
        x, y = call.x, call.y
        if (kept := self._kept(call)) is not None:
            order = followed(x)
            return [order], [_moved(order, kept, y.rank, first=call.wants_first)]
        if y.rank == 2 and x.rank > 2 and self._keeps_batch(call):
            return flattened_layouts(call, tuple(range(1, x.rank)))
        if same_order(x.shape, x.layout, range(x.rank)):
            return [x.layout], [Layout.keras(y.rank)]
        return [Layout.keras(x.rank)], [Layout.keras(y.rank)]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """The axes that stay in the order wished; else any."""
        kept = self._kept(call)
        rest: list[Layout | None] = [None] * (len(call.inputs) - 1)
        if kept is None or wish.flat:
            return [None, *rest]
        back = {new: old for old, new in kept.items()}
        return [_moved(wish, back, call.x.rank, first=False), *rest]

    def _kept(self, call: Call) -> dict[int, int] | None:
        """Return where each axis goes, if only some of size 1 come or go."""
        old, new = self._old(call), self._targets(call)
        kept: dict[int, int] = {}
        i = j = 0
        while i < len(old) or j < len(new):
            left, right = old[i : i + 1], new[j : j + 1]
            if left and right and left == right and right != [-1]:
                kept[i] = j
                i, j = i + 1, j + 1
            elif left == [1]:
                i += 1
            elif right == [1]:
                j += 1
            else:
                return None
        return kept

    def _keeps_batch(self, call: Call) -> bool:
        """Whether only what is behind the first axis is flattened."""
        first = self._targets(call)[0]
        old = self._old(call)[0]
        rest = [n for n in call.x.shape[1:]]
        known = None not in rest
        if first == old and not isinstance(first, str):
            return True
        last = self._targets(call)[1]
        return first == -1 and known and last == prod(n for n in rest if n is not None)

    def _old(self, call: Call) -> list[Any]:
        """Return the sizes of the input: numbers, or which axis they are of."""
        mine = {axis: Size.of(dim) for dim, (at, axis) in self.sizes.items() if at == 0}
        return [
            mine.get(i, f"axis {i}") if n is None else n
            for i, n in enumerate(call.x.shape)
        ]

    def _targets(self, call: Call) -> list[Any]:
        old = self._old(call)
        copies = not self.attributes.get("allowzero")
        made: list[Any] = []
        for i, n in enumerate(self.target(call.x.shape)):
            made.append(old[i] if n == 0 and copies and self.kind == "Reshape" else n)
        # What is known of the result is known of the target.
        made = [
            m if n == -1 and m is not None else n
            for n, m in zip(made, call.y.shape, strict=True)
        ]
        open_axes = [i for i, n in enumerate(call.x.shape) if n is None]
        known = [n for n in made if isinstance(n, int) and n != -1]
        alone = len(open_axes) == made.count(-1) == 1 and len(known) == len(made) - 1
        rest = prod(n for n in call.x.shape if n is not None)
        if alone and prod(known) == rest > 0:
            # The others make each other up: what is left is the open axis.
            made[made.index(-1)] = old[open_axes[0]]
        return made

    def forward(self, call: Call, module: str) -> Forward:
        """``x.flatten(1)``, ``x.reshape(-1, 7)``, ``x.unflatten(2, (8, 16))``."""
        x, new = call.x, self._targets(call)
        old = self._old(call)
        if (kept := self._kept(call)) is not None:
            gone = [x.layout.position(a) for a in range(x.rank) if a not in kept]
            come = [a not in kept.values() for a in call.y.layout.axes]
            return Forward(unsqueezed(squeezed(x.name, sorted(gone)), come))
        head = _same(old, new)
        tail = _same(old[head:][::-1], new[head:][::-1])
        inner_old = old[head : len(old) - tail]
        inner_new = new[head : len(new) - tail]
        if (
            len(inner_new) == 1
            and len(inner_old) > 1
            and self._is_product(inner_old, inner_new[0], call)
        ):
            end = "" if not tail else f", {len(old) - tail - 1}"
            return Forward(f"{x.name}.flatten({head}{end})")
        open_ = [i for i, n in enumerate(new) if not isinstance(n, int) or n == -1]
        one_axis = len(inner_old) == 1 and len(inner_new) > 1
        if len(open_) > 1 and one_axis:
            return Forward(
                f"{x.name}.unflatten({head}, ({self._sizes(call, inner_new)}))"
            )
        return Forward(f"{x.name}.reshape({self._sizes(call, new)})")

    def _is_product(self, old: list[Any], new: Any, call: Call) -> bool:
        """Whether the one size is all of the old ones; a -1 always is."""
        if new == -1 or all(isinstance(n, int) for n in old):
            return True
        if any(isinstance(n, str) for n in old):
            return False
        return bool(prod(old[1:], start=old[0]) == new)

    def _sizes(self, call: Call, sizes: list[Any]) -> str:
        """Return the text of sizes, of which one may be left to PyTorch."""
        texts = [
            f"{call.x.name}.shape[{call.x.layout.position(int(n.split()[1]))}]"
            if isinstance(n, str)
            else self.text(call, n)
            for n in sizes
        ]
        vague = [i for i, n in enumerate(sizes) if not isinstance(n, int)]
        if vague and -1 not in sizes and 0 not in sizes:
            longest = max(vague, key=lambda i: (len(texts[i]), -i))
            texts[longest] = "-1"
        return ", ".join(texts)


def _moved(order: Layout, kept: Mapping[int, int], rank: int, *, first: bool) -> Layout:
    """Return the order of a tensor whose axes are some of another's.

    Those of size 1 that are its alone go where they make it the usual one.
    """
    stay = [kept[a] for a in order.axes if a in kept]
    usual = [Layout.keras(rank), *([Layout.channels_first(rank)] if rank > 2 else [])]
    for layout in usual[::-1] if first else usual:
        if [a for a in layout.axes if a in stay] == stay:
            return layout
    places = {a: i for i, a in enumerate(sorted(stay))}
    inner = Layout(tuple(places[a] for a in stay))
    return with_axes(inner, [a for a in range(rank) if a not in places])


def _same(old: Sequence[Any], new: Sequence[Any]) -> int:
    """Return how many sizes at the beginning are the same."""
    count = 0
    for a, b in zip(old, new, strict=False):
        if a != b or b == -1:
            break
        count += 1
    return count


@operators("Concat")
class Concat(Operator):
    """Tensors one behind the other."""

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes along the axis add up."""
        axis = self.attributes["axis"] % len(shapes[0])
        sizes = [s[axis] for s in shapes]
        known = [s for s in sizes if s is not None]
        total = sum(known) if len(known) == len(sizes) else None
        return [(*shapes[0][:axis], total, *shapes[0][axis + 1 :])]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """One order for all."""
        wanted = self._agree(call)
        if any(w.flat for w in wanted):
            wanted = [Layout.keras(t.rank) for t in call.inputs]
        return wanted, [wanted[0]]

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.cat([x, y], dim=1)``."""
        terms = self.terms(call)
        if len(terms) == 1:
            return Forward(terms[0])
        dim = call.y.layout.position(self.attributes["axis"])
        return Forward(f"torch.cat([{', '.join(terms)}], dim={dim})")


@operators("Split")
class Split(Operator):
    """Parts of a tensor along one axis."""

    constants = frozenset({1})
    results = 1 << 16

    def _parts(self, call_size: int | None, outputs: int) -> list[Any]:
        given = self.given(1, "split")
        if given is not None:
            return list(given)
        if call_size is None:
            raise self.unsupported("the size that is split is not known")
        size = -(-call_size // outputs)
        return [min(size, call_size - i * size) for i in range(outputs)]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The parts' sizes along the axis."""
        shape = shapes[0]
        axis = self.attributes.get("axis", 0) % len(shape)
        count = self.attributes.get("num_outputs", 0)
        parts = self._parts(shape[axis], count)
        return [
            (*shape[:axis], n if isinstance(n, int) else None, *shape[axis + 1 :])
            for n in parts
        ]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.chunk(2, dim=1)``, ``x.split([2, 3], dim=1)``."""
        axis = self.attributes.get("axis", 0)
        dim = call.x.layout.position(axis)
        parts = self._parts(call.x.shape[axis], len(call.outputs))
        if len(parts) == 1:
            return Forward([call.x.name])
        if len(set(parts)) == 1:
            return Forward(f"{call.x.name}.chunk({len(parts)}, dim={dim})", unpack=True)
        sizes = self.text(call, parts)
        return Forward(f"{call.x.name}.split({sizes}, dim={dim})", unpack=True)


@operators("Expand")
class Expand(Operator):
    """Sizes of 1 made larger, and axes added in front."""

    constants = frozenset({1})

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """What meets in broadcasting."""
        shape, target = shapes[0], list(self.operands[1])
        rank = max(len(shape), len(target))
        old = (1,) * (rank - len(shape)) + shape
        new = [1] * (rank - len(target)) + target
        return [
            tuple(
                o if n == 1 else (n if isinstance(n, int) else None)
                for o, n in zip(old, new, strict=True)
            )
        ]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow; with new axes the graph's order."""
        if call.x.rank == call.y.rank:
            order = followed(call.x)
            return [order], [order]
        return [Layout.keras(call.x.rank)], [Layout.keras(call.y.rank)]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.expand(-1, 5, -1)``."""
        x, target = call.x, list(self.operands[1])
        rank = call.y.rank
        new = [1] * (rank - len(target)) + target
        lead = rank - x.rank
        texts = []
        for axis in call.y.layout.axes:
            kept = axis >= lead and (
                new[axis] == 1 or new[axis] == x.shape[axis - lead] != 1
            )
            texts.append("-1" if kept else self.text(call, new[axis]))
        if all(t == "-1" for t in texts):
            return Forward(x.name)
        return Forward(f"{x.name}.expand({', '.join(texts)})")


@operators("Tile")
class Tile(Operator):
    """The tensor several times along its axes."""

    constants = frozenset({1})

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """The sizes times the repeats."""
        return [
            tuple(
                s * n if s is not None and isinstance(n, int) else None
                for s, n in zip(shapes[0], self.operands[1], strict=True)
            )
        ]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.repeat(1, 2, 1)``."""
        repeats = [self.operands[1][a] for a in call.x.layout.axes]
        if all(n == 1 for n in repeats):
            return Forward(call.x.name)
        texts = ", ".join(self.text(call, n) for n in repeats)
        return Forward(f"{call.x.name}.repeat({texts})")


__all__ = ["MISSING", "Reshape", "permuted", "squeezed", "unsqueezed"]
