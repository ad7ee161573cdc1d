"""What a class holds: layers, weights and constants, as ``__init__`` makes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import Layer, Module, Tensor
from keras2torch.layers.regularization import ActivityPenalty
from keras2torch.layout import GraphPlan, Held, LayerStep
from keras2torch.program.automatic import called, spoken
from keras2torch.program.chains import CHAIN, constructor, module_text
from keras2torch.program.classtext import (
    Attribute,
    ClassText,
    located,
    pin,
    within,
)
from keras2torch.program.held import access, declared, same
from keras2torch.program.lists import ModuleList, position, whole_lists
from keras2torch.program.names import Names, identifier
from keras2torch.program.penalties import penalty_terms

# Frozen, these run in inference mode in Keras (layers/normalization/
# batch_normalization.py); other frozen layers only keep their weights.
_INFERENCE_WHEN_FROZEN = frozenset({"BatchNormalization"})


def optional_module(step: LayerStep) -> Module | None:
    """Return a function as a module, where ``nn.Identity`` may stand in its place."""
    return None if step.option is None else function_module(step)


def function_module(step: LayerStep) -> Module | None:
    """Return the module that does what a function of one tensor does."""
    layer, call = step.node.layer, step.call
    if len(step.reads) != 1 or layer.module(call) is not None:
        return None
    name, call.x.name = call.x.name, "x"
    made = layer.forward(call, "")
    call.x.name = name
    if not isinstance(made.results, str) or made.before or made.helpers:
        return None
    text = module_text(made.results, "x")
    return Module(text) if text else None


def calls_only(step: LayerStep) -> bool:
    """Whether all that is written for a step is the call of its module."""
    call = step.call
    name, call.x.name = call.x.name, "x"
    made = step.node.layer.forward(call, "module")
    call.x.name = name
    return made.results == "module(x)" and not made.before


class Members:
    """Writes ``__init__`` of a class, as its steps come to need it.

    Parameters
    ----------
    plan, bodies
        As for :class:`ClassWriter`.
    text
        The class; what is written goes there.
    frozen
        Whether who holds an instance freezes it.
    own
        The user wrote the class: its layers have the names of its attributes.

    Attributes
    ----------
    whole
        Lists of layers of which every entry is there → their lengths.
    """

    def __init__(
        self,
        plan: GraphPlan,
        bodies: Mapping[str, ClassText],
        text: ClassText,
        *,
        frozen: bool,
        own: bool = False,
    ) -> None:
        self._plan = plan
        self._called = called if own else spoken
        self._bodies = bodies
        self._text = text
        self._frozen = frozen
        self._names = Names()
        self._inner: dict[int, Held] = {}
        self._lists: dict[str, ModuleList] = {}
        self.whole = whole_lists(s.node.layer.name for s in self._layers())
        layers = {s.node.path: s.node.layer for s in self._layers()}
        self._wishes = Counter(identifier(self._called(la)) for la in layers.values())

    def _layers(self) -> Iterator[LayerStep]:
        for step in self._plan.steps:
            if isinstance(step, LayerStep):
                yield step

    def hold(self) -> None:
        """Declare the weights and constants that are the class' own."""
        named: dict[object, str] = {}
        for held in self._plan.held:
            if held.layer or self._holder(held) is not None:
                self._inner[id(held.tensor)] = held
                continue
            known = same(held)
            if known in named:
                held.tensor.name = named[known]
                continue
            wish, text = declared(held, self._plan, frozen=self._frozen)
            text.name = self._names.unique(wish)
            text.text = text.text.replace("{name}", text.name)
            self._text.held.append(text)
            self._text.init.append(text.text)
            held.tensor.name = named[known] = f"self.{text.name}"

    def _holder(self, held: Held) -> LayerStep | None:
        """Return a call of the layer that holds a value, or that has it inside."""
        for step in self._layers():
            inside = step.body is not None and located(self._body(step), held)
            if step.node.path == held.layer or inside:
                return step
        return None

    def _body(self, step: LayerStep) -> ClassText:
        assert step.body is not None
        return self._bodies[step.body.path]

    def reach(self, tensors: Sequence[Tensor]) -> None:
        """Name the weights of layers that a step reads; their layers come first."""
        for held in [self._inner.pop(id(t)) for t in tensors if id(t) in self._inner]:
            step = self._holder(held)
            attribute = self.attribute(step) if step is not None else None
            found = attribute and within(attribute, held)
            if not found:
                raise UnsupportedLayer(
                    f"{self._plan.path or self._plan.name!r} reads the weight "
                    f"{str(held.value.name)!r}, which it cannot reach: that has no rule"
                )
            if attribute is not None and attribute.body is not None:
                pin(attribute.body)
            held.tensor.name = access("self", found)

    def finish(self) -> dict[str, int]:
        """Write the lists, which are complete now; return their lengths."""
        for entries in self._lists.values():
            at = self._text.init.index(entries.name)
            self._text.init[at : at + 1] = entries.lines()
        return {m.name: len(m.entries) for m in self._lists.values()}

    def attribute(self, step: LayerStep) -> Attribute | None:
        """Return the attribute of a layer, made at its first call; none for functions.

        Raises
        ------
        UnsupportedLayer
            If its calls need different modules.
        """
        node = step.node
        if node.path in self._text.attributes:
            known = self._text.attributes[node.path]
            again = node.layer.module(step.call)
            body = known.body
            fixed = known.given or (body and (body.given or body.name == CHAIN))
            if again is not None and not fixed and again.text != known.text:
                raise node.layer.unsupported(
                    "its calls need different modules "
                    f"({known.text} and {again.text}), which has no rule"
                )
            return known
        module = node.layer.module(step.call)
        if module is None:
            module = optional_module(step)
        if module is None:
            return None
        name = self._attribute_name(node.layer)
        body = self._bodies[step.body.path] if step.body is not None else None
        if body is not None and body.name == CHAIN:
            module.text = constructor(body)
            self._text.absorb(body)
        elif module.given:
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
        self._text.pieces.update(module.pieces)
        self._text.imports.update(module.imports)
        self._text.files.update(module.files)
        own = access("self", name)
        listed = self._listed(name)
        if listed is None:
            self._text.init.append(f"self.{name} = {module.text}")
        else:
            listed.entries[len(listed.entries)] = module.text
        for line in module.init:
            self._start(name, line.format(self=own))
        self._freeze(step, attribute)
        self._penalties(step, attribute, module)
        self._text.notes += [(node.path, note) for note in attribute.notes]
        return attribute

    def _attribute_name(self, layer: Layer) -> str:
        """Return the attribute of a layer; ``blocks.0`` for the first of a list."""
        at = position(layer.name)
        if at is None or at[0] not in self.whole:
            wish = identifier(self._called(layer))
            if self._wishes[wish] > 1:
                return self._names.unique_from_one(wish)
            return self._names.unique(wish)
        if at[0] not in self._lists:
            own = self._names.unique(identifier(at[0]))
            self._lists[at[0]] = ModuleList(own)
            self._text.init.append(own)
        listed = self._lists[at[0]]
        return f"{listed.name}.{len(listed.entries)}"

    def _listed(self, attribute: str) -> ModuleList | None:
        name = attribute.partition(".")[0]
        found = [m for m in self._lists.values() if m.name == name]
        return found[0] if found else None

    def _start(self, attribute: str, line: str) -> None:
        """Add a statement about an attribute to ``__init__``."""
        listed = self._listed(attribute)
        (self._text.init if listed is None else listed.after).append(line)

    def _freeze(self, step: LayerStep, attribute: Attribute) -> None:
        inside: Any = step.node.layer
        if type(inside).__name__ == "TimeDistributed":
            inside = inside.inner
        still = not attribute.trainable or not inside.trainable
        if still and type(inside).__name__ in _INFERENCE_WHEN_FROZEN:
            self._text.frozen.append(attribute.name)
        if attribute.trainable:
            return
        if attribute.weights or attribute.body is not None:
            line = f"{access('self', attribute.name)}.requires_grad_(False)"
            self._start(attribute.name, f"{line}  # trainable=False")

    def _penalties(self, step: LayerStep, attribute: Attribute, module: Module) -> None:
        if attribute.body is not None:
            if attribute.body.penalties and attribute.trainable:
                text = f"{access('self', attribute.name)}.regularization()"
                self._text.penalties.append(text)
            return
        if isinstance(step.node.layer, ActivityPenalty):
            self._text.penalties.append(f"{access('self', attribute.name)}.penalty")
            return
        rules = step.node.layer.regularizers()
        if rules and not attribute.trainable:
            note = "its penalty is left out of the loss, as Keras 3 does when frozen"
            self._text.notes.append((step.node.path, note))
            return
        shapes = {name: v.shape for name, v in step.node.weights.items()}
        left = rules.keys() & shapes.keys()
        for name, source in module.weights.items():
            parts = [rules.get(weight) for weight in source.weights]
            if not any(parts) or not source.trainable:
                continue
            terms = None
            if all(part == parts[0] for part in parts):
                value = access("self", f"{attribute.name}.{name}")
                rank = len(shapes[source.weights[0]] or ())
                terms = penalty_terms(parts[0], value, source.order(rank))
            if terms is None:
                continue
            left -= set(source.weights)
            self._text.penalties += terms
            if any("orthogonal_penalty" in term for term in terms):
                self._text.helpers.add("orthogonal_penalty")
        for weight in sorted(left):
            note = f"{weight} regularizer {rules[weight]!r} is not carried over"
            self._text.notes.append((step.node.path, note))
