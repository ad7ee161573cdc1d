"""Where torch's own module trains otherwise than Keras' layer: place by place.

What comes out of the model in inference is the same in both forms. Default is torch's
module, as a person writes it; ``--faithful`` writes a class that trains as Keras does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from keras2torch.layers.definitions import Call, Layer
from keras2torch.layout import GraphPlan


@dataclass(frozen=True)
class Idiom:
    """A layer whose two forms train otherwise.

    Attributes
    ----------
    layer
        The Keras layer.
    idiomatic, faithful
        What it is by default, and with ``--faithful``.
    why
        What differs in training.
    """

    layer: str
    idiomatic: str
    faithful: str
    why: str


def idioms(plan: GraphPlan) -> Iterator[Idiom]:
    """Give the layers of a program whose two forms train otherwise, each once."""
    seen: set[str] = set()
    for step in plan.layer_steps():
        layer, path = step.node.layer, step.node.path
        why = layer.idiom(step.call)
        if not why or path in seen:
            continue
        seen.add(path)
        forms = [_text(layer, step.call, faithful=f) for f in (False, True)]
        if forms[0] != forms[1]:
            yield Idiom(path, forms[0], forms[1], why)


def asides(plan: GraphPlan) -> Iterator[tuple[str, str]]:
    """Give pairs of layer path and what differs in training in either form."""
    seen: set[str] = set()
    for step in plan.layer_steps():
        path, told = step.node.path, step.node.layer.aside(step.call)
        if told and path not in seen:
            seen.add(path)
            yield path, told


def _text(layer: Layer, call: Call, *, faithful: bool) -> str:
    made = layer.module(replace(call, faithful=faithful))
    return made.text if made is not None else ""
