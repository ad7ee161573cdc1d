"""Whether steps are the same, but for parts that some lack."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from keras2torch.layers.definitions import Add, Dense, Functional, ReLU
from keras2torch.program import likeness, write
from keras2torch.program.alignment import Schema, aligned

from .graphs import Graph


def test_blocks_are_compared_in_the_order_of_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else what a bounded search finds changes from one process to the next."""
    names = [f"block{i}" for i in range(50)]
    monkeypatch.setattr(likeness, "schema_of", lambda n: None if n == "?" else n)
    blocks: list[Any] = [*names, "?", *reversed(names)]
    assert list(likeness.schemas(blocks)) == names


def _schema(*steps: tuple[Any, ...]) -> Schema:
    """Steps as ``("conv", -1)``: which block, and which steps it reads."""
    reads = tuple(tuple((n, 0) for n in step[1:]) for step in steps)
    return Schema(tuple(("body", step[0]) for step in steps), reads)


# A part adds what an earlier part makes, in the middle or at its end.
_ENDS = [("d", 6), ("e", 7), ("f", 8), ("g", 9), ("add", -1, 10)]
_ALONE = _schema(
    ("c", -1), ("d", 0), ("e", 1), ("f", 2), ("g", 3), ("add", -1, 4)
)  # fmt: skip


@pytest.mark.parametrize(("read", "worth"), [(0, False), (1, True), (-1, True)])
def test_what_a_part_makes_for_itself_is_its_own(read: int, worth: bool) -> None:
    whole = _schema(
        ("a", -1), ("b", 0), ("c", 1), ("x", 2), ("y", 3), ("y", 4),
        ("add", read, 5), *_ENDS,
    )  # fmt: skip
    union = aligned(whole, _ALONE)
    assert union is not None
    assert [(run.first, run.end) for run in union.schema.runs] == [(0, 2), (3, 7)]
    assert likeness.is_worth(union, union.first) == worth


_RESIDUAL = [("conv", 1, -1), ("norm", 0, 0), ("act", 0, 1), ("conv", 3, 2)]
_RESIDUAL += [("norm", 0, 3), ("act", 0, 4), ("add", 0, -1, 5)]


def _layers(*steps: tuple[Any, ...]) -> Schema:
    """Steps as ``("conv", 3, -1)``: what, the size of its kernel, what it reads."""
    names = {"conv": "Conv2D", "norm": "BatchNormalization", "act": "ReLU"}
    kinds: list[object] = []
    for what, size, *_ in steps:
        name = names.get(what, "Add")
        module = f"nn.{name}" if what in names else ""
        kinds.append(
            ((name, None, (4,), ()), module, size > 1, what in ("conv", "norm"))
        )
    reads = tuple(tuple((n, 0) for n in step[2:]) for step in steps)
    return Schema(tuple(kinds), reads)


@pytest.mark.parametrize(
    ("steps", "worth"),
    [
        # A stem, or what is between two stages.
        ([("conv", 3, -1), ("norm", 0, 0), ("act", 0, 1)], False),
        # Both convolutions, and no sum.
        (_RESIDUAL[:-1], True),
        (_RESIDUAL, True),
    ],
)
def test_a_convolution_alone_is_no_residual_block(
    steps: list[tuple[Any, ...]], worth: bool
) -> None:
    union = aligned(_layers(*_RESIDUAL), _layers(*steps))
    assert union is not None
    assert likeness.is_worth(union, union.first) == worth


def test_what_sees_one_pixel_is_another_convolution() -> None:
    """A step of three convolutions is not the residual block with other kernels."""
    steps = [(what, 3 if what == "conv" else 0, n) for what, _, n, *_ in _RESIDUAL[:-1]]
    union = aligned(_layers(*_RESIDUAL), _layers(*steps))
    assert union is None or not likeness.is_worth(union, union.first)


def test_a_users_own_weights_inside_a_block() -> None:
    """A layer of one's own reads weights that are no input of its body."""
    graph = Graph("net")
    y = graph.input("x", (None, 5))
    for i in range(4):
        x = y
        [y] = graph.call(Dense(6, name=f"dense_{2 * i}"), [x])
        inner = graph.nested(f"scale_{i}")
        z = inner.input("x", (None, 6))
        own = graph.weight(f"scale_{i}", "gamma", 6)
        z = inner.operator("Mul", [z, own], "mul", (None, 6), "float32")
        scale = Functional(name=f"scale_{i}", class_name="Scale")
        [y] = graph.call_model(scale, inner, [y], [z])
        [y] = graph.call(ReLU(name=f"re_lu_{i}"), [y])
        [y] = graph.call(Dense(5, name=f"dense_{2 * i + 1}"), [y])
        [y] = graph.call(Add(name=f"add_{i}"), [y, x])
    program = write(graph.filled(y))
    assert "class Scale(nn.Module)" in program.source
    assert program.module()(torch.ones(2, 5)).shape == (2, 5)
