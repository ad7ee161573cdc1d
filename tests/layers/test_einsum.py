"""EinsumDense against Keras: every form of equation, biases, sizes left open."""

from __future__ import annotations

import pytest

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import Flatten
from keras2torch.layers.einsum import EinsumDense
from tests.layers.harness import Row, check, rows, stack

OPEN = (None, None, 6)


def einsum(
    name: str, shape, equation: str, output_shape, *, contains=(), **given
) -> Row:
    layer = EinsumDense(equation, output_shape, **given)
    return stack(name, [layer], shape, contains=contains)


LINEAR = [
    einsum(
        "plain", (None, 6), "ab,bc->ac", 4, bias_axes="c", contains=("nn.Linear(6, 4)",)
    ),
    einsum(
        "turned", (None, 6), "ab,cb->ac", 4, contains=("nn.Linear(6, 4, bias=False)",)
    ),
    einsum(
        "steps",
        (None, 5, 6),
        "abc,cd->abd",
        (None, 4),
        bias_axes="d",
        contains=("nn.Linear(6, 4)",),
    ),
    einsum(
        "open",
        OPEN,
        "abc,cd->abd",
        (None, 4),
        bias_axes="d",
        activation="relu",
        contains=("F.relu(",),
    ),
    einsum(
        "ellipsis",
        (None, 5, 3, 6),
        "...x,xy->...y",
        4,
        bias_axes="y",
        contains=("nn.Linear(6, 4)",),
    ),
    einsum(
        "open_ellipsis",
        OPEN,
        "...x,xy->...y",
        4,
        activation="softmax",
        contains=("nn.Linear(",),
    ),
    einsum(
        "heads",
        OPEN,
        "abc,cde->abde",
        (None, 2, 3),
        bias_axes="de",
        contains=("nn.Linear(6, 6)", ".unflatten(-1, (2, 3))"),
    ),
    einsum(
        "heads_turned",
        OPEN,
        "abc,edc->abde",
        (None, 2, 3),
        bias_axes="de",
        contains=("nn.Linear(6, 6)",),
    ),
    einsum(
        "heads_ellipsis",
        OPEN,
        "...c,cde->...de",
        (2, 3),
        bias_axes="de",
        activation="softmax",
    ),
    einsum(
        "joined",
        (None, 5, 2, 3),
        "abcd,cde->abe",
        (None, 4),
        bias_axes="e",
        contains=("nn.Linear(6, 4)", ".flatten(-2)"),
    ),
    einsum("joined_turned", (None, 5, 2, 3), "abcd,edc->abe", (None, 4), bias_axes="e"),
    einsum("both", (None, 5, 2, 3), "abcd,cdef->abef", (None, 2, 4), activation="tanh"),
    einsum("capitals", (None, 5, 6), "aBc,cD->aBD", (None, 4), bias_axes="D"),
]
HELPER = ("EinsumDense(",)
OTHER = [
    einsum("steps_mixed", (None, 5, 6), "abc,bd->adc", (4, 6), contains=HELPER),
    einsum(
        "steps_bias",
        (None, 5, 6),
        "abc,bd->adc",
        (4, 6),
        bias_axes="d",
        contains=HELPER,
    ),
    einsum(
        "steps_bias_last",
        (None, 5, 6),
        "abc,bd->adc",
        (4, 6),
        bias_axes="c",
        contains=HELPER,
    ),
    einsum(
        "steps_open",
        (None, 5, None),
        "abc,bd->adc",
        (4, None),
        bias_axes="d",
        contains=HELPER,
    ),
    einsum(
        "each_step",
        (None, 5, 6),
        "abc,bcd->abd",
        (5, 4),
        bias_axes="bd",
        contains=HELPER,
    ),
    einsum(
        "each_step_bias",
        (None, 5, 6),
        "abc,bcd->abd",
        (5, 4),
        bias_axes="d",
        contains=HELPER,
    ),
    einsum(
        "each_step_bias_first",
        (None, 5, 6),
        "abc,bcd->abd",
        (5, 4),
        bias_axes="b",
        contains=HELPER,
    ),
    einsum(
        "part_of_the_bias",
        OPEN,
        "abc,cde->abde",
        (None, 2, 3),
        bias_axes="d",
        contains=HELPER,
    ),
    einsum(
        "end_of_the_bias",
        OPEN,
        "abc,cde->abde",
        (None, 2, 3),
        bias_axes="e",
        contains=HELPER,
    ),
    einsum(
        "ellipsis_right",
        (None, 6, 5),
        "ab...,bc->ac...",
        4,
        bias_axes="c",
        activation="tanh",
        contains=HELPER,
    ),
    einsum(
        "ellipsis_right_open",
        (None, 6, None, None),
        "ab...,bc->ac...",
        4,
        contains=HELPER,
    ),
    einsum("ellipsis_nothing", (None, 6), "ab...,bc->ac...", 4, bias_axes="c"),
    einsum(
        "bias_of_an_ellipsis",
        (None, 5, 6),
        "...bc,cd->...bd",
        (5, 4),
        bias_axes="bd",
        contains=HELPER,
    ),
    einsum("swapped", OPEN, "abc,cde->abed", (None, 3, 2), bias_axes="ed"),
    einsum(
        "moved", (None, 5, 6), "abc,cd->adb", (4, 5), bias_axes="d", contains=HELPER
    ),
    einsum("summed", (None, 5, 6), "abc,c->ab", (5,), bias_axes="b", contains=HELPER),
    einsum("summed_away", (None, 5, 6), "abc,bd->ad", (4,), contains=HELPER),
    einsum("outer", (None, 5, 6), "abc,d->abcd", (5, 6, 3), contains=HELPER),
    einsum("elementwise", (None, 5, 6), "abc,c->abc", (5, 6), contains=HELPER),
]


