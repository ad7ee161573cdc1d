"""A right program is exact; a wrong one is caught, and its first layer is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.dialect import GraphBuilder
from keras2torch.layers.definitions import Dense, Embedding, Masking, Source
from keras2torch.program import Program, write
from keras2torch.reading import read
from keras2torch.tracing import KerasProcess, KerasUnavailable
from keras2torch.verification import (
    Report,
    difference,
    keras_side,
    unverified,
    verify,
)

from .conftest import Layers, Verify, graph

pytestmark = pytest.mark.needs_keras


def image_net(b: GraphBuilder) -> Sequence[ir.Value]:
    values = [b.input("image", (None, 8, 10, 3))]
    for layer in (
        Layers["Conv2D"](
            filters=4,
            kernel_size=3,
            strides=2,
            padding="same",
            activation="relu",
            name="conv1",
        ),
        Layers["BatchNormalization"](name="norm"),
        Layers["Conv2D"](filters=5, kernel_size=(3, 2), name="conv2"),
        Layers["Flatten"](name="flatten"),
        Layers["Dropout"](rate=0.5, name="dropout"),
        Dense(6, activation="relu", name="dense1"),
        Dense(6, name="dense2"),
        Layers["Activation"](activation="softmax", name="softmax"),
    ):
        values = b.call(layer, values)
    return values


def edited(program: Program, old: str, new: str) -> Program:
    """Return the program with another text."""
    assert old in program.source, program.source
    return replace(program, source=program.source.replace(old, new))


def rewired(program: Program, name: str, source: Source) -> Program:
    """Return the program with a weight that is made another way."""
    weights = [
        replace(w, source=source) if w.name == name else w for w in program.weights
    ]
    assert weights != program.weights
    return replace(program, weights=weights)


def verdicts(report: Report) -> dict[str, str]:
    return {row.name: row.verdict for row in report.layers}


# ------------------------------------------------------------------- what is right
def test_a_right_program_is_exact_throughout(compare: Verify) -> None:
    report = compare(graph(image_net))
    assert report.verdict == "exact"
    assert set(verdicts(report).values()) == {"exact"}
    assert report.first_different is None
    assert report.max_rel_diff is not None
    assert 0 < report.max_rel_diff < 1e-5
    assert report.float64_rel_diff is not None
    assert report.float64_rel_diff < 1e-12
    assert report.gradients.verdict == "exact"
    assert report.gradients.compared == 10
    assert report.gradients.missing == []
    assert report.rebuilt
    assert "against a rebuilt Keras model (Keras 3" in report.sentence()
    # 4·27+4, 4+4 (+8 statistics), 5·24+5, 6·(5·2·4)+6, 6·6+6
    assert report.parameters == {
        "keras_trainable": 112 + 8 + 125 + 246 + 42,
        "torch_trainable": 112 + 8 + 125 + 246 + 42,
        "keras_total": 112 + 16 + 125 + 246 + 42,
        "torch_total": 112 + 16 + 125 + 246 + 42,
    }


@pytest.mark.parametrize("layout", ["torch", "keras"])
def test_layouts_are_mapped_back(compare: Verify, layout: str) -> None:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("image", (None, 6, 7, 3))
        conv = Layers["Conv2D"](filters=4, kernel_size=3, name="conv")
        pool = Layers["MaxPooling2D"](pool_size=2, name="pool")
        [y] = b.call(conv, [x])
        return [y, *b.call(pool, [y])]

    model = graph(build)
    report = compare(model, write(model, layout=layout))
    assert report.verdict == "exact"
    moved = [0, 3, 1, 2] if layout == "torch" else [0, 1, 2, 3]
    assert [t.axes for t in [*report.inputs, *report.outputs]] == [moved] * 3
    shape = [None, 3, 6, 7] if layout == "torch" else [None, 6, 7, 3]
    assert report.inputs[0].shape == shape
    assert [t.name for t in report.outputs] == ["conv", "pool"]


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_indices_with_masks(compare: Verify, dtype: str) -> None:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        values = [b.input("words", (None, 9), dtype)]
        for layer in (
            Embedding(11, 4, mask_zero=True, name="embedding"),
            Layers["LSTM"](units=3, return_sequences=True, name="lstm"),
            Layers["GRU"](units=2, name="gru"),
        ):
            values = b.call(layer, values)
        return values

    model = graph(build)
    report = compare(model)
    assert report.verdict == "exact"
    assert report.gradients.verdict == "exact"
    assert report.inputs[0].dtype == dtype
    # LSTM (4+3+1)·12 and GRU (3+2+2)·6: the frozen second biases do not count.
    assert report.parameters["torch_trainable"] == 44 + 96 + 42
    assert report.parameters["torch_total"] == report.parameters["keras_total"]


def test_masked_steps_and_open_length(compare: Verify) -> None:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        values = [b.input("steps", (None, None, 3))]
        masking = Masking(mask_value=-1.0, name="masking")
        lstm = Layers["LSTM"](units=3, name="lstm")
        return b.call(lstm, b.call(masking, values))

    assert compare(graph(build)).verdict == "exact"


def test_sizes_grow_until_the_model_takes_them(compare: Verify) -> None:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        values = [b.input("image", (None, None, None, 1))]
        for i in range(3):
            values = b.call(Layers["MaxPooling2D"](pool_size=3, name=f"p{i}"), values)
        return values

    assert compare(graph(build)).verdict == "exact"


def test_shared_layers_and_nested_models(compare: Verify) -> None:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        x = b.input("x", (None, 4))
        shared = Dense(4, activation="tanh", name="shared")
        inner = b.nested("block")
        i = inner.input("i", (None, 4))
        [o] = inner.call(Dense(4, name="inside"), [i])
        [once] = b.call(shared, [x])
        [twice] = b.call(shared, [once])
        return b.call_model(Layers["Functional"](name="block"), inner, [twice], [o])

    report = compare(graph(build))
    assert report.verdict == "exact"
    assert verdicts(report) == dict.fromkeys(
        ["shared", "block", "block/inside"], "exact"
    )
    assert report.gradients.compared == 4


def test_layers_that_are_always_random_are_switched_off(compare: Verify) -> None:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        values = b.call(Dense(4, name="dense"), [b.input("x", (None, 4))])
        dropout = Layers["Dropout"](rate=0.5, name="dropout")
        return b.call(dropout, values, options={"training": True})

    model = graph(build)
    program = write(model)
    assert "training=True" in program.source
    report = compare(model, program)
    assert report.verdict == "exact"
    assert any("switched off" in remark for remark in report.remarks)
    assert write(model).source == program.source


def test_nan_on_both_sides_is_said(compare: Verify) -> None:
    model = graph(lambda b: b.call(Dense(2, name="d"), [b.input("x", (None, 3))]))
    bias = model.graph.initializers["d/bias"]
    bias.const_value = ir.tensor(np.array([np.nan, 1.0], "float32"), name=bias.name)
    report = compare(model)
    assert report.verdict == "exact"
    assert any("NaN" in remark for remark in report.remarks)


def test_a_large_model_is_run_in_float64_only_where_it_differs(
    compare: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_side, "_LARGE", 0)
    model = graph(image_net)
    report = compare(model)
    assert report.verdict == "exact"
    assert report.float64_rel_diff is None
    assert report.gradients.verdict == "exact"
    report = compare(model, edited(write(model), "eps=0.001", "eps=0.0012"))
    assert report.verdict == "close"
    assert report.float64_rel_diff is not None


def test_gradients_of_a_large_model_are_asked_in_float64_where_they_differ(
    compare: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_side, "_LARGE", 0)
    # Not even rounding passes in float32.
    monkeypatch.setattr(difference, "EXACT", 0.0)
    model = graph(image_net)
    gradients = compare(model).gradients
    assert gradients.verdict == "exact"
    assert gradients.float64_rel_diff is not None
    assert gradients.float64_rel_diff < 1e-12
    monkeypatch.setattr(keras_side, "_HUGE", 0)
    assert compare(model).gradients.float64_rel_diff is None


def test_saturated_outputs_are_tried_again_with_smaller_inputs(compare: Verify) -> None:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        dense = Dense(3, activation="softmax", name="dense")
        return b.call(dense, [b.input("x", (None, 4))])

    model = graph(build)
    for value in model.graph.initializers.values():
        assert value.const_value is not None
        array = value.const_value.numpy()
        large = array * (3000 if value.name == "dense/kernel" else 0)
        value.const_value = ir.tensor(large, name=value.name)
    report = compare(model)
    assert report.verdict == "exact"
    assert report.gradients.verdict == "exact"
    assert not any("or saturated" in remark for remark in report.remarks)
    kernel = model.graph.initializers["dense/kernel"]
    assert kernel.const_value is not None
    array = kernel.const_value.numpy() * 1e6
    kernel.const_value = ir.tensor(array, name=kernel.name)
    report = compare(model)
    assert any("or saturated" in remark for remark in report.remarks)


# ------------------------------------------------------------------- what is wrong
def test_a_dropped_activation(compare: Verify) -> None:
    model = graph(image_net)
    program = edited(write(model), "F.relu(self.dense1(x))", "self.dense1(x)")
    report = compare(model, program)
    assert report.verdict == "different"
    assert report.first_different == "dense1"
    found = verdicts(report)
    assert found["conv2"] == found["dropout"] == "exact"
    assert found["dense1"] == found["softmax"] == "different"
    assert "'dense1'" in report.sentence()


def test_padding_on_the_other_side(compare: Verify) -> None:
    model = graph(image_net)
    report = compare(model, edited(write(model), "(0, 1, 0, 1)", "(1, 0, 1, 0)"))
    assert (report.verdict, report.first_different) == ("different", "conv1")


def test_a_square_kernel_not_transposed(compare: Verify) -> None:
    model = graph(image_net)
    wrong = Source(("kernel",), lambda a: a, "copy")
    report = compare(model, rewired(write(model), "dense2.weight", wrong))
    assert (report.verdict, report.first_different) == ("different", "dense2")
    assert report.gradients.verdict == "different"


def test_columns_in_the_wrong_order(compare: Verify) -> None:
    model = graph(image_net)
    wrong = Source(("kernel",), lambda a: a.T, "transpose")
    report = compare(model, rewired(write(model), "dense1.weight", wrong))
    # The Flatten itself is right: its output is compared in Keras' order.
    assert (report.verdict, report.first_different) == ("different", "dense1")


def test_an_epsilon_is_close_but_not_exact(compare: Verify) -> None:
    model = graph(image_net)
    report = compare(model, edited(write(model), "eps=0.001", "eps=0.0012"))
    assert (report.verdict, report.first_different) == ("close", "norm")


def test_a_hidden_epsilon_shows_in_float64(compare: Verify) -> None:
    model = graph(image_net)
    report = compare(model, edited(write(model), "eps=0.001", "eps=0.001001"))
    assert report.verdict == "exact"
    assert any("float64" in remark for remark in report.remarks)


def test_a_frozen_weight_is_counted(compare: Verify) -> None:
    model = graph(image_net)
    report = compare(
        model,
        edited(
            write(model),
            "self.dense2 = nn.Linear(6, 6)",
            "self.dense2 = nn.Linear(6, 6).requires_grad_(False)",
        ),
    )
    assert report.verdict == "exact"
    assert report.same_trainable is False
    assert any("PyTorch" in remark for remark in report.remarks)


def test_the_innermost_of_nested_models_is_named(compare: Verify) -> None:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        inner = b.nested("block")
        i = inner.input("i", (None, 4))
        values = inner.call(Dense(4, name="good"), [i])
        [o] = inner.call(Dense(4, activation="relu", name="bad"), values)
        block = Layers["Functional"](name="block")
        return b.call_model(block, inner, [b.input("x", (None, 4))], [o])

    model = graph(build)
    report = compare(model, edited(write(model), "F.relu(self.bad(x))", "self.bad(x)"))
    assert report.first_different == "block/bad"
    assert verdicts(report)["block/good"] == "exact"


def test_a_program_that_raises_is_different(compare: Verify) -> None:
    model = graph(image_net)
    report = compare(model, edited(write(model), "flatten(x, 1)", "flatten(x, 5)"))
    assert report.verdict == "different"
    assert "the PyTorch module does not run" in report.sentence()


# ------------------------------------------------------------- words and integers
def lookup(b: GraphBuilder) -> Sequence[ir.Value]:
    words = b.input("words", (None, 2), "string")
    layer = Layers["StringLookup"](vocabulary=["a", "b", "c"], name="lookup")
    return b.call(layer, [words])


def back(b: GraphBuilder) -> Sequence[ir.Value]:
    given = {"vocabulary": ["a", "b", "c"], "invert": True, "name": "lookup"}
    return b.call(Layers["StringLookup"](**given), [b.input("i", (None, 2), "int64")])


def test_words_are_compared(compare: Verify) -> None:
    model = graph(lookup)
    report = compare(model, write(model))
    assert report.verdict == "exact"
    assert [(i.dtype, i.axes) for i in report.inputs] == [("string", None)]
    assert [(o.dtype, o.axes) for o in report.outputs] == [("int64", [0, 1])]
    wrong = edited(write(model), '"b", "c"', '"c", "b"')
    assert compare(model, wrong).verdict == "different"


def test_strings_that_come_out_are_compared(compare: Verify) -> None:
    model = graph(back)
    assert compare(model, write(model)).verdict == "exact"
    wrong = edited(write(model), '"b", "c"', '"b", "C"')
    assert compare(model, wrong).verdict == "different"


def test_large_indices_are_compared_to_the_last(compare: Verify) -> None:
    def build(b: GraphBuilder) -> Sequence[ir.Value]:
        layer = Layers["Hashing"](num_bins=10**9, name="hashing")
        return b.call(layer, [b.input("words", (None, 2), "string")])

    model = graph(build)
    assert compare(model, write(model)).verdict == "exact"
    wrong = edited(write(model), "return self.hashing(x)", "return self.hashing(x) + 1")
    assert compare(model, wrong).verdict == "different"


# --------------------------------------------------------------------- what is not


def test_without_keras_it_says_so(tmp_path: Path) -> None:
    model = graph(image_net)
    with KerasProcess(tmp_path / "no-python") as process:
        with pytest.raises(KerasUnavailable):
            process.wait()
        report = verify(write(model), model, tmp_path / "none.h5", None, process)
    assert report.verdict == "unverified"
    assert report.sentence().startswith("NOT VERIFIED against Keras: cannot start")
    assert report.parameters["keras_trainable"] == 533
    again = unverified(write(model), model, {"reading": 1.0})
    assert again.sentence() == "NOT VERIFIED against Keras"
    assert again.seconds == {"reading": 1.0}


# -------------------------------------------------------------------- a file of Keras
_SAVE = """
import sys
import keras
from keras import layers

