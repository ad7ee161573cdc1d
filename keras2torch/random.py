"""Random numbers as Keras asks for them.

An integer seed gives the same values at every call, a :class:`SeedGenerator` others at
each, and no seed draws from torch's own generator, which ``torch.manual_seed`` sets.
The values are torch's, not TensorFlow's. A seed means other values on another kind of
device.

Source: ``keras/src/random`` (3.15).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from keras2torch import serialization
from keras2torch.tensors import as_floating, as_tensor, torch_dtype

Shape = int | np.integer[Any] | Sequence[int]
Device = torch.device | str | None
_COUNT = itertools.count()
# Far apart in the low 32 bits, too: they are all that torch's generator on CPU takes.
_APART = 0x9E3779B97F4A7C15


class SeedGenerator:
    """A row of seeds: each call to a random function takes the next one.

    Parameters
    ----------
    seed
        Where it begins; drawn from torch's generator unless given.
    name
        Its name in configs.

    Raises
    ------
    ValueError
        If the seed is no integer.
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        if name is None:
            number = next(_COUNT)
            name = f"seed_generator_{number}" if number else "seed_generator"
        self.name = name
        self._initial_seed = seed
        start = make_default_seed() if seed is None else _integer(seed)
        self.state: torch.Tensor = torch.tensor([start, 0], device="cpu")

    def next(self, ordered: bool = True) -> torch.Tensor:
        """Return the state, a seed and a count, and go on to the next."""
        found = self.state.clone()
        if ordered:
            self.state[1] += 1
        else:
            self.state = (self.state + 1) * 5387 % 933199
        return found

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """Return a new one, at its beginning."""
        return cls(**config)


serialization.offer("keras.random", (SeedGenerator,))
Seed = int | SeedGenerator | None


def make_default_seed() -> int:
    """Return a seed that depends on ``torch.manual_seed`` and differs at each call."""
    return int(torch.randint(1, 10**9, (), device="cpu"))


def _integer(seed: Any) -> int:
    if not isinstance(seed, (int, np.integer)):
        raise ValueError(f"`seed` is an integer or a SeedGenerator, not {seed!r}.")
    return int(seed)


def generator(seed: Seed, device: torch.device) -> torch.Generator | None:
    """Return torch's generator for a seed, ``None`` for the one that all share.

    Raises
    ------
    ValueError
        If it is neither an integer nor a :class:`SeedGenerator`.
    """
    if seed is None:
        return None
    if isinstance(seed, SeedGenerator):
        start, count = seed.next().tolist()
    else:
        start, count = _integer(seed), 0
    made = torch.Generator("cpu" if device.type == "meta" else device)
    return made.manual_seed((start + count * _APART) & (2**63 - 1))


def sizes(shape: Shape) -> tuple[int, ...]:
    """Return a shape as a tuple."""
    if isinstance(shape, (int, np.integer)):
        return (int(shape),)
    if any(size is None for size in shape):
        raise ValueError(
            f"random values of shape {tuple(shape)} cannot be drawn: a size is not "
            "known. Draw them in the call of a Layer, where it is."
        )
    return tuple(int(size) for size in shape)


def filled(
    shape: Shape,
    dtype: Any,
    seed: Seed,
    fill: Callable[[torch.Tensor, torch.Generator | None], Any],
    device: Device = None,
) -> torch.Tensor:
    """Return a tensor that ``fill`` has filled, in float32 where the dtype is halved.

    Raises
    ------
    ValueError
        If the dtype is not a floating one.
    """
    wanted = torch_dtype(dtype)
    if not wanted.is_floating_point:
        raise ValueError(f"random values are floats; they cannot have dtype {wanted}.")
    at = torch.device(device) if device else torch.get_default_device()
    work = wanted if wanted.itemsize >= 4 else torch.float32
    tensor = torch.empty(sizes(shape), dtype=work, device=at)
    fill(tensor, generator(seed, at))
    return tensor.to(wanted)


def normal(
    shape: Shape,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    *,
    device: Device = None,
) -> torch.Tensor:
    """Draw from a normal distribution.

    Parameters
    ----------
    shape
        Shape of the result.
    mean, stddev
        Mean and standard deviation.
    dtype
        A floating dtype, float32 unless torch's default is another.
    seed
        An integer, a :class:`SeedGenerator` or nothing.
    device
        Where it is drawn; torch's default device unless given.
    """
    return filled(
        shape,
        dtype,
        seed,
        lambda t, g: nn.init.normal_(t, generator=g).mul_(stddev).add_(mean),
        device,
    )


def truncated_normal(
    shape: Shape,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    *,
    device: Device = None,
) -> torch.Tensor:
    """Draw from a normal distribution without what is beyond two ``stddev``.

    Parameters
    ----------
    shape, dtype, seed, device
        As for :func:`normal`.
    mean, stddev
        Those of the distribution before it is cut; the values spread 0.88 times that.
    """
    return filled(
        shape,
        dtype,
        seed,
        lambda t, g: nn.init.trunc_normal_(t, generator=g).mul_(stddev).add_(mean),
        device,
    )


