"""Where the largest are, running sums, and entries by their value."""

from __future__ import annotations

from keras2torch.layers.base import Forward
from keras2torch.layers.text import literal
from keras2torch.operators.base import (
    Call,
    Layout,
    Operator,
    Shape,
    followed,
    operators,
)
from keras2torch.operators.reductions import Axes
from keras2torch.operators.sizes import Size


@operators("ArgMax", "ArgMin")
class Search(Axes):
    """Where along an axis the largest or smallest is."""

    def axes(self, rank: int) -> list[int]:
        """Return the one axis."""
        return [self.attributes.get("axis", 0) % rank]

    def output_dtype(self, *dtypes: str) -> str:
        """An index."""
        return "int64"

    def forward(self, call: Call, module: str) -> Forward:
        """``x.argmax(dim=1)``."""
        x, [dim] = call.x.name, self.dims(call)
        keep = ", keepdim=True" if self.keeps else ""
        name = self.kind.lower()
        if self.attributes.get("select_last_index"):
            last = f"{x}.shape[{dim}] - 1"
            return Forward(f"{last} - {x}.flip({dim}).{name}(dim={dim}{keep})")
        return Forward(f"{x}.{name}(dim={dim}{keep})")


@operators("TopK")
class TopK(Operator):
    """The largest or smallest entries along an axis, and where they are."""

    constants = frozenset({1})
    results = 2

    def _axis(self) -> int:
        return int(self.attributes.get("axis", -1))

    def _k(self) -> int | Size:
        k = self.operands[1]
        found: int | Size = k[0] if isinstance(k, list) else k
        return found

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """``k`` along the axis."""
        sizes, k = list(shapes[0]), self._k()
        sizes[self._axis()] = k if isinstance(k, int) else None
        return [tuple(sizes), tuple(sizes)]

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.topk(x, 3, dim=1)``; for all of them ``torch.sort`` is stable."""
        dim = call.x.layout.position(self._axis())
        largest = self.attributes.get("largest", 1)
        k = self.text(call, self._k())
        whole = (str(call.x.shape[self._axis()]), f"{call.x.name}.shape[{dim}]")
        if k in whole:
            order = ", descending=True" if largest else ""
            text = f"torch.sort({call.x.name}, dim={dim}{order}, stable=True)"
            return Forward(text, unpack=True)
        extra = "" if largest else ", largest=False"
        return Forward(f"torch.topk({call.x.name}, {k}, dim={dim}{extra})", unpack=True)


@operators("CumSum", "CumProd")
class CumSum(Operator):
    """Running sums along an axis."""

    constants = frozenset({1})

    def forward(self, call: Call, module: str) -> Forward:
        """``x.cumsum(dim=1)``."""
        axis = self.operands[1]
        dim = call.x.layout.position(axis[0] if isinstance(axis, list) else axis)
        x = call.x.name
        kind = call.x.dtype
        extra = f", dtype=torch.{kind}" if kind.startswith(("int", "uint")) else ""
        name = self.kind.lower()
        turned = f"{x}.flip({dim})" if self.attributes.get("reverse") else x
        text = f"{turned}.{name}(dim={dim}{extra})"
        if self.attributes.get("reverse"):
            text = f"{text}.flip({dim})"
        if self.attributes.get("exclusive"):
            if self.kind == "CumProd":
                raise self.unsupported("exclusive")
            text = f"{text} - {x}"
        return Forward(text)


@operators("NonZero")
class NonZero(Operator):
    """The indices of what is not 0, an axis each."""

    layout = "keras"

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """As many as there are."""
        return [(len(shapes[0]), None)]

    def output_dtype(self, *dtypes: str) -> str:
        """Indices."""
        return "int64"

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.nonzero(x).T``."""
        return Forward(f"torch.nonzero({call.x.name}).T")


