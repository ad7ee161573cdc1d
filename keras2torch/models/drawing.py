"""A drawing of a model, by Graphviz where it is installed.

Source: ``keras/src/utils/model_visualization.py`` (3.15).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras2torch import tree
from keras2torch.distribution.writing import by_one
from keras2torch.models.symbolic import Operation


@dataclass(frozen=True)
class _Shown:
    """What a box says beside the class of a layer."""

    names: bool
    shapes: bool
    dtypes: bool
    activations: bool
    trainable: bool
    nested: bool


@dataclass
class _Drawing:
    """The lines of a graph, and the boxes where tensors come in and out."""

    lines: list[str]
    edges: list[tuple[str, str]]
    entries: list[str]
    exits: list[str]


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> str:
    """Return a model as text in Graphviz' language.

    Parameters
    ----------
    model
        One of symbolic tensors, or a built Sequential.
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable
        What a layer's box says beside its class.
    rankdir
        ``"TB"``: from top to bottom, ``"LR"``: from left to right.
    expand_nested
        Whether models within are drawn layer by layer, in a frame.
    dpi, splines
        Dots per inch, and how lines run, in Graphviz' words.
    subgraph
        Whether the text is a ``subgraph``, to stand in another one.

    Raises
    ------
    ValueError
        If the model has no graph.
    """
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {sorted(kwargs)}")
    shown = _Shown(
        show_layer_names,
        show_shapes,
        show_dtype,
        show_layer_activations,
        show_trainable,
        expand_nested,
    )
    drawn = _drawn(model, "n", shown)
    head = f"subgraph cluster_{model.name}" if subgraph else "digraph model"
    settings = [
        f"rankdir={json.dumps(rankdir)};",
        f"dpi={int(dpi)};",
        f"splines={json.dumps(splines)};",
        "node [shape=box];",
    ]
    edges = [f"{a} -> {b};" for a, b in dict.fromkeys(drawn.edges)]
    body = [f"  {line}" for line in [*settings, *drawn.lines, *edges]]
    return "\n".join([f"{head} {{", *body, "}"]) + "\n"


def _drawn(model: Any, prefix: str, shown: _Shown) -> _Drawing:
    graph = getattr(model, "_call_graph", None)
    if graph is None:
        raise ValueError(
            f"the model {model.name!r} has no graph to draw: build it, or make it of "
            "symbolic tensors."
        )
    made: dict[int, Any] = {}
    for node in graph.nodes:
        made.setdefault(id(node.operation), node)
    drawing = _Drawing([], [], [], [])
    entries: dict[int, list[str]] = {}
    exits: dict[int, list[str]] = {}
    for i, operation in enumerate(graph.operations):
        key = f"{prefix}{i}"
        if shown.nested and getattr(operation, "_call_graph", None) is not None:
            inner = _drawn(operation, f"{key}_", shown)
            label = f"label={json.dumps(operation.name)};"
            frame = [f"subgraph cluster_{key} {{", label, *inner.lines, "}"]
            drawing.lines += frame
            drawing.edges += inner.edges
            entries[id(operation)], exits[id(operation)] = inner.entries, inner.exits
        else:
            text = json.dumps(_label(operation, made.get(id(operation)), shown))
            drawing.lines.append(f"{key} [label={text}];")
            entries[id(operation)] = exits[id(operation)] = [key]

    def source(tensor: Any) -> str:
        found = exits[id(tensor.node.operation)]
        at: int = tensor.index % len(found)
        return found[at]

    for node in graph.nodes:
        targets = entries[id(node.operation)]
        for n, tensor in enumerate(node.inputs):
            if tensor.node is not None and id(tensor.node.operation) in exits:
                drawing.edges.append((source(tensor), targets[n % len(targets)]))
    drawing.entries = [source(t) for t in tree.flatten(model.inputs)]
    drawing.exits = [source(t) for t in tree.flatten(model.outputs)]
    return drawing


def _label(operation: Any, node: Any, shown: _Shown) -> str:
    kind = operation.kind if isinstance(operation, Operation) else None
    parts = [kind or type(operation).__name__]
    if shown.names:
        parts.insert(0, operation.name)
    activation = getattr(operation, "activation", None)
    if shown.activations and activation is not None:
        parts.append(f"Activation: {getattr(activation, '__name__', activation)}")
    tensors = node.outputs if node is not None else []
    if shown.shapes:
        parts += [str(t.shape) for t in tensors]
    if shown.dtypes:
        parts += [t.dtype for t in tensors]
    if shown.trainable and getattr(operation, "weights", None):
        parts.append("Trainable" if operation.trainable else "Non-trainable")
    return "\n".join(parts)


@by_one
def plot_model(
    model: Any,
    to_file: str = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> None:
    """Draw a model into a file; the arguments are those of :func:`model_to_dot`.

    Where Graphviz' ``dot`` is not installed a warning says so and nothing is drawn: a
    script need not end for want of a picture.

    Parameters
    ----------
    to_file
        Its ending says the format: ``.png``, ``.svg``, ``.pdf``, or ``.dot`` for the
        text itself, which needs no Graphviz.
    """
    text = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names or not show_shapes,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
        **kwargs,
    )
    path = Path(to_file)
    if path.suffix == ".dot":
        path.write_text(text, encoding="utf-8")
        return
    program = shutil.which("dot")
    if program is None:
        warnings.warn(
            f"plot_model draws nothing into {to_file}: Graphviz' program `dot` is not "
            "installed. A name that ends in .dot gets the text.",
            stacklevel=2,
        )
        return
    kind = path.suffix.removeprefix(".") or "png"
    command = [program, f"-T{kind}", "-o", str(path)]
    subprocess.run(command, input=text, text=True, check=True)
