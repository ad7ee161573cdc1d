"""One (nested) model as a class: attributes, forward, what it does beside them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import Call, Forward, Layout, Module, Source, Tensor
from keras2torch.layers.text import literal
from keras2torch.layout import GraphPlan, Held, LayerStep, PermuteStep, Step
from keras2torch.program.held import HeldText, access, declared
from keras2torch.program.names import Names, identifier, variable


@dataclass(frozen=True)
class Capture:
    """Where a layer's output is to be seen while the program runs.

    Attributes
    ----------
    statement
        Index of the statement of ``forward`` after which the variables hold them.
    variables
        One per output; ``"_"`` where nobody reads it; a single ``""`` stands for what
        ``forward`` returns.
    path, tensors
        The Keras layer, and its outputs with their layouts.
    """

    statement: int
    variables: tuple[str, ...]
    path: str
    tensors: tuple[Tensor, ...]


@dataclass
class Attribute:
    """A layer as an attribute of the class."""

    name: str
    path: str
    text: str
    weights: dict[str, Source]
    trainable: bool
    notes: tuple[str, ...] = ()
    body: ClassText | None = None
    given: bool = False


@dataclass
class ClassText:
    """A class of the generated file.

    Attributes
    ----------
    given
        Arguments of the constructor: modules that are not written here → their paths.
    held
        Parameters and buffers of the class itself.
    """

    name: str
    path: str
    docstring: list[str]
    init: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    returns: int = 1
    penalties: list[str] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    captures: list[Capture] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)
    held: list[HeldText] = field(default_factory=list)

    def source(self) -> str:
        """Return the text of the class, not yet formatted."""
        lines = [f"class {self.name}(nn.Module):"]
        lines += [f"    {line}".rstrip() for line in self.docstring]
        given = "".join(f", {g}: nn.Module" for g in self.given)
        lines += ["", f"    def __init__(self{given}) -> None:"]
        lines += ["        super().__init__()"]
        lines += [f"        {line}" for line in self.init]
        arguments = ", ".join(f"{a}: torch.Tensor" for a in self.arguments)
        returned = "torch.Tensor"
        if self.returns > 1:
            returned = "tuple[" + ", ".join(["torch.Tensor"] * self.returns) + "]"
        lines += ["", f"    def forward(self, {arguments}) -> {returned}:"]
        lines += [f"        {line}" for line in self.forward]
        if self.penalties:
            lines += [
                "",
                "    def regularization(self) -> torch.Tensor:",
                '        """What Keras adds to the loss for the weights."""',
                f"        return {' + '.join(self.penalties)}",
            ]
        if self.frozen:
            name = self.name
            lines += [
                "",
                f'    def train(self, mode: bool = True) -> "{name}":',
                '        """Frozen layers stay in inference mode, as in Keras."""',
                "        super().train(mode)",
                *[f"        self.{f}.eval()" for f in self.frozen],
                "        return self",
            ]
        return "\n".join(lines)


def located(text: ClassText, held: Held) -> str | None:
    """Return the name of a value within a class: ``token.weight``."""
    for own in text.held:
        if own.value is held.value:
            return own.name
    for attribute in text.attributes.values():
        if found := within(attribute, held):
            return found
    return None


def within(attribute: Attribute, held: Held) -> str | None:
    """Return the name of a value that belongs to an attribute: ``token.weight``."""
    if attribute.path == held.layer:
        source = attribute.weights.get(held.member)
        order = source.order(held.tensor.rank) if source is not None else None
        return (
            f"{attribute.name}.{held.member}"
            if order == (held.tensor.layout.axes)
            else None
        )
    if attribute.body is None:
        return None
    inner = located(attribute.body, held)
    return f"{attribute.name}.{body_prefix(attribute)}{inner}" if inner else None


def body_prefix(attribute: Attribute) -> str:
    """Return where a wrapper keeps the model inside, if it is not the model itself."""
    assert attribute.body is not None
    return "" if attribute.text.startswith(f"{attribute.body.name}(") else "module."


# Frozen, these run in inference mode in Keras (layers/normalization/
# batch_normalization.py); other frozen layers only keep their weights.
_INFERENCE_WHEN_FROZEN = frozenset({"BatchNormalization"})


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
    """

    def __init__(
        self,
        plan: GraphPlan,
        name: str,
        bodies: Mapping[str, ClassText],
        reserved: frozenset[str],
        docstring: list[str],
    ) -> None:
        self._plan = plan
        self._bodies = bodies
        self._reserved = reserved
        self._text = ClassText(name, plan.path, docstring)
        self._attributes = Names()
        self._uses = _uses(plan)
        self._calls: dict[str, list[Call]] = {}
        for step in plan.steps:
            if isinstance(step, LayerStep):
                self._calls.setdefault(step.node.path, []).append(step.call)
        self._live: dict[str, Tensor] = {}
        self._inner: dict[int, Held] = {}

    def write(self) -> ClassText:
        """Return the class."""
        text = self._text
        self._arguments()
        self._hold()
        for i, step in enumerate(self._plan.steps):
            self._reach(step.reads)
            if isinstance(step, PermuteStep):
                self._permute(i, step)
            else:
                self._layer(i, step)
        self._reach(self._plan.outputs)
        names = [t.name for t in self._plan.outputs]
        text.returns = len(names)
        self._return(names)
        return text

    # -- names
    def _arguments(self) -> None:
        names = Names(self._reserved)
        single = len(self._plan.inputs) == 1
        for name, tensor in self._plan.inputs:
            wish = "x" if single else variable(name)
            tensor.name = names.unique(wish)
            self._live[tensor.name] = tensor
            self._text.arguments.append(tensor.name)

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
        short: bool = True,
    ) -> str:
        """Return the variable for a result of step ``i``.

        A result that only the next step reads is called ``x`` (``y`` where ``x`` is
        still needed), others after their layer; a name is free once its tensor was
        read for the last time.
        """
        for name in [n for n, t in self._live.items() if self._last_use(t) <= i]:
            del self._live[name]
        uses = self._uses.get(id(tensor), [])
        if not uses:
            return "_"
        short = short and uses[0] == uses[-1] == i + 1
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

    # -- what the class holds, and what it reads of its layers
    def _hold(self) -> None:
        """Declare the weights and constants that are the class' own."""
        for held in self._plan.held:
            if held.layer or self._holder(held) is not None:
                self._inner[id(held.tensor)] = held
                continue
            wish, text = declared(held, self._plan)
            text.name = self._attributes.unique(wish)
            text.text = text.text.replace("{name}", text.name)
            self._text.held.append(text)
            self._text.init.append(text.text)
            held.tensor.name = f"self.{text.name}"

    def _holder(self, held: Held) -> LayerStep | None:
        """Return a call of the layer that holds a value, or that has it inside."""
        for step in self._plan.steps:
            if isinstance(step, LayerStep) and (
                step.node.path == held.layer
                or (step.body is not None and located(self._body(step), held))
            ):
                return step
        return None

    def _body(self, step: LayerStep) -> ClassText:
        assert step.body is not None
        return self._bodies[step.body.path]

    def _reach(self, tensors: Sequence[Tensor]) -> None:
        """Name the weights of layers that a step reads; their layers come first."""
        for held in [self._inner.pop(id(t)) for t in tensors if id(t) in self._inner]:
            step = self._holder(held)
            attribute = self._attribute(step) if step is not None else None
            found = attribute and within(attribute, held)
            if not found:
                raise UnsupportedLayer(
                    f"{self._plan.path or self._plan.name!r} reads the weight "
                    f"{str(held.value.name)!r}, which it cannot reach: that has no rule"
                )
            held.tensor.name = access("self", found)

    # -- steps
    def _permute(self, i: int, step: PermuteStep) -> None:
        text = permute_text(step.source, step.result.layout)
        wish = step.source.name if step.source.name != "x" else "x_permuted"
        step.result.name = self._name(i, step.result, f"{wish}_keras_order", set())
        self._text.forward.append(f"{step.result.name} = {text}")

    def _layer(self, i: int, step: LayerStep) -> None:
        node, call = step.node, step.call
        if step.body is not None:
            call.body = self._bodies[step.body.path].name
        call.read = tuple(id(t) in self._uses for t in call.outputs)
        with _sizes_of_all(self._calls[node.path]):
            attribute = self._attribute(step)
            module = f"self.{attribute.name}" if attribute else ""
            made = node.layer.forward(call, module)
        self._text.helpers.update(made.helpers)
        wish = variable(node.layer.name)
        before, results, mask = self._temporaries(made)
        fixed: set[str] = set()
        for k, tensor in enumerate(call.outputs):
            what = made.names[k] if made.names else str(k)
            alone = len(call.outputs) == 1 or not what
            own = wish if alone else f"{wish}_{what}"
            # A state keeps its name, even where only the next layer reads it.
            told = bool(made.names and what)
            tensor.name = self._name(i, tensor, own, fixed, short=not told)
            fixed.add(tensor.name)
        if step.made_mask is not None:
            name = self._name(i, step.made_mask, "mask", fixed)
            step.made_mask.name = name
            if name != "_" and mask is not None:
                # The mask is of the input, which the result may overwrite.
                before = (*before, f"{name} = {mask}")
        self._text.forward += before
        targets = [t.name for t in call.outputs]
        if step.made_mask is not None and mask is None:
            # A model inside returns the mask behind its outputs.
            targets.append(step.made_mask.name)
            made = replace(made, unpack=True)
        if isinstance(results, str):
            alone = len(targets) == 1
            if alone or made.unpack:
                if not (alone and targets[0] == results):
                    self._text.forward.append(f"{', '.join(targets)} = {results}")
            else:
                raise AssertionError(f"{node.path}: one result for {len(targets)}")
        else:
            kept = [
                (t, r)
                for t, r in zip(targets, results, strict=True)
                if t not in ("_", r)
            ]
            if kept:
                left, right = zip(*kept, strict=True)
                self._text.forward.append(f"{', '.join(left)} = {', '.join(right)}")
        seen = tuple(t.name for t in call.outputs)
        if len(self._text.forward) and set(seen) != {"_"}:
            self._text.captures.append(
                Capture(
                    len(self._text.forward) - 1,
                    seen,
                    node.path,
                    tuple(call.outputs),
                )
            )

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
            bind = re.compile(rf"^{name} = ")
            while (new := f"{name}_{n}") in self._live.keys() | self._reserved | bound:
                n += 1

            seen = False
            renamed = []
            for line in before:
                # Before it is bound the name still means the live variable.
                head = bind.match(line)
                rest = line[head.end() :] if head else line
                if seen:
                    rest = pattern.sub(new, rest)
                renamed.append((f"{new} = " if head else "") + rest)
                seen = seen or head is not None
            before = tuple(renamed)
            if isinstance(results, str):
                results = pattern.sub(new, results)
            else:
                results = [pattern.sub(new, r) for r in results]
            mask = pattern.sub(new, mask) if mask is not None else None
        return before, results, mask

    def _return(self, names: list[str]) -> None:
        lines = self._text.forward
        last = self._text.captures[-1] if self._text.captures else None
        head = f"{names[0]} = "
        if len(names) == 1 and lines and lines[-1].startswith(head):
            lines[-1] = f"return {lines[-1].removeprefix(head)}"
            if last is not None and last.statement == len(lines) - 1:
                self._text.captures[-1] = Capture(
                    last.statement, ("",), last.path, last.tensors
                )
        else:
            lines.append(f"return {', '.join(names)}")

    # -- attributes
    def _attribute(self, step: LayerStep) -> Attribute | None:
        node = step.node
        if node.path in self._text.attributes:
            known = self._text.attributes[node.path]
            again = node.layer.module(step.call)
            fixed = known.given or (known.body is not None and known.body.given)
            if again is not None and not fixed and again.text != known.text:
                raise node.layer.unsupported(
                    "its calls need different modules "
                    f"({known.text} and {again.text}), which has no rule"
                )
            return known
        module = node.layer.module(step.call)
        if module is None:
            self._note(node.path, node.layer)
            return None
        name = self._attributes.unique(identifier(node.layer.name))
        body = self._bodies[step.body.path] if step.body is not None else None
        if module.given:
            module.text = name
            self._text.given[name] = node.path
        elif body is not None and body.given:
            passed = {f"{name}_{g}": path for g, path in body.given.items()}
            made = f"{body.name}({', '.join(passed)})"
            module.text = module.text.replace(f"{body.name}()", made)
            self._text.given |= passed
        attribute = Attribute(
            name,
            node.path,
            module.text,
            module.weights,
            node.layer.trainable,
            getattr(module, "notes", ()),
            body,
            module.given,
        )
        self._text.attributes[node.path] = attribute
        self._text.helpers.update(module.helpers)
        self._text.init.append(f"self.{name} = {module.text}")
        self._text.init += [line.format(self=f"self.{name}") for line in module.init]
        self._freeze(step, attribute)
        self._penalties(step, attribute, module)
        self._text.notes += [(node.path, note) for note in attribute.notes]
        self._note(node.path, node.layer)
        return attribute

    def _freeze(self, step: LayerStep, attribute: Attribute) -> None:
        if attribute.trainable:
            return
        if attribute.weights or attribute.body is not None:
            line = f"self.{attribute.name}.requires_grad_(False)"
            self._text.init.append(f"{line}  # trainable=False")
        inside: Any = step.node.layer
        if type(inside).__name__ == "TimeDistributed":
            inside = inside.inner
        if type(inside).__name__ in _INFERENCE_WHEN_FROZEN:
            self._text.frozen.append(attribute.name)

    def _penalties(self, step: LayerStep, attribute: Attribute, module: Module) -> None:
        if attribute.body is not None:
            if attribute.body.penalties:
                text = f"self.{attribute.name}.regularization()"
                self._text.penalties.append(text)
            return
        for weight, config in step.node.layer.regularizers().items():
            names = [n for n, s in module.weights.items() if s.weights == (weight,)]
            for name in names:
                value = access(f"self.{attribute.name}", name)
                if not module.weights[name].trainable:
                    continue
                terms = penalty_terms(config, value)
                if terms is None:
                    note = f"{weight} regularizer {config!r} is not carried over"
                    self._text.notes.append((step.node.path, note))
                    break
                self._text.penalties += terms

    def _note(self, path: str, layer: Any) -> None:
        if layer.activity_regularizer:
            note = f"activity regularizer {layer.activity_regularizer!r} "
            self._text.notes.append((path, note + "is not carried over"))


