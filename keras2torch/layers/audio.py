"""Spectrograms of sound.

Sources: ``keras/src/layers/preprocessing/{mel,stft}_spectrogram.py``,
``keras/src/backend/tensorflow/math.py`` (Keras 3.15).
"""

from __future__ import annotations

import math
from typing import Any

from keras2torch.layers.base import (
    Call,
    Forward,
    Layer,
    Module,
    Shape,
    Weight,
    layer,
    transposed,
)
from keras2torch.layers.spatial import joined, same_out, split, valid_out
from keras2torch.layers.text import call as call_text


def _window(owner: Layer, window: Any, length: int) -> Any:
    """Return a window as a literal: a name, its values, or none."""
    if window is None or isinstance(window, str):
        return window
    values = (
        window.get("config", {}).get("value") if isinstance(window, dict) else window
    )
    if not isinstance(values, (list, tuple)) or len(values) != length:
        raise owner.unsupported(f"window={window!r}")
    return tuple(float(v) for v in values)


@layer
class MelSpectrogram(Layer):
    """Power of the mel bands over time; the bands come before the frames."""

    fft_length: int = 2048
    sequence_stride: int = 512
    sequence_length: int | None = None
    window: Any = "hann"
    sampling_rate: float = 16000
    num_mel_bins: int = 128
    min_freq: float = 20.0
    max_freq: float | None = None
    power_to_db: bool = True
    top_db: float = 80.0
    mag_exp: float = 2.0
    min_power: float = 1e-10
    ref_power: float = 1.0

    def kept(self) -> dict[str, Any]:
        """Return the arguments as Keras' configs have them."""
        return {
            "sequence_length": self.sequence_length or self.fft_length,
            "max_freq": self.max_freq or int(self.sampling_rate / 2),
        }

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """``(batch, bands, frames)``; of one sound without the batch."""
        *batch, steps = shapes[0]
        if len(batch) > 1:
            raise self.unsupported(f"its input has {len(shapes[0])} axes")
        frames = None
        if steps is not None:
            around = self.fft_length // 2 * 2 - self.fft_length
            frames = (steps + around) // self.sequence_stride + 1
        return [(*batch, self.num_mel_bins, frames)]

    def module(self, call: Call) -> Module:
        """A helper class; it has no weights."""
        length = self.sequence_length or self.fft_length
        window = _window(self, self.window, length)
        if isinstance(window, str) and window not in ("hann", "hamming"):
            raise self.unsupported(f"window={window!r}")
        text = call_text(
            "MelSpectrogram",
            fft_length=self.fft_length,
            hop_length=self.sequence_stride,
            win_length=self.sequence_length,
            window=window,
            sampling_rate=self.sampling_rate,
            mels=self.num_mel_bins,
            min_freq=float(self.min_freq),
            max_freq=self.max_freq or None,
            power_to_db=bool(self.power_to_db),
            top_db=float(self.top_db),
            power=float(self.mag_exp),
            min_power=float(self.min_power),
            ref_power=float(self.ref_power),
        )
        return Module(text, helpers=("MelSpectrogram",))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.mel_spectrogram(x)``."""
        if call.x.dtype.startswith("float"):
            return Forward(f"{module}({call.x.name})")
        return Forward(f"{module}(as_float({call.x.name}))", helpers=("as_float",))


@layer
class STFTSpectrogram(Layer):
    """Short-time spectra of each channel, by convolutions with kernels of the file."""

    layout = "channels_first"

    mode: str = "log"
    frame_length: int = 256
    frame_step: int | None = None
    fft_length: int | None = None
    window: Any = "hann"
    periodic: bool = False
    scaling: str | None = "density"
    padding: str = "valid"
    expand_dims: bool = False
    data_format: str | None = None

    @property
    def real_kernel_initializer(self) -> dict[str, Any]:
        """What the kernel of the real part is before it is trained."""
        return self._initializer("real")

    @property
    def imag_kernel_initializer(self) -> dict[str, Any]:
        """What the kernel of the imaginary part is before it is trained."""
        return self._initializer("imag")

    def _initializer(self, side: str) -> dict[str, Any]:
        config = {
            "side": side,
            "window": self.window,
            "scaling": self.scaling,
            "periodic": self.periodic,
        }
        return {"class_name": "STFT", "config": config}

    def _step(self) -> int:
        return self.frame_step or self.frame_length // 2

    def _bins(self) -> int:
        length = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        return length // 2 + 1

    def weights(self, *shapes: Shape) -> list[Weight]:
        """Kernels of the real part and of the imaginary one, where they are read."""
        shape = (self.frame_length, 1, self._bins())
        names = {"real": ("real",), "imag": ("imag",)}.get(self.mode, ("real", "imag"))
        return [Weight(f"{name}_kernel", shape) for name in names]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Frames, and bins of each channel; both in axes of their own if asked for."""
        if len(shapes[0]) != 3:
            raise self.unsupported(f"its input has {len(shapes[0])} axes")
        (steps,), channels = split(self, shapes[0])
        if self.padding == "same":
            frames = same_out(steps, self._step())
        else:
            frames = valid_out(steps, self.frame_length, self._step())
        bins = self._bins() * (2 if self.mode == "stft" else 1)
        if self.expand_dims:
            return [joined(self, shapes[0][0], (frames, bins), channels)]
        both = None if channels is None else channels * bins
        return [joined(self, shapes[0][0], (frames,), both)]

    def module(self, call: Call) -> Module:
        """A helper class that holds two convolutions."""
        if self.mode not in "log magnitude psd real imag angle stft".split():
            raise self.unsupported(f"mode={self.mode!r}")
        options: dict[str, Any] = {"mode": self.mode}
        if self.padding == "same":
            options["same"] = True
        if self.expand_dims:
            options["expand_dims"] = True
        sizes = self._bins(), self.frame_length, self._step()
        weights = {
            f"{weight.name.removesuffix('_kernel')}.weight": transposed(
                weight.name, 2, 1, 0
            )
            for weight in self.weights(call.x.shape)
        }
        text = call_text("STFTSpectrogram", *sizes, **options)
        return Module(text, weights, helpers=("STFTSpectrogram",))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.stft_spectrogram(x)``."""
        return Forward(f"{module}({call.x.name})")


__all__ = ["MelSpectrogram", "STFTSpectrogram"]
