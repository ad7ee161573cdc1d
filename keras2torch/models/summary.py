"""The table that ``summary()`` prints, as Keras 3 prints it."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from keras2torch.distribution.processes import is_main
from keras2torch.models.holding import weights_of
from keras2torch.models.symbolic import InputLayer, Operation


def print_summary(
    model: Any,
    *,
    line_length: int | None = None,
    positions: Any = None,
    print_fn: Callable[..., Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> None:
    """Print layers, output shapes and numbers of parameters.

    Parameters
    ----------
    model
        What to describe; a model that is not built shows question marks.
    line_length
        Width in characters; 88 or 108, and no more than the terminal's if not given.
    positions
        Where each column ends, as fractions of the width.
    print_fn
        Called with the whole text instead of ``print``.
    expand_nested
        Whether the layers of models within get rows, too.
    show_trainable
        Whether a column says which layers train.
    layer_range
        First and last layer to show: two names, or regular expressions.
    """
    branched = _is_branched(model)
    header = ["Layer (type)", "Output Shape", "Param #"]
    width, ends = (108, [0.3, 0.56, 0.74, 1.0]) if branched else (88, [0.45, 0.8, 1.0])
    ends = list(positions or ends)
    if branched:
        header.append("Connected to")
    if show_trainable:
        header.append("Trainable")
        width, ends = width + 12, [0.9 * p for p in ends] + [1.0]
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)
    sizes = _widths(ends, width)
    sides = {"Param #": "right", "Trainable": "center"}
    table = Table(box=box.HEAVY_HEAD, show_lines=True, width=width)
    for name, size in zip(header, sizes, strict=True):
        side: Any = sides.get(name, "left")
        table.add_column(name, justify=side, width=size)

    def rows(layers: list[Any], level: int) -> None:
        for layer in layers:
            start = "   " * level + "└ " if level else ""
            kind = escape(f"({_kind(layer)})")
            cells = [
                f"{escape(start + layer.name)} {kind}",
                escape(_shapes(layer)),
                f"{_count(layer):,}" if _is_built(layer) else "0 (unbuilt)",
            ]
            if branched:
                cells.append(escape(_before(layer, model)))
            if show_trainable:
                trains = "Y" if getattr(layer, "trainable", True) else "N"
                cells.append(trains if getattr(layer, "weights", ()) else "-")
            table.add_row(*cells)
            if expand_nested and hasattr(layer, "layers"):
                rows(layer.layers, level + 1)

    rows(_ranged(_listed(model), layer_range), 0)
    text = io.StringIO()
    console = Console(file=text, width=width + 4) if print_fn else _console()
    console.print(f'[b]Model: "{escape(model.name)}"[/]', highlight=False)
    console.print(table, highlight=False)
    for line in _totals(model):
        console.print(line, highlight=False)
    if print_fn is not None:
        print_fn(text.getvalue())


def _console() -> Console:
    """Return the terminal; of several processes one prints."""
    return Console(quiet=not is_main())


def _widths(ends: list[float], width: int) -> list[int]:
    """Return the columns' widths in characters.

    Raises
    ------
    ValueError
        If one has no room.
    """
    found: list[int] = []
    for end in ends:
        found.append(int(end * width) - sum(found))
    if min(found) < 4:
        raise ValueError("Insufficient console width to print summary.")
    return found


def _listed(model: Any) -> list[Any]:
    """Return what gets a row; operations between layers do, in a functional model."""
    if model._call_graph is None or hasattr(model, "_stack"):
        return list(model.layers)
    return list(model._call_graph.operations)


def _ranged(layers: list[Any], bounds: Any) -> list[Any]:
    if bounds is None:
        return layers
    if len(bounds) != 2 or not all(isinstance(b, str) for b in bounds):
        raise ValueError(
            "layer_range must be a list or tuple of two strings. Received: "
            f"layer_range = {bounds}"
        )
    first, last = (
        [i for i, la in enumerate(layers) if re.match(bound, la.name)]
        for bound in bounds
    )
    if not first or not last:
        raise ValueError(
            "Passed layer_names do not match the layer names in the model. "
            f"Received: {bounds}"
        )
    ends = (
        (min(first), max(last)) if min(first) <= max(last) else (max(last), min(first))
    )
    return layers[ends[0] : ends[1] + 1]


def _kind(layer: Any) -> str:
    """Return the class as Keras names it: a model of symbolic calls is a Functional."""
    if isinstance(layer, Operation):
        return layer.kind
    kind = type(layer).__name__
    return "Functional" if kind == "Model" and layer._call_graph is not None else kind


def _totals(model: Any) -> list[str]:
    weights = weights_of(model)
    trained = {id(v) for v in weights if v.trainable}
    total = sum(int(np.prod(v.shape)) for v in weights)
    moved = sum(int(np.prod(v.shape)) for v in weights if id(v) in trained)
    fixed = total - moved
    optimizer: Any = getattr(model, "optimizer", None)
    kept = getattr(optimizer, "variables", ())
    extra = 0
    if getattr(optimizer, "built", False):
        extra = sum(int(np.prod(tuple(v.shape))) for v in kept)
    lines = [
        f"[b] Total params: [/]{total + extra:,} ({_bytes(4 * (total + extra))})",
        f"[b] Trainable params: [/]{moved:,} ({_bytes(4 * moved)})",
        f"[b] Non-trainable params: [/]{fixed:,} ({_bytes(4 * fixed)})",
    ]
    if extra:
        lines.append(f"[b] Optimizer params: [/]{extra:,} ({_bytes(4 * extra)})")
    return lines


def _bytes(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.2f} {unit}"
        size /= 1024
    return ""


def _count(layer: Any) -> int:
    return 0 if isinstance(layer, Operation) else int(layer.count_params())


def _is_built(layer: Any) -> bool:
    plain = isinstance(layer, (InputLayer, Operation))
    return plain or bool(layer.built) or bool(layer._inbound_nodes)


def _shapes(layer: Any) -> str:
    """Return what came out of its last call, or of the batch that it was built by."""
    if isinstance(layer, InputLayer):
        return str(tuple(layer.batch_shape))
    if layer._inbound_nodes:
        shapes = [tuple(t.shape) for t in layer._inbound_nodes[-1].outputs]
    else:
        shapes = getattr(layer, "_made_shapes", [])
    if not shapes:
        return "?"
    texts = [f"({', '.join(map(str, shape))})" for shape in shapes]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _is_branched(model: Any) -> bool:
    """Whether layers do not simply follow one another."""
    network = model._call_graph
    if network is None or hasattr(model, "_stack"):
        return False
    if sum(n.is_input for n in network.nodes) > 1:
        return True
    taken: list[int] = []
    for node in network.nodes:
        if len(node.inputs) > 1:
            return True
        taken += [id(t) for t in node.inputs]
    called = [id(n.operation) for n in network.nodes]
    return any(len(ids) != len(set(ids)) for ids in (taken, called))


def _before(layer: Any, model: Any) -> str:
    """Return the tensors that it is called on within the model."""
    inside = {id(n) for n in model._call_graph.nodes}
    found = []
    for node in getattr(layer, "_inbound_nodes", ()):
        if id(node) not in inside:
            continue
        for tensor in node.inputs:
            if tensor.node is not None:
                made = tensor.node.operation
                calls = made._inbound_nodes
                at = next(i for i, n in enumerate(calls) if n is tensor.node)
                found.append(f"{made.name}[{at}][{tensor.index}]")
    return ", ".join(found) or "-"
