"""A drawing of a model, by Graphviz where it is installed.

Source: ``keras/src/utils/model_visualization.py`` (3.15).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

from keras2torch.distribution.writing import by_one
from keras2torch.models.symbolic import Operation


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    **kwargs: Any,
) -> str:
    """Return a model as text in Graphviz' language.

    Parameters
    ----------
    model
        One of symbolic tensors, or a built Sequential.
    show_shapes, show_dtype, show_layer_names
        What a layer's box says beside its class.
    rankdir
        ``"TB"``: from top to bottom, ``"LR"``: from left to right.

    Raises
    ------
    ValueError
        If the model has no graph.
    """
    graph = model._call_graph
    if graph is None:
        raise ValueError(
            f"the model {model.name!r} has no graph to draw: build it, or make it of "
            "symbolic tensors."
        )
    number = {id(o): i for i, o in enumerate(graph.operations)}
    lines = [
        "digraph model {",
        f"  rankdir={json.dumps(rankdir)};",
        "  node [shape=box];",
    ]
    made: dict[int, Any] = {}
    edges: dict[tuple[int, int], None] = {}
    for node in graph.nodes:
        made.setdefault(id(node.operation), node)
        for tensor in node.inputs:
            if tensor.node is not None and id(tensor.node.operation) in number:
                source = number[id(tensor.node.operation)]
                edges[source, number[id(node.operation)]] = None
    for operation in graph.operations:
        kind = operation.kind if isinstance(operation, Operation) else None
        parts = [kind or type(operation).__name__]
        if show_layer_names:
            parts.insert(0, operation.name)
        tensors = made[id(operation)].outputs if id(operation) in made else []
        if show_shapes:
            parts += [str(t.shape) for t in tensors]
        if show_dtype:
            parts += [t.dtype for t in tensors]
        label = json.dumps("\n".join(parts))
        lines.append(f"  n{number[id(operation)]} [label={label}];")
    lines += [f"  n{a} -> n{b};" for a, b in edges]
    return "\n".join([*lines, "}"]) + "\n"


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
    dpi
        Dots per inch.
    """
    text = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names or not show_shapes,
        rankdir=rankdir,
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
    command = [program, f"-T{kind}", f"-Gdpi={int(dpi)}", "-o", str(path)]
    subprocess.run(command, input=text, text=True, check=True)
