"""Blocks that differ in optional parts become one class with flags.

The first block of a stage in a ResNet has a convolution on its shortcut, the others
have none; the blocks of a MobileNetV2 are residual or not. Each such block here gets
the same steps: where it lacks a part stands an
:class:`~keras2torch.layers.core.Absent`, so that
:mod:`keras2torch.program.sharing` finds them alike but for a flag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from keras2torch.dialect import LayerNode
from keras2torch.layers.core import Absent, Chain
from keras2torch.layers.definitions import Add, Call, Layer, Tensor
from keras2torch.layout import GraphPlan, LayerStep, Option, Step
from keras2torch.operators import Operator
from keras2torch.program.alignment import Ref, Run, Schema, aligned
from keras2torch.program.automatic import by_class
from keras2torch.program.kinds import GENERAL, class_of, snake
from keras2torch.program.likeness import (
    Part,
    activation_of,
    is_worth,
    may_be,
    module_kind,
    optional_parts,
    schema_of,
)
from keras2torch.program.members import calls_only, optional_module
from keras2torch.program.names import Names, class_name
from keras2torch.program.naming import one_name
from keras2torch.program.steps import like, read_instead


@dataclass
class _Member:
    """A block, and which of its steps stands in which place of the schema."""

    block: LayerStep
    places: tuple[int, ...]

    @property
    def body(self) -> GraphPlan:
        """Its steps."""
        assert self.block.body is not None
        return self.block.body


@dataclass
class _Family:
    """Blocks that are to be one class."""

    schema: Schema
    members: list[_Member]


def join_variants(blocks: Sequence[LayerStep], *, whole: bool = False) -> None:
    """Give blocks that differ in optional parts the same steps, flags aside.

    ``whole``: only blocks of which none lacks a part; their activations may differ.
    """
    families: dict[object, _Family] = {}
    for block in blocks:
        schema = schema_of(block)
        if schema is None or (block.body is not None and block.body.family):
            continue
        family = families.setdefault(schema, _Family(schema, []))
        family.members.append(_Member(block, tuple(range(len(schema.kinds)))))
    waiting = sorted(families.values(), key=lambda f: -len(f.schema.kinds))
    joined: list[_Family] = []
    while waiting:
        family = waiting.pop(0)
        for other in waiting[:]:
            if not whole and _join(family, other):
                waiting.remove(other)
        joined.append(family)
    number = max((b.body.family for b in blocks if b.body is not None), default=0)
    for family in joined:
        if family.schema.runs or _varied(family):
            number += 1
            _rewrite(family, number)


def _varied(family: _Family) -> set[int]:
    """Return the places where the blocks have different activations."""
    found: dict[int, set[str]] = {}
    for member in family.members:
        for place, step in zip(member.places, member.body.steps, strict=True):
            found.setdefault(place, set()).add(activation_of(step))
    return {place for place, texts in found.items() if len(texts) > 1}


def _join(family: _Family, other: _Family) -> bool:
    """Take the members of another family in, if few parts differ."""
    inputs = {len(m.body.inputs) for m in [*family.members, *other.members]}
    if len(inputs) > 1 or not may_be(family.schema, other.schema):
        return False
    union = aligned(family.schema, other.schema)
    if union is None:
        return False
    more = len(family.members) >= len(other.members)
    if not is_worth(union, union.first if more else union.second):
        return False
    schema = union.schema
    members = [
        *(_moved(member, union.first) for member in family.members),
        *(_moved(member, union.second) for member in other.members),
    ]
    trial = _Family(schema, members)
    if any(_has_module(trial, run) for run in schema.runs):
        return False
    family.schema, family.members = schema, members
    return True


def _moved(member: _Member, places: tuple[int, ...]) -> _Member:
    return _Member(member.block, tuple(places[p] for p in member.places))


def _has_module(family: _Family, run: Run) -> bool:
    """Whether what joins is a module, for which no flag can stand."""
    last = _examples(family, run)[-1]
    joins = optional_parts(family.schema, run)[-1].join
    return joins and (not isinstance(last, LayerStep) or bool(module_kind(last)))


def _flags(family: _Family) -> dict[tuple[int, int], str]:
    """Name the runs; those that are always there together have one name."""
    names: dict[tuple[int, int], str] = {}
    known: dict[tuple[bool, ...], str] = {}
    taken = Names()
    runs = family.schema.runs
    joins = [run for run in runs if optional_parts(family.schema, run)[-1].join]
    for run in [*joins, *[r for r in runs if r not in joins]]:
        there = tuple(run.first in member.places for member in family.members)
        if there not in known:
            known[there] = taken.unique_numbered(_run_name(family, run))
        names[run.first, run.end] = known[there]
    return names


def _run_name(family: _Family, run: Run) -> str:
    steps = _examples(family, run)
    parts = optional_parts(family.schema, run)
    last = steps[-1]
    if parts[-1].join:
        kind = last.node.layer if isinstance(last, LayerStep) else None
        chain = _chain_name(steps[:-1]) if len(parts) > 1 else "joined"
        return "residual" if _is_sum(kind) else f"use_{chain}"
    readers = [
        n
        for n, reads in enumerate(family.schema.reads)
        if (run.end - 1, 0) in reads and len(reads) == 2
    ]
    if readers and run.bypass[0] < 0:
        return "shortcut"
    return _chain_name(steps)


def _is_sum(layer: Layer | None) -> bool:
    return isinstance(layer, Add) or getattr(layer, "kind", "") == "Add"


def _examples(family: _Family, run: Run) -> list[Step]:
    """Return the steps of a run in a block that has it."""
    for member in family.members:
        if run.first in member.places:
            at = member.places.index(run.first)
            return member.body.steps[at : at + run.end - run.first]
    raise AssertionError(f"nobody has {run}")


def _chain_name(steps: Sequence[Step]) -> str:
    """Return what the layers of a chain have in common in their names."""
    layers = [s.node.layer for s in steps if isinstance(s, LayerStep)]
    named = [x for x in layers if not isinstance(x, Operator)]
    words = [x.name.split("_") for x in named if x.name != by_class(x)]
    common = [w for w in words[0] if all(w in ws for ws in words)] if words else []
    kept = [w for w in common if not w.isdigit()]
    if kept and len(words) > 1:
        return "_".join(kept)
    return by_class(layers[0]) if layers else "part"


# ------------------------------------------------------------------------- rewriting
def _rewrite(family: _Family, number: int) -> None:
    flags = _flags(family)
    names, varied = _slot_names(family), _varied(family)
    parts = _part_names(family, flags, names)
    examples = {
        place: step
        for member in family.members
        for place, step in zip(member.places, member.body.steps, strict=True)
    }
    kind = class_of([examples[p] for p in sorted(examples)], None)
    if kind in GENERAL:
        kinds = {m.body.name for m in family.members} - GENERAL
        kind = min(kinds, default=kind)
    for member in family.members:
        before = member.body.name
        _Rewriter(family.schema, member, flags, names, parts, examples, varied).run()
        member.body.name = kind
        member.body.family = number
        if member.block.node.layer.name == snake(before):
            member.block.node.layer.name = snake(kind)


def _slot_names(family: _Family) -> dict[int, str]:
    """Return what the layer in each place is called, in all blocks."""
    steps: dict[int, list[LayerStep]] = {}
    for member in family.members:
        for place, step in zip(member.places, member.body.steps, strict=True):
            if isinstance(step, LayerStep):
                steps.setdefault(place, []).append(step)
    return {place: one_name(own) for place, own in steps.items()}


def _part_names(
    family: _Family, flags: Mapping[tuple[int, int], str], names: Mapping[int, str]
) -> dict[int, str]:
    """Return what an optional part is called: as its layer, or as the flag."""
    found: dict[int, str] = {}
    runs = {run: optional_parts(family.schema, run) for run in family.schema.runs}
    # A flag that decides on a join is an attribute: the part has its own name.
    taken = {flags[r.first, r.end] for r, parts in runs.items() if parts[-1].join}
    for run, [chain, *_] in runs.items():
        name = flags[run.first, run.end]
        if name in found.values():
            name = _run_name(family, run)
        if name in taken:
            steps = _examples(family, run)[: chain.end - chain.first]
            own = len(steps) == 1 and chain.first in names
            name = names[chain.first] if own else _chain_name(steps)
        found[chain.first] = f"{name}_layers" if name in taken else name
    return found


class _Rewriter:
    """Gives one block the steps of its family."""

    def __init__(
        self,
        schema: Schema,
        member: _Member,
        flags: dict[tuple[int, int], str],
        names: dict[int, str],
        parts: dict[int, str],
        examples: dict[int, Step],
        varied: Set[int],
    ) -> None:
        self._schema = schema
        self._examples = examples
        self._runs = {run.first: run for run in schema.runs}
        self._flags = flags
        self._names = names
        self._part_names = parts
        self._varied = varied
        self._body = member.body
        self._own = dict(zip(member.places, member.body.steps, strict=True))
        self._made: dict[Ref, Tensor] = {
            (-1, k): tensor for k, (_, tensor) in enumerate(self._body.inputs)
        }
        self._steps: list[Step] = []

    def run(self) -> None:
        """Replace the steps."""
        place = 0
        while place < len(self._schema.kinds):
            run = self._runs.get(place)
            if run is None:
                self._plain(place)
                place += 1
            else:
                for part in optional_parts(self._schema, run):
                    self._part(run, part)
                place = run.end
        self._body.steps[:] = self._steps
        self._body.outputs = [self._made[len(self._schema.kinds) - 1, 0]]

    def _reads(self, place: int) -> list[Tensor]:
        return [self._made[ref] for ref in self._schema.reads[place]]

    def _plain(self, place: int) -> None:
        step = self._own[place]
        _rewire(step, self._reads(place))
        if isinstance(step, LayerStep) and not isinstance(step.node.layer, Operator):
            step.node.layer.name = self._names[place]
        if isinstance(step, LayerStep) and place in self._varied:
            # A module, which the constructor is told.
            step.option = Option("", there=True)
            step.node.layer.name = "activation"
        self._steps.append(step)
        self._made[place, 0] = step.writes[0]

    def _part(self, run: Run, part: Part) -> None:
        flag = self._flags[run.first, run.end]
        there = part.first in self._own
        if part.join:
            step = self._join(part, there)
            step.option = Option(flag, there, self._reads(part.first)[part.through])
        else:
            make = self._chain if there else self._absent
            step = make(self._made[run.bypass], part)
            step.option = Option(flag, there)
        self._steps.append(step)
        self._made[part.end - 1, 0] = step.writes[0]

    def _join(self, part: Part, there: bool) -> LayerStep:
        reads = self._reads(part.first)
        if there:
            step = self._own[part.first]
            assert isinstance(step, LayerStep)
            _rewire(step, reads)
            return step
        made = like(reads[part.through])
        return _absent_step(self._path(part), "joined", reads, made, self._joins(part))

    def _joins(self, part: Part) -> Layer:
        """Return the layer that joins in a block that has it."""
        step = self._examples[part.first]
        assert isinstance(step, LayerStep)
        return step.node.layer

    def _chain(self, before: Tensor, part: Part) -> LayerStep:
        """Return a chain as one call."""
        name = self._part_names[part.first]
        steps = [self._own[n] for n in range(part.first, part.end)]
        if len(steps) == 1:
            [step] = steps
            _rewire(step, [before])
            if isinstance(step, LayerStep) and step.body is None:
                step.option = Option("", there=True)
                module = bool(module_kind(step)) and calls_only(step)
                if module or optional_module(step):
                    step.node.layer.name = name
                    return step
                step.option = None
        given, last = like(before), steps[-1].writes[0]
        for n, step in enumerate(steps):
            _rewire(step, [given if n == 0 else steps[n - 1].writes[0]])
        made = like(last)
        path = self._path(part)
        kind = class_name(name)
        for layer in (s.node.layer for s in steps if isinstance(s, LayerStep)):
            layer.name = layer.name.removeprefix(f"{name}_")
        body = GraphPlan(kind, path, [("x", given)], list(steps), [last], [""])
        node = LayerNode(Chain(name=name), path, [])
        return LayerStep(node, Call([before], [made], masks=[None]), body=body)

    def _absent(self, before: Tensor, part: Part) -> LayerStep:
        name = self._part_names[part.first]
        return _absent_step(self._path(part), name, [before], like(before))

    def _path(self, part: Part) -> str:
        return f"{self._body.path}<part {part.first}>"


def _rewire(step: Step, reads: Sequence[Tensor]) -> None:
    for old, new in zip(step.reads, reads, strict=True):
        if old is not new:
            read_instead(step, old, new)


def _absent_step(
    path: str,
    name: str,
    reads: list[Tensor],
    made: Tensor,
    joins: Layer | None = None,
) -> LayerStep:
    node = LayerNode(Absent(name=name, joins=joins), path, [])
    return LayerStep(node, Call(list(reads), [made], masks=[None] * len(reads)))


__all__ = ["join_variants"]
