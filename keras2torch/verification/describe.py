"""What can be said of a program before anything was compared."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.dialect import shape_of
from keras2torch.dialect.files import is_foreign
from keras2torch.layers.definitions import Tensor
from keras2torch.program import Program
from keras2torch.program.chains import CHAIN
from keras2torch.program.classtext import ClassText, body_prefix, statements
from keras2torch.program.held import is_weight
from keras2torch.program.idioms import asides, idioms
from keras2torch.program.transforms import Steps, steps_of
from keras2torch.program.weights import TorchWeight
from keras2torch.verification.graph import layers_of, parameter_counts, producers
from keras2torch.verification.report import (
    KerasWeight,
    LayerRow,
    Report,
    TensorRow,
    WeightRow,
)


def describe(program: Program, model: ir.Model) -> Report:
    """Return the report of a program that nobody has compared yet."""
    layers = layers_of(model)
    trainable, total = parameter_counts(layers)
    names = producers(model.graph)
    # A file that somebody edited comes without its classes.
    modules = dict(_modules(program.classes[-1], "")) if program.classes else {}
    joined = {k: f"part of {v}" for k, v in program.plan.joined.items()}
    code = {**joined, **_expressions(program)}
    return Report(
        verdict="unverified",
        judge="ONNX Runtime" if is_foreign(model) else "Keras",
        name=program.name,
        inputs=[_tensor(name, t, program) for name, t in program.inputs],
        outputs=[
            _tensor(name, t, program)
            for name, t in zip(names, program.outputs, strict=True)
        ],
        parameters={
            "keras_trainable": trainable,
            "torch_trainable": None,
            "keras_total": total,
            "torch_total": None,
        },
        layers=[
            LayerRow(
                layer.path,
                # Of a file's operator the definition is called StoredConv.
                layer.class_name.removeprefix("Stored"),
                *modules.get(layer.path, (None, code.get(layer.path, "in forward"))),
            )
            for layer in layers
            if layer.class_name
        ],
        notes=[
            {"layer": path, "note": note}
            for path, note in (*program.notes, *asides(program.plan))
        ],
        permutes=program.plan.permutes(),
        form=program.form.to_dict(),
        idioms=list(idioms(program.plan)),
        weights=list(_weights(program)),
    )


def _weights(program: Program) -> Iterator[WeightRow]:
    """Give the map from the weights of Keras to the entries of the state dict."""
    layers = {s.node.path: list(s.node.weights) for s in program.plan.layer_steps()}
    for weight in program.weights:
        names = layers.get(weight.path, [])
        keras = [
            _keras_weight(weight, name, value, names)
            for name, value in zip(weight.source.weights, weight.values, strict=True)
            if not weight.held or is_weight(value)
        ]
        found, how = Steps(None, None), weight.source.how
        if keras or not weight.held:
            found = steps_of(weight.source, [tuple(w.shape) for w in keras])
        else:
            how = "a constant of the model"
        shape = found.shape if found.shape is not None else arrived(weight).shape
        yield WeightRow(
            weight.name,
            list(shape),
            keras,
            how,
            found.axes if keras else None,
            found.steps,
            weight.trainable,
        )


def _keras_weight(
    weight: TorchWeight, name: str, value: ir.Value, names: list[str]
) -> KerasWeight:
    shape = [n or 0 for n in shape_of(value)]
    if weight.held:
        own = value.metadata_props.get("keras_name", str(value.name))
        return KerasWeight(weight.path, own, None, shape)
    return KerasWeight(weight.path, name, names.index(name), shape)


def unverified(
    program: Program,
    model: ir.Model,
    seconds: Mapping[str, float] | None = None,
    reason: str = "",
) -> Report:
    """Return the report of a conversion that was not compared with Keras.

    Parameters
    ----------
    program, model
        The program and the graph that it was written from.
    seconds
        By stage, so far.
    reason
        Why it was not.
    """
    report = describe(program, model)
    report.reason = reason
    report.seconds = dict(seconds or {})
    return report


def arrived(weight: TorchWeight) -> npt.NDArray[Any]:
    """Return what becomes of Keras weights that are all ones.

    The transforms are linear: zeros mean that nothing of them arrives, as in the
    second bias of an ``nn.LSTM``.
    """
    one = np.ones((), dtype="int8")
    shapes = [tuple(n or 0 for n in shape_of(v)) for v in weight.values]
    return weight.source(*[np.broadcast_to(one, shape) for shape in shapes])


def _tensor(name: str, tensor: Tensor, program: Program) -> TensorRow:
    # All parameters have one dtype: the module takes no other floats.
    floating = tensor.dtype.startswith(("float", "bfloat"))
    return TensorRow(
        name,
        list(tensor.torch_shape),
        ("float64" if program.double else "float32") if floating else tensor.dtype,
        None if tensor.dtype == "string" else list(tensor.layout.axes),
    )


def _modules(text: ClassText, prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give Keras path → submodule and constructor, nested models included."""
    for path, attribute in text.attributes.items():
        name = f"{prefix}{attribute.name}"
        yield path, (name, attribute.text)
        if attribute.body is not None:
            inner = f"{name}.{body_prefix(attribute)}"
            yield from _modules(attribute.body, inner)


def _expressions(program: Program) -> dict[str, str]:
    """Return Keras path → the line of forward that computes it."""
    found: dict[str, str] = {}
    forwards = {
        node.name: statements(item)
        for node in ast.parse(program.source).body
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.FunctionDef) and item.name == "forward"
    }
    for _, text in program.parts():
        if text.name == CHAIN:
            # What is no module of its own there belongs to one.
            for capture in text.captures:
                found.setdefault(capture.path, text.init[capture.statement])
            continue
        lines = forwards[text.name]
        for capture in text.captures:
            if capture.before:
                found.setdefault(capture.path, capture.variables[0])
            else:
                found.setdefault(capture.path, _value(lines[capture.statement]))
    return found


def _value(statement: ast.stmt) -> str:
    if isinstance(statement, (ast.Assign, ast.Return)) and statement.value is not None:
        return ast.unparse(statement.value)
    return ast.unparse(statement)
