"""First values of weights, with Keras' names, shapes and distributions.

An initializer is called with a shape and a dtype and returns a tensor in *Keras'*
shape: (kh, kw, in, out) for a convolution. Random ones keep their seed: called twice,
the same one gives the same values, whether the seed was given or drawn; with a
:class:`~keras2torch.random.SeedGenerator` it goes on. Values are drawn on the CPU, so
that a seed means the same weights on every machine, and moved to torch's default
device.

Source: ``keras/src/initializers`` (3.15).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from typing_extensions import Self

from keras2torch import random, serialization
from keras2torch.tensors import as_tensor, torch_dtype

# Standard deviation of a normal distribution cut at ±2.
_TRUNCATED = 0.87962566103423978


class Initializer:
    """Base of initializers; a subclass defines ``__call__(shape, dtype=None)``."""

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        """Return a tensor of this shape.

        Parameters
        ----------
        shape
            Keras' shape.
        dtype
            Name, numpy or torch dtype; float32 unless torch's default is another.
        """
        raise NotImplementedError(
            "Initializer subclasses must implement the `__call__()` method."
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new one of what ``get_config`` gave."""
        return cls(**config)

    def clone(self) -> Self:
        """Return another one; without a seed of its own it draws a new one."""
        return self.from_config(self.get_config())


# ----------------------------------------------------------------------------- constant
class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        return torch.zeros(random.sizes(shape), dtype=torch_dtype(dtype))


class Ones(Initializer):
    """All 1."""

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        return torch.ones(random.sizes(shape), dtype=torch_dtype(dtype))


