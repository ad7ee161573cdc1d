"""What stands in a generated script, and that nothing of a file becomes code."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch

from keras2torch.dialect.builder import GraphBuilder
from keras2torch.layers.definitions import GRU, Dense, Embedding
from keras2torch.program import Program, write
from keras2torch.program.check import UnsafeSource
from keras2torch.training import train_script, write_train_script
from keras2torch.training.check import check
from keras2torch.training.compile_config import Version, parse
from tests.training.scripts import lay_out, train

EVIL = [
    'x"; import os #',
    "'); __import__('os').system('id') #",
    '"""\nimport os\n"""',
    "a\nimport os",
    "\\",
    "\\\nimport os",
    "{x}",
    "é\u2028import os",
    "mse; import os",
    "x" * 500,
    "",
]


def filled(builder: GraphBuilder, outputs: list[ir.Value]) -> Program:
    rng = np.random.default_rng(0)
    model = builder.model(outputs)
    for value in model.graph.initializers.values():
        assert value.shape is not None
        array = rng.normal(size=tuple(value.shape)).astype("float32")
        value.const_value = ir.tensor(array, name=value.name)
    return write(model)


def small(activation: str = "softmax", units: int = 3) -> Program:
    builder = GraphBuilder("net")
    x = builder.input("x", (None, 4))
    [hidden] = builder.call(Dense(units=5, name="hidden", activation="relu"), [x])
    out = Dense(units=units, name="out", activation=activation)
    return filled(builder, builder.call(out, [hidden]))


def script(config: Any, version: str = "3.9.0", program: Program | None = None) -> Any:
    text = config if isinstance(config, str) else json.dumps(config)
    return write_train_script(program or small(), text, version)


GOOD = {"optimizer": "sgd", "loss": "mse", "metrics": ["mae"]}


def test_no_compile_config_no_script() -> None:
    assert train_script(small(), None, "3.0") is None


def test_a_loss_without_a_rule_is_a_place_that_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = small()
    made = script({**GOOD, "loss": "loss_fn"}, program=program)
    assert made.notes == (
        "the loss 'loss_fn' has no rule: it is not one of Keras' own losses",
    )
    assert "TODO: return one value a sample" in made.source
    folder = lay_out(program, made.source, tmp_path / "out")
    tensors = [torch.zeros(4, 4), torch.zeros(4, 3)]
    with pytest.raises(SystemExit, match=r"train.py: write the loss 'loss_fn' first"):
        train(folder, monkeypatch, tensors, epochs=1, batch_size=2)


def test_an_unknown_metric_leaves_the_script_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = small()
    made = script({**GOOD, "metrics": ["r2_keras", "mae"]}, program=program)
    assert "# TODO: the metric 'r2_keras'" in made.source
    folder = lay_out(program, made.source, tmp_path / "out")
    tensors = [torch.zeros(4, 4), torch.zeros(4, 3)]
    history = train(folder, monkeypatch, tensors, epochs=1, batch_size=2)
    assert set(history[0]) == {"loss", "mae", "val_loss", "val_mae"}


def hostile() -> list[Any]:
    found: list[Any] = []
    for name in EVIL:
        serialized = {"class_name": name, "config": {name: name, "name": name}}
        known = {"class_name": "Huber", "config": {"delta": name, name: name}}
        adam = {"class_name": "Adam", "config": {"learning_rate": name, name: name}}
        found += [
            {**GOOD, "loss": name},
            {**GOOD, "loss": serialized},
            {**GOOD, "loss": known},
            {**GOOD, "loss": {name: "mse"}},
            {**GOOD, "loss": [name]},
            {**GOOD, "metrics": [name, serialized, {"class_name": "Mean" + name}]},
            {**GOOD, "metrics": {name: [name]}},
            {
                **GOOD,
                "metrics": [
                    {"class_name": "MeanAbsoluteError", "config": {"name": name}}
                ],
            },
            {**GOOD, "optimizer": name},
            {**GOOD, "optimizer": serialized},
            {**GOOD, "optimizer": adam},
            {
                **GOOD,
                "optimizer": {
                    "class_name": "SGD",
                    "config": {"learning_rate": serialized, name: 1.0},
                },
            },
            {**GOOD, "loss_weights": {"out": name}},
        ]
    return found


def test_names_of_a_file_never_become_code() -> None:
    program = small()
    for config in hostile():
        made = script(config, program=program)
        tree = ast.parse(made.source)
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        assert not names & {"os", "__import__", "system"}, config
        imported = {
            alias.name
            for n in ast.walk(tree)
            if isinstance(n, ast.Import)
            for alias in n.names
        }
        assert imported <= {"math", "torch", "torch.nn.functional"}, config
        assert "\nimport os" not in made.source
        check(made.source)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"mse"',
        "{",
        "[" * 100_000,
        '{"optimizer": ' + "[" * 900 + "]" * 900 + "}",
        '{"loss": NaN, "optimizer": Infinity}',
        '{"loss": 3, "optimizer": 4, "metrics": 5, "loss_weights": 6}',
        '{"loss": {}, "optimizer": {}, "metrics": {}, "loss_weights": {}}',
        '{"loss": [[[]]], "optimizer": [], "metrics": [[[["mse"]]]]}',
        '{"optimizer": {"class_name": 1, "config": 2}, "loss": {"class_name": []}}',
        '{"optimizer": {"class_name": "SGD", "config": {"learning_rate": 1e999}}}',
        '{"optimizer": {"class_name": "SGD", "config": {"learning_rate": %s}}}'
        % ("9" * 400),
        '{"optimizer": {"class_name": "SGD", "config": {"momentum": true}}}',
    ],
    ids=range(15),
)
def test_what_is_no_compile_config_ends_in_marked_places(text: str) -> None:
    made = script(text)
    assert made.notes
    assert "raise SystemExit" in made.source


def test_losses_by_output_in_every_form() -> None:
    outputs = ["a", "b"]
    for loss in (["mse", "mae"], {"a": "mse", "b": "mae"}, {"b": "mae", "a": "mse"}):
        config = parse(json.dumps({"loss": loss}), Version(), outputs)
        assert [n and n.kind for n in config.losses] == ["mse", "mae"]
    config = parse('{"loss": "mse", "loss_weights": [1, 0.5]}', Version(), outputs)
    assert [n and n.kind for n in config.losses] == ["mse", "mse"]
    assert config.loss_weights == [1.0, 0.5]
    config = parse('{"loss": {"b": "mse"}}', Version(), outputs)
    assert config.losses[0] is None
    config = parse('{"loss": ["mse"]}', Version(), outputs)
    assert config.problems


def test_metrics_by_output_in_every_form() -> None:
    def kinds(metrics: Any, version: str, outputs: list[str]) -> list[list[str]]:
        text = json.dumps({"metrics": metrics})
        found = parse(text, Version.parse(version), outputs).metrics
        return [[m.kind for m in one] for one in found]

    wrapped = {"class_name": "MeanMetricWrapper", "config": {"fn": "mse"}}
    assert kinds([[wrapped]], "2.4.0", ["a"]) == [["MeanMetricWrapper"]]
    assert kinds(["acc", "mae"], "2.4.0", ["a"]) == [["acc", "mae"]]
    # Keras 2 gives every output all of them, Keras 3 each output its own.
    assert kinds(["acc", "mae"], "2.4.0", ["a", "b"]) == [["acc", "mae"]] * 2
    assert kinds(["acc", "mae"], "3.0.0", ["a", "b"]) == [["acc"], ["mae"]]
    assert kinds([["acc"], ["mae", "mse"]], "3.0.0", ["a", "b"]) == [
        ["acc"],
        ["mae", "mse"],
    ]
    assert kinds({"b": ["acc"]}, "3.0.0", ["a", "b"]) == [[], ["acc"]]


def test_the_loss_takes_logits_where_keras_does() -> None:
    cross = {**GOOD, "loss": "sparse_categorical_crossentropy", "metrics": []}
    assert "Logits(model.out)" in script(cross).source
    assert "Logits" not in script(cross, program=small("linear")).source
    # A sigmoid is not what this loss inverts, nor is a softmax for the other one.
    assert "Logits" not in script(cross, program=small("sigmoid")).source
    assert "Logits" not in script({**cross, "loss": "binary_crossentropy"}).source
    binary = {**cross, "loss": "binary_crossentropy"}
    assert "Logits(model.out)" in script(binary, program=small("sigmoid", 1)).source
    assert "Logits" not in script({**cross, "loss": "mse"}).source


def test_a_masked_output_is_noted() -> None:
    builder = GraphBuilder("net")
    x = builder.input("x", (None, 7), "int32")
    embedding = Embedding(input_dim=9, output_dim=4, mask_zero=True, name="words")
    [h] = builder.call(embedding, [x])
    program = filled(builder, builder.call(Dense(units=2, name="out"), [h]))
    [note] = script(GOOD, program=program).notes
    assert "carries a mask" in note


def test_variable_wise_norms_are_noted_where_variables_were_split() -> None:
    adam = {"class_name": "Adam", "config": {"learning_rate": 0.1, "clipnorm": 1.0}}
    assert not script({**GOOD, "optimizer": adam}).notes
    builder = GraphBuilder("net")
    x = builder.input("x", (None, 7, 3))
    program = filled(builder, builder.call(GRU(units=2, name="gru"), [x]))
    [note] = script({**GOOD, "optimizer": adam}, program=program).notes
    assert "is not one variable of Keras" in note


def test_the_same_output_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = GraphBuilder("net")
    x = builder.input("y", (None, 4))
    [a] = builder.call(Dense(units=3, name="a b", activation="softmax"), [x])
    [b] = builder.call(Dense(units=3, name="a_b", activation="softmax"), [x])
    program = filled(builder, [a, b, b])
    cross = "categorical_crossentropy"
    config = {"optimizer": "sgd", "loss": cross, "metrics": [["mae"], ["mae"], "acc"]}
    made = script(config, program=program)
    folder = lay_out(program, made.source, tmp_path / "out")
    tensors = [torch.zeros(4, 4), *[torch.eye(3)[[0, 1, 2, 0]]] * 3]
    history = train(folder, monkeypatch, tensors, epochs=1, batch_size=2)
    assert set(history[0]) >= {"loss", "a_b_mae", "a_b_mae_1", "a_b_acc"}
    made = script({**config, "loss": "mine"}, program=program)
    assert made.source.count("def loss_mine(") == 1


def test_huber_of_keras_3_does_not_say_its_delta() -> None:
    huber = {"class_name": "Huber", "config": {"reduction": "sum_over_batch_size"}}
    assert "delta of Huber" in script({**GOOD, "loss": huber}).notes[0]
    assert not script({**GOOD, "loss": huber}, "2.9.0").notes


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "from os import system",
        "import torch.hub",
        "print(1)",
        "eval('1')",
        "x = __import__('os')",
        "x = ().__class__",
        "if True:\n    pass",
    ],
)
def test_check_refuses_what_training_does_not_need(line: str) -> None:
    good = script(GOOD).source
    check(good)
    end = good.index("\n\n\nif __name__")
    with pytest.raises(UnsafeSource):
        check(f"{good[:end]}\n\n\n{line}{good[end:]}")
    with pytest.raises(UnsafeSource):
        check(good + line)
