"""Spectrograms."""

import torch
import torch.nn.functional as F
from torch import nn


class STFTSpectrogram(nn.Module):
    """Spectra of short frames, by convolutions whose kernels can be trained."""

    def __init__(
        self,
        bins: int,
        frame_length: int,
        frame_step: int,
        mode: str = "log",
        same: bool = False,
        expand_dims: bool = False,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.same = same
        self.expand_dims = expand_dims
        if mode != "imag":
            self.real = nn.Conv1d(1, bins, frame_length, frame_step, bias=False)
        if mode != "real":
            self.imag = nn.Conv1d(1, bins, frame_length, frame_step, bias=False)
        self.frame_length = frame_length
        self.frame_step = frame_step

    def spectrum(self, x: torch.Tensor) -> torch.Tensor:
        real: torch.Tensor = x if self.mode == "imag" else self.real(x)
        imag: torch.Tensor = x if self.mode == "real" else self.imag(x)
        if self.mode in ("real", "imag"):
            return real if self.mode == "real" else imag
        if self.mode == "angle":
            return torch.atan2(imag, real)
        if self.mode == "stft":
            return torch.cat([real, imag], dim=1)
        power = real.square() + imag.square()
        if self.mode == "psd":
            # What is between the first and the last bin stands for two frequencies.
            return power + F.pad(power[:, 1:-1], (0, 0, 1, 1))
        magnitude = power.clamp(min=1e-7).sqrt()
        return (
            magnitude if self.mode == "magnitude" else magnitude.clamp(min=1e-7).log()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, steps = x.shape
        x = x.reshape(-1, 1, steps)
        if self.same:
            frames = -(-steps // self.frame_step)
            pad = max((frames - 1) * self.frame_step + self.frame_length - steps, 0)
            x = F.pad(x, (pad // 2, pad - pad // 2))
        x = self.spectrum(x)
        if self.expand_dims:
            return x.reshape(batch, channels, -1, x.shape[2]).transpose(2, 3)
        return x.reshape(batch, -1, x.shape[2])


def mel_matrix(
    bins: int, mels: int, sampling_rate: float, min_freq: float, max_freq: float
) -> torch.Tensor:
    """Weights (bins, mels): triangles on HTK's mel scale, nothing of frequency 0."""
    hertz = torch.linspace(0, sampling_rate / 2, bins)[1:, None]
    edges = torch.tensor([min_freq, max_freq])
    low, high = (1127 * torch.log1p(edges / 700)).tolist()
    edges = torch.linspace(low, high, mels + 2)
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    mel = 1127 * torch.log1p(hertz / 700)
    rising = (mel - lower) / (center - lower)
    falling = (upper - mel) / (upper - center)
    return F.pad(torch.minimum(rising, falling).clamp(min=0), (0, 0, 1, 0))


class MelSpectrogram(nn.Module):
    """Power of the bands of the mel scale over time, in decibels."""

    window: torch.Tensor
    mel: torch.Tensor

    def __init__(
        self,
        fft_length: int = 2048,
        hop_length: int = 512,
        win_length: int | None = None,
        window: str | tuple[float, ...] | None = "hann",
        sampling_rate: float = 16000,
        mels: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        power: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
    ) -> None:
        super().__init__()
        self.fft_length = fft_length
        self.hop_length = hop_length
        self.win_length = win_length or fft_length
        # TensorFlow's window of an odd length is no periodic one.
        even = self.win_length % 2 == 0
        if window == "hann":
            values = torch.hann_window(self.win_length, periodic=even)
        elif window == "hamming":
            values = torch.hamming_window(self.win_length, periodic=even)
        elif window is None:
            values = torch.ones(fft_length)
            self.win_length = fft_length
        else:
            values = torch.tensor(window)
        self.register_buffer("window", values, persistent=False)
        bins, top = fft_length // 2 + 1, max_freq or sampling_rate // 2
        mel = mel_matrix(bins, mels, sampling_rate, min_freq, top)
        self.register_buffer("mel", mel, persistent=False)
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.power = power
        self.min_power = min_power
        self.ref_power = max(abs(ref_power), min_power)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spectrum: torch.Tensor = torch.stft(
            x,
            self.fft_length,
            self.hop_length,
            self.win_length,
            self.window,
            pad_mode="reflect",
            return_complex=True,
        )
        x = self.mel.T @ spectrum.abs() ** self.power
        if not self.power_to_db:
            return x
        x = 10 * (x.clamp(min=self.min_power) / self.ref_power).log10()
        return x.clamp(min=x.max() - self.top_db)
