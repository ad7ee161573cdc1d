"""A graph → the text of ``model.py`` and the state dict that belongs to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy.typing as npt
import onnx_ir as ir

from keras2torch.errors import PluginError
from keras2torch.layers.core import Block, Chain
from keras2torch.layers.definitions import Functional, Tensor
from keras2torch.layers.loops import own_class
from keras2torch.layout import Choice, GraphPlan, LayerStep, plan
from keras2torch.program import check
from keras2torch.program.activity import penalize
from keras2torch.program.alignment import bounded
from keras2torch.program.blocks import find_blocks
from keras2torch.program.chains import chained, is_nameless
from keras2torch.program.classes import ClassWriter
from keras2torch.program.classtext import Capture, ClassText, body_prefix
from keras2torch.program.docstrings import docstring
from keras2torch.program.form import Form
from keras2torch.program.held import find_homes
from keras2torch.program.inplace import write_over
from keras2torch.program.library import helper_names, helper_source, names_of
from keras2torch.program.masks import drop_masks
from keras2torch.program.names import Names, class_name
from keras2torch.program.outputs import Output, told_outputs
from keras2torch.program.paddings import join_paddings
from keras2torch.program.passing import pass_once
from keras2torch.program.precision import Precision, precision_of
from keras2torch.program.sharing import share
from keras2torch.program.weights import TorchWeight

_LOAD = '''
def load(
    weights: str | os.PathLike[str] | None = None, device: str = "cpu"
) -> nn.Module:
    """Return the model with its weights, in eval mode.

    ``weights`` is a safetensors file; the one beside this file if not given.
    """
    from pathlib import Path

    from safetensors.torch import load_file

    model = {name}(){double}
    path = Path(weights or Path(__file__).with_name("model.safetensors"))
    model.load_state_dict(load_file(path))
    return model.to(device).eval()
'''.replace("str | os.PathLike[str] | None", "str | None")


@dataclass
class Program:
    """A written program.

    Attributes
    ----------
    source
        The text of ``model.py``.
    name
        Name of the model class.
    plan
        The graph with its layouts.
    classes
        The classes as they were written, the model's own last.
    weights
        The entries of the state dict.
    notes
        Pairs of layer path and remark: what differs in training.
    files
        Name → content of other files that must lie beside ``model.py``.
    precision
        What the layers compute in.
    double
        ``load()`` returns a module in float64.
    form
        What of its form the user chose.
    told
        What Keras knows of the outputs.
    """

    source: str
    name: str
    plan: GraphPlan
    classes: list[ClassText]
    weights: list[TorchWeight]
    notes: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    precision: Precision = field(default_factory=lambda: Precision({}))
    double: bool = False
    form: Form = field(default_factory=Form)
    told: list[Output] = field(default_factory=list)

    @property
    def inputs(self) -> list[tuple[str, Tensor]]:
        """Keras names and tensors of the inputs."""
        return self.plan.inputs

    @property
    def outputs(self) -> list[Tensor]:
        """The tensors that come out."""
        return self.plan.outputs

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays of the state dict."""
        return {w.name: w.array() for w in self.weights}

    def parts(self) -> Iterator[tuple[str, ClassText]]:
        """Give submodule and class, the model's own (``""``) first.

        Nothing for a program whose text somebody changed.
        """
        if self.classes:
            yield from _parts("", self.classes[-1])

    @cached_property
    def captures(self) -> dict[str, list[Capture]]:
        """Submodule → where its layers' outputs can be seen."""
        return {name: text.captures for name, text in self.parts()}

    def module(self) -> Any:
        """Execute the source and return the ``nn.Module`` with weights, in eval mode.

        Imports torch.
        """
        from keras2torch.program.module import build

        return build(self)


