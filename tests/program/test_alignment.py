"""Steps that are the same but for parts that one side lacks."""

from __future__ import annotations

from collections.abc import Collection
from itertools import permutations
from typing import Any

import pytest

from keras2torch.program import alignment
from keras2torch.program.alignment import Ref, Run, Schema, aligned


def _schema(*steps: tuple[Any, ...]) -> Schema:
    """Steps as ``("conv", -1)``: what each does, and which steps it reads."""
    reads = tuple(tuple((n, 0) for n in step[1:]) for step in steps)
    return Schema(tuple(step[0] for step in steps), reads)


PROJECTED = _schema(
    ("conv", -1), ("bn", 0),
    ("conv", -1), ("bn", 2), ("relu", 3),
    ("conv", 4), ("bn", 5),
    ("add", 1, 6), ("relu", 7),
)  # fmt: skip
PLAIN = _schema(
    ("conv", -1), ("bn", 0), ("relu", 1), ("conv", 2), ("bn", 3), ("add", -1, 4),
    ("relu", 5),
)  # fmt: skip
STRAIGHT = _schema(("conv", -1), ("bn", 0), ("relu", 1), ("conv", 2), ("bn", 3))
SUMMED = _schema(
    ("conv", -1), ("bn", 0), ("relu", 1), ("conv", 2), ("bn", 3), ("add", 4, -1)
)
PADDED = _schema(
    ("conv", -1), ("bn", 0), ("relu", 1), ("pad", 2), ("conv", 3), ("bn", 4)
)


@pytest.mark.parametrize(
    ("longer", "shorter", "runs"),
    [
        # The convolution of the shortcut, not the first of the branch.
        (PROJECTED, PLAIN, [Run(0, 2, (-1, 0))]),
        (SUMMED, STRAIGHT, [Run(5, 6, (4, 0))]),
        (PADDED, STRAIGHT, [Run(3, 4, (2, 0))]),
        # Each has what the other lacks.
        (PADDED, SUMMED, [Run(3, 4, (2, 0)), Run(6, 7, (5, 0))]),
        (PLAIN, PLAIN, []),
    ],
)
def test_optional_parts(longer: Schema, shorter: Schema, runs: list[Run]) -> None:
    union = aligned(longer, shorter)
    assert union is not None
    assert list(union.schema.runs) == runs
    optional = {n for run in runs for n in range(run.first, run.end)}
    both = set(range(len(union.schema.kinds))) - optional
    assert both == set(union.first) & set(union.second)
    for schema, places in ((longer, union.first), (shorter, union.second)):
        kinds = [union.schema.kinds[p] for p in places]
        assert kinds == list(schema.kinds)


def test_three_of_a_family() -> None:
    first = aligned(PADDED, SUMMED)
    assert first is not None
    union = aligned(first.schema, STRAIGHT)
    assert union is not None
    assert union.schema.runs == first.schema.runs
    assert union.second == (0, 1, 2, 4, 5)


def test_a_run_behind_a_run() -> None:
    """The second begins where the first ends: both are passed by."""
    expanded = _schema(
        ("expand", -1), ("act", 0), ("pad", 1), ("conv", 2), ("bn", 3), ("act", 4),
        ("conv", 5),
    )  # fmt: skip
    unpadded = _schema(
        ("expand", -1), ("act", 0), ("conv", 1), ("bn", 2), ("act", 3), ("conv", 4)
    )
    bare = _schema(("conv", -1), ("bn", 0), ("act", 1), ("conv", 2))
    first = aligned(expanded, unpadded)
    assert first is not None
    union = aligned(first.schema, bare)
    assert union is not None
    assert union.second == (3, 4, 5, 6)
    bypasses: list[Ref] = [run.bypass for run in union.schema.runs]
    assert bypasses == [(-1, 0), (1, 0)]


def test_what_is_not_alike() -> None:
    other = _schema(
        ("pool", -1), ("norm", 0), ("dense", 1), ("softmax", 2), ("dropout", 3)
    )
    assert aligned(STRAIGHT, other) is None


