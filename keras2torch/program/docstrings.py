"""Docstrings of generated classes: what goes in and what comes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from keras2torch.layers.core import Block
from keras2torch.layers.definitions import Tensor
from keras2torch.layers.loops import own_class
from keras2torch.layout import GraphPlan, LayerStep


@dataclass(frozen=True)
class Row:
    """An input or output: ``Input: (N, 7, 12) float32.``."""

    label: str
    sizes: tuple[str, ...]
    kind: str

    def line(self) -> str:
        """Return the line."""
        end = "," if len(self.sizes) == 1 else ""
        return f"{self.label}: ({', '.join(self.sizes)}{end}) {self.kind}."


@dataclass(frozen=True)
class Docstring:
    """A docstring while it can still be made to fit several instances.

    Attributes
    ----------
    title
        The first line.
    own
        The user's own class, whose title names no instance.
    name
        The model's name.
    rows
        Inputs and outputs.
    block
        It is a stretch of the model, which Keras did not keep together.
    """

    title: str
    own: bool
    name: str
    rows: list[Row] = field(default_factory=list)
    block: bool = False

    def lines(self) -> list[str]:
        """Return the lines, quotes included."""
        return [f'"""{self.title}', "", *[r.line() for r in self.rows], '"""']


def docstring(plan: GraphPlan, step: LayerStep | None = None) -> Docstring:
    """Return the docstring of a class.

    Parameters
    ----------
    plan
        The graph that it is written from.
    step
        The call of the layer that it is; none for the model itself.
    """
    layer = step.node.layer if step is not None else None
    own = own_class(layer) if layer is not None else ""
    block = isinstance(layer, Block)
    if layer is not None and block:
        title = f"The block {quoted(layer.name)} of the model."
    elif own:
        title = f"The custom layer {quoted(own)}, as Keras had it."
    else:
        what = "The model" if step is None else "A model inside the model"
        title = f"{what} {quoted(plan.name)}, as Keras had it."
    rows = []
    outputs = zip(plan.output_names, plan.outputs, strict=True)
    for kind, tensors in (("Input", plan.inputs), ("Output", list(outputs))):
        for name, tensor in tensors:
            several = name and len(tensors) > 1
            label = f"{kind} {quoted(name)}" if several else kind
            rows.append(Row(label, _sizes(tensor), _kind(tensor)))
    return Docstring(title, bool(own), plan.name, rows, block)


def common(
    docstrings: Sequence[Docstring], told: dict[tuple[str, ...], str]
) -> Docstring:
    """Return one docstring for several instances.

    Parameters
    ----------
    docstrings
        Of the instances.
    told
        Sizes, one for each instance → the argument that tells them.
    """
    first = docstrings[0]
    title = first.title
    titles = {d.title for d in docstrings}
    if not first.own and len(titles if not first.block else docstrings) > 1:
        names = [quoted(d.name) for d in docstrings]
        title = f"A model that is {len(names)} times inside the model, as Keras had it."
        if first.block:
            title = f"A block that is {len(names)} times in the model."
    rows = []
    for row, *others in zip(*[d.rows for d in docstrings], strict=True):
        every = [row.sizes, *[o.sizes for o in others]]
        if len({len(s) for s in every}) > 1 or any(o.kind != row.kind for o in others):
            continue
        sizes = []
        for size in zip(*every, strict=True):
            sizes.append(size[0] if len(set(size)) == 1 else told.get(size, "?"))
        rows.append(replace(row, sizes=tuple(sizes)))
    return Docstring(title, first.own, first.name, rows, first.block)


def _sizes(tensor: Tensor) -> tuple[str, ...]:
    letters = {0: "N"}
    dims = [
        letters.get(axis, "?") if tensor.shape[axis] is None else tensor.shape[axis]
        for axis in tensor.layout.axes
    ]
    if tensor.shape and tensor.shape[0] is not None:
        dims[0] = tensor.shape[0]
    return tuple(map(str, dims))


def _kind(tensor: Tensor) -> str:
    if tensor.layout.is_keras:
        return tensor.dtype
    if tensor.layout == tensor.layout.channels_first(tensor.rank):
        return f"{tensor.dtype}, channels first"
    return f"{tensor.dtype}, Keras axes {tensor.layout.axes}"


def quoted(name: str) -> str:
    """Return a name as it may stand in a docstring."""
    plain = "".join(c if c.isalnum() or c in " _-./:" else "?" for c in name)
    return json.dumps(plain[:80], ensure_ascii=True)
