"""Four bits in pairs, and floats of eight bits.

Source: ``keras/src/quantizers/quantizers.py`` (Keras 3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.tensors import as_tensor, torch_dtype

_BYTES = {"int8": torch.int8, "uint8": torch.uint8}


def _byte(dtype: str) -> torch.dtype:
    if dtype not in _BYTES:
        raise ValueError(f"Expected dtype to be 'int8' or 'uint8', but got '{dtype}'.")
    return _BYTES[dtype]


def pack_int4(
    arr: Any, axis: int = 0, dtype: str = "int8"
) -> tuple[torch.Tensor, tuple[int, ...], int]:
    """Put two numbers of four bits into a byte, the first into its lower half.

    Parameters
    ----------
    arr
        Integers of ``dtype`` in [-8, 7].
    axis
        Along which pairs are taken; an odd one gets a zero beside it.
    dtype
        ``"int8"`` or ``"uint8"``.

    Returns
    -------
    tuple
        The bytes, their shape, and the size of the axis before.

    Raises
    ------
    ValueError, TypeError
        For another dtype.
    """
    kind, x = _byte(dtype), as_tensor(arr)
    if x.dtype is not kind:
        found = str(x.dtype).removeprefix("torch.")
        raise TypeError(f"Expected {dtype} tensor for packing, got {found}.")
    x = x.movedim(axis, 0)
    count = x.shape[0]
    if count % 2:
        x = torch.cat([x, x.new_zeros((1, *x.shape[1:]))])
    halves = x.to(torch.int32) & 0x0F
    both = (halves[::2] | (halves[1::2] << 4)).to(torch.uint8)
    packed = both.view(kind).movedim(0, axis)
    return packed, tuple(packed.shape), count


def unpack_int4(
    packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8"
) -> torch.Tensor:
    """Return the numbers that :func:`pack_int4` put into bytes.

    Parameters
    ----------
    packed
        The bytes.
    orig_len
        Size of the axis before.
    axis
        Along which they were packed.
    dtype
        ``"int8"`` for [-8, 7], ``"uint8"`` for [0, 15].

    Raises
    ------
    ValueError, TypeError
        For another dtype.
    """
    kind, x = _byte(dtype), as_tensor(packed)
    if x.dtype not in _BYTES.values():
        raise TypeError(
            f"Expected int8 or uint8 tensor for unpacking, got {packed.dtype}"
        )
    x = x.movedim(axis, 0).to(torch.int32)
    halves = torch.stack([x & 0x0F, (x >> 4) & 0x0F], 1)
    if dtype == "int8":
        halves = torch.where(halves < 8, halves, halves - 16)
    flat = halves.reshape(-1, *x.shape[1:])[:orig_len]
    return flat.to(kind).movedim(0, axis)


def compute_float8_scale(
    amax: Any, scale: Any, dtype_max: Any, margin: int = 0
) -> torch.Tensor:
    """Return the scale for a largest value, the one before where that is none.

    Parameters
    ----------
    amax
        Largest absolute values.
    scale
        The scale before.
    dtype_max
        Largest value of the dtype.
    margin
        Powers of two that are kept free.
    """
    amax, before = as_tensor(amax), 1.0 / as_tensor(scale)
    found = as_tensor(dtype_max) / amax / 2**margin
    fits = (amax > 0.0) & amax.isfinite()
    factor: torch.Tensor = torch.where(fits, found, before)
    return factor.reciprocal()


def compute_float8_amax_history(x: Any, amax_history: Any) -> torch.Tensor:
    """Return the largest values so far, moved on by one, with that of ``x`` first."""
    history: torch.Tensor = as_tensor(amax_history)
    moved = history.roll(-1)
    moved[0] = as_tensor(x).abs().max().to(history.dtype)
    return moved


def quantize_and_dequantize(
    inputs: Any, scale: Any, quantized_dtype: str, compute_dtype: str
) -> torch.Tensor:
    """Return numbers as they come back from a float of eight bits.

    Parameters
    ----------
    inputs
        The numbers.
    scale
        They are divided by it, and multiplied again.
    quantized_dtype
        ``"float8_e4m3fn"`` or ``"float8_e5m2"``.
    compute_dtype
        What is computed in.
    """
    kind, wide = torch_dtype(quantized_dtype), torch_dtype(compute_dtype)
    most = torch.finfo(kind).max
    scale = as_tensor(scale).to(wide)
    small = (as_tensor(inputs) / scale).clamp(-most, most).to(kind)
    found: torch.Tensor = small.to(wide) * scale
    return found