def _inverted(*, expand: bool, excite: bool, joined: bool) -> Schema:
    """A block of MobileNetV3 (Howard et al. 2019), which repeats few kinds of step."""
    steps: list[tuple[Any, ...]] = []

    def then(*kinds: str) -> None:
        for kind in kinds:
            steps.append((kind, len(steps) - 1))

    then(*(("conv", "bn", "act") if expand else ()))
    then("depthwise", "bn", "act")
    if excite:
        before = len(steps) - 1
        then("pool", "conv", "act", "conv", "add3", "act", "scale")
        steps.append(("mul", before, len(steps) - 1))
    then("conv", "bn")
    if joined:
        steps.append(("add", -1, len(steps) - 1))
    return _schema(*steps)


@pytest.mark.parametrize("expand", [True, False])
@pytest.mark.parametrize("joined", [True, False])
def test_most_ways_end_before_they_are_tried(
    expand: bool, joined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the steps do alone: a search by what they read took over 20,000 tries."""
    monkeypatch.setattr(alignment, "_TRIES", 300)
    whole = _inverted(expand=True, excite=True, joined=True)
    union = aligned(whole, _inverted(expand=expand, excite=False, joined=joined))
    assert union is not None
    assert len(union.schema.kinds) == len(whole.kinds)
    missing = set(range(len(whole.kinds))) - set(union.second)
    last = len(whole.kinds) - 1
    expected = set(range(6, 14))
    expected |= set() if expand else {0, 1, 2}
    expected |= set() if joined else {last}
    assert missing == expected


def _result(schema: Schema, places: Collection[int]) -> object:
    """Return what leaves, as nested calls, where only some elements are there."""
    passed = {run.end - 1: run for run in schema.runs if run.first not in places}

    def value(ref: Ref) -> object:
        if ref[0] in passed:
            return value(passed[ref[0]].bypass)
        if ref[0] < 0:
            return ref
        return (schema.kinds[ref[0]], *map(value, schema.reads[ref[0]]))

    return value((len(schema.kinds) - 1, 0))


_A, _B, _C = ("a", -1), ("b", 0), ("c", 1)
_LAST = [
    _schema(_A, _B, _C),
    _schema(_A, _B, _C, ("add", -1, 2)),
    _schema(_A, _B, _C, ("add", 2, -1)),
    _schema(_A, _B, ("x", 1), ("c", 2), ("add", -1, 3)),
    _schema(_A, _B, ("y", 1), ("c", 2), ("add", -1, 3)),
    _schema(_A, _B, ("c", 1), ("x", 2), ("add", -1, 3)),
    _schema(("x", -1), ("a", 0), ("b", 1), ("c", 2), ("add", -1, 3)),
    _schema(("p", -1), _A, ("b", 1), ("c", 2), ("add", 0, 3)),
    _schema(_A, _B, _C, ("add", -1, 2), ("x", 3)),
]


@pytest.mark.parametrize("three", list(permutations(range(len(_LAST)), 3)), ids=str)
def test_every_member_computes_what_it_did(three: tuple[int, ...]) -> None:
    """Whatever is joined, in whatever order, each still has all of its parts."""
    first, *others = (_LAST[n] for n in three)
    schema, members = first, [(first, tuple(range(len(first.kinds))))]
    for other in others:
        union = aligned(schema, other)
        if union is None:
            continue
        members = [(m, tuple(union.first[p] for p in at)) for m, at in members]
        schema, members = union.schema, [*members, (other, union.second)]
    for member, places in members:
        alone = _result(member, range(len(member.kinds)))
        assert _result(schema, places) == alone


def test_two_parts_in_one_place_are_two_blocks() -> None:
    """What reads there could read one of them only, and the other would be lost."""
    plain, one, other = _LAST[1], _LAST[3], _LAST[4]
    family = aligned(one, plain)
    assert family is not None
    assert aligned(family.schema, other) is None
    assert aligned(one, other) is None
