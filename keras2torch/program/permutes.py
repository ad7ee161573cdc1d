"""The expression that brings a tensor into another layout."""

from __future__ import annotations

import math

from keras2torch.layers.definitions import Layout, Tensor
from keras2torch.layers.text import literal


def permute_text(source: Tensor, target: Layout) -> str:
    """Return the expression that brings a tensor into another layout."""
    text, layout = source.name, source.layout
    if layout.flat is not None and target.flat is None:
        text = _unflattened(text, layout)
        layout = Layout(layout.axes)
    order_ = [layout.axes.index(a) for a in target.axes]
    moved = [i for i, o in enumerate(order_) if i != o]
    if not moved:
        return text
    if len(moved) == 2:
        return f"{text}.transpose({moved[0]}, {moved[1]})"
    return f"{text}.permute({', '.join(map(str, order_))})"


def _unflattened(text: str, layout: Layout) -> str:
    """Undo the order in which Flatten ran, which nobody downstream takes."""
    assert layout.flat is not None
    n, parts, start = len(layout.axes) - 1, [], 0
    for dims, order in layout.flat:
        end = start + math.prod(dims)
        part = text if len(layout.flat) == 1 else f"{text}[..., {start}:{end}]"
        if len(order) > 1:
            inner = tuple(dims[o] for o in order)
            axes = [*range(n), *(n + order.index(k) for k in range(len(order)))]
            part = f"{part}.unflatten({n}, {literal(inner)}).permute("
            part += ", ".join(map(str, axes)) + f").flatten({n})"
        parts.append(part)
        start = end
    return parts[0] if len(parts) == 1 else f"torch.cat([{', '.join(parts)}], dim={n})"