def write(
    model: ir.Model,
    *,
    layout: Choice = "torch",
    name: str | None = None,
    flat: bool = False,
    faithful: bool = False,
    linked: bool = False,
    in_keras_order: frozenset[str] = frozenset(),
    tidy: bool = True,
) -> Program:
    """Write a graph of the ``keras`` domain as a PyTorch program.

    Parameters
    ----------
    model
        The graph, weights included.
    layout
        ``"torch"``: channels first at the boundary; ``"keras"``: Keras' order.
    name
        Class name; the model's own name if not given.
    flat
        One line a layer: what the model repeats is not made a class. The models
        inside it stay classes.
    faithful, linked, in_keras_order
        See :func:`keras2torch.layout.plan`.
    tidy
        Format the source; what nobody reads need not be.

    Returns
    -------
    Program
        Checked and formatted.
    """
    planned = plan(
        model,
        layout,
        faithful=faithful,
        linked=linked,
        in_keras_order=in_keras_order,
    )
    whole_batch = model.metadata_props.get("sums_activity") == "1"
    uncharged = penalize(planned, whole_batch=whole_batch)
    told = told_outputs(planned)
    if not (flat or linked):
        drop_masks(planned)
        join_paddings(planned)
        with bounded(len(planned.steps)):
            find_blocks(planned)
    precision = precision_of(planned)
    double = precision.double and not linked
    if double:
        for tensor in (*(t for _, t in planned.inputs), *planned.outputs):
            if tensor.dtype.startswith(("float", "bfloat")):
                tensor.dtype = "float64"
    find_homes(planned)
    pass_once(planned)
    reserved = helper_names() | {"F", "torch", "nn", "self", "math"}
    brought = {n for s in planned.layer_steps() for n in s.node.layer.brings()}
    names = Names(set(reserved) | brought | {"load"})
    main = class_name(name or planned.name)
    if main in {own_class(s.node.layer) for s in planned.layer_steps()}:
        # The user's own class of that name is the one inside.
        main = f"{main}Model"
    main = names.unique_class(main)
    every: list[ClassText] = []
    bodies: dict[str, ClassText] = {}
    wishes: dict[str, list[str]] = {}
    owns = model.metadata_props.get("subclassed") == "1"
    _bodies(planned, wishes, bodies, every, frozenset(reserved), owns=owns)
    top = ClassWriter(
        planned, main, bodies, frozenset(reserved), docstring(planned), own=owns
    ).write()
    every.append(top)
    classes = share(every, wishes, names)
    write_over(classes)
    source = _file(classes, main, double=double)
    source = formatted(source) if tidy else source
    check.check(source)
    nodes = {s.node.path: s.node.weights for s in planned.layer_steps()}
    return Program(
        source=source,
        name=main,
        plan=planned,
        classes=classes,
        weights=list(_weights(top, nodes, "", True)),
        notes=[
            *_told(model),
            *uncharged,
            *precision.notes(),
            *[note for c in every for note in c.notes],
        ],
        files=_files(every),
        precision=precision,
        double=double,
        form=Form(layout, flat, faithful),
        told=told,
    )


def _told(model: ir.Model) -> Iterator[tuple[str, str]]:
    """Return what the graph says of what is not carried over, as plain text."""
    try:
        found = json.loads(model.metadata_props.get("notes", "[]"))
        pairs = [(str(path), str(note)) for path, note in found]
    except (TypeError, ValueError):
        return
    for path, note in pairs:
        plain = "".join(c if c.isprintable() else " " for c in note)
        # It may stand in a docstring.
        yield path, plain.replace('"', "'").replace("\\", "/")


def _bodies(
    planned: GraphPlan,
    wishes: dict[str, list[str]],
    bodies: dict[str, ClassText],
    classes: list[ClassText],
    reserved: frozenset[str],
    *,
    owns: bool,
) -> None:
    """Write the classes of nested models, innermost first, under stand-in names.

    ``owns``: whether the class around them is one that the user wrote.
    """
    for step in planned.steps:
        if not isinstance(step, LayerStep) or step.body is None:
            continue
        body = step.body
        if body.path in bodies:
            continue
        own = own_class(step.node.layer)
        _bodies(body, wishes, bodies, classes, reserved, owns=owns or bool(own))
        name = f"StandIn{len(bodies)}_"
        # The model's name in its own config may be generic where the layer's is not.
        wishes[name] = [own, step.node.layer.name, body.name]
        if isinstance(step.node.layer, Block):
            wishes[name] = [body.name]
        told = docstring(body, step)
        frozen = not step.node.layer.trainable
        writer = ClassWriter(
            body, name, bodies, reserved, told, frozen=frozen, own=bool(own)
        )
        text = writer.write()
        stack = not own and isinstance(step.node.layer, Functional)
        if isinstance(step.node.layer, Chain) or (owns and stack and is_nameless(body)):
            # The user's ``self.ffn = Sequential([…])``.
            chained(text)
        text.family = body.family
        bodies[body.path] = text
        classes.append(text)


