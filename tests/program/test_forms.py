"""The forms of a program: flat or folded, faithful or idiomatic."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.coverage import example
from keras2torch.errors import Keras2TorchError
from keras2torch.layers.definitions import (
    REGISTRY,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Embedding,
    Functional,
    GlobalAveragePooling2D,
    Masking,
    ReLU,
    TimeDistributed,
)
from keras2torch.program import Program, write
from keras2torch.program.form import Form
from keras2torch.program.idioms import asides, idioms
from keras2torch.verification.torch_side import run

from .graphs import Graph, classes

_GIVEN = np.random.default_rng(5)


def _blocks(graph: Graph, x: ir.Value, *, prefix: str = "") -> ir.Value:
    [y] = graph.call(Conv2D(4, 3, name=f"{prefix}stem"), [x])
    for i in range(3):
        at = f"{prefix}block{i}"
        [z] = graph.call(Conv2D(4, 3, padding="same", name=f"{at}_conv"), [y])
        [z] = graph.call(BatchNormalization(name=f"{at}_bn"), [z])
        [z] = graph.call(ReLU(name=f"{at}_relu"), [z])
        [y] = graph.call(Add(name=f"{at}_add"), [y, z])
    return y


def _net() -> ir.Model:
    graph = Graph("net")
    y = _blocks(graph, graph.input("image", (None, 7, 6, 3)))
    [y] = graph.call(GlobalAveragePooling2D(name="pool"), [y])
    return graph.filled(*graph.call(Dense(2, name="head"), [y]))


def _nested() -> ir.Model:
    graph = Graph("net")
    x = graph.input("image", (None, 9, 8, 3))
    inner = graph.nested("tower")
    z = inner.input("z", (None, 9, 8, 3))
    out = _blocks(inner, z, prefix="tower_")
    [y] = graph.call_model(Functional(name="tower"), inner, [x], [out])
    return graph.filled(*graph.call(GlobalAveragePooling2D(name="pool"), [y]))


@pytest.mark.parametrize("options", [{}, {"faithful": True}, {"layout": "keras"}])
def test_flat_is_one_class_that_computes_the_same(options: dict[str, Any]) -> None:
    model = _net()
    folded, flat = (write(model, flat=f, **options) for f in (False, True))
    helpers = set(re.findall(r"^class (\w+)\(nn\.modules", flat.source, re.MULTILINE))
    assert [n for n in classes(flat) if n not in helpers] == ["Net"]
    assert len(classes(folded)) > len(classes(flat))
    assert flat.form == Form(flat=True, **options)
    given = [[_GIVEN.normal(size=(2, 7, 6, 3)).astype("float32")]]
    one, other = (run(p, given, p.module) for p in (folded, flat))
    np.testing.assert_array_equal(one.outputs[0][0], other.outputs[0][0])
    # Every layer's result is seen in both; the blocks' beside them.
    assert len(other.layers) == len(list(flat.plan.layer_steps()))
    for key, values in other.layers.items():
        np.testing.assert_array_equal(values[0], one.layers[key][0])
    # One line a layer: as many modules as layers that have one.
    body = flat.source[flat.source.rindex("def __init__") :]
    assert len(re.findall(r"^        self\.\w+ = ", body, re.MULTILINE)) == 8


def test_the_models_inside_stay_classes() -> None:
    program = write(_nested(), flat=True)
    assert classes(program) == ["Tower", "Net"]


def test_linked_programs_stay_flat() -> None:
    """Their layers are objects of the user's, which the program only calls."""
    assert classes(write(_net(), linked=True)) == ["Net"]


def test_forms_are_told_and_read_again() -> None:
    every = list(Form.every())
    assert every[0] == Form()
    assert len(set(every)) == 8
    assert [Form.from_dict(form.to_dict()) for form in every] == every
    for nonsense in (None, [], {"layout": 3, "flat": "yes"}):
        assert Form.from_dict(nonsense) == Form()


# ------------------------------------------------------------ idiomatic and faithful
def _texts(program: Program) -> dict[str, str]:
    return {
        path: attribute.text
        for _, text in program.parts()
        for path, attribute in text.attributes.items()
    }


def _is_a_place(program: Program, other: Program) -> dict[str, tuple[str, str]]:
    one, two = _texts(program), _texts(other)
    assert one.keys() == two.keys()
    return {path: (one[path], two[path]) for path in one if one[path] != two[path]}