def uniform(
    shape: Shape,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    *,
    device: Device = None,
) -> torch.Tensor:
    """Draw evenly from ``minval`` up to but without ``maxval``.

    Parameters
    ----------
    shape, dtype, seed, device
        As for :func:`normal`.
    minval, maxval
        The bounds.
    """
    low, high = float(minval), float(maxval)
    return filled(
        shape,
        dtype,
        seed,
        lambda t, g: nn.init.uniform_(t, low, high, generator=g),
        device,
    )


def randint(
    shape: Shape, minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None
) -> torch.Tensor:
    """Draw integers from ``minval`` up to but without ``maxval``."""
    at = torch.get_default_device()
    made = generator(seed, at)
    drawn = torch.randint(
        int(minval), int(maxval), sizes(shape), generator=made, device=at
    )
    return drawn.to(torch_dtype(dtype))


def categorical(
    logits: Any, num_samples: int, dtype: Any = "int32", seed: Seed = None
) -> torch.Tensor:
    """Draw class numbers.

    Parameters
    ----------
    logits
        Unnormalised logarithms of the probabilities, (batch, classes).
    num_samples
        How many for each row.
    dtype
        Of the result, (batch, num_samples).
    seed
        An integer, a :class:`SeedGenerator` or nothing.

    Raises
    ------
    ValueError
        If the logits are no matrix.
    """
    logits = as_floating(logits)
    if logits.ndim != 2:
        raise ValueError(f"`logits` is a matrix, not of shape {tuple(logits.shape)}.")
    chances = F.softmax(logits.detach(), dim=-1)
    drawn = torch.multinomial(
        chances, num_samples, replacement=True, generator=generator(seed, logits.device)
    )
    return drawn.to(torch_dtype(dtype))


def dropout(
    inputs: Any,
    rate: float,
    noise_shape: Sequence[int | None] | None = None,
    seed: Seed = None,
) -> torch.Tensor:
    """Set a share of the values to 0 and scale the others up.

    Parameters
    ----------
    inputs
        Any shape.
    rate
        The share, from 0 to 1.
    noise_shape
        Shape of what is drawn, 1 along axes that fall together, ``None`` for the size
        of the input.
    seed
        An integer, a :class:`SeedGenerator` or nothing.
    """
    x: torch.Tensor = as_floating(inputs)
    if rate == 0.0:
        return x
    if rate == 1.0:
        return torch.zeros_like(x)
    given = noise_shape or x.shape
    shape = [
        size if wanted is None else wanted
        for size, wanted in zip(x.shape, given, strict=True)
    ]
    noise = torch.rand(shape, generator=generator(seed, x.device), device=x.device)
    return torch.where(noise >= rate, x / (1.0 - rate), torch.zeros_like(x))


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> torch.Tensor:
    """Return the entries along an axis in random order."""
    tensor: torch.Tensor = as_tensor(x)
    at = tensor.device
    order = torch.randperm(tensor.shape[axis], generator=generator(seed, at), device=at)
    return tensor.index_select(axis, order)


def gamma(
    shape: Shape, alpha: Any, dtype: Any = None, seed: Seed = None
) -> torch.Tensor:
    """Draw from gamma distributions of rate 1.

    Parameters
    ----------
    shape, dtype, seed
        As for :func:`normal`.
    alpha
        The shape parameters, which broadcast to ``shape``.
    """

    def fill(t: torch.Tensor, g: torch.Generator | None) -> None:
        concentration = as_floating(alpha).to(t).expand(t.shape).contiguous()
        t.copy_(torch._standard_gamma(concentration, generator=g))

    return filled(shape, dtype, seed, fill)


def binomial(
    shape: Shape,
    counts: Any,
    probabilities: Any,
    dtype: Any = None,
    seed: Seed = None,
) -> torch.Tensor:
    """Draw how many of ``counts`` trials succeed.

    Parameters
    ----------
    shape, dtype, seed
        As for :func:`normal`.
    counts, probabilities
        Trials and chance of each, which broadcast to ``shape``.
    """

    def fill(t: torch.Tensor, g: torch.Generator | None) -> None:
        n = as_floating(counts).to(t).expand(t.shape).contiguous()
        p = as_floating(probabilities).to(t).expand(t.shape).contiguous()
        t.copy_(torch.binomial(n, p, generator=g))

    return filled(shape, dtype, seed, fill)


def beta(
    shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Seed = None
) -> torch.Tensor:
    """Draw from beta distributions.

    Parameters
    ----------
    shape, dtype, seed
        As for :func:`normal`.
    alpha, beta
        The parameters, which broadcast to ``shape``.
    """

    def fill(t: torch.Tensor, g: torch.Generator | None) -> None:
        one, other = (
            torch._standard_gamma(
                as_floating(a).to(t).expand(t.shape).contiguous(), generator=g
            )
            for a in (alpha, beta)
        )
        t.copy_(one / (one + other))

    return filled(shape, dtype, seed, fill)


__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]
