"""Two sequences of steps that are the same but for parts that one of them lacks.

A residual block with a projection on its shortcut and one without are the same block:
:func:`aligned` finds what is optional in each, from the wiring alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

# A producer and which of its outputs; the producer of the k-th input is (-1, k).
Ref = tuple[int, int]
# More tries than that and the two have little in common.
_TRIES = 20_000
# In all of a model: MobileNetV3 takes 52,408. Where nothing repeats there is no end.
_TRIES_IN_ALL = 60_000
_TRIES_A_STEP = 15
_RUNS = 3
_LONGEST = 10


@dataclass(frozen=True)
class Run:
    """Consecutive elements that may be absent.

    Attributes
    ----------
    first, end
        Which elements.
    bypass
        What is read in place of the last one's result where they are absent.
    """

    first: int
    end: int
    bypass: Ref


@dataclass(frozen=True)
class Schema:
    """Steps as far as two of them are compared.

    Attributes
    ----------
    kinds
        What each does.
    reads
        What each reads; the last one's result is what leaves.
    runs
        Those that some lack.
    """

    kinds: tuple[object, ...]
    reads: tuple[tuple[Ref, ...], ...]
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True)
class Union:
    """One schema for two: the first's and the second's elements in it."""

    schema: Schema
    first: tuple[int, ...]
    second: tuple[int, ...]


# Where a value comes from in both: ("in", k), or ("pair", n) for the n-th match.
_Source = tuple[str, int]


@dataclass(frozen=True)
class _Gap:
    """A run that one side has alone, while it is not known what stands for it.

    ``known``: what does, for a run of which that is known.
    """

    second: bool
    first: int
    end: int
    bypass: _Source | None = None
    known: Ref | None = None


@dataclass(frozen=True)
class _State:
    i: int = 0
    j: int = 0
    pairs: tuple[tuple[int, int], ...] = ()
    gaps: tuple[_Gap, ...] = ()


@dataclass
class _Effort:
    left: int


_effort: ContextVar[_Effort | None] = ContextVar("effort", default=None)


@contextmanager
def bounded(steps: int) -> Iterator[None]:
    """Bound what all alignments in a model of so many steps take together."""
    token = _effort.set(_Effort(max(_TRIES_IN_ALL, _TRIES_A_STEP * steps)))
    try:
        yield
    finally:
        _effort.reset(token)


@dataclass
class _Search:
    a: Schema
    b: Schema
    left: int = _TRIES
    known: dict[int, Run] = field(default_factory=dict)
    least: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known = {run.first: run for run in self.a.runs}
        self.least = _least_runs(self.a, self.b)

    def found(self, state: _State, runs: int) -> _State | None:
        """Return a complete match with at most so many new runs."""
        self.left -= 1
        effort = _effort.get()
        if effort is not None:
            effort.left -= 1
        if self.left < 0 or (effort is not None and effort.left < 0):
            return None
        if state.i == len(self.a.kinds) and state.j == len(self.b.kinds):
            end = ((state.i - 1, 0), (state.j - 1, 0))
            done = self.compared(state, [end])
            settled = done and all(g.bypass or g.known for g in done.gaps)
            return done if settled else None
        for following, cost in self.steps(state, runs):
            # Most ways end soon: what the elements do shows that too many are left.
            if self.least[following.i][following.j] > runs - cost:
                continue
            if done := self.found(following, runs - cost):
                return done
        return None

    def steps(self, state: _State, runs: int) -> Iterator[tuple[_State, int]]:
        """Give what may come next: a match, or a part that one side has alone."""
        i, j = state.i, state.j
        if i < len(self.a.kinds) and j < len(self.b.kinds):
            matched = self.matched(state)
            if matched is not None:
                yield matched, 0
        if run := self.known.get(i):
            gap = _Gap(False, run.first, run.end, known=run.bypass)
            yield replace(state, i=run.end, gaps=(*state.gaps, gap)), 0
        if not runs:
            return
        inside = any(run.first <= i < run.end for run in self.a.runs)
        for end in range(i + 1, min(len(self.a.kinds), i + _LONGEST) + 1):
            if inside or any(i < run.end and run.first < end for run in self.a.runs):
                break
            gap = _Gap(False, i, end)
            yield replace(state, i=end, gaps=(*state.gaps, gap)), 1
        for end in range(j + 1, min(len(self.b.kinds), j + _LONGEST) + 1):
            gap = _Gap(True, j, end)
            yield replace(state, j=end, gaps=(*state.gaps, gap)), 1

    def matched(self, state: _State) -> _State | None:
        """Match the next elements, if they do the same with the same."""
        i, j = state.i, state.j
        if self.a.kinds[i] != self.b.kinds[j]:
            return None
        pairs = list(zip(self.a.reads[i], self.b.reads[j], strict=False))
        if len(self.a.reads[i]) != len(self.b.reads[j]):
            return None
        done = self.compared(state, pairs)
        if done is None:
            return None
        return replace(done, i=i + 1, j=j + 1, pairs=(*done.pairs, (i, j)))

    def compared(
        self, state: _State, pairs: Sequence[tuple[Ref, Ref]]
    ) -> _State | None:
        """Compare what is read; a run's result shows what stands for it."""
        for a, b in pairs:
            if _is_left(state, a, second=False) and _is_left(state, b, second=True):
                # Each has its own part here, of which a reader could see only one.
                return None
            one = self.source(state, a, second=False)
            two = self.source(state, b, second=True)
            if isinstance(one, _Gap) and isinstance(two, tuple):
                state = _settled(state, one, two)
            elif isinstance(two, _Gap) and isinstance(one, tuple):
                state = _settled(state, two, one)
            elif one is None or one != two:
                return None
        return state

    def source(self, state: _State, ref: Ref, *, second: bool) -> _Source | _Gap | None:
        """Return where a value comes from, or the run that it comes from."""
        if ref[0] < 0:
            return ("in", ref[1])
        for n, pair in enumerate(state.pairs):
            if pair[second] == ref[0]:
                return ("pair", n)
        for gap in state.gaps:
            if gap.second == second and gap.end - 1 == ref[0]:
                if gap.known is not None:
                    return self.source(state, gap.known, second=second)
                return gap if gap.bypass is None else gap.bypass
        return None