keras.utils.set_random_seed(0)
a = keras.Input((7,), dtype="int32", name="words")
b = keras.Input((8, 8, 3), name="image")
x = layers.Embedding(9, 4, mask_zero=True)(a)
x = layers.Bidirectional(layers.LSTM(3))(x)
y = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(b)
y = layers.BatchNormalization()(y)
y = layers.GlobalAveragePooling2D()(y)
z = layers.Dense(2, activation="softmax", name="scores")(layers.Concatenate()([x, y]))
keras.Model([b, a], [z, y]).save(sys.argv[1])
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that Keras wrote: two inputs, two outputs."""
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    subprocess.run(
        [sys.executable, "-c", _SAVE, str(path)], check=True, capture_output=True
    )
    return path


def test_the_file_itself_is_the_judge(keras: KerasProcess, saved: Path) -> None:
    model = read(saved)
    report = verify(write(model), model, saved, None, keras)
    assert report.verdict == "exact"
    assert not report.rebuilt
    assert report.reference.startswith("Keras 3")
    assert {row.verdict for row in report.layers} == {"exact"}
    assert report.gradients.missing == []
    assert report.same_trainable
    assert {t.name: t.axes for t in report.inputs} == {
        "image": [0, 3, 1, 2],
        "words": [0, 1],
    }


def test_a_file_read_wrongly_is_told_from_one_written_wrongly(
    keras: KerasProcess, saved: Path
) -> None:
    model = read(saved)
    bias = next(v for n, v in model.graph.initializers.items() if n == "scores/bias")
    bias.const_value = ir.tensor(np.array([5.0, -5.0], "float32"), name=bias.name)
    report = verify(write(model), model, saved, None, keras)
    assert (report.verdict, report.first_different) == ("different", "scores")
    assert any("how the file was read" in remark for remark in report.remarks)