def _masked() -> ir.Model:
    graph = Graph("net")
    [y] = graph.call(Masking(name="masking"), [graph.input("x", (None, 5, 3))])
    return graph.filled(*graph.call(BatchNormalization(name="bn"), [y]))


def _steps() -> ir.Model:
    graph = Graph("net")
    x = graph.input("x", (None, 5, 4, 4, 3))
    bn = {"class_name": "BatchNormalization", "config": {"name": "inner"}}
    return graph.filled(*graph.call(TimeDistributed(bn, name="steps"), [x]))


def _looked_up() -> ir.Model:
    graph = Graph("net")
    x = graph.input("x", (None, 5), "int64")
    return graph.filled(*graph.call(Embedding(7, 3, name="table"), [x]))


@pytest.mark.parametrize(
    ("build", "places"),
    [
        (_net, ["block0_bn", "block1_bn", "block2_bn"]),
        (_nested, [f"tower/tower_block{i}_bn" for i in range(3)]),
        (_masked, ["bn"]),
        (_steps, ["steps"]),
        (_looked_up, []),
    ],
)
def test_the_forms_differ_where_the_report_says(
    build: Callable[[], ir.Model], places: list[str]
) -> None:
    model = build()
    default, faithful = write(model, flat=True), write(model, flat=True, faithful=True)
    for program in (default, faithful):
        told = {i.layer: (i.idiomatic, i.faithful) for i in idioms(program.plan)}
        assert told == _is_a_place(default, faithful)
        assert [path.removeprefix("tower/") for path in told] == [
            path.removeprefix("tower/") for path in places
        ]


@pytest.mark.parametrize("name", sorted(REGISTRY.keys() - {"Functional", "Sequential"}))
def test_every_layer_says_where_its_forms_differ(name: str) -> None:
    """No layer becomes another one with --faithful without a reason in the report."""
    model = example(name)
    try:
        default, faithful = (
            write(model, tidy=False),
            write(model, faithful=True, tidy=False),
        )
    except Keras2TorchError:
        pytest.skip("no program of this layer alone")
    told = {i.layer: (i.idiomatic, i.faithful) for i in idioms(default.plan)}
    assert told == _is_a_place(default, faithful)
    assert all(i.why for i in idioms(default.plan))
    if not told:
        assert default.source == faithful.source
    # What conventions.md knows: the running variance of a batch.
    assert set(told) <= {"layer"}
    assert not told or name == "BatchNormalization"


def test_in_inference_both_compute_the_same() -> None:
    model = _net()
    given = [[_GIVEN.normal(size=(2, 7, 6, 3)).astype("float32")]]
    programs = [write(model, faithful=f) for f in (False, True)]
    one, other = (run(p, given, p.module).outputs[0][0] for p in programs)
    np.testing.assert_array_equal(one, other)
    assert programs[0].state().keys() == programs[1].state().keys()


def test_in_training_only_the_running_variance_differs() -> None:
    """Biased in Keras, times n / (n - 1) in torch (layers/normalization, 3.15)."""
    import torch

    model = _net()
    x = torch.from_numpy(_GIVEN.normal(size=(3, 3, 7, 6)).astype("float32"))
    states = []
    for faithful in (False, True):
        module = write(model, flat=True, faithful=faithful).module().train()
        before = {k: v.clone() for k, v in module.state_dict().items()}
        module(x)
        states.append((before, dict(module.state_dict())))
    (start, idiomatic), (_, kept) = states
    n = 3 * 5 * 4
    for key, value in kept.items():
        if not key.endswith("running_var"):
            torch.testing.assert_close(value, idiomatic[key], rtol=0, atol=0)
            continue
        rest = 0.99 * start[key]
        torch.testing.assert_close(
            (value - rest) * n / (n - 1), idiomatic[key] - rest, rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("options", [{}, {"faithful": True}])
def test_what_neither_form_does_is_told(options: dict[str, bool]) -> None:
    [(layer, why)] = asides(write(_looked_up(), **options).plan)
    assert layer == "table"
    assert "squares each row" in why
    assert not list(asides(write(_net(), **options).plan))
    # The shim's own optimizers see the rows as Keras' do.
    assert not list(asides(write(_looked_up(), linked=True).plan))
