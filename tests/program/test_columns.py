"""What differs between instances becomes arguments: as few as a person would need."""

from __future__ import annotations

import pytest

from keras2torch.program.columns import columns
from keras2torch.program.names import Names
from keras2torch.program.numbers import Key


def test_what_enters_first_is_in_channels() -> None:
    """A depthwise convolution before the one that makes another number of channels."""
    enters, leaves = (0, 0, 0), (0, 0, 1)
    after, last = (0, 1, 0), (0, 1, 1)
    literals: list[dict[Key, str]] = [
        {enters: "8", leaves: "8", after: "8", last: "16"},
        {enters: "4", leaves: "4", after: "4", last: "32"},
    ]
    meanings: dict[Key, str] = {
        enters: "in_channels",
        leaves: "out_channels",
        after: "in_channels",
        last: "out_channels",
    }
    found = columns(literals, meanings, ["separable"], Names())
    assert [column.name for column in found] == ["in_channels", "out_channels"]


def test_what_a_normalization_joins_is_out_channels() -> None:
    """Two convolutions of half as many each: who calls it knows the sum."""
    one, other, both = (0, 0, 1), (1, 0, 1), (2, 0, 0)
    literals: list[dict[Key, str]] = [
        {one: "22", other: "22", both: "44"},
        {one: "8", other: "8", both: "16"},
    ]
    meanings: dict[Key, str] = {
        one: "out_channels",
        other: "out_channels",
        both: "num_features",
    }
    found = columns(literals, meanings, ["conv1", "conv2", "bn"], Names())
    named = {column.name: column.values for column in found}
    assert named == {"hidden_channels": ["22", "8"], "out_channels": ["44", "16"]}


@pytest.mark.parametrize(
    ("values", "default"),
    [("0 1 0 2 0", "0"), ("0 0 1 2 3", "0"), ("0 1 1 2 2", None), ("0 1 2", None)],
)
def test_what_is_told_most_often_is_left_out(values: str, default: str | None) -> None:
    key: Key = (0, 0, "padding")
    literals: list[dict[Key, str]] = [{key: v} for v in values.split()]
    [found] = columns(literals, {key: "padding"}, ["conv"], Names())
    assert found.default == default


def test_stride_and_dilation_are_told_apart() -> None:
    """That both are 2 in the same blocks says nothing."""
    stride, dilation = (0, 0, "stride"), (1, 0, "dilation")
    literals: list[dict[Key, str]] = [{stride: v, dilation: v} for v in "1221"]
    meanings: dict[Key, str] = {stride: "stride", dilation: "dilation"}
    found = columns(literals, meanings, ["conv1", "conv2"], Names())
    assert [column.name for column in found] == ["stride", "dilation"]


def test_what_may_be_nothing() -> None:
    """A padding of its own, that most blocks inside do not have."""
    pad: Key = (0, 0, "pad")
    literals: list[dict[Key, str]] = [{pad: t} for t in ("None", "(0, 1)", "None")]
    [found] = columns(literals, {pad: "pad"}, ["conv"], Names(), {"pad": "None"})
    assert found.annotation() == "tuple[int, int] | None = None"
    [found] = columns(literals[:2] * 2, {pad: "pad"}, ["conv"], Names(), {})
    assert found.annotation() == "tuple[int, int] | None"