@pytest.mark.needs_keras
@rows([*LINEAR, *OTHER])
def test_like_keras(row, keras):
    check(row, keras)


@pytest.mark.needs_keras
def test_whole_numbers(keras):
    row = stack(
        "whole",
        [EinsumDense("ab,bc->ac", 3)],
        (None, 5),
        dtype="int32",
        gradients=False,
    )
    check(row, keras)


def test_keras_2_knows_the_sizes_of_the_input():
    given = ("abc,cd->abd", (None, 4))
    assert EinsumDense(*given, name="e").output_shapes((None, 5, 6)) == [
        (None, None, 4)
    ]
    known = EinsumDense(*given, name="e", keras2=True)
    assert known.output_shapes((None, 5, 6)) == [(None, 5, 4)]
    assert Flatten(name="f").output_shapes((None, 5, 4)) == [(None, 20)]


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape"),
    [
        ("abc,cd->abd ", (None, 4), None, (None, 5, 6)),
        ("abc->ab", (None, 4), None, (None, 5, 6)),
        ("...abc,cd->abd", (None, 4), None, (None, 5, 6)),
        ("abc,cd->abd", (None, 4), "z", (None, 5, 6)),
        ("abc,cd->abd", (None, 4), "", (None, 5, 6)),
        ("abc,cd->abd", 4, None, (None, 5, 6)),
        ("abc,cd->abd", (7, 4), None, (None, 5, 6)),
        ("abc,cd->abd", (None, 4), None, (None, 5, None)),
        ("abc,cd->abd", (None, None), None, (None, 5, 6)),
        ("ab,bc->ac", 4, None, (None, 5, 6)),
        ("abc,cz->abd", (None, 4), None, (None, 5, 6)),
    ],
)
def test_what_has_no_rule_is_named(equation, output_shape, bias_axes, shape):
    layer = EinsumDense(equation, output_shape, bias_axes=bias_axes, name="my_einsum")
    with pytest.raises(UnsupportedLayer, match="'my_einsum'"):
        layer.weights(shape)
