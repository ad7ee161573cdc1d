"""Blocks that differ in optional parts: one class, and flags."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from keras2torch.layers.definitions import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    ReLU,
    UpSampling1D,
)
from keras2torch.program import Program, write
from keras2torch.verification.torch_side import run

from .graphs import Array, Graph, classes, dense


def _block(
    graph: Graph,
    prefix: str,
    x: ir.Value,
    units: int,
    *,
    project: bool = False,
    joined: bool = True,
    drop: bool = False,
) -> ir.Value:
    shortcut = x
    if project:
        [shortcut] = graph.call(Dense(units, name=f"{prefix}_0_dense"), [x])
    [y] = graph.call(Dense(7, name=f"{prefix}_1_dense"), [x])
    [y] = graph.call(ReLU(name=f"{prefix}_1_relu"), [y])
    [y] = graph.call(Dense(6, name=f"{prefix}_2_dense"), [y])
    [y] = graph.call(ReLU(name=f"{prefix}_2_relu"), [y])
    [y] = graph.call(Dense(units, name=f"{prefix}_3_dense"), [y])
    if drop:
        [y] = graph.call(Dropout(0.2, name=f"{prefix}_drop"), [y])
    if joined:
        [y] = graph.call(Add(name=f"{prefix}_add"), [shortcut, y])
    return y


def _by_hand(
    graph: Graph, prefix: str, x: Array, *, project: bool = False, joined: bool = True
) -> Array:
    shortcut = dense(graph, f"{prefix}_0_dense", x) if project else x
    y = np.maximum(dense(graph, f"{prefix}_1_dense", x), 0)
    y = np.maximum(dense(graph, f"{prefix}_2_dense", y), 0)
    y = dense(graph, f"{prefix}_3_dense", y)
    return shortcut + y if joined else y


def _compare(program: Program, expected: dict[str, Array], given: Array) -> None:
    seen = run(program, [[given]], program.module)
    *_, last = expected.values()
    np.testing.assert_allclose(seen.outputs[0][0], last, rtol=1e-4, atol=1e-4)
    for path, value in expected.items():
        found = seen.layers[path, 0][0]
        np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-4)


def _given() -> Array:
    return np.random.default_rng(0).normal(size=(3, 5)).astype("float32")


def test_a_projection_on_the_shortcut() -> None:
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    sizes = [("stage1_block1", 8), ("stage1_block2", 8), ("stage2_block1", 4)]
    sizes += [("stage2_block2", 4)]
    for prefix, units in sizes:
        y = _block(graph, prefix, y, units, project=prefix.endswith("1"))
    program = write(graph.filled(y))
    assert classes(program) == ["ResidualBlock", "Net"]
    assert "shortcut: bool = False" in program.source
    assert "else nn.Identity()" in program.source
    assert "ResidualBlock(5, 8, shortcut=True), ResidualBlock(8, 8)" in program.source
    keys = [w.name for w in program.weights]
    assert "stage1.0.shortcut.weight" in keys
    assert "stage1.1.dense1.weight" in keys
    assert set(keys) == set(program.module().state_dict())
    value = given = _given()
    expected = {}
    for prefix, _ in sizes:
        value = _by_hand(graph, prefix, value, project=prefix.endswith("1"))
        expected[f"{prefix}_add"] = value
    _compare(program, expected, given)


def test_some_are_residual_and_drop() -> None:
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    units = {"a_block1": 8, "a_block2": 8, "b_block1": 4, "b_block2": 4, "c_block1": 6}
    for prefix, size in units.items():
        joined = prefix.endswith("2")
        y = _block(graph, prefix, y, size, joined=joined, drop=joined)
    program = write(graph.filled(y))
    assert classes(program) == ["ResidualBlock", "Net"]
    assert "self.residual = residual" in program.source
    assert re.search(r"return x \+ y if self\.residual else y", program.source)
    assert "nn.Dropout(0.2) if residual else nn.Identity()" in program.source
    value = given = _given()
    expected = {}
    for prefix in units:
        joined = prefix.endswith("2")
        value = _by_hand(graph, prefix, value, joined=joined)
        expected[f"{prefix}_add" if joined else f"{prefix}_3_dense"] = value
    _compare(program, expected, given)


def test_what_comes_once_without_a_part_is_of_the_class() -> None:
    """The first block has no sum; two others are alike."""
    graph = Graph("net")
    x = graph.input("x", (None, 5))
    y = _block(graph, "block0", x, 8, joined=False)
    for prefix in ("block1", "block2"):
        y = _block(graph, prefix, y, 8)
    program = write(graph.filled(y))
    assert classes(program) == ["ResidualBlock", "Net"]
    value = given = _given()
    expected = {}
    for prefix in ("block0", "block1", "block2"):
        joined = prefix != "block0"
        value = _by_hand(graph, prefix, value, joined=joined)
        expected[f"{prefix}_add" if joined else f"{prefix}_3_dense"] = value
    _compare(program, expected, given)


def test_an_optional_part_that_torch_has_no_module_for() -> None:
    graph = Graph("net")
    y = graph.input("x", (None, 2, 5))
    wider = [False, True, False, True, True]
    for i, grows in enumerate(wider):
        [y] = graph.call(Dense(7, name=f"block{i}_expand"), [y])
        [y] = graph.call(ReLU(name=f"block{i}_relu"), [y])
        if grows:
            [y] = graph.call(UpSampling1D(2, name=f"block{i}_up"), [y])
        [y] = graph.call(Dense(5, name=f"block{i}_project"), [y])
        [y] = graph.call(ReLU(name=f"block{i}_out"), [y])
    program = write(graph.filled(y))
    assert "if upsample else nn.Identity()" in program.source
    value = given = _given()[:, None].repeat(2, axis=1)
    expected = {}
    for i, grows in enumerate(wider):
        value = np.maximum(dense(graph, f"block{i}_expand", value), 0)
        value = np.repeat(value, 2, axis=1) if grows else value
        value = np.maximum(dense(graph, f"block{i}_project", value), 0)
        expected[f"block{i}_out"] = value
    _compare(program, expected, given)


def test_branches_are_other_blocks() -> None:
    """Who has another branch is not the same block with a flag."""
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    for i in range(4):
        ends = [y]
        for j in range(3 + i % 2):
            [z] = graph.call(Dense(5, name=f"cell{i}_{j}_dense"), [y])
            ends += graph.call(ReLU(name=f"cell{i}_{j}_relu"), [z])
        [y] = graph.call(Concatenate(name=f"cell{i}_concat"), ends)
        [y] = graph.call(Dense(5, name=f"cell{i}_last"), [y])
    program = write(graph.filled(y))
    assert "bool = False" not in program.source
    assert len(classes(program)) == 3
    seen = run(program, [[_given()]], program.module)
    assert seen.outputs[0][0].shape == (3, 5)


def test_who_joins_channels_is_another_block() -> None:
    """A transition of a DenseNet has no dropout and does not keep what went in."""
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    value = given = _given()
    transitions = (3, 7)
    for i in range(10):
        x = y
        [y] = graph.call(ReLU(name=f"re_lu_{i}"), [x])
        [y] = graph.call(Dense(4, name=f"dense_{i}"), [y])
        [y] = graph.call(ReLU(name=f"re_lu_{i + 20}"), [y])
        [y] = graph.call(Dense(3, name=f"dense_{i + 20}"), [y])
        if i not in transitions:
            [y] = graph.call(Dropout(0.2, name=f"dropout_{i}"), [y])
            [y] = graph.call(Concatenate(name=f"concatenate_{i}"), [x, y])
    program = write(graph.filled(y))
    assert "if self." not in program.source
    expected = {}
    for i in range(10):
        new = dense(graph, f"dense_{i}", np.maximum(value, 0))
        new = dense(graph, f"dense_{i + 20}", np.maximum(new, 0))
        value = new if i in transitions else np.concatenate([value, new], axis=-1)
        if i not in transitions:
            expected[f"concatenate_{i}"] = value
    _compare(program, expected, given)


def _strided(graph: Graph, i: int, x: ir.Value, filters: int, stride: int) -> ir.Value:
    y = x
    for layer in (
        BatchNormalization(name=f"b{i}_bn"),
        Conv2D(filters, 3, strides=stride, padding="same", name=f"b{i}_conv1"),
        ReLU(name=f"b{i}_relu"),
        Conv2D(filters, 3, padding="same", dilation_rate=1 + i % 2, name=f"b{i}_conv2"),
    ):
        [y] = graph.call(layer, [y])
    if stride > 1:
        [x] = graph.call(Conv2D(filters, 1, strides=stride, name=f"b{i}_short"), [x])
    return graph.call(Add(name=f"b{i}_add"), [x, y])[0]


def test_two_parts_with_one_flag_have_names_of_their_own() -> None:
    """Zeros before a strided convolution, and the one on the shortcut."""
    graph = Graph("net")
    y = graph.input("x", (None, 12, 8, 4))
    for i, (filters, stride) in enumerate(((4, 1), (6, 2), (6, 1), (8, 2), (8, 1))):
        y = _strided(graph, i, y, filters, stride)
    model = graph.filled(y)
    folded, flat = write(model), write(model, flat=True)
    assert classes(folded) == ["BasicBlock", "Net"]
    for text in (
        "self.pad = nn.ZeroPad2d((0, 1, 0, 1)) if shortcut else nn.Identity()",
        # What the shortcut is never told is no argument of its convolution.
        "kernel_size=1, stride=stride)",
        "dilation=dilation",
    ):
        assert text in folded.source, text
    given = np.random.default_rng(0).normal(size=(2, 12, 8, 4)).astype("float32")
    one, other = (run(p, [[given]], p.module) for p in (folded, flat))
    np.testing.assert_array_equal(one.outputs[0][0], other.outputs[0][0])


@pytest.mark.parametrize("form", ["flat", "linked"])
def test_other_forms_have_no_flags(form: str) -> None:
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    for prefix in ("s_block1", "s_block2", "t_block1"):
        y = _block(graph, prefix, y, 8, project=prefix != "s_block2")
    model = graph.filled(y)
    program = write(model, flat=form == "flat", linked=form == "linked")
    assert classes(program)[-1:] == ["Net"]
    assert "nn.Identity()" not in program.source


def test_zeros_before_a_convolution_are_a_part() -> None:
    """With stride 2 both ends differ, and PyTorch pads before the convolution."""
    graph = Graph("net")
    y = graph.input("x", (None, 13, 10, 3))
    sizes = [(6, 2), (6, 1), (8, 2), (8, 1), (8, 1)]
    for i, (filters, stride) in enumerate(sizes):
        x = y
        for layer in (
            Conv2D(7, 1, name=f"block{i}_expand"),
            ReLU(name=f"block{i}_expand_relu"),
            DepthwiseConv2D(3, strides=stride, padding="same", name=f"block{i}_deep"),
            BatchNormalization(name=f"block{i}_deep_bn"),
            ReLU(name=f"block{i}_deep_relu"),
            Conv2D(filters, 1, name=f"block{i}_project"),
        ):
            [y] = graph.call(layer, [y])
        if stride == 1:
            [y] = graph.call(Add(name=f"block{i}_add"), [x, y])
    model = graph.filled(y)
    folded, flat = write(model), write(model, flat=True)
    assert classes(folded) == ["InvertedResidual", "Net"]
    assert "nn.ZeroPad2d((0, 1, 1, 1)) if pad else nn.Identity()" in folded.source
    given = np.random.default_rng(0).normal(size=(2, 13, 10, 3)).astype("float32")
    one, other = (run(p, [[given]], p.module) for p in (folded, flat))
    np.testing.assert_array_equal(one.outputs[0][0], other.outputs[0][0])
    for path in ("block0_deep", "block1_deep", "block2_deep_bn", "block4_add"):
        found, expected = one.layers[path, 0][0], other.layers[path, 0][0]
        np.testing.assert_array_equal(found, expected)


def _hard_silu(x: Array) -> Array:
    return x * np.clip(x + 3, 0, 6) / 6


# Prefix: units, whether they are hard-swish, expand, excite and add.
_INVERTED = {
    "block": (5, False, False, True, True),
    "block_1": (6, False, True, False, False),
    "block_2": (6, False, True, False, True),
    "block_3": (6, True, True, True, True),
    "block_4": (8, True, True, True, False),
    "block_5": (8, True, True, True, True),
}


def _inverted(
    graph: Graph, name: str, x: ir.Value, *of: bool | int, images: bool
) -> ir.Value:
    """A block of MobileNetV3; on images its layers are convolutions with one pixel."""
    units, hard, expand, excite, joined = of
    kind = "hard_silu" if hard else "relu"
    hidden = int(units) * 3 if expand else 5

    def act(kind: str) -> Any:
        # As Keras numbers what nobody names.
        return Activation(kind, name=f"activation_{len(graph.layers)}")

    def layer(size: int, suffix: str) -> Any:
        suffix = f"{name}_{suffix}"
        return Conv2D(size, 1, name=suffix) if images else Dense(size, name=suffix)

    def called(y: ir.Value, *layers: Any) -> ir.Value:
        for one in layers:
            [y] = graph.call(one, [y])
        return y

    y = x
    if expand:
        y = called(y, layer(hidden, "expand"), act(kind))
    y = called(y, layer(hidden, "deep"), act(kind))
    if excite:
        z = y
        if images:
            z = called(z, GlobalAveragePooling2D(keepdims=True, name=f"{name}_se_pool"))
        z = called(z, layer(2, "se_reduce"), ReLU(name=f"{name}_se_relu"))
        z = called(z, layer(hidden, "se_expand"), act("sigmoid"))
        [y] = graph.call(Multiply(name=f"{name}_se_mul"), [y, z])
    y = called(y, layer(int(units), "project"))
    return graph.call(Add(name=f"{name}_add"), [x, y])[0] if joined else y


def _inverted_by_hand(graph: Graph, name: str, x: Array, *of: bool | int) -> Array:
    _, hard, expand, excite, joined = of
    act = _hard_silu if hard else lambda a: np.maximum(a, 0)
    y = act(dense(graph, f"{name}_expand", x)) if expand else x
    y = act(dense(graph, f"{name}_deep", y))
    if excite:
        z = np.maximum(dense(graph, f"{name}_se_reduce", y), 0)
        gate = np.clip(dense(graph, f"{name}_se_expand", z), -80, 80)
        y = y / (1 + np.exp(-gate))
    y = dense(graph, f"{name}_project", y)
    return x + y if joined else y


def test_an_activation_is_an_argument_and_an_excitation_a_part() -> None:
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    for name, of in _INVERTED.items():
        y = _inverted(graph, name, y, *of, images=False)
    program = write(graph.filled(y))
    assert len(classes(program)) == 3
    assert "activation: type[nn.Module]," in program.source
    assert "activation=nn.Hardswish" in program.source
    value = given = _given()
    expected = {}
    for name, of in _INVERTED.items():
        value = _inverted_by_hand(graph, name, value, *of)
        expected[f"{name}_add" if of[-1] else f"{name}_project"] = value
    _compare(program, expected, given)


def test_an_activation_that_is_an_argument_writes_over_its_input() -> None:
    graph = Graph("net")
    y = graph.input("x", (None, 4, 3, 5))
    for name, of in _INVERTED.items():
        y = _inverted(graph, name, y, *of, images=True)
    model = graph.filled(y)
    folded, flat = write(model), write(model, flat=True)
    assert classes(folded) == ["Se", "ResidualBlock", "Net"]
    assert "activation(inplace=True)" in folded.source
    assert re.search(r"= y \* se if self\.use_se else se\n", folded.source)
    given = np.random.default_rng(0).normal(size=(2, 4, 3, 5)).astype("float32")
    one, other = (run(p, [[given]], p.module) for p in (folded, flat))
    for name, of in _INVERTED.items():
        path = f"{name}_add" if of[-1] else f"{name}_project"
        found, expected = one.layers[path, 0][0], other.layers[path, 0][0]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_stem_is_no_block() -> None:
    """It has what such a block begins with, and nothing of the rest."""
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    [y] = graph.call(Dense(8, name="stem_dense"), [y])
    [y] = graph.call(ReLU(name="stem_relu"), [y])
    for i in range(3):
        y = _block(graph, f"block{i}", y, 8)
    program = write(graph.filled(y))
    assert classes(program) == ["ResidualBlock", "Net"]
    assert "self.stem_dense = nn.Linear(5, 8)" in program.source
    assert "bool = False" not in program.source


def test_the_last_block_has_no_activation() -> None:
    """As in InceptionResNetV2; where few have it, it is no part of the block."""
    graph = Graph("net")
    y = graph.input("x", (None, 8))
    for i in range(4):
        y = _block(graph, f"block{i}", y, 8)
        if i < 3:
            [y] = graph.call(ReLU(name=f"block{i}_out"), [y])
    program = write(graph.filled(y))
    assert classes(program) == ["ResidualBlock", "Net"]
    assert re.search(r"nn\.ReLU\(\) if \w+ else nn\.Identity\(\)", program.source)
    value = given = np.random.default_rng(0).normal(size=(3, 8)).astype("float32")
    expected = {}
    for i in range(4):
        value = _by_hand(graph, f"block{i}", value)
        expected[f"block{i}_add"] = value
        value = np.maximum(value, 0) if i < 3 else value
    _compare(program, expected, given)


def test_a_part_that_has_an_activation_of_its_own() -> None:
    """VGG16: some blocks have a third convolution, with ``activation="relu"``."""
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    thirds = [False, True, False, True, True]
    for i, third in enumerate(thirds):
        for n in range(2 + third):
            layer = Dense(8, activation="relu", name=f"block{i}_dense{n + 1}")
            [y] = graph.call(layer, [y])
        [y] = graph.call(BatchNormalization(name=f"block{i}_norm"), [y])
    model = graph.filled(y)
    folded, flat = write(model), write(model, flat=True)
    assert len(classes(folded)) == 2
    assert "nn.ReLU()" in folded.source
    assert not re.search(r"= nn\.Identity\(\)$", folded.source, re.MULTILINE)
    one, other = (run(p, [[_given()]], p.module) for p in (folded, flat))
    for i in range(len(thirds)):
        path = f"block{i}_norm"
        found, expected = one.layers[path, 0][0], other.layers[path, 0][0]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_who_has_what_the_other_lacks_is_another_block() -> None:
    """Xception: a projection in some blocks, a third convolution in the others."""
    graph = Graph("net")
    y = graph.input("x", (None, 8))
    for i in range(6):
        x = y
        for n in range(2 if i < 3 else 3):
            [y] = graph.call(Dense(8, name=f"block{i}_dense{n + 1}"), [y])
            [y] = graph.call(BatchNormalization(name=f"block{i}_norm{n + 1}"), [y])
            [y] = graph.call(ReLU(name=f"block{i}_relu{n + 1}"), [y])
        if i < 3:
            [x] = graph.call(Dense(8, name=f"block{i}_shortcut"), [x])
        [y] = graph.call(Add(name=f"block{i}_add"), [x, y])
    program = write(graph.filled(y))
    assert len(classes(program)) == 3
    assert "nn.Identity()" not in program.source


def test_a_sum_the_other_way_round_is_no_part_lost() -> None:
    """A block without a sum, two that add to the shortcut, one that adds it."""
    graph = Graph("net")
    y = graph.input("x", (None, 8))
    for i in range(4):
        z = _block(graph, f"block{i}", y, 8, joined=False)
        ends = {0: [], 3: [z, y]}.get(i, [y, z])
        y = graph.call(Add(name=f"block{i}_add"), ends)[0] if ends else z
    program = write(graph.filled(y))
    value = given = np.random.default_rng(0).normal(size=(3, 8)).astype("float32")
    expected = {}
    for i in range(4):
        value = _by_hand(graph, f"block{i}", value, joined=i > 0)
        expected[f"block{i}_add" if i else "block0_3_dense"] = value
    _compare(program, expected, given)


def test_an_activation_that_cannot_write_over_its_input_stays_as_it_is() -> None:
    """GELU, which is the default of the class where other blocks lack the part."""
    graph = Graph("net")
    y = graph.input("x", (None, 5, 5, 4))
    kinds = ["gelu", "gelu", "gelu", "relu", "", ""]
    for i, kind in enumerate(kinds):
        if kind:
            size = 1 if i % 2 else 3
            layer = Conv2D(4, size, padding="same", name=f"block{i}_expand")
            [y] = graph.call(layer, [y])
            [y] = graph.call(Activation(kind, name=f"block{i}_act"), [y])
        for n in (1, 2):
            layer = Conv2D(4, 3, padding="same", name=f"block{i}_conv{n}")
            [y] = graph.call(layer, [y])
            [y] = graph.call(BatchNormalization(name=f"block{i}_bn{n}"), [y])
    model = graph.filled(y)
    folded, flat = write(model), write(model, flat=True)
    given = np.random.default_rng(0).normal(size=(2, 5, 5, 4)).astype("float32")
    one, other = (run(p, [[given]], p.module) for p in (folded, flat))
    np.testing.assert_allclose(
        one.outputs[0][0], other.outputs[0][0], rtol=1e-4, atol=1e-4
    )
