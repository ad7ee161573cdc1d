"""What differs between instances becomes arguments: as few as a person would need."""

from __future__ import annotations

import pytest

from keras2torch.program.columns import columns
from keras2torch.program.names import Names
from keras2torch.program.numbers import Key


@pytest.mark.parametrize(
    ("sizes", "paddings", "arguments", "halves"),
    [
        (["3", "5"], ["1", "2"], ["kernel_size"], 1),
        (["4", "5"], ["2", "2"], ["kernel_size"], 0),
        (["3", "5"], ["1", "3"], ["kernel_size", "padding"], 0),
        (["3", "5"], ["1", "0"], ["kernel_size", "padding"], 0),
        (["(1, 3)", "(3, 1)"], ["(0, 1)", "(1, 0)"], ["kernel_size", "padding"], 0),
    ],
)
def test_half_a_kernel_needs_no_argument(
    sizes: list[str], paddings: list[str], arguments: list[str], halves: int
) -> None:
    size, padding = (0, 0, "kernel_size"), (0, 0, "padding")
    literals: list[dict[Key, str]] = [
        {size: s, padding: p} for s, p in zip(sizes, paddings, strict=True)
    ]
    meanings: dict[Key, str] = {size: "kernel_size", padding: "padding"}
    found = columns(literals, meanings, ["conv"], Names())
    assert sorted(column.name for column in found) == arguments
    assert [key for column in found for key in column.halves] == [padding] * halves


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
