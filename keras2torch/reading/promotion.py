"""Which dtype Keras 3 computes in: the lattice of its ``result_type``.

Python numbers are weak: they take the dtype of the tensors beside them as far as that
can hold them (``"int"`` and ``"float"`` below); everything else counts.
"""

from __future__ import annotations

from functools import cache

# Each dtype → those directly above it (keras/src/backend/common/dtypes.py).
_ABOVE = {
    "bool": ("int",),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float",),
    "int": ("uint8", "int8", "complex64"),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
}
_WEAK = ("int", "float")


@cache
def _bounds(dtype: str) -> frozenset[str]:
    return frozenset({dtype}.union(*(_bounds(above) for above in _ABOVE[dtype])))


@cache
def result_type(*dtypes: str, floatx: str = "float32") -> str:
    """Return the least dtype that is above all of these.

    Parameters
    ----------
    dtypes
        Names; ``"int"`` and ``"float"`` are Python's numbers.
    floatx
        How many bits a number has that no tensor gives a dtype.

    Raises
    ------
    ValueError
        For a dtype that Keras does not promote.

    Examples
    --------
    >>> result_type("int32", "float")
    'float32'
    >>> result_type("float16", "int")
    'float16'
    """
    odd = [d for d in dtypes if d not in _ABOVE]
    if odd and len(set(dtypes)) == 1:
        return odd[0]
    if odd:
        raise ValueError(f"the dtype {odd[0]!r} meets others")
    if all(d in _WEAK for d in dtypes):
        # Of weak ones alone the bound is that of their strong counterparts.
        return f"{'float' if 'float' in dtypes else 'int'}{floatx[-2:]}"
    common = frozenset.intersection(*map(_bounds, dtypes))
    [least] = [d for d in common if common <= _bounds(d)]
    return least + floatx[-2:] if least in _WEAK else least


def is_float(dtype: str) -> bool:
    """Whether a dtype has fractions."""
    return "float" in dtype


def with_fractions(*dtypes: str) -> str:
    """Return the dtype of what has fractions, whatever goes in."""
    if dtypes == ("int64",):
        return "float32"
    return result_type(*dtypes, "float")
