"""Integers by the largest absolute value along axes, or by least and largest of groups.

Source: ``keras/src/quantizers/quantizers.py`` (Keras 3.15).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from keras2torch.tensors import as_tensor, torch_dtype

_EPSILON = 1e-7


class Quantizer:
    """Base of quantizers; it gives back what it gets.

    Parameters
    ----------
    output_dtype
        Of the integers.
    """

    def __init__(self, output_dtype: str = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        """Quantize."""
        return x

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Quantizer:
        """Make one of what :meth:`get_config` returned."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        raise NotImplementedError(f"{self} does not implement get_config()")


class AbsMaxQuantizer(Quantizer):
    """Quantizes by the largest absolute value.

    Parameters
    ----------
    axis
        Along which the largest is looked for; the call may say it, too.
    value_range
        Least and largest integer.
    epsilon
        Added to the largest value.
    output_dtype
        Of the integers.

    Raises
    ------
    ValueError
        If int8 does not hold the range.
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = _EPSILON,
        output_dtype: str = "int8",
    ) -> None:
        super().__init__(output_dtype)
        self.axis = None
        if axis is not None:
            self.axis = (axis,) if isinstance(axis, int) else tuple(axis)
        self.value_range, self.epsilon = value_range, epsilon
        if output_dtype == "int8" and (value_range[0] < -128 or value_range[1] > 127):
            raise ValueError(
                "Quantizer with output_dtype='int8' requires value_range to be within "
                f"the interval [-128, 127]. Received: value_range={value_range}"
            )

    def __call__(self, x: Any, axis: Any = None, to_numpy: bool = False) -> Any:
        """Return the integers and the scale."""
        axis = self.axis if axis is None else axis
        return abs_max_quantize(
            x,
            -1 if axis is None else axis,
            self.value_range,
            self.output_dtype,
            self.epsilon,
            to_numpy,
        )

    def get_config(self) -> dict[str, Any]:
        config = {
            "value_range": self.value_range,
            "epsilon": self.epsilon,
            "output_dtype": self.output_dtype,
        }
        return config if self.axis is None else config | {"axis": self.axis}


def abs_max_quantize(
    inputs: Any,
    axis: int | Sequence[int] | None,
    value_range: tuple[int, int] = (-127, 127),
    dtype: str = "int8",
    epsilon: float = _EPSILON,
    to_numpy: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return integers and the scale that numbers were multiplied with.

    Parameters
    ----------
    inputs
        The numbers.
    axis
        Along which the largest absolute value is looked for; it stays, of size 1.
    value_range
        Least and largest integer.
    dtype
        Of the integers.
    epsilon
        Added to the largest value.
    to_numpy
        Compute on the CPU, where that saves memory of the device.
    """
    x: torch.Tensor = as_tensor(inputs)
    if to_numpy:
        x = x.detach().cpu()
    axes = tuple(range(x.ndim)) if axis is None else axis
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    scale = value_range[1] / (x.abs().amax(axes, keepdim=True) + epsilon)
    scale = scale.to(x.dtype)
    found = (x * scale).round().clamp(*value_range)
    return found.to(torch_dtype(dtype)), scale


def abs_max_quantize_grouped_with_zero_point(
    inputs: Any,
    block_size: int,
    value_range: tuple[int, int] = (-8, 7),
    dtype: str = "int8",
    epsilon: float = _EPSILON,
    to_numpy: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return integers, and for each group of rows and column a scale and a zero point.

    Parameters
    ----------
    inputs
        A matrix.
    block_size
        Rows of a group; the last one is filled up with zeros.
    value_range
        Least and largest integer.
    dtype
        Of the integers.
    epsilon
        Added to the range of a group.
    to_numpy
        Compute on the CPU, as Keras does with NumPy: there a group of equal numbers
        keeps its range of nothing.
    """
    x: torch.Tensor = as_tensor(inputs)
    if to_numpy:
        x = x.detach().cpu()
    rows, columns = x.shape
    count = math.ceil(rows / block_size)
    least, largest = value_range
    padded = torch.nn.functional.pad(x, (0, 0, 0, count * block_size - rows))
    groups = padded.reshape(count, block_size, columns)
    # One group alone is not filled up before it is looked at, except by NumPy.
    seen = groups if count > 1 or to_numpy else x.unsqueeze(0)
    low, high = seen.amin(1), seen.amax(1)
    if not to_numpy:
        alike = low == high
        low, high = torch.where(alike, low - 1, low), torch.where(alike, high + 1, high)
        largest = 2 ** (int(math.log2(largest - least + 1)) - 1) - 1
        least = -largest - 1
    scale = (high - low + epsilon) / (largest - least)
    zero = ((-low / scale).round() + least).clamp(least, largest)
    found = (groups / scale.unsqueeze(1)).round() + zero.unsqueeze(1)
    whole = found.clamp(*value_range).to(torch_dtype(dtype))
    flat = whole.reshape(count * block_size, columns)[:rows]
    return flat, scale.to(x.dtype), zero.to(torch.int8)
