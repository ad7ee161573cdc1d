"""Sizes that are only known when the model runs: ``x.shape[0] * 2 + 1``.

A :class:`Size` is a polynomial with integer coefficients in the sizes of axes, so that
equal sizes compare equal however the graph came to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

# No axis is so long: as the end of a slice it says "to the end", for ONNX has no open
# slices, and exporters ask sizes whether they are that.
FAR = 10**9


@dataclass(frozen=True)
class Dim:
    """The size of one axis of a value.

    Attributes
    ----------
    number
        Tells one from another, and orders them.
    source, axis
        The value, and which of its axes.
    """

    number: int
    source: Any = field(compare=False)
    axis: int = field(compare=False)

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is sorted by."""
        return (0, self.number)


@dataclass(frozen=True)
class Rounded:
    """A quotient rounded down, or the smaller or larger of two sizes."""

    kind: Literal["//", "min", "max"]
    left: Size
    right: Size

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is sorted by."""
        return (1, self.kind, self.left.key, self.right.key)


Atom = Dim | Rounded
# The factors of a product, sorted; the empty product is one.
_Product = tuple[Atom, ...]


class Size:
    """An integer that depends on sizes; arithmetic gives an ``int`` where it can.

    Examples
    --------
    >>> n = Size.of(Dim(0, "x", 1))
    >>> (n * 2 + 1 - n) - n
    1
    >>> (n * 6) // 3 == n * 2
    True
    """

    __slots__ = ("_terms",)

    def __init__(self, terms: dict[_Product, int]) -> None:
        ordered = sorted(terms.items(), key=lambda t: _keys(t[0]), reverse=True)
        self._terms = tuple((p, c) for p, c in ordered if c)

    @staticmethod
    def of(atom: Atom) -> Size:
        """Return the size that is one atom."""
        return Size({(atom,): 1})

    # -- what it is
    @property
    def key(self) -> tuple[Any, ...]:
        """What it is sorted by."""
        return tuple((_keys(p), c) for p, c in self._terms)

    @property
    def dim(self) -> Dim | None:
        """The one axis whose size it is, if it is no more than that."""
        if len(self._terms) != 1:
            return None
        (product, factor), *_ = self._terms
        alone = factor == 1 and len(product) == 1
        return product[0] if alone and isinstance(product[0], Dim) else None

    def dims(self) -> Iterator[Dim]:
        """Iterate over every axis whose size counts."""
        for product, _ in self._terms:
            for atom in product:
                if isinstance(atom, Dim):
                    yield atom
                else:
                    yield from atom.left.dims()
                    yield from atom.right.dims()

    def least(self) -> int | None:
        """Return what it is where all sizes are 0, if it is never less."""
        sure = all(
            isinstance(atom, Dim)
            or (atom.left.never_negative() and atom.right.never_negative())
            for product, _ in self._terms
            for atom in product
        )
        if not sure or any(c < 0 for p, c in self._terms if p):
            return None
        return sum(c for p, c in self._terms if not p)

    def never_negative(self) -> bool:
        """Whether no sizes make it negative."""
        least = self.least()
        return least is not None and least >= 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self._terms == other._terms

    def __hash__(self) -> int:
        return hash(self._terms)

    def __repr__(self) -> str:
        return f"Size({self.text(lambda d: f'd{d.number}')})"

    # -- arithmetic
    def __add__(self, other: int | Size) -> int | Size:
        terms = dict(self._terms)
        for product, factor in _size(other)._terms:
            terms[product] = terms.get(product, 0) + factor
        return _number(Size(terms))

    def __mul__(self, other: int | Size) -> int | Size:
        terms: dict[_Product, int] = {}
        for left, a in self._terms:
            for right, b in _size(other)._terms:
                product = tuple(sorted((*left, *right), key=lambda t: t.key))
                terms[product] = terms.get(product, 0) + a * b
        return _number(Size(terms))

    def __neg__(self) -> int | Size:
        return self * -1

    def __sub__(self, other: int | Size) -> int | Size:
        return self + (-other)

    def __rsub__(self, other: int) -> int | Size:
        return (-self) + other

    def __floordiv__(self, other: int | Size) -> int | Size:
        return _divided(self, _size(other))

    def __rfloordiv__(self, other: int) -> int | Size:
        return _divided(_size(other), self)

    __radd__ = __add__
    __rmul__ = __mul__

    # -- text
    def text(self, name: Callable[[Dim], str]) -> str:
        """Return the Python expression, ``name`` giving that of one axis' size."""
        parts: list[str] = []
        for product, factor in self._terms:
            sign = "-" if factor < 0 else "+"
            words = [str(abs(factor))] if abs(factor) != 1 or not product else []
            words += [_atom_text(atom, name) for atom in product]
            if parts:
                parts.append(f" {sign} ")
            elif sign == "-":
                parts.append("-")
            # A quotient behind a factor would be divided last.
            several = len(words) > 1
            parts.append(
                " * ".join(f"({w})" if several and " // " in w else w for w in words)
            )
        return "".join(parts) or "0"

    @property
    def compound(self) -> bool:
        """Whether its text needs parentheses beside an operator."""
        if len(self._terms) != 1:
            return True
        (product, factor), *_ = self._terms
        if not product:
            return factor < 0
        quotient = len(product) == 1 and getattr(product[0], "kind", "") == "//"
        return factor != 1 or len(product) != 1 or quotient


def _atom_text(atom: Atom, name: Callable[[Dim], str]) -> str:
    if isinstance(atom, Dim):
        return name(atom)
    left, right = atom.left.text(name), atom.right.text(name)
    if atom.kind != "//":
        return f"{atom.kind}({left}, {right})"
    left = f"({left})" if atom.left.compound else left
    return f"{left} // {f'({right})' if atom.right.compound else right}"


def _keys(product: _Product) -> tuple[Any, ...]:
    return tuple(atom.key for atom in product)


def _size(value: int | Size) -> Size:
    return value if isinstance(value, Size) else Size({(): int(value)})


def _number(size: Size) -> int | Size:
    """Return an ``int`` where no size is left."""
    if not size._terms:
        return 0
    if len(size._terms) == 1 and not size._terms[0][0]:
        return size._terms[0][1]
    return size


def _divided(left: Size, right: Size) -> int | Size:
    if len(right._terms) == 1:
        (divisor, factor), *_ = right._terms
        quotient: dict[_Product, int] = {}
        for product, count in left._terms:
            rest = list(product)
            for atom in divisor:
                if atom not in rest:
                    break
                rest.remove(atom)
            else:
                if count % factor == 0:
                    quotient[tuple(rest)] = count // factor
                    continue
            break
        else:
            return _number(Size(quotient))
    return Size.of(Rounded("//", left, right))


def smaller(left: int | Size, right: int | Size) -> int | Size:
    """Return the smaller of two sizes."""
    return _extreme("min", left, right)


def larger(left: int | Size, right: int | Size) -> int | Size:
    """Return the larger of two sizes."""
    return _extreme("max", left, right)


def _extreme(
    kind: Literal["min", "max"], left: int | Size, right: int | Size
) -> int | Size:
    gap = left - right
    if isinstance(gap, Size):
        if gap.never_negative():
            return right if kind == "min" else left
        if _size(-gap).never_negative():
            return left if kind == "min" else right
        return Size.of(Rounded(kind, _size(left), _size(right)))
    return right if (gap > 0) == (kind == "min") else left
