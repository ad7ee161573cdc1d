"""The table that ``summary()`` prints, as Keras 3 prints it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from keras2torch import tree
from keras2torch.models.layer import weights_of
from keras2torch.models.symbolic import InputLayer, KerasTensor


def print_summary(
    model: Any,
    *,
    line_length: int | None = None,
    print_fn: Callable[..., Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> None:
    """Print layers, output shapes and numbers of parameters.

    Parameters
    ----------
    model
        What to describe; a model that is not built shows question marks.
    line_length
        Width in characters; the terminal's if not given.
    print_fn
        Called with the whole text instead of ``print``.
    expand_nested
        Whether the layers of models within get rows, too.
    show_trainable
        Whether a column says which layers train.
    """
    table = Table(box=box.HEAVY_HEAD, show_lines=True)
    table.add_column("Layer (type)")
    table.add_column("Output Shape")
    table.add_column("Param #", justify="right")
    if branched := _is_branched(model):
        table.add_column("Connected to")
    if show_trainable:
        table.add_column("Trainable", justify="center")

    def rows(layers: list[Any], level: int) -> None:
        for layer in layers:
            cells = [
                "  " * level + f"[b]{escape(layer.name)}[/] ({type(layer).__name__})",
                escape(_shapes(layer)),
                f"{_count(layer):,}" if _is_built(layer) else "0 (unbuilt)",
            ]
            if branched:
                cells.append(escape(_before(layer)) if not level else "")
            if show_trainable:
                cells.append("Y" if layer.trainable else "N")
            table.add_row(*cells)
            if expand_nested and hasattr(layer, "get_layer"):
                rows(layer.layers, level + 1)

    rows(model.layers, 0)
    text = io.StringIO()
    wide = line_length or (None if print_fn is None else 80)
    console = Console(file=text, width=wide) if print_fn else Console(width=wide)
    console.print(f'[b]Model: "{escape(model.name)}"[/]', highlight=False)
    console.print(table, highlight=False)
    for line in _totals(model):
        console.print(line, highlight=False)
    if print_fn is not None:
        print_fn(text.getvalue())


def _totals(model: Any) -> list[str]:
    weights = weights_of(model)
    trained = {id(v) for v in weights if v.trainable}
    total = sum(int(np.prod(v.shape)) for v in weights)
    moved = sum(int(np.prod(v.shape)) for v in weights if id(v) in trained)
    optimizer: Any = getattr(model, "optimizer", None)
    kept = getattr(optimizer, "variables", ())
    extra = 0
    if getattr(optimizer, "built", False):
        extra = sum(int(np.prod(tuple(v.shape))) for v in kept)
    lines = [
        f"[b] Total params: [/]{total + extra:,} ({_bytes(4 * (total + extra))})",
        f"[b] Trainable params: [/]{moved:,} ({_bytes(4 * moved)})",
        f"[b] Non-trainable params: [/]{total - moved:,} ({_bytes(4 * (total - moved))})",
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
    return int(layer.count_params())


def _is_built(layer: Any) -> bool:
    return isinstance(layer, InputLayer) or bool(layer.built) or bool(layer.nodes)


def _shapes(layer: Any) -> str:
    if isinstance(layer, InputLayer):
        return str(tuple(layer.batch_shape))
    if not layer.nodes:
        return "?"
    shapes = [t.shape for t in layer.nodes[0].outputs]
    return ", ".join(str(tuple(s)) for s in shapes)


def _is_branched(model: Any) -> bool:
    """Whether layers do not simply follow one another."""
    network = model.network
    if network is None or hasattr(model, "_stack"):
        return False
    taken: dict[int, int] = {}
    for node in network.nodes:
        if len(node.inputs) > 1:
            return True
        for tensor in node.inputs:
            taken[id(tensor)] = taken.get(id(tensor), 0) + 1
    return any(n > 1 for n in taken.values())


def _before(layer: Any) -> str:
    if isinstance(layer, InputLayer) or not layer.nodes:
        return "-"
    found = []
    for tensor in tree.flatten(list(layer.nodes[0].args)):
        if isinstance(tensor, KerasTensor) and tensor.node is not None:
            found.append(f"{tensor.node.operation.name}[0][{tensor.index}]")
    return re.sub(r"\s+", " ", ", ".join(found))
