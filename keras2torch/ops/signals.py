"""Fourier transforms and frames of signals.

Complex tensors travel as pairs, their real and their imaginary parts. Source:
``keras/src/ops/math.py`` and ``keras/src/backend/tensorflow/math.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import operation
from keras2torch.ops.promotion import floats, tensor
from keras2torch.tensors import torch_dtype


def _complex(x: Any) -> torch.Tensor:
    """Return the complex tensor of a pair."""
    if not isinstance(x, (list, tuple)) or len(x) != 2:
        raise ValueError(
            "Input `x` should be a tuple of two tensors - real and imaginary. "
            f"Received: x={x}"
        )
    real, imag = (tensor(part) for part in x)
    if real.shape != imag.shape:
        raise ValueError(
            "Both the real and imaginary parts should have the same shape. Received: "
            f"x[0].shape = {tuple(real.shape)}, x[1].shape = {tuple(imag.shape)}"
        )
    if not (real.is_floating_point() and imag.is_floating_point()):
        raise ValueError(
            "At least one tensor in input `x` is not of type float. Received: "
            f"{real.dtype} and {imag.dtype}"
        )
    return torch.complex(real, imag)


def _parts(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x.real, x.imag


@operation("FFT", gives=tuple)
def fft(x: Any) -> Any:
    """Discrete Fourier transform along the last axis of a pair of tensors."""
    return _parts(torch.fft.fft(_complex(x)))


@operation("FFT2", gives=tuple)
def fft2(x: Any) -> Any:
    """Discrete Fourier transform along the last two axes of a pair of tensors."""
    return _parts(torch.fft.fft2(_complex(x)))


@operation("IFFT2", gives=tuple)
def ifft2(x: Any) -> Any:
    """Inverse of :func:`fft2`."""
    return _parts(torch.fft.ifft2(_complex(x)))


@operation("RFFT", gives=tuple)
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """Half of the Fourier transform of real numbers; the other half is its mirror.

    Parameters
    ----------
    x
        Along the last axis.
    fft_length
        Cut or filled with zeros to this length first.
    """
    return _parts(torch.fft.rfft(floats(x), fft_length))


@operation("IRFFT")
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """Inverse of :func:`rfft`; an odd ``fft_length`` must be told."""
    return torch.fft.irfft(_complex(x), fft_length)


def _windows(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Return what stands for the results of :func:`stft`."""
    _check_frames(torch_dtype(x.dtype), sequence_length, sequence_stride, fft_length)
    frames = None
    if (length := x.shape[-1]) is not None:
        around = fft_length // 2 * 2 if center else 0
        frames = 1 + (length + around - fft_length) // sequence_stride
    shape = (*x.shape[:-1], frames, fft_length // 2 + 1)
    return KerasTensor(shape, x.dtype), KerasTensor(shape, x.dtype)


@operation("STFT", gives=tuple, spec=_windows)
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Fourier transforms of frames along the last axis.

    Parameters
    ----------
    x
        float32 or float64.
    sequence_length, sequence_stride
        How long a frame is, and how far apart frames begin.
    fft_length
        Frames are filled with zeros to this length, on both sides.
    window
        Weights of a frame: ``"hann"``, ``"hamming"``, a vector, or ``None``.
    center
        Whether the signal is mirrored at its ends, by half an ``fft_length``.
    """
    x = tensor(x)
    _check_frames(x.dtype, sequence_length, sequence_stride, fft_length)
    if center:
        around = fft_length // 2
        flat = F.pad(x.reshape(1, -1, x.shape[-1]), (around, around), mode="reflect")
        x = flat.reshape(*x.shape[:-1], -1)
    weights = _weights(window, sequence_length, fft_length, x)
    return _parts(torch.fft.rfft(_frames(x, fft_length, sequence_stride) * weights))


def _signals(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Return what stands for the result of :func:`istft`."""
    real = x[0]
    size = length
    if size is None and real.shape[-2] is not None:
        size = (real.shape[-2] - 1) * sequence_stride + fft_length
        size -= fft_length // 2 * 2 if center else 0
    return KerasTensor((*real.shape[:-2], size), real.dtype)


@operation("ISTFT", spec=_signals)
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Inverse of :func:`stft`, with its arguments.

    Parameters
    ----------
    x
        A pair of tensors (…, frames, frequencies).
    sequence_length, sequence_stride, fft_length, window, center
        What :func:`stft` was called with.
    length
        How long the result is to be.
    """
    spectra = _complex(x)
    real = spectra.real
    _check_frames(real.dtype, sequence_length, sequence_stride, fft_length)
    frames = torch.fft.irfft(spectra, fft_length)
    if window is not None:
        weights = _weights(window, sequence_length, fft_length, real)
        frames = frames * (weights / _overlap(weights.square(), sequence_stride))
    count = frames.shape[-2]
    size = fft_length + sequence_stride * (count - 1)
    columns = frames.reshape(-1, count, fft_length).transpose(1, 2)
    whole = F.fold(columns, (1, size), (1, fft_length), stride=(1, sequence_stride))
    whole = whole.reshape(*frames.shape[:-2], size)
    start = fft_length // 2 if center else 0
    stop = size - start if length is None else start + length
    return whole[..., start:stop]


def _check_frames(dtype: torch.dtype, length: int, stride: int, fft: int) -> None:
    if not isinstance(stride, int) or stride <= 0:
        raise ValueError(
            "`sequence_stride` must be a positive integer. "
            f"Received: sequence_stride={stride}"
        )
    if dtype not in (torch.float32, torch.float64):
        raise TypeError(
            "Invalid input type. Expected `float32` or `float64`. "
            f"Received: input type={str(dtype).removeprefix('torch.')}"
        )
    if fft < length:
        raise ValueError(
            "`fft_length` must equal or larger than `sequence_length`. "
            f"Received: sequence_length={length}, fft_length={fft}"
        )


def _weights(window: Any, length: int, whole: int, like: torch.Tensor) -> Any:
    """Return the weights of a frame, zeros on both sides."""
    # TensorFlow's window of an odd length is no periodic one.
    even = length % 2 == 0
    if window is None:
        return like.new_ones(whole)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(
                "If a string is passed to `window`, it must be one of `hann`, "
                f"`hamming`. Received: window={window}"
            )
        named = torch.hann_window if window == "hann" else torch.hamming_window
        weights = named(length, periodic=even, dtype=like.dtype, device=like.device)
    else:
        weights = tensor(window).to(like)
    if weights.shape != (length,):
        raise ValueError(
            "The shape of `window` must be equal to [sequence_length]. "
            f"Received: window shape={tuple(weights.shape)}"
        )
    left = (whole - length) // 2
    return F.pad(weights, (left, whole - length - left))


def _overlap(weights: torch.Tensor, stride: int) -> torch.Tensor:
    """Return what the weights of all frames that lie over each other add up to."""
    length = len(weights)
    count = -(-length // stride)
    parts = F.pad(weights, (0, count * stride - length)).reshape(count, stride)
    return parts.sum(0).tile(count)[:length]


def _frames(x: torch.Tensor, length: int, stride: int) -> torch.Tensor:
    if x.shape[-1] < length:
        return x.new_zeros(*x.shape[:-1], 0, length)
    return x.unfold(-1, length, stride)


@operation("ExtractSequences")
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Cut frames out of the last axis, which may overlap.

    Parameters
    ----------
    x
        Any shape.
    sequence_length, sequence_stride
        How long a frame is, and how far apart frames begin.
    """
    return _frames(tensor(x), sequence_length, sequence_stride)


__all__ = [
    "extract_sequences",
    "fft",
    "fft2",
    "ifft2",
    "irfft",
    "istft",
    "rfft",
    "stft",
]