@contextmanager
def _sizes_of_all(calls: list[Call]) -> Iterator[None]:
    """Show a shared layer only the sizes that all of its calls have.

    What it becomes (a static padding, say) must hold for each of them.
    """
    groups = [
        *zip(*[c.inputs for c in calls], strict=False),
        *zip(*[c.outputs for c in calls], strict=False),
    ]
    before = [(t, t.shape) for group in groups for t in group]
    try:
        for group in groups if len(calls) > 1 else ():
            if len({t.rank for t in group}) > 1 or len({t.shape for t in group}) == 1:
                continue
            sizes = zip(*[t.shape for t in group], strict=True)
            common = tuple(s[0] if len(set(s)) == 1 else None for s in sizes)
            for tensor in group:
                tensor.shape = common
        yield
    finally:
        for tensor, shape in before:
            tensor.shape = shape


def penalty_terms(config: Any, value: str) -> list[str] | None:
    """Return the terms that Keras' L1 / L2 regularizer adds for one weight.

    λ·Σ|w| and λ·Σw²: twice what torch's ``weight_decay=λ`` would be for the second.
    """
    if isinstance(config, str):
        config = {"class_name": config, "config": {}}
    kind = str(config.get("class_name", "")).lower()
    found = dict(config.get("config") or {})
    if kind not in ("l1", "l2", "l1l2", "l1_l2"):
        return None
    default = 0.01 if kind in ("l1", "l2") else 0.0
    terms = []
    if l1 := float(found.get("l1", default if kind == "l1" else 0.0) or 0.0):
        terms.append(f"{_tidy(l1)} * {value}.abs().sum()")
    if l2 := float(found.get("l2", default if kind == "l2" else 0.0) or 0.0):
        terms.append(f"{_tidy(l2)} * {value}.square().sum()")
    return terms