def _weights(
    text: ClassText, nodes: dict[str, dict[str, ir.Value]], prefix: str, trainable: bool
) -> Iterator[TorchWeight]:
    for held in text.held:
        if held.persistent:
            yield TorchWeight(
                f"{prefix}{held.name}",
                held.path,
                held.source,
                (held.value,),
                trainable and held.trainable,
                held=True,
            )
    for attribute in text.attributes.values():
        moves = trainable and attribute.trainable
        inner = f"{prefix}{attribute.name}."
        if attribute.given:
            continue
        if attribute.body is not None:
            yield from _weights(
                attribute.body, nodes, f"{inner}{body_prefix(attribute)}", moves
            )
            continue
        values = nodes[attribute.path]
        for name, source in attribute.weights.items():
            yield TorchWeight(
                f"{inner}{name}",
                attribute.path,
                source,
                tuple(values[w] for w in source.weights),
                moves and source.trainable,
            )


def _parts(name: str, text: ClassText) -> Iterator[tuple[str, ClassText]]:
    yield name, text
    for attribute in text.attributes.values():
        if attribute.body is not None:
            inner = f"{name}.{attribute.name}.{body_prefix(attribute)}".strip(".")
            yield from _parts(inner, attribute.body)


# --------------------------------------------------------------------------- text
def _file(classes: list[ClassText], main: str, *, double: bool = False) -> str:
    helpers = {h for c in classes for h in c.helpers}
    pieces = _pieces(classes, helpers)
    parts = [*helper_source(helpers), *pieces, *[c.source() for c in classes]]
    if not classes[-1].given:
        parts.append(_LOAD.strip().format(name=main, double=".double()" * double))
    body = "\n\n\n".join(parts)
    head = ['"""PyTorch model, converted from Keras by keras2torch."""', ""]
    if "math." in body:
        head += ["import math", ""]
    head.append("import torch")
    if "F." in body:
        head.append("import torch.nn.functional as F")
    head.append("from torch import nn")
    head += sorted({i for c in classes for i in c.imports} - set(head))
    return "\n".join(head) + "\n\n\n" + body + "\n"


def _files(classes: list[ClassText]) -> dict[str, bytes]:
    """Return what must lie beside the file, each name once."""
    found: dict[str, bytes] = {}
    for name, content in [item for c in classes for item in c.files.items()]:
        plain = name == os.path.basename(name) and not name.startswith((".", "model."))
        if not plain or found.setdefault(name, content) != content:
            raise ValueError(f"two files called {name!r}, or no name for one")
    return found


def _pieces(classes: list[ClassText], helpers: set[str]) -> list[str]:
    """Return the classes and functions of the user's, each name once."""
    found: dict[str, str] = {}
    taken = names_of(helper_source(helpers)) | {"load", "torch", "nn", "F", "math"}
    for name, text in [item for c in classes for item in c.pieces.items()]:
        if found.setdefault(name, text) != text or name in taken:
            raise PluginError(
                f"{name}, which is to stand in model.py, is the name of something else "
                "there: give it another name in the plugin file."
            )
    return list(found.values())


def formatted(source: str) -> str:
    """Format with ruff, whose style the files promise."""
    from ruff import find_ruff_bin

    done = subprocess.run(
        [find_ruff_bin(), "format", "--isolated", "--no-cache", "-"],
        input=source,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        numbered = "\n".join(
            f"{i:4} {line}" for i, line in enumerate(source.splitlines(), 1)
        )
        print(numbered, file=sys.stderr)
        raise RuntimeError(f"the generated source does not parse: {done.stderr}")
    return done.stdout