def _is_left(state: _State, ref: Ref, *, second: bool) -> bool:
    """Whether a value comes out of a run that the other side lacks."""
    return any(g.second == second and g.end - 1 == ref[0] for g in state.gaps)


def _settled(state: _State, gap: _Gap, bypass: _Source) -> _State:
    known = replace(gap, bypass=bypass)
    return replace(state, gaps=tuple(known if g is gap else g for g in state.gaps))


def aligned(a: Schema, b: Schema) -> Union | None:
    """Return one schema for two, if they differ in few optional parts.

    ``b`` has no optional parts.
    """
    search = _Search(a, b)
    for runs in range(search.least[0][0], _RUNS + 1):
        search.left = _TRIES
        if done := search.found(_State(), runs):
            return _union(a, b, done)
    return None


def _least_runs(a: Schema, b: Schema) -> list[list[int]]:
    """Return how many new runs the rest needs at least, whatever it reads.

    At ``[i][j]`` for the elements of ``a`` from ``i`` and those of ``b`` from ``j``:
    Gotoh's alignment (J. Mol. Biol. 162, 1982) where opening a gap is all that costs.
    """
    rows, columns = len(a.kinds), len(b.kinds)
    known = {run.first: run.end for run in a.runs}
    most = _RUNS + 1
    least = [[most] * (columns + 1) for _ in range(rows + 1)]
    # Within a gap of a, or of b.
    in_a = [[most] * (columns + 1) for _ in range(rows + 1)]
    in_b = [[most] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        for j in range(columns, -1, -1):
            best = 0 if (i, j) == (rows, columns) else most
            if i < rows and j < columns and a.kinds[i] == b.kinds[j]:
                best = least[i + 1][j + 1]
            if i in known:
                best = min(best, least[known[i]][j])
            if i < rows:
                best = min(best, in_a[i + 1][j] + 1)
            if j < columns:
                best = min(best, in_b[i][j + 1] + 1)
            least[i][j] = best
            in_a[i][j] = min(best, in_a[i + 1][j] if i < rows else most)
            in_b[i][j] = min(best, in_b[i][j + 1] if j < columns else most)
    return least


def _union(a: Schema, b: Schema, done: _State) -> Union | None:
    order: list[tuple[int | None, int | None]] = []
    gaps = sorted(done.gaps, key=lambda g: (g.first, g.second))
    waiting_a = {g.first: g for g in gaps if not g.second}
    waiting_b = {g.first: g for g in gaps if g.second}
    i = j = 0
    pairs = list(done.pairs)
    while pairs or i in waiting_a or j in waiting_b:
        if gap := waiting_a.get(i):
            order += [(n, None) for n in range(gap.first, gap.end)]
            i = gap.end
        elif gap := waiting_b.get(j):
            order += [(None, n) for n in range(gap.first, gap.end)]
            j = gap.end
        else:
            order.append(pairs.pop(0))
            i, j = i + 1, j + 1
    place_a = {n: at for at, (n, _) in enumerate(order) if n is not None}
    place_b = {n: at for at, (_, n) in enumerate(order) if n is not None}

    def moved(ref: Ref, places: dict[int, int]) -> Ref:
        return ref if ref[0] < 0 else (places[ref[0]], ref[1])

    def placed(source: _Source) -> Ref:
        kind, n = source
        return (-1, n) if kind == "in" else (place_a[done.pairs[n][0]], 0)

    only_b = {g.end - 1 for g in done.gaps if g.second}
    reads: list[tuple[Ref, ...]] = []
    for x, y in order:
        if x is None:
            assert y is not None
            reads.append(tuple(moved(r, place_b) for r in b.reads[y]))
        elif y is None:
            reads.append(tuple(moved(r, place_a) for r in a.reads[x]))
        else:
            # What only the second has is read where it is there.
            both = zip(a.reads[x], b.reads[y], strict=True)
            reads.append(
                tuple(
                    moved(s, place_b) if s[0] in only_b else moved(r, place_a)
                    for r, s in both
                )
            )
    runs = [
        Run(place_a[r.first], place_a[r.end - 1] + 1, moved(r.bypass, place_a))
        for r in a.runs
    ]
    for gap in done.gaps:
        places = place_b if gap.second else place_a
        if gap.known is not None:
            continue
        assert gap.bypass is not None
        run = Run(places[gap.first], places[gap.end - 1] + 1, placed(gap.bypass))
        if all((run.first, run.end) != (r.first, r.end) for r in runs):
            runs.append(run)
    kinds = [a.kinds[x] if x is not None else b.kinds[y] for x, y in order]  # type: ignore[index]
    schema = Schema(tuple(kinds), tuple(reads), tuple(sorted(runs, key=_start)))
    return Union(
        schema,
        tuple(place_a[n] for n in range(len(a.kinds))),
        tuple(place_b[n] for n in range(len(b.kinds))),
    )


def _start(run: Run) -> int:
    return run.first


__all__ = ["Ref", "Run", "Schema", "Union", "aligned"]
