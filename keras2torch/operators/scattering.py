"""What indices in tensors take, and where they put things."""

from __future__ import annotations

from keras2torch.layers.base import Forward
from keras2torch.operators.base import (
    Call,
    Layout,
    Operator,
    Shape,
    followed,
    operators,
)

# ONNX' reductions → PyTorch's.
_REDUCE = {"mul": "prod", "max": "amax", "min": "amin"}


class _Elements(Operator):
    """Base of what takes an index for each entry along an axis."""

    indices = 1

    def index(self, call: Call, name: str, dim: int) -> str:
        """Return indices as torch's scatter and gather take them."""
        if call.inputs[1].dtype != "int64":
            name = f"{name}.long()"
        # Counted from the end where they are negative, which torch does not know.
        return name if self.natural else f"{name} % {call.x.name}.shape[{dim}]"


@operators("GatherElements")
class GatherElements(_Elements):
    """An entry along an axis for each index."""

    tensors = frozenset({0, 1})

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """That of the indices."""
        return [shapes[1]]

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """One order for all."""
        order = followed(call.x)
        return [order] * len(call.inputs), [order]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.gather(1, index)``."""
        x, index = self.terms(call)
        dim = call.x.layout.position(self.attributes.get("axis", 0))
        index = self.index(call, index, dim)
        return Forward(f"{x}.gather({dim}, {index})")


@operators("ScatterElements")
class ScatterElements(_Elements):
    """The tensor with other entries where the indices say."""

    tensors = frozenset({0, 1, 2})

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """One order for all."""
        order = followed(call.x)
        return [order] * len(call.inputs), [order]

    def forward(self, call: Call, module: str) -> Forward:
        """``x.scatter(1, index, y)``."""
        x, index, updates = self.terms(call)
        dim = call.x.layout.position(self.attributes.get("axis", 0))
        index = self.index(call, index, dim)
        how = self.attributes.get("reduction", "none")
        if how == "none":
            return Forward(f"{x}.scatter({dim}, {index}, {updates})")
        if how == "add":
            return Forward(f"{x}.scatter_add({dim}, {index}, {updates})")
        return Forward(
            f'{x}.scatter_reduce({dim}, {index}, {updates}, reduce="{_REDUCE[how]}")'
        )


class _ByTuples(Operator):
    """Base of what takes the last axis of its indices for places."""

    layout = "keras"

    def keys(self, call: Call, index: str, batch: int = 0) -> str:
        """Return ``index[..., 0], index[..., 1]``, batches counted first."""
        indices = call.inputs[1]
        count = indices.shape[-1]
        if count is None:
            raise self.unsupported("the number of axes that are indexed is not known")
        x, found = call.x.name, []
        for axis in range(batch):
            # One index per entry of the batch, against the axes of the indices.
            behind = indices.rank - 2 - axis
            text = f"torch.arange({x}.shape[{axis}], device={x}.device)"
            if behind:
                text += "[:" + ", None" * behind + "]"
            found.append(text)
        found += [f"{index}[..., {i}]" for i in range(count)]
        return ", ".join(found)


@operators("GatherND")
class GatherND(_ByTuples):
    """The entries at places that are given by their indices in several axes."""

    tensors = frozenset({0, 1})

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """One entry, or part, for each place."""
        batch = self.attributes.get("batch_dims", 0)
        count = shapes[1][-1]
        if count is None:
            raise self.unsupported("the number of axes that are indexed is not known")
        return [(*shapes[1][:-1], *shapes[0][batch + count :])]

    def forward(self, call: Call, module: str) -> Forward:
        """``x[index[..., 0], index[..., 1]]``."""
        x, index = self.terms(call)
        batch = self.attributes.get("batch_dims", 0)
        return Forward(f"{x}[{self.keys(call, index, batch)}]")


@operators("ScatterND")
class ScatterND(_ByTuples):
    """The tensor with other entries, or parts, at places."""

    tensors = frozenset({0, 1, 2})
    indices = 1

    def forward(self, call: Call, module: str) -> Forward:
        """``x.index_put((index[..., 0], index[..., 1]), y)``."""
        x, index, updates = self.terms(call)
        how = self.attributes.get("reduction", "none")
        if how not in ("none", "add"):
            return self._reduced(call, _REDUCE[how])
        extra = ", accumulate=True" if how == "add" else ""
        return Forward(f"{x}.index_put(({self.keys(call, index)},), {updates}{extra})")

    def _reduced(self, call: Call, how: str) -> Forward:
        """Return what is kept of several entries: places are counted along one axis."""
        x, index, updates = self.terms(call)
        indices = call.inputs[1]
        count, lead = indices.shape[-1], indices.rank - 1
        if count is None:
            raise self.unsupported("the number of axes that are indexed is not known")
        place = ""
        for axis in range(count):
            at = f"{index}[..., {axis}]"
            at += "" if self.natural else f" % {x}.shape[{axis}]"
            place = f"({place}) * {x}.shape[{axis}] + {at}" if place else at
        before = (f"place = ({place}).flatten()",)
        if lead > 1:
            updates += f".flatten(0, {lead - 1})"
        elif lead == 0:
            updates += ".unsqueeze(0)"
        flat = f"{x}.flatten(0, {count - 1})" if count > 1 else x
        text = f'{flat}.index_reduce(0, place, {updates}, reduce="{how}")'
        if count > 1:
            text += f".unflatten(0, {x}.shape[:{count}])"
        return Forward(text, before=before)
