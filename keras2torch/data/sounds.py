"""Sounds in WAV files. TensorFlow 2.21: ``core/lib/wav/wav_io.cc``."""

from __future__ import annotations

import io
import wave

import numpy as np
import torch
import torch.nn.functional as F


def decode_wav(
    contents: bytes, desired_samples: int | None = None
) -> tuple[torch.Tensor, int]:
    """Return the samples ``(samples, channels)`` from -1 to 1, and their rate.

    Parameters
    ----------
    contents
        A file's bytes.
    desired_samples
        How many are wanted: more are cut off, zeros added to fewer.

    Raises
    ------
    ValueError
        If it is no WAV file of 16-bit integers, as in TensorFlow.
    """
    try:
        with wave.open(io.BytesIO(contents)) as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            rate, frames = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"this is no WAV file of integers: {error}.") from error
    if width != 2:
        raise ValueError(
            f"a WAV file of 16 bits a sample is wanted, this one has {8 * width}."
        )
    values = np.frombuffer(frames, "<i2").astype(np.float32) / np.float32(32768)
    sound = torch.from_numpy(values.reshape(-1, channels))
    if desired_samples is not None and desired_samples >= 0:
        sound = F.pad(sound, (0, 0, 0, max(desired_samples - len(sound), 0)))
        sound = sound[:desired_samples]
    return sound, rate