@operators("Compress")
class Compress(Operator):
    """Entries along an axis where a condition holds."""

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """As many as hold."""
        if "axis" not in self.attributes:
            return [(None,)]
        sizes = list(shapes[0])
        sizes[self.attributes["axis"]] = None
        return [tuple(sizes)]

    tensors = frozenset({0, 1})

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow; without an axis the graph's order."""
        if "axis" not in self.attributes:
            return [Layout.keras(t.rank) for t in call.inputs], [Layout.keras(1)]
        order = followed(call.x)
        return [order, Layout.keras(1)], [order]

    def forward(self, call: Call, module: str) -> Forward:
        """``x[:, keep]``."""
        x, keep = self.terms(call)
        if "axis" not in self.attributes:
            x, dim = f"{x}.flatten()", 0
        else:
            dim = call.x.layout.position(self.attributes["axis"])
        # The condition may be shorter than the axis.
        return Forward(f"{x}.index_select({dim}, torch.nonzero({keep})[:, 0])")


@operators("Unique")
class Unique(Operator):
    """What entries there are, sorted."""

    layout = "keras"
    results = 4

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """As many as there are."""
        return [(None,)] * 4

    def forward(self, call: Call, module: str) -> Forward:
        """``torch.unique(x)``."""
        if "axis" in self.attributes or not self.attributes.get("sorted", 1):
            raise self.unsupported("an axis, or unsorted")
        read = [call.reads(i) for i in range(len(call.outputs))] + [False] * 4
        if read[1]:
            raise self.unsupported("where each is found first")
        x = call.x.name
        if not any(read[2:]):
            return Forward([f"torch.unique({x})", "_", "_", "_"][: len(call.outputs)])
        flags = ", return_inverse=True, return_counts=True"
        all_ = f"torch.unique({x}{flags})"
        before = (f"values, inverse, counts = {all_}",)
        results = ["values", "_", "inverse.flatten()", "counts"][: len(call.outputs)]
        return Forward(results, before=before)


@operators("OneHot")
class OneHot(Operator):
    """A new axis in which one entry is on."""

    constants = frozenset({1, 2})
    tensors = frozenset({0})
    indices = 0

    def _depth(self) -> int | Size:
        depth = self.operands[1]
        found = depth[0] if isinstance(depth, list) else depth
        return int(found) if isinstance(found, float) else found

    def _axis(self, rank: int) -> int:
        return int(self.attributes.get("axis", -1)) % (rank + 1)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """With the depth at the axis."""
        sizes, depth = list(shapes[0]), self._depth()
        sizes.insert(self._axis(len(sizes)), depth if isinstance(depth, int) else None)
        return [tuple(sizes)]

    def output_dtype(self, *dtypes: str) -> str:
        """That of the two values."""
        return "float32" if isinstance(self.operands[2][0], float) else "int64"

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """The graph's order."""
        return [Layout.keras(call.x.rank)], [Layout.keras(call.y.rank)]

    def wishes(self, call: Call, wish: Layout) -> list[Layout | None]:
        """None."""
        return [None]

    def forward(self, call: Call, module: str) -> Forward:
        """Compare with all places: what is outside of them has none that is on."""
        x, axis = call.x, self._axis(call.x.rank)
        depth = self.text(call, self._depth())
        off, on = self.operands[2]
        places = f"torch.arange({depth}, device={x.name}.device)"
        behind = x.rank - axis
        if behind:
            places += "[:" + ", None" * behind + "]"
        name, before = x.name, tuple[str, ...]()
        if not self.natural:
            end = f"{name} + {self._closed(depth)}"
            before = (f"index = torch.where({name} < 0, {end}, {name})",)
            name = "index"
        hits = f"{name}.unsqueeze({axis}) == {places}"
        dtype = call.y.dtype
        if (off, on) == (0, 1):
            kind = (
                "torch.get_default_dtype()" if dtype == "float32" else f"torch.{dtype}"
            )
            return Forward(f"({hits}).to({kind})", before=before)
        text = f"torch.where({hits}, {literal(on)}, {literal(off)})"
        made = "float32" if isinstance(on, float) else "int64"
        return Forward(
            text if dtype == made else f"{text}.to(torch.{dtype})", before=before
        )

    @staticmethod
    def _closed(text: str) -> str:
        return f"({text})" if " " in text else text
