"""Values of a call's arguments, drawn by a rule that both sides follow."""

from zlib import crc32

import numpy as np

# Letters whose gradient is looked at.
FLOATS = "FPU"


def structure(result):
    """Return the lists and tuples that came out, with a word for each tensor."""
    if isinstance(result, (list, tuple)):
        return [type(result).__name__, *map(structure, result)]
    return "tensor"


class Drawn:
    """What the letters of one call stand for, in the order in which they are met.

    Parameters
    ----------
    text
        The call.
    made
        Makes a tensor of an array; it is given the letter, too.
    """

    def __init__(self, text, made):
        self.random = np.random.default_rng(crc32(text.encode()))
        self.made = made

    def names(self):
        """Return the letters, those for numpy arrays with an ``n`` before them."""
        found = {}
        for letter in KINDS:
            found[letter] = self._maker(letter, self.made)
            found[f"n{letter}"] = self._maker(letter, lambda array, letter: array)
        return found

    def _maker(self, letter, made):
        def maker(*shape, **options):
            return made(KINDS[letter](self.random, shape, **options), letter)

        return maker


def _floats(kind):
    return lambda r, shape: (2 * r.standard_normal(shape)).astype(kind)


def _integers(kind):
    def drawn(r, shape, lo=-9, hi=10):
        return np.asarray(r.integers(lo, hi, shape)).astype(kind)

    return drawn


def _with_nan(r, shape):
    values = 2 * r.standard_normal(shape)
    return np.where(r.random(shape) < 0.3, np.nan, values).astype("float32")


def _special(r, shape):
    odd = r.choice([np.nan, np.inf, -np.inf, -0.0], shape)
    values = 2 * r.standard_normal(shape)
    return np.where(r.random(shape) < 0.6, odd, values).astype("float32")


KINDS = {
    "F": _floats("float32"),
    "H": _floats("float16"),
    "D": _floats("float64"),
    "P": lambda r, shape: r.uniform(0.1, 3, shape).astype("float32"),
    "U": lambda r, shape: r.uniform(-0.95, 0.95, shape).astype("float32"),
    "I": _integers("int32"),
    "L": _integers("int64"),
    "I8": _integers("int8"),
    "U8": lambda r, shape: np.asarray(r.integers(0, 256, shape)).astype("uint8"),
    "N": lambda r, shape: np.asarray(r.integers(1, 9, shape)).astype("int32"),
    "B": lambda r, shape: np.asarray(r.random(shape) < 0.5),
    "M": _with_nan,
    "X": _special,
    "C": lambda r, shape: (
        r.standard_normal(shape) + 1j * r.standard_normal(shape)
    ).astype("complex64"),
}
