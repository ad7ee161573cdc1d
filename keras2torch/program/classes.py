"""One (nested) model as a class: attributes, forward, what it does beside them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from keras2torch.layers.core import Cell
from keras2torch.layers.definitions import Call, Forward, Tensor
from keras2torch.layout import GraphPlan, LayerStep, Option, PermuteStep
from keras2torch.operators import Operator
from keras2torch.program.automatic import argument
from keras2torch.program.classtext import (
    Attribute,
    Capture,
    ClassText,
    nested_strings,
)
from keras2torch.program.docstrings import Docstring
from keras2torch.program.expressions import (
    Pending,
    evaluated_once,
    place,
    places,
    readable,
    substituted,
)
from keras2torch.program.held import access
from keras2torch.program.lists import Turns, find_turns, roll
from keras2torch.program.members import Members, optional_module
from keras2torch.program.names import Names, variable
from keras2torch.program.parts import holders, parts_of
from keras2torch.program.permutes import permute_text
from keras2torch.program.results import is_short, result_name
from keras2torch.program.steps import (
    read_instead,
    sizes_of_all,
    staying,
    uses_of_tensors,
)
from keras2torch.program.sums import join_sums
from keras2torch.program.trunks import trunks

# Looked at twice, it is something else.
_RANDOM = re.compile(r"rand|dropout|normal|bernoulli")


class ClassWriter:
    """Writes the class of one graph; bodies of nested models come first.

    Parameters
    ----------
    plan
        The graph with its layouts.
    name
        Class name.
    bodies
        Path of a nested model → its class.
    reserved
        Names that no variable may take.
    frozen
        Whether who holds an instance freezes it.
    own
        The user wrote the class: its layers have the names of its attributes.
    """

    def __init__(
        self,
        plan: GraphPlan,
        name: str,
        bodies: Mapping[str, ClassText],
        reserved: frozenset[str],
        docstring: Docstring,
        *,
        frozen: bool = False,
        own: bool = False,
    ) -> None:
        self._plan = plan
        self._bodies = bodies
        self._reserved = reserved
        self._text = ClassText(name, plan.path, docstring)
        self._members = Members(plan, bodies, self._text, frozen=frozen, own=own)
        self._uses = uses_of_tensors(plan)
        self._calls: dict[str, list[Call]] = {}
        for step in plan.steps:
            if isinstance(step, LayerStep):
                self._calls.setdefault(step.node.path, []).append(step.call)
        self._live: dict[str, Tensor] = {}
        # Stand for the results that are parts of a variable.
        self._holders: list[Tensor] = []
        self._pending: dict[str, Pending] = {}
        self._turns: list[Turns] = []
        # Results that get a statement, because those of other turns do.
        self._stay: set[int] = set()
        self._trunks = trunks(plan.steps, self._uses)
        # Outputs of a dict are called what it calls them.
        self._told: dict[int, str] = {}
        # What cells read is called so from the start.
        self._entering: dict[int, str] = {}
        self._names_of_turns: dict[tuple[int, int, int], str] = {}

    def write(self) -> ClassText:
        """Return the class."""
        text = self._text
        self._arguments()
        self._members.hold()
        self._turns = find_turns(self._plan.steps, self._members.whole)
        self._stay = staying(self._plan.steps, self._turns, self._uses)
        for turns in self._turns:
            step = self._plan.steps[turns.first]
            if isinstance(step, LayerStep) and isinstance(step.node.layer, Cell):
                names = zip(step.reads, ("before", "x"), strict=True)
                self._entering |= {id(t): name for t, name in names}
        for name, tensor in zip(
            self._plan.output_names, self._plan.outputs, strict=True
        ):
            if name and len(self._plan.outputs) > 1:
                self._told[id(tensor)] = variable(name)
        for i, step in enumerate(self._plan.steps):
            for turns in self._turns:
                if i == turns.first:
                    self._hand_in(turns)
            self._members.reach(step.reads)
            if isinstance(step, PermuteStep):
                self._permute(i, step)
            else:
                self._layer(i, step)
        self._members.reach(self._plan.outputs)
        roll(text, self._members.finish())
        text.returns = len(self._plan.outputs)
        text.returned_strings = {
            i: nested_strings(t)
            for i, t in enumerate(self._plan.outputs)
            if t.dtype == "string"
        }
        self._return()
        join_sums(text)
        return text

    # -- names
    def _arguments(self) -> None:
        names = Names(self._reserved)
        single = len(self._plan.inputs) == 1
        for number, (name, tensor) in enumerate(self._plan.inputs, 1):
            wish = "x" if single else variable(argument(name, number))
            tensor.name = names.unique(wish)
            self._live[tensor.name] = tensor
            self._text.arguments.append(tensor.name)
            if tensor.dtype == "string":
                self._text.strings[tensor.name] = nested_strings(tensor)

    def _last_use(self, tensor: Tensor) -> int:
        uses = self._uses.get(id(tensor), [])
        return uses[-1] if uses else -1

    def _name(
        self,
        i: int,
        tensor: Tensor,
        wish: str,
        fixed: set[str],
        *,
        short: bool | None = None,
    ) -> str:
        """Return the variable for a result of step ``i``.

        A result that only the next step reads is called ``x`` (``y`` where ``x`` is
        still needed), others after their layer unless ``short`` says so; a name is
        free once its tensor was read for the last time.
        """
        for name in [n for n, t in self._live.items() if self._last_use(t) <= i]:
            del self._live[name]
        uses = self._uses.get(id(tensor), [])
        if not uses:
            return "_"
        near = uses[0] == uses[-1] == i + 1 or id(tensor) in self._trunks
        if id(tensor) in self._told and uses[-1] == len(self._plan.steps):
            wish, short = self._told[id(tensor)], False
        if id(tensor) in self._entering:
            wish, short = self._entering[id(tensor)], False
        short = near if short is None else short
        taken = self._reserved | self._live.keys() | fixed
        if short and tensor.dtype != "bool":
            # On a branch beside a living x a person writes y.
            wish = next((n for n in ("x", "y") if n not in taken), wish)
        name = wish
        n = 1
        while name in taken:
            name, n = f"{wish}_{n}", n + 1
        self._live[name] = tensor
        return name

    # -- turns of a loop
    def _hand_in(self, turns: Turns) -> None:
        """Have the first turn read the variables that each turn hands to the next."""
        end = turns.first + turns.size
        for (j, o), tensor in turns.carried.items():
            if self._last_use(tensor) < end and tensor.name in self._live:
                self._names_of_turns[turns.first, j, o] = tensor.name
                continue
            stand_in = Tensor(tensor.shape, tensor.dtype, tensor.layout)
            uses = [n for n in self._uses[id(tensor)] if n < end]
            self._uses[id(stand_in)] = uses
            name = self._name(turns.first - 1, stand_in, "h", set(), short=True)
            self._add(f"{name} = {tensor.name}")
            self._names_of_turns[turns.first, j, o] = name
            for step in self._plan.steps[turns.first : end]:
                read_instead(step, tensor, stand_in)
            self._uses[id(tensor)] = [n for n in self._uses[id(tensor)] if n >= end]
            stand_in.name = name

    def _name_in_turn(self, i: int, o: int, tensor: Tensor) -> str | None:
        """Return what a result is called in the other turns, if that is free now."""
        for turns in self._turns:
            at = turns.place(i)
            if at is None:
                continue
            name = self._names_of_turns.get((turns.first, at[1], o))
            step = self._plan.steps[i]
            cell = isinstance(step, LayerStep) and isinstance(step.node.layer, Cell)
            if name is None or not (self._uses.get(id(tensor)) or cell):
                return None
            holder = self._live.get(name)
            if holder is None or self._last_use(holder) <= i:
                self._live[name] = tensor
                return name
        return None

    def _keep_name(self, i: int, o: int, name: str) -> None:
        for turns in self._turns:
            at = turns.place(i)
            if at is not None and name != "_":
                self._names_of_turns.setdefault((turns.first, at[1], o), name)

    # -- steps
    def _permute(self, i: int, step: PermuteStep) -> None:
        pending = self._pending.get(step.source.name)
        wish = pending.wish if pending is not None else step.source.name
        wish = wish if wish != "x" else "x_permuted"
        [text], [parts] = self._complete(
            i, [permute_text(step.source, step.result.layout)]
        )
        step.result.name = self._name(i, step.result, f"{wish}_keras_order", set())
        self._add(f"{step.result.name} = {text}", parts)

    def _layer(self, i: int, step: LayerStep) -> None:
        node, call = step.node, step.call
        if step.body is not None:
            call.body = self._bodies[step.body.path].name
        call.read = tuple(id(t) in self._uses for t in call.outputs)
        with sizes_of_all(self._calls[node.path]):
            attribute = self._members.attribute(step)
            module = access("self", attribute.name) if attribute else ""
            made = node.layer.forward(call, module)
            if attribute is not None and optional_module(step) is not None:
                made = Forward(f"{module}({call.x.name})")
        self._text.helpers.update(made.helpers)
        before, results, mask = self._temporaries(made)
        listed = [results] if isinstance(results, str) else results
        texts = [*before, *listed, *([mask] if mask is not None else [])]
        texts, parts = self._complete(i, texts)
        if step.option is not None:
            texts = self._optional(step.option, attribute, texts)
        plain = not before and mask is None and isinstance(results, str)
        if plain and step.option is None and self._waits(step, texts[0], parts[0]):
            return
        # The mask comes before the results: it may not take a name that they read.
        reads = set() if mask is None else _names_in(texts[len(before) : -1])
        parted = not isinstance(results, str)
        own = self._parts(i, step, texts, len(before)) if parted else {}
        self._bound(i, step, made, reads, own)
        targets = [t.name for t in call.outputs]
        for line, inside in zip(texts[: len(before)], parts, strict=False):
            self._add(line, inside)
        rest, inner = texts[len(before) :], parts[len(before) :]
        if step.made_mask is not None and mask is not None:
            # The mask is of the input, which the result may overwrite.
            text, inside = rest.pop(), inner.pop()
            if step.made_mask.name not in ("_", text):
                self._add(f"{step.made_mask.name} = {text}", inside)
        elif mask is not None:
            rest.pop(), inner.pop()
        if step.made_mask is not None and mask is None:
            # A model inside returns the mask behind its outputs.
            targets.append(step.made_mask.name)
            made = replace(made, unpack=True)
        if isinstance(results, str):
            if len(targets) > 1 and not made.unpack:
                raise AssertionError(f"{node.path}: one result for {len(targets)}")
            if targets != rest:
                self._add(f"{', '.join(targets)} = {rest[0]}", inner[0])
        else:
            kept = [
                (t, r) for t, r in zip(targets, rest, strict=True) if t not in ("_", r)
            ]
            if kept:
                left, right = zip(*kept, strict=True)
                inside = [p for part in inner for p in part]
                self._add(f"{', '.join(left)} = {', '.join(right)}", inside)
        self._seen(node.path, call.outputs)

    def _optional(
        self, option: Option, attribute: Attribute | None, texts: list[str]
    ) -> list[str]:
        """Note what other blocks lack; where they lack a sum, a flag decides."""
        if attribute is not None:
            self._text.options[attribute.name] = (option.flag, option.there)
            if option.either:
                self._text.either.add(attribute.name)
            return texts
        assert option.bypass is not None
        self._text.flags[option.flag] = option.there
        return [
            *texts[:-1],
            f"{texts[-1]} if self.{option.flag} else {option.bypass.name}",
        ]

    def _parts(
        self, i: int, step: LayerStep, texts: Sequence[str], before: int
    ) -> dict[int, str]:
        """Return the results that need no name; their variables live while they do."""
        outputs = step.call.outputs
        if any(turns.place(i) is not None for turns in self._turns):
            return {}
        found = {
            k: variable
            for k, variable in parts_of(texts[:before], texts[before:]).items()
            if id(outputs[k]) not in self._told.keys() | self._stay
        }
        kept = holders(found, outputs, self._uses)
        self._holders += kept.values()
        self._live |= kept
        return {k: texts[before + k] for k in found}

    def _bound(
        self,
        i: int,
        step: LayerStep,
        made: Forward,
        reads: set[str],
        parts: Mapping[int, str],
    ) -> None:
        """Name what a call makes; ``reads``: no names for the mask."""
        attribute = self._text.attributes.get(step.node.path)
        wish = result_name(step.node.layer, step.call.y, attribute)
        fixed: set[str] = set()
        outputs = step.call.outputs
        for k, tensor in enumerate(outputs):
            if k in parts:
                tensor.name = parts[k] if self._uses.get(id(tensor)) else "_"
                continue
            what = made.names[k] if made.names else str(k)
            if isinstance(step.node.layer, Operator) and len(outputs) == 2:
                wish, what = ("first", "second")[k], ""
            alone = len(outputs) == 1 or not what
            own = wish if alone else f"{wish}_{what}"
            # A state keeps its name, even where only the next layer reads it.
            told = bool(made.names and what)
            single = len(outputs) == 1
            short = is_short(step.node.layer, tensor) if single else None
            short = False if told else short
            short = True if id(tensor) in self._stay and not told else short
            tensor.name = self._name_in_turn(i, k, tensor) or self._name(
                i, tensor, own, fixed, short=short
            )
            self._keep_name(i, k, tensor.name)
            fixed.add(tensor.name)
        if step.made_mask is not None:
            step.made_mask.name = self._name(i, step.made_mask, "mask", fixed | reads)

    def _add(self, line: str, parts: Sequence[Pending] = ()) -> None:
        """Add a statement; ``parts`` are results that it computes along the way."""
        here = len(self._text.forward)
        self._text.forward.append(line)
        for part in (p for whole in parts for p in whole.parts()):
            if not _RANDOM.search(part.text):
                capture = Capture(
                    here, (part.text,), part.path, (part.tensor,), before=True
                )
                self._text.captures.append(capture)

    def _seen(self, path: str, outputs: Sequence[Tensor]) -> None:
        """Say that the last statement leaves a layer's outputs in their variables."""
        names = tuple(t.name for t in outputs)
        if self._text.forward and set(names) != {"_"}:
            here = len(self._text.forward) - 1
            self._text.captures.append(Capture(here, names, path, tuple(outputs)))

    # -- results without a name
    def _waits(self, step: LayerStep, text: str, parts: list[Pending]) -> bool:
        """Have an operator's result wait for the only step that reads it."""
        tensor = step.call.y
        uses = self._uses.get(id(tensor), [])
        alone = len(step.call.outputs) == 1 and len(uses) == 1
        operator = isinstance(step.node.layer, Operator)
        stays = id(tensor) in self._stay or id(tensor) in self._told
        stays = stays or (alone and self._is_optional(uses[0]))
        if not (operator and alone and readable(text)) or stays:
            return False
        name = place(len(self._pending))
        self._pending[name] = Pending(
            name,
            text,
            tensor,
            step.node.path,
            result_name(step.node.layer, tensor),
            parts,
        )
        tensor.name = name
        # What it reads must still be there then.
        for later in self._uses_of(text):
            later.append(uses[0])
            later.sort()
        return True

    def _is_optional(self, i: int) -> bool:
        """Whether step ``i`` may be absent: what it reads is named, then."""
        step = self._plan.steps[i] if i < len(self._plan.steps) else None
        return isinstance(step, LayerStep) and step.option is not None

    def _uses_of(self, text: str) -> list[list[int]]:
        """Return for each variable in a text the steps that read it."""
        read = _names_in([text])
        return [self._uses[id(self._live[v])] for v in read & self._live.keys()]

    def _complete(
        self, i: int, texts: list[str]
    ) -> tuple[list[str], list[list[Pending]]]:
        """Put what waited into the texts of step ``i``, as far as that reads well.

        What they would evaluate not exactly once becomes a statement first.
        """
        waiting = [self._pending[p] for p in places(texts)]
        if not waiting:
            return texts, [[] for _ in texts]
        own = {
            n.id
            for text in texts
            for n in ast.walk(ast.parse(text))
            if isinstance(n, ast.Name)
        }
        for pending in [p for p in waiting if not evaluated_once(p.place, texts)]:
            waiting.remove(pending)
            texts = self._settled(i, pending, texts, own)
        while True:
            full, parts = list(texts), [[] for _ in texts]  # type: ignore[var-annotated]
            for pending in waiting:
                k = next(
                    k for k, t in enumerate(full) if places([t]).count(pending.place)
                )
                full[k] = substituted(full[k], pending.place, pending.text)
                parts[k].append(pending)
            bad = [
                p
                for text, inside in zip(full, parts, strict=True)
                if inside and not readable(text)
                for p in inside
            ]
            if not bad:
                return full, parts
            longest = max(bad, key=lambda p: len(p.text))
            waiting.remove(longest)
            texts = self._settled(i, longest, texts, own)

    def _settled(
        self, i: int, pending: Pending, texts: list[str], own: set[str]
    ) -> list[str]:
        """Compute a result in a statement of its own, before step ``i``."""
        tensor = pending.tensor
        for later in self._uses_of(pending.text):
            later.remove(i)
            later.append(i - 1)
            later.sort()
        fixed = own - self._live.keys()
        short = tensor.rank > 1 or None
        tensor.name = self._name(i - 1, tensor, pending.wish, fixed, short=short)
        if tensor.name != pending.text:
            self._add(f"{tensor.name} = {pending.text}", pending.inside)
        self._seen(pending.path, [tensor])
        pattern = re.compile(rf"\b{pending.place}\b")
        return [pattern.sub(tensor.name, text) for text in texts]

    def _temporaries(
        self, made: Forward
    ) -> tuple[tuple[str, ...], str | list[str], str | None]:
        """Rename what ``before`` binds where a live variable has that name."""
        bound = {
            n.id
            for line in made.before
            for n in ast.walk(ast.parse(line))
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        before, results, mask = made.before, made.results, made.mask
        for name in sorted(bound & (self._live.keys() | self._reserved)):
            pattern, n = re.compile(rf"(?<![\w.]){name}\b(?!\s*=[^=])"), 1
            while (new := f"{name}_{n}") in self._live.keys() | self._reserved | bound:
                n += 1

            seen = False
            renamed = []
            for line in before:
                # Before it is bound the name still means the live variable.
                head, rest = _bound_and_rest(line)
                rest = pattern.sub(new, rest) if seen else rest
                own = re.sub(rf"(?<![\w.]){name}\b", new, head)
                renamed.append(own + rest)
                seen = seen or own != head
            before = tuple(renamed)
            if isinstance(results, str):
                results = pattern.sub(new, results)
            else:
                results = [pattern.sub(new, r) for r in results]
            mask = pattern.sub(new, mask) if mask is not None else None
        return before, results, mask

    def _return(self) -> None:
        outputs = self._plan.outputs
        texts = [t.name for t in outputs]
        joined, [parts] = self._complete(len(self._plan.steps), [", ".join(texts)])
        lines = self._text.forward
        last = self._text.captures[-1] if self._text.captures else None
        head = f"{joined[0]} = "
        if len(texts) == 1 and lines and lines[-1].startswith(head):
            # Also where only an Identity lies between.
            lines[-1] = f"return {lines[-1].removeprefix(head)}"
            if last is not None and last.statement == len(lines) - 1:
                self._text.captures[-1] = replace(last, variables=("",))
        elif len(texts) == 1 and parts:
            self._add(f"return {joined[0]}", parts[0].inside)
            whole = Capture(len(lines) - 1, ("",), parts[0].path, (outputs[0],))
            self._text.captures.append(whole)
        else:
            self._add(f"return {joined[0]}", parts)


def _bound_and_rest(line: str) -> tuple[str, str]:
    """Split a statement: ``out, (h, c) = `` and what is computed."""
    statement = ast.parse(line).body[0]
    if not isinstance(statement, ast.Assign):
        return "", line
    end = len(line.encode()[: statement.value.col_offset].decode())
    return line[:end], line[end:]


def _names_in(texts: Sequence[str]) -> set[str]:
    """Return the variables that expressions read."""
    nodes = (n for text in texts for n in ast.walk(ast.parse(text)))
    return {n.id for n in nodes if isinstance(n, ast.Name)}