class Constant(Initializer):
    """All one value.

    Parameters
    ----------
    value
        A number, or an array that broadcasts to the shape.
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        wanted = torch_dtype(dtype)
        value: torch.Tensor = as_tensor(self.value).to(wanted)
        return value * torch.ones(random.sizes(shape), dtype=wanted)

    def get_config(self) -> dict[str, Any]:
        return {"value": serialization.serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(serialization.deserialize_keras_object(config["value"]))


class Identity(Initializer):
    """The identity matrix.

    Parameters
    ----------
    gain
        What it is multiplied by.

    Raises
    ------
    ValueError
        When called with a shape that is not of a matrix.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        size = random.sizes(shape)
        if len(size) != 2:
            raise ValueError(f"Identity gives matrices; the shape {size} is of none.")
        return self.gain * torch.eye(*size, dtype=torch_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


class STFT(Initializer):
    """Kernel of a Conv1D that computes a short-time Fourier transform.

    Parameters
    ----------
    side
        ``"real"`` or ``"imag"``.
    window
        Name of a window of ``scipy.signal.windows``, its values, or ``None``.
    scaling
        ``"density"`` divides by the window's root of squares, ``"spectrum"`` by its
        sum; ``None`` leaves it.
    periodic
        Whether the window is periodic rather than symmetric.

    Raises
    ------
    ValueError
        For another side, window or scaling.
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"`side` is 'real' or 'imag', not {side!r}.")
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(
                f"`scaling` is 'density', 'spectrum' or None, not {scaling!r}."
            )
        if isinstance(window, str):
            _window(window, 1, periodic)
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        """Return the kernel.

        Parameters
        ----------
        shape
            ``(frame_length, 1, fft_length // 2 + 1)``.
        dtype
            A floating dtype.
        """
        wanted = torch_dtype(dtype)
        length, _, bins = random.sizes(shape)
        # In Keras' order of operations: float32 has few digits left for the angles.
        frequency = torch.arange(bins, dtype=wanted).reshape(1, 1, -1) / (2 * bins - 2)
        time = torch.arange(length, dtype=wanted).reshape(-1, 1, 1)
        angle = -2 * time * frequency * torch.tensor(-1.0, dtype=wanted).arccos()
        kernel = angle.cos() if self.side == "real" else angle.sin()
        if self.window is None:
            return kernel
        values = self.window
        if isinstance(values, str):
            values = _window(values, length, self.periodic)
        window: torch.Tensor = as_tensor(values).to(wanted)
        if tuple(window.shape) != (length,):
            raise ValueError(
                f"the window has shape {tuple(window.shape)}, the frame {(length,)}."
            )
        kernel = kernel * window.reshape(-1, 1, 1)
        if self.scaling == "density":
            return kernel / window.square().sum().sqrt()
        return kernel / window.abs().sum() if self.scaling else kernel

    def get_config(self) -> dict[str, Any]:
        return {
            "side": self.side,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
        }


def _window(name: str, length: int, periodic: bool) -> Any:
    """Return a window; torch has the usual ones, SciPy all that Keras takes."""
    made = getattr(torch.signal.windows, name, None)
    if name in ("bartlett", "blackman", "cosine", "hamming", "hann", "nuttall"):
        assert made is not None
        return made(length, sym=not periodic, dtype=torch.float64)
    try:
        from scipy.signal import get_window  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError(f"the window {name!r} needs SciPy: pip install scipy") from (
            error
        )
    return get_window(name, length, periodic)


# ------------------------------------------------------------------------------- random
class RandomInitializer(Initializer):
    """Base of those that draw.

    Parameters
    ----------
    seed
        An integer, a :class:`~keras2torch.random.SeedGenerator`, its config, or
        nothing: then one is drawn, once.

    Raises
    ------
    ValueError
        For another seed.
    """

    def __init__(self, seed: Any = None) -> None:
        self._init_seed = seed
        if seed is None:
            seed = random.make_default_seed()
        elif isinstance(seed, Mapping):
            seed = serialization.deserialize_keras_object(seed)
        elif not isinstance(seed, (int, np.integer, random.SeedGenerator)):
            raise ValueError(f"`seed` is an integer or a SeedGenerator, not {seed!r}.")
        self.seed: int | random.SeedGenerator = seed

    def get_config(self) -> dict[str, Any]:
        return {"seed": serialization.serialize_keras_object(self._init_seed)}

    def _draw(
        self,
        draw: Callable[..., torch.Tensor],
        shape: Any,
        first: float,
        second: float,
        dtype: Any,
    ) -> torch.Tensor:
        drawn = draw(shape, first, second, dtype, self.seed, device="cpu")
        return drawn.to(torch.get_default_device())


class RandomNormal(RandomInitializer):
    """Normal distribution.

    Parameters
    ----------
    mean, stddev
        Mean and standard deviation.
    seed
        As for every random initializer.
    """

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        return self._draw(random.normal, shape, self.mean, self.stddev, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Normal distribution without what is beyond two ``stddev``.

    Parameters
    ----------
    mean, stddev
        Those before it is cut.
    seed
        As for every random initializer.
    """

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        return self._draw(random.truncated_normal, shape, self.mean, self.stddev, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Even distribution.

    Parameters
    ----------
    minval, maxval
        The bounds, the upper one excluded.
    seed
        As for every random initializer.
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None
    ) -> None:
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        return self._draw(random.uniform, shape, self.minval, self.maxval, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class VarianceScaling(RandomInitializer):
    """Variance ``scale / n``, where n counts the units of the weight.

    Parameters
    ----------
    scale
        Above 0.
    mode
        n is the units that come in (``"fan_in"``), that go out (``"fan_out"``), or
        their mean (``"fan_avg"``).
    distribution
        ``"truncated_normal"``, ``"untruncated_normal"`` or ``"uniform"``.
    seed
        As for every random initializer.
    input_axes, output_axes
        Axes whose sizes count as units; both or none.

    Raises
    ------
    ValueError
        For another mode or distribution, or a scale that is not above 0.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        if scale <= 0.0:
            raise ValueError(f"`scale` is above 0, not {scale}.")
        modes = ("fan_in", "fan_out", "fan_avg")
        if mode not in modes:
            raise ValueError(f"`mode` is one of {', '.join(modes)}, not {mode!r}.")
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        kinds = ("truncated_normal", "untruncated_normal", "uniform")
        if distribution not in kinds:
            raise ValueError(
                f"`distribution` is one of {', '.join(kinds)}, not {distribution!r}."
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        ins, outs = compute_fans(shape, self.input_axes, self.output_axes)
        units = {"fan_in": ins, "fan_out": outs, "fan_avg": (ins + outs) / 2.0}
        deviation = math.sqrt(self.scale / max(1.0, units[self.mode]))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * deviation
            return self._draw(random.uniform, shape, -limit, limit, dtype)
        if self.distribution == "untruncated_normal":
            return self._draw(random.normal, shape, 0.0, deviation, dtype)
        wider = deviation / _TRUNCATED
        return self._draw(random.truncated_normal, shape, 0.0, wider, dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Named(VarianceScaling):
    """Variance scaling under a name that says scale, mode and distribution.

    Parameters
    ----------
    seed
        As for every random initializer.
    input_axes, output_axes
        Axes whose sizes count as units; both or none.
    """

    _kind: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self._kind, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        return {
            **RandomInitializer.get_config(self),
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class GlorotUniform(_Named):
    """Even within ±√(6 / (fan_in + fan_out)), also known as Xavier."""

    _kind = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Named):
    """Cut normal of deviation √(2 / (fan_in + fan_out)), also known as Xavier."""

    _kind = (1.0, "fan_avg", "truncated_normal")


class LecunUniform(_Named):
    """Even within ±√(3 / fan_in)."""

    _kind = (1.0, "fan_in", "uniform")


class LecunNormal(_Named):
    """Cut normal of deviation √(1 / fan_in)."""

    _kind = (1.0, "fan_in", "truncated_normal")


class HeUniform(_Named):
    """Even within ±√(6 / fan_in)."""

    _kind = (2.0, "fan_in", "uniform")


class HeNormal(_Named):
    """Cut normal of deviation √(2 / fan_in)."""

    _kind = (2.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """A matrix with orthogonal rows or columns; the last axis is its columns.

    Parameters
    ----------
    gain
        What it is multiplied by.
    seed
        As for every random initializer.

    Raises
    ------
    ValueError
        When called with a shape of fewer than two axes.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        size = random.sizes(shape)
        if len(size) < 2:
            raise ValueError(
                f"Orthogonal gives at least matrices; the shape {size} is of none."
            )
        matrix = random.filled(
            (math.prod(size[:-1]), size[-1]),
            dtype,
            self.seed,
            lambda t, g: nn.init.orthogonal_(t, self.gain, generator=g),
            "cpu",
        )
        return matrix.reshape(size).to(torch.get_default_device())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


def compute_fans(
    shape: Any,
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Return how many units come into a weight of Keras' shape, and go out of it.

    Parameters
    ----------
    shape
        ``(in, out)``, ``(kh, kw, in, out)``, or any other.
    input_axes, output_axes
        Axes whose sizes count instead; both or none.
    """
    size = random.sizes(shape)
    if input_axes is not None and output_axes is not None:
        ins, outs = ([size[a] for a in axes] for axes in (input_axes, output_axes))
        return math.prod(ins), math.prod(outs)
    if not size:
        return 1, 1
    if len(size) == 1:
        return size[0], size[0]
    field = math.prod(size[:-2])
    return field * size[-2], field * size[-1]


# -------------------------------------------------------------------------------- names
zeros, ones, constant, identity, stft = Zeros, Ones, Constant, Identity, STFT
IdentityInitializer, STFTInitializer = Identity, STFT
random_normal, random_uniform = RandomNormal, RandomUniform
truncated_normal, variance_scaling = TruncatedNormal, VarianceScaling
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
he_normal, he_uniform = HeNormal, HeUniform
orthogonal = OrthogonalInitializer = Orthogonal

_OBJECTS = serialization.offer(
    "keras.initializers",
    (
        Initializer,
        Constant,
        Identity,
        Ones,
        STFT,
        Zeros,
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        LecunNormal,
        LecunUniform,
        Orthogonal,
        RandomNormal,
        RandomUniform,
        TruncatedNormal,
        VarianceScaling,
    ),
    # Of Keras 1 and 2.
    IdentityInitializer=Identity,
    OrthogonalInitializer=Orthogonal,
    STFTInitializer=STFT,
    normal=RandomNormal,
    uniform=RandomUniform,
    one=Ones,
    zero=Zeros,
)


def get(identifier: Any) -> Any:
    """Return the initializer that an identifier stands for.

    Parameters
    ----------
    identifier
        A name, config, class or callable; an array or tensor is the values themselves.

    Raises
    ------
    ValueError
        If it stands for none; when called, if an array has another shape.
    """
    if not isinstance(identifier, (torch.Tensor, np.ndarray, np.generic)):
        return serialization.resolve(identifier, "initializer", _OBJECTS)

    def values(shape: Any, dtype: Any = None) -> torch.Tensor:
        if random.sizes(shape) != tuple(identifier.shape):
            raise ValueError(
                f"the values given as initializer have shape {tuple(identifier.shape)},"
                f" the weight {random.sizes(shape)}."
            )
        given: torch.Tensor = as_tensor(identifier).detach()
        return given.to(torch_dtype(dtype), copy=True)

    return values


def serialize(initializer: Any) -> Any:
    """Return an initializer as a config."""
    return serialization.serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the initializer of a config."""
    return serialization.deserialize_keras_object(
        config, custom_objects, module_objects=_OBJECTS, kind="initializer"
    )


__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]
