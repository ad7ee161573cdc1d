"""What is written runs, also where the libraries below have faults."""

from __future__ import annotations

import pytest
import torch

from keras2torch.layers.definitions import Conv2D
from keras2torch.program import write

from .graphs import Graph


@pytest.mark.parametrize(
    ("channels", "size", "strides", "shielded"),
    [(2, 1, 2, True), (3, 1, (1, 2), True), (2, 1, 1, False), (2, 3, 2, False)],
)
def test_strided_pixels_of_few_channels_are_read_in_order(
    channels: int, size: int, strides: int | tuple[int, int], shielded: bool
) -> None:
    """Else their gradient ends the process on a processor with AVX2."""
    graph = Graph("net")
    x = graph.input("x", (None, 6, 6, channels))
    y = graph.call(Conv2D(8, size, strides=strides, name="conv"), [x])
    module = write(graph.filled(*y)).module()
    [conv] = [m for m in module.modules() if isinstance(m, torch.nn.Conv2d)]
    seen = []
    conv.register_forward_hook(lambda _, given, __: seen.append(*given))
    images = torch.randn(4, 6, 6, channels).permute(0, 3, 1, 2)
    assert not images.is_contiguous()
    expected = torch.nn.functional.conv2d(
        images.contiguous(), conv.weight, conv.bias, conv.stride
    )
    torch.testing.assert_close(module(images), expected)
    assert seen[0].is_contiguous() == shielded
