"""Whether steps do the same, but for parts that some lack, and are worth one class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from keras2torch.layers.definitions import Tensor, to_config
from keras2torch.layout import LayerStep, PermuteStep, Step
from keras2torch.program.alignment import Ref, Run, Schema, Union, aligned
from keras2torch.program.chains import ACTIVATIONS
from keras2torch.program.kinds import whole_numbers
from keras2torch.program.members import function_module
from keras2torch.program.stretches import kind_of

# In the order of the model: all searches together have a bound.
Schemas = tuple[Schema, ...]
# What is known of steps that were asked for before, by their id.
Kinds = dict[int, object]

# Of fewer steps in common a class with flags reads worse than two.
_LEAST_COMMON = 3
_LEAST_KERNELS = 2
_MOST_FLAGS = 4
_LEAST_BRANCHES = 2
# What a number in the constructor can tell, whatever the config says of it.
_LOOSE = ("padding",)


# ---------------------------------------------------------------- what steps do
def schemas(blocks: Iterable[LayerStep]) -> Schemas:
    """Return what the blocks do, once where several do the same."""
    found = (schema_of(block) for block in blocks)
    return tuple(dict.fromkeys(schema for schema in found if schema is not None))


def are_variants(one: Sequence[Step], two: Sequence[Step]) -> bool:
    """Whether steps do the same, but for parts that one of them lacks."""
    other = _own_schema(two)
    return other is not None and is_variant(one, (other,))


def _begins_otherwise(schema: Schema, places: Sequence[int]) -> bool:
    """Whether something stands before all that is in some places: a stem, say."""
    optional = {n for run in schema.runs for n in range(run.first, run.end)}
    reads = [reads for n, reads in enumerate(schema.reads) if n not in optional]
    begins = all((-1, 0) not in own for own in reads)
    return begins and any(run.first not in places for run in schema.runs[:1])


def _own_schema(steps: Sequence[Step], known: Kinds | None = None) -> Schema | None:
    made = {id(t) for step in steps for t in step.writes}
    entering = {id(t): t for s in steps for t in s.reads if id(t) not in made}
    return _schema_of_steps(steps, list(entering.values()), known)


def is_variant(
    steps: Sequence[Step],
    blocks: Schemas,
    known: Kinds | None = None,
    *,
    named: bool = True,
) -> bool:
    """Whether steps that one tensor enters are one of some blocks, parts aside.

    ``known`` is filled; for whoever asks more than once, as long as no step changes.
    Of steps that nobody ``named`` those that lack the sum have to have all weights.
    """
    schema = _own_schema(steps, known)
    if schema is None:
        return False
    for other in blocks:
        longer, shorter = sorted((other, schema), key=lambda s: -len(s.kinds))
        union = aligned(longer, shorter) if may_be(longer, shorter) else None
        if union is None:
            continue
        theirs, own = union.first, union.second
        if longer is schema:
            theirs, own = own, theirs
        fits = named or _is_whole(union.schema, own)
        begins = not _begins_otherwise(union.schema, theirs)
        if fits and begins and is_worth(union, theirs):
            return True
    return False


def _is_whole(schema: Schema, places: Sequence[int]) -> bool:
    """Whether a block that lacks what joins has all that has weights."""
    parts = [part for run in schema.runs for part in optional_parts(schema, run)]
    lacks = any(part.join and part.first not in places for part in parts)
    heavy = {n for n, kind in enumerate(schema.kinds) if _weighs(kind)}
    return not lacks or heavy.issubset(places)


def schema_of(block: LayerStep) -> Schema | None:
    """Return what a block does, ``None`` if it is unlike any other."""
    body = block.body
    if body is None or len(body.outputs) != 1:
        return None
    if body.outputs[0] is not body.steps[-1].writes[0]:
        return None
    return _schema_of_steps(body.steps, [tensor for _, tensor in body.inputs])


def _schema_of_steps(
    steps: Sequence[Step], given: Sequence[Tensor], known: Kinds | None = None
) -> Schema | None:
    """Return what steps do; none where a layer is called in an unusual way."""
    known = {} if known is None else known
    made: dict[int, Ref] = {id(t): (-1, k) for k, t in enumerate(given)}
    kinds: list[object] = []
    reads: list[tuple[Ref, ...]] = []
    for n, step in enumerate(steps):
        if len(step.writes) != 1 or _joins_many(step):
            return None
        if any(id(t) not in made for t in step.reads):
            # Weights of the user's own layer.
            return None
        if id(step) not in known:
            known[id(step)] = _kind(step)
        kinds.append(known[id(step)])
        reads.append(tuple(made[id(t)] for t in step.reads))
        made[id(step.writes[0])] = (n, 0)
    return Schema(tuple(kinds), tuple(reads))


def _joins_many(step: Step) -> bool:
    """Whether branches come together: who differs there is another kind of block."""
    return len(step.reads) > _LEAST_BRANCHES


def _kind(step: Step) -> object:
    if isinstance(step, PermuteStep):
        return kind_of(step)
    if step.body is not None:
        inner = schema_of(step)
        return ("body", inner if inner is not None else id(step.body))
    activation = activation_of(step)
    if activation:
        # Which one, an argument can tell.
        return ("activation", activation.partition("(")[2])
    config = to_config(step.node.layer)
    told = {k: 0 for k in _LOOSE if isinstance(config.get(k), str)}
    weighs = bool(step.node.weights)
    # What mixes channels alone has another task than what sees the neighbours.
    sees = max(whole_numbers(config.get("kernel_size", 0)), default=0) > 1
    return (kind_of(step, {**config, **told}), module_kind(step), sees, weighs)


def activation_of(step: Step) -> str:
    """Return the module that an activation function is, empty for anything else."""
    if not isinstance(step, LayerStep) or step.body is not None or step.node.weights:
        return ""
    made = function_module(step)
    known = made is not None and made.text.partition("(")[0] in ACTIVATIONS
    return made.text if made is not None and known else ""


def module_kind(step: LayerStep) -> str:
    """Return the module of a step without its arguments."""
    module = step.node.layer.module(step.call)
    return "" if module is None else module.text.partition("(")[0]


# ---------------------------------------------------------------- what is worth it
def may_be(a: Schema, b: Schema) -> bool:
    """Whether so much is the same that the two could be worth one class.

    Most are not, and need not be aligned to see it.
    """
    modules = [[k for k in schema.kinds if _is_module(k)] for schema in (a, b)]
    both = (Counter(modules[0]) & Counter(modules[1])).total()
    common = (Counter(a.kinds) & Counter(b.kinds)).total()
    return common >= _LEAST_COMMON and _is_mostly(both, *map(len, modules))


def _is_mostly(both: int, one: int, other: int) -> bool:
    """Whether two have most modules in common, and each has half of all."""
    fewer = min(one, other)
    return 2 * both > fewer and 2 * fewer >= one + other - both


def is_worth(union: Union, usual: Sequence[int]) -> bool:
    """Whether one class with flags reads better than two.

    ``usual``: the places of those who are more.
    """
    schema = union.schema
    both = set(union.first) & set(union.second)
    common = len(both)
    parts = [optional_parts(schema, run) for run in schema.runs]
    # A chain is one attribute, however long.
    optional = sum(map(len, parts))
    if common < _LEAST_COMMON or optional > common or len(schema.runs) > _MOST_FLAGS:
        return False
    joins = [part for run in parts for part in run if part.join]
    if _is_read_inside(schema) or any(_concatenates(schema, p) for p in joins):
        return False
    modules = {n for n, kind in enumerate(schema.kinds) if _is_module(kind)}
    own = [len(modules & set(places)) for places in (union.first, union.second)]
    if not _is_mostly(len(modules & both), *own):
        return False
    # Who has what the other lacks, and the other way round, is another block.
    heavy = {n for n in modules if _weighs(schema.kinds[n])}
    if not any(heavy <= set(places) for places in (union.first, union.second)):
        return False
    # A convolution alone is no block without its sum, or without another one.
    kernels = {n for n in heavy if not _normalizes(schema.kinds[n])}
    needed = kernels.union(part.first for part in joins)
    for places in (union.first, union.second):
        straight = all(len(schema.reads[n]) == 1 for n in places)
        few = len(kernels.intersection(places)) < _LEAST_KERNELS
        if straight and few and not needed.issubset(places):
            return False
    # Who lacks most of a class is no instance of it: a stem is no residual block.
    for places in (union.first, union.second):
        there = sum(part.first in places for run in parts for part in run)
        if common + 2 * there <= optional:
            return False
    # A layer that only follows a few blocks is no part of them.
    last = len(schema.kinds)
    ends = [p[-1] for p in parts if p and p[-1].end == last and last - 1 not in usual]
    return all(parts) and all(part.join for part in ends)


def _concatenates(schema: Schema, part: Part) -> bool:
    """Whether what joins makes more channels: without it is another kind of block."""
    kind = schema.kinds[part.end - 1]
    assert isinstance(kind, tuple)
    told = kind[0]
    return isinstance(told, tuple) and told[0] == "Concatenate"


def _is_read_inside(schema: Schema) -> bool:
    """Whether something reads what an optional part makes for itself."""
    runs = {n: run for run in schema.runs for n in range(run.first, run.end)}
    pairs = [(n, ref[0]) for n, reads in enumerate(schema.reads) for ref in reads]
    pairs += [(run.first, run.bypass[0]) for run in schema.runs]
    return any(
        made in runs and runs[made] != runs.get(n) and made != runs[made].end - 1
        for n, made in pairs
    )


def _weighs(kind: object) -> bool:
    """Whether a step has weights."""
    assert isinstance(kind, tuple)
    return kind[0] == "body" or bool(kind[-1])


def _normalizes(kind: object) -> bool:
    assert isinstance(kind, tuple)
    return isinstance(kind[0], tuple) and "Normalization" in str(kind[0][0])


def _is_module(kind: object) -> bool:
    """Whether a step is a module, or has some inside: what a class is written for."""
    assert isinstance(kind, tuple)
    return kind[0] == "body" or (isinstance(kind[0], tuple) and bool(kind[1]))


# ------------------------------------------------------------------ what is optional
@dataclass(frozen=True)
class Part:
    """An optional part: layers one after the other, or what joins two tensors.

    ``through`` is the operand of a join that is left where it is absent.
    """

    first: int
    end: int
    join: bool = False
    through: int = 0


def optional_parts(schema: Schema, run: Run) -> list[Part]:
    """Take a run apart; nothing if it is neither a chain nor ends in a join."""
    before: Ref = run.bypass
    for n in range(run.first, run.end):
        reads = schema.reads[n]
        if len(reads) == 1 and reads[0] == before:
            before = (n, 0)
            continue
        last = n == run.end - 1
        if last and len(reads) == 2 and reads.count(before) == 1:
            outside = next(r for r in reads if r != before)
            if run.first <= outside[0]:
                return []
            chain = [Part(run.first, n)] if n > run.first else []
            return [*chain, Part(n, run.end, join=True, through=reads.index(before))]
        return []
    return [Part(run.first, run.end)]


__all__ = [
    "Kinds",
    "Part",
    "Schemas",
    "activation_of",
    "are_variants",
    "is_variant",
    "is_worth",
    "may_be",
    "module_kind",
    "optional_parts",
    "schema_of",
    "schemas",
]