def _tidy(value: float) -> str:
    """Write 0.01 for the 0.009999999776482582 that float32 made of it."""
    short = float(f"{value:.7g}")
    return literal(short if abs(short - value) <= 1e-7 * abs(value) else value)


def permute_text(source: Tensor, target: Layout) -> str:
    """Return the expression that brings a tensor into another layout."""
    text, layout = source.name, source.layout
    if layout.flat is not None and target.flat is None:
        text = _unflattened(text, layout)
        layout = Layout(layout.axes)
    order_ = [layout.axes.index(a) for a in target.axes]
    moved = [i for i, o in enumerate(order_) if i != o]
    if not moved:
        return text
    if len(moved) == 2:
        return f"{text}.transpose({moved[0]}, {moved[1]})"
    return f"{text}.permute({', '.join(map(str, order_))})"


def _unflattened(text: str, layout: Layout) -> str:
    """Undo the order in which Flatten ran, which nobody downstream takes."""
    assert layout.flat is not None
    n, parts, start = len(layout.axes) - 1, [], 0
    for dims, order in layout.flat:
        end = start + math.prod(dims)
        part = text if len(layout.flat) == 1 else f"{text}[..., {start}:{end}]"
        if len(order) > 1:
            inner = tuple(dims[o] for o in order)
            axes = [*range(n), *(n + order.index(k) for k in range(len(order)))]
            part = f"{part}.unflatten({n}, {literal(inner)}).permute("
            part += ", ".join(map(str, axes)) + f").flatten({n})"
        parts.append(part)
        start = end
    return parts[0] if len(parts) == 1 else f"torch.cat([{', '.join(parts)}], dim={n})"


def _uses(plan: GraphPlan) -> dict[int, list[int]]:
    """Return for each tensor the steps that read it; the end is one more step."""
    found: dict[int, list[int]] = {}
    steps: list[Step] = plan.steps
    for i, step in enumerate(steps):
        for tensor in step.reads:
            found.setdefault(id(tensor), []).append(i)
    for tensor in plan.outputs:
        found.setdefault(id(tensor), []).append(len(steps))
    return found
