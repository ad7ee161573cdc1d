"""Channels last → channels first, as one pass over the graph.

Every tensor carries its :class:`~keras2torch.layers.base.Layout`. Layers are asked, in
order, which layouts they want; where that differs from what is there a permute is
planned, once per tensor and layout. Inputs take the layout that their consumers wish
for, so that a plain CNN ends up without a single permute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import onnx_ir as ir

from keras2torch.dialect import (
    LayerNode,
    calls,
    dtype_of,
    from_node,
    is_layer,
    shape_of,
)
from keras2torch.layers.definitions import Call, CellLoop, Functional, Layout, Tensor
from keras2torch.layers.merging import Concatenate
from keras2torch.operators import Operator

Choice = Literal["torch", "keras"]


@dataclass(frozen=True)
class Option:
    """A step that other blocks of its class lack, or that this one lacks.

    Attributes
    ----------
    flag
        The argument of the constructor that says so.
    there
        Whether this block has it.
    bypass
        What is read in its place, where it joins two tensors.
    either
        Where it is not, something else is: ``there`` says which of the two.
    """

    flag: str
    there: bool
    bypass: Tensor | None = None
    either: bool = False


@dataclass
class LayerStep:
    """A layer call with its tensors in the layouts that it asked for."""

    node: LayerNode
    call: Call
    made_mask: Tensor | None = None
    body: GraphPlan | None = None
    option: Option | None = None

    @property
    def reads(self) -> list[Tensor]:
        """Every tensor that the call reads."""
        masks = [m for m in self.call.masks if m is not None]
        return [
            *self.call.inputs,
            *masks,
            *self.call.states,
            *self.call.named.values(),
        ]

    @property
    def writes(self) -> list[Tensor]:
        """Every tensor that it makes, a mask last."""
        made = [self.made_mask] if self.made_mask is not None else []
        return [*self.call.outputs, *made]


@dataclass
class PermuteStep:
    """A change of layout between two layers."""

    source: Tensor
    result: Tensor

    @property
    def reads(self) -> list[Tensor]:
        """The tensor in the old layout."""
        return [self.source]

    @property
    def writes(self) -> list[Tensor]:
        """The tensor in the new one."""
        return [self.result]


Step = LayerStep | PermuteStep


@dataclass
class Held:
    """An array that belongs to the class and that an operator reads.

    Attributes
    ----------
    value
        A weight that the user's own code made, a layer's weight that it reads (an
        embedding's table as the last projection), or a constant.
    tensor
        Its layout is the order in which it is stored; its name is the writer's.
    layer, member
        Of a layer's weight: the layer's path, and what torch calls the parameter.
    """

    value: ir.Value
    tensor: Tensor
    layer: str = ""
    member: str = ""


@dataclass
class GraphPlan:
    """A graph as a list of steps over tensors that know their layout.

    Attributes
    ----------
    inputs
        Name in Keras and tensor, in order; a mask that a nested model takes is named
        ``mask`` and has dtype bool.
    outputs
        The tensors that come out.
    output_names
        What the model's dict calls them, or "".
    held
        What the class itself holds.
    joined
        Path of a layer that is part of another one's module → that one's.
    family
        Not 0: blocks with the same number differ in flags at most.
    """

    name: str
    path: str
    inputs: list[tuple[str, Tensor]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    output_names: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    joined: dict[str, str] = field(default_factory=dict)
    family: int = 0

    def layer_steps(self) -> Iterator[LayerStep]:
        """Iterate over the layer calls, nested models included."""
        for step in self.steps:
            if isinstance(step, LayerStep):
                yield step
                if step.body is not None:
                    yield from step.body.layer_steps()

    def permutes(self) -> int:
        """Count the changes of layout, nested models included."""
        own = sum(isinstance(s, PermuteStep) for s in self.steps)
        seen = {id(s.body): s.body for s in self.layer_steps() if s.body is not None}
        return own + sum(
            isinstance(s, PermuteStep) for b in seen.values() for s in b.steps
        )


def plan(
    model: ir.Model,
    layout: Choice = "torch",
    *,
    faithful: bool = False,
    linked: bool = False,
    in_keras_order: frozenset[str] = frozenset(),
) -> GraphPlan:
    """Plan the layouts of a model.

    Parameters
    ----------
    model
        A graph of the ``keras`` domain.
    layout
        ``"torch"``: inputs and outputs are channels first where the layers are.
        ``"keras"``: Keras' order at the boundary.
    faithful
        Told to the layers: Keras' numbers in training come before idiom.
    linked
        Each layer is an object that holds its weights, and that others may call.
    in_keras_order
        Paths of layers whose weights keep Keras' order of flattened features: other
        models share them.
    """
    planner = _Planner(layout, faithful, linked, in_keras_order)
    return planner.graph(model.graph, "", outermost=True)


class _Planner:
    def __init__(
        self,
        layout: Choice,
        faithful: bool,
        linked: bool,
        in_keras_order: frozenset[str],
    ) -> None:
        self._layout = layout
        self._faithful = faithful
        self._linked = linked
        self._in_keras_order = in_keras_order
        self._bodies: dict[str, GraphPlan] = {}
        # Of bodies that take images in either order: the plan for channels first.
        self._moved: dict[str, GraphPlan] = {}
        self._masked: dict[str, tuple[bool, ...]] = {}
        self._first: dict[str, list[Layout]] = {}

    # -- one graph
    def graph(
        self, graph: ir.Graph, path: str, *, outermost: bool, moved: bool = False
    ) -> GraphPlan:
        """Plan a graph; ``moved`` asks for images channels first on the way in."""
        nodes = _by_branch(list(calls(graph)), graph)
        bodies = {
            node.path: self._body(node)
            for node in sorted(nodes, key=_most_masks)
            if node.body is not None
        }
        given: dict[ir.Value, Layout] = {}
        if moved:
            ranks = {value: len(shape_of(value)) for value in graph.inputs}
            given = {v: Layout.channels_first(r) for v, r in ranks.items() if r > 3}
        best: GraphPlan | None = None
        either = frozenset(self._moved)
        while True:
            for node in nodes:
                self._first.pop(node.path, None)
            wishes = _Wishes(
                nodes,
                bodies,
                either,
                graph.outputs,
                given,
                self._in_keras_order,
                linked=self._linked,
            )
            planned, at = self._planned(graph, path, nodes, bodies, wishes, outermost)
            if best is not None and planned.permutes() >= best.permutes():
                return best
            # Who meets a moved tensor (the other input of an Add) is only known now:
            # what was permuted for it may as well be made that way.
            best, more = planned, _permuted(planned, at)
            if not more:
                return best
            given = {**given, **more}

    def _planned(
        self,
        graph: ir.Graph,
        path: str,
        nodes: list[LayerNode],
        bodies: dict[str, GraphPlan],
        wishes: _Wishes,
        outermost: bool,
    ) -> tuple[GraphPlan, dict[ir.Value, Tensor]]:
        result = GraphPlan(graph.name or "model", path)
        at: dict[ir.Value, Tensor] = {}
        for held in (_stored(value) for value in _held(nodes, graph)):
            wish = wishes.layout.get(held.value)
            if wish is not None and wish.flat is None and _is_free(held):
                held.tensor.layout = wish
            at[held.value] = held.tensor
            result.held.append(held)
        for value in graph.inputs:
            tensor = _tensor(value)
            moved = wishes.layout.get(value)
            free = self._layout == "torch" or not outermost
            if moved is not None and free and _moves_channels(moved):
                tensor.layout = moved
            at[value] = tensor
            name = value.metadata_props.get("keras_name", value.name or "input")
            result.inputs.append((name, tensor))
        moves: dict[tuple[int, Layout], Tensor] = {}

        def want(tensor: Tensor, layout: Layout) -> Tensor:
            if tensor.layout == layout:
                return tensor
            key = (id(tensor), layout)
            if key not in moves:
                moves[key] = Tensor(tensor.shape, tensor.dtype, layout)
                result.steps.append(PermuteStep(tensor, moves[key]))
            return moves[key]

        chosen: dict[str, GraphPlan] = {}
        for node in nodes:
            body = bodies.get(node.path)
            if body is not None:
                # The first call decides in which order its class takes images.
                body = chosen.setdefault(node.path, self._either(node, body, at))
            result.steps.append(self._step(node, at, want, wishes, body))
        for value in graph.outputs:
            tensor = at[value]
            keep = self._layout == "torch" or not outermost
            whole = Layout(tensor.layout.axes) if keep else Layout.keras(tensor.rank)
            if keep and not _moves_channels(tensor.layout):
                whole = Layout.keras(tensor.rank)
            result.outputs.append(want(tensor, whole))
            own = (
                ""
                if value.is_graph_input()
                else value.metadata_props.get("keras_name", "")
            )
            result.output_names.append(own)
        return result, at

    def _body(self, node: LayerNode) -> GraphPlan:
        assert node.body is not None
        if node.path not in self._bodies:
            body = self.graph(node.body, node.path, outermost=False)
            images = [t for _, t in body.inputs if t.rank > 3]
            if images and all(t.layout.is_keras for t in images):
                moved = self.graph(node.body, node.path, outermost=False, moved=True)
                if moved.permutes() < body.permutes():
                    body = moved
                elif moved.permutes() == body.permutes():
                    self._moved[node.path] = moved
            self._bodies[node.path] = body
            self._masked[node.path] = tuple(m is not None for m in node.masks)
        return self._bodies[node.path]

    def _either(
        self, node: LayerNode, body: GraphPlan, at: dict[ir.Value, Tensor]
    ) -> GraphPlan:
        """Return the plan of a body that fits the order in which its images come."""
        images = [at[v].layout for v in node.inputs if at[v].rank > 3]
        if node.path not in self._moved or any(w.is_keras for w in images):
            return body
        return self._moved[node.path]

    def _step(
        self,
        node: LayerNode,
        at: dict[ir.Value, Tensor],
        want: Callable[[Tensor, Layout], Tensor],
        wishes: _Wishes,
        body: GraphPlan | None,
    ) -> LayerStep:
        call = _view(node, at)
        call.body_masks = self._masked.get(node.path, ())
        call.faithful = self._faithful
        call.linked = self._linked
        call.flat_ok = bool(node.outputs) and wishes.flat_ok(node.outputs[0])
        wishes.tell(node, call)
        wanted, outs = _layouts(node, call, body)
        if node.weights or node.layer.in_one_order():
            # A module is written once: every call reads the layout of the first.
            first = self._first.setdefault(node.path, wanted)
            ranks = [len(w.axes) for w in wanted]
            if wanted != first and ranks == [len(w.axes) for w in first]:
                call.inputs = [
                    want(t, w) for t, w in zip(call.inputs, first, strict=True)
                ]
                call.wants_keras = False
                wanted, outs = _layouts(node, call, body)
        call.inputs = [want(t, w) for t, w in zip(call.inputs, wanted, strict=True)]
        call.masks = [
            None if m is None else want(m, Layout.keras(m.rank)) for m in call.masks
        ]
        call.states = [want(s, node.layer.state_layout(s)) for s in call.states]
        call.named = {k: want(t, Layout.keras(t.rank)) for k, t in call.named.items()}
        for value, tensor, layout in zip(node.outputs, call.outputs, outs, strict=True):
            tensor.layout = layout
            at[value] = tensor
        mask = None
        if node.mask is not None:
            mask = at[node.mask] = _tensor(node.mask)
        return LayerStep(node, call, mask, body)


# ------------------------------------------------------------------------- wishes
class _Wishes:
    """Which layout the consumers of each value wish for, found from the end."""

    def __init__(
        self,
        nodes: list[LayerNode],
        bodies: dict[str, GraphPlan],
        either: frozenset[str],
        outputs: Iterable[ir.Value],
        given: dict[ir.Value, Layout],
        in_keras_order: frozenset[str],
        *,
        linked: bool,
    ) -> None:
        self._given = given
        self._linked = linked
        self._either = either
        self.layout: dict[ir.Value, Layout] = dict(given)
        self._outputs = set(outputs)
        self._flat: dict[ir.Value, bool] = dict.fromkeys(self._outputs, False)
        votes: dict[ir.Value, list[Layout]] = {}
        calls = Counter(node.path for node in nodes)
        self._readers = Counter(v for n in nodes for v in n.inputs)
        self._keras: set[ir.Value] = set()
        self._shared = {n.path for n in nodes if calls[n.path] > 1 and n.weights}
        self._made: dict[str, list[ir.Value]] = {p: [] for p in self._shared}
        for node in nodes:
            if node.path in self._made:
                self._made[node.path] += node.outputs[:1]
        self._shared |= in_keras_order
        for node in reversed(nodes):
            for value in node.outputs:
                self._decide(value, votes)
            self._ask(node, bodies.get(node.path), votes)
            # A shared layer's weights fit one order, whatever else it is called on.
            joins = len(node.inputs) == 1 or isinstance(node.layer, Concatenate)
            alone = joins and node.path not in self._shared
            rule = node.layer.takes_flat() if alone else "refuses"
            takes = rule == "consumes" or (
                rule == "follows" and self.flat_ok(node.outputs[0])
            )
            for value in node.inputs:
                self._flat[value] = self._flat.get(value, True) and takes
            for value in [*node.states, *node.named.values()]:
                self._flat[value] = False
        for value in list(votes):
            self._decide(value, votes)

    def flat_ok(self, value: ir.Value) -> bool:
        """Whether every consumer takes a last axis flattened in PyTorch's order."""
        return self._flat.get(value, False)

    def tell(self, node: LayerNode, call: Call) -> None:
        """Tell a call what the consumers of its first output wish for."""
        # Linked, a layer is an object that others may call.
        called = self._linked or node.path in self._shared
        read = (len(value.uses()) > 1 for value in node.weights.values())
        call.shared = called or any(read)
        wish = self.layout.get(node.outputs[0]) if node.outputs else None
        if wish is None:
            # The calls of a shared layer are in one order: any may want Keras'.
            call.wants_keras = not self._keras.isdisjoint(
                self._made.get(node.path, node.outputs[:1])
            )
            return
        call.wish = wish
        call.wants_first = wish.flat is None and not wish.is_keras
        if wish.flat is not None and node.path not in self._shared:
            call.flat_wish = wish

    def _decide(self, value: ir.Value, votes: dict[ir.Value, list[Layout]]) -> None:
        # All must agree: with one consumer in Keras' order a permute is due anyway.
        found = votes.get(value, [])
        if value in self._given or not found or any(v != found[0] for v in found):
            return
        readers = self._readers[value]
        if found[0].is_keras and len(found) == readers and value not in self._outputs:
            self._keras.add(value)
        if not found[0].is_keras and not (found[0].flat and value in self._outputs):
            self.layout[value] = found[0]

    def _ask(
        self,
        node: LayerNode,
        body: GraphPlan | None,
        votes: dict[ir.Value, list[Layout]],
    ) -> None:
        call = _view(node, {})
        out = self.layout.get(node.outputs[0]) if node.outputs else None
        follows = node.layer.layout == "follow"
        if out is not None and out.flat is not None:
            alone = len(node.inputs) == 1 and node.path not in self._shared
            handed_on = follows and alone and node.layer.takes_flat() == "follows"
            wanted: list[Layout | None] = [out if handed_on else None] * len(
                call.inputs
            )
        elif node.path in self._either:
            moved = out is not None and not out.is_keras
            wanted = [
                Layout.channels_first(t.rank) if moved and t.rank > 3 else None
                for t in call.inputs
            ]
        elif out is not None and isinstance(node.layer, Operator):
            wanted = node.layer.asked(call, out)
        elif out is not None and follows and call.y.rank == call.x.rank:
            wanted = [out if t.rank == call.y.rank else None for t in call.inputs]
        else:
            self.tell(node, call)
            wanted = [*(node.layer.asks(call) if body is None else _inner(node, body))]
            if follows and all(w is not None and w.is_keras for w in wanted):
                wanted = [None] * len(wanted)
        for value, layout in zip(node.inputs, wanted, strict=True):
            if layout is not None:
                votes.setdefault(value, []).append(layout)
        for value in node.states:
            wish = node.layer.state_layout(_tensor(value))
            votes.setdefault(value, []).append(wish)
        for value in node.named.values():
            rank = len(shape_of(value))
            votes.setdefault(value, []).append(Layout.keras(rank))


# ------------------------------------------------------------------------ helpers
def _by_branch(nodes: list[LayerNode], graph: ir.Graph) -> list[LayerNode]:
    """Return the calls branch by branch, as a person writes them.

    Keras runs its layers by their depth, so that the branches of an inception block
    alternate. What is made of the first input comes first, an encoder before the
    decoder that reads it; what no output needs comes last.
    """
    makers = {v: node for node in nodes for v in node.outputs}
    makers |= {node.mask: node for node in nodes if node.mask is not None}
    # The calls of one layer keep their order: its statistics depend on it.
    again = max(Counter(node.path for node in nodes).values(), default=0) > 1
    first = {} if again else _first_inputs(nodes, graph.inputs)
    found: dict[int, LayerNode] = {}
    ends = [makers[v] for v in graph.outputs if v in makers]
    waiting = [(node, False) for node in reversed([*ends, *nodes])]
    while waiting:
        node, ready = waiting.pop()
        if id(node) in found:
            continue
        if ready:
            found[id(node)] = node
            continue
        waiting.append((node, True))
        read = sorted(_read(node), key=lambda v: first.get(v, 0))
        needed = [makers[v] for v in read if v in makers]
        waiting += [(n, False) for n in reversed(needed) if id(n) not in found]
    return list(found.values())


def _read(node: LayerNode) -> list[ir.Value]:
    masks = [m for m in node.masks if m is not None]
    return [*node.inputs, *masks, *node.states, *node.named.values()]


def _first_inputs(
    nodes: list[LayerNode], inputs: Sequence[ir.Value]
) -> dict[ir.Value, int]:
    """Return for each value the first of the graph's inputs that it is made of."""
    found = {value: i for i, value in enumerate(inputs)}
    for node in nodes:
        given = [found[v] for v in _read(node) if v in found]
        made = [*node.outputs, *([node.mask] if node.mask is not None else [])]
        found.update(dict.fromkeys(made, min(given, default=0)))
    return found


def _permuted(planned: GraphPlan, at: dict[ir.Value, Tensor]) -> dict[ir.Value, Layout]:
    """Return the values that are read in one other layout than they are made in."""
    readers: dict[int, list[Layout | None]] = {}
    for step in planned.steps:
        moved = step.result.layout if isinstance(step, PermuteStep) else None
        for tensor in step.reads:
            readers.setdefault(id(tensor), []).append(moved)
    for tensor in planned.outputs:
        readers.setdefault(id(tensor), []).append(None)
    found = {}
    for value, tensor in at.items():
        layouts = readers.get(id(tensor), [])
        wanted = layouts[0] if len(layouts) == 1 else None
        if wanted is not None and wanted.flat is None and tensor.layout.flat is None:
            found[value] = wanted
    return found


def _held(nodes: list[LayerNode], graph: ir.Graph) -> list[ir.Value]:
    """Return what the calls read and no call makes: weights and constants."""
    made = {v for node in nodes for v in node.outputs} | set(graph.inputs)
    made |= {node.mask for node in nodes if node.mask is not None}
    read = [v for node in nodes for v in node.inputs]
    read += [v for v in graph.outputs if v is not None]
    return list(dict.fromkeys(v for v in read if v not in made))


def _stored(value: ir.Value) -> Held:
    """Return how a value is held: a layer's weight lies as that layer has it."""
    tensor = _tensor(value)
    for user, _ in value.uses():
        node = from_node(user) if is_layer(user) else None
        names = [n for n, v in node.weights.items() if v is value] if node else []
        if node is None or not names:
            continue
        module = node.layer.module(_view(node, {}))
        for member, source in module.weights.items() if module is not None else ():
            order = source.order(tensor.rank)
            if source.weights == (names[0],) and order is not None:
                tensor.layout = Layout(order)
                return Held(value, tensor, node.path, member)
        raise node.layer.unsupported(
            f"its weight {names[0]!r} is also read by itself, but PyTorch keeps it in "
            "another form, which has no rule"
        )
    return Held(value, tensor)


def _is_free(held: Held) -> bool:
    """Whether the order of a held value is decided by one class alone."""
    readers = {user.graph for user, _ in held.value.uses()}
    return not held.layer and len(readers) == 1


def _moves_channels(layout: Layout) -> bool:
    """Whether a layout is fit for a boundary: only the last axis moved, if any."""
    others = [a for a in layout.axes if a != len(layout.axes) - 1]
    return layout.flat is None and others == sorted(others)


def _tensor(value: ir.Value) -> Tensor:
    return Tensor(shape_of(value), dtype_of(value))


def _most_masks(node: LayerNode) -> int:
    """Put the call of a model with the most masks first: its body serves all calls."""
    return -sum(m is not None for m in node.masks)


def _view(node: LayerNode, at: dict[ir.Value, Tensor]) -> Call:
    """Return the call as a layer sees it; values not in ``at`` in Keras' order."""

    def see(value: ir.Value) -> Tensor:
        return at[value] if value in at else _tensor(value)

    return Call(
        inputs=[see(v) for v in node.inputs],
        outputs=[_tensor(v) for v in node.outputs],
        masks=[None if m is None else see(m) for m in node.masks],
        states=[see(v) for v in node.states],
        named={k: see(v) for k, v in node.named.items()},
        options=dict(node.options),
        path=node.path,
    )


def _layouts(
    node: LayerNode, call: Call, body: GraphPlan | None
) -> tuple[list[Layout], list[Layout]]:
    if body is None:
        return node.layer.layouts(call)
    inner_out = [t.layout for t in body.outputs[: len(node.outputs)]]
    if isinstance(node.layer, CellLoop):
        _, outs = _around(node.layer, body)
        return _inner(node, body), outs[: len(node.outputs)]
    if not isinstance(node.layer, Functional):
        inner_out = [_shifted(w) for w in inner_out]
    return _inner(node, body), inner_out


def _inner(node: LayerNode, body: GraphPlan) -> list[Layout]:
    """Return the layouts in which a model inside takes its inputs."""
    # Masks follow the inputs and the outputs; they never move.
    inner_in = [t.layout for _, t in body.inputs[: len(node.inputs)]]
    if isinstance(node.layer, CellLoop):
        return _around(node.layer, body)[0][: len(node.inputs)]
    # A wrapper folds an axis (time) into the batch of the model inside.
    if isinstance(node.layer, Functional):
        return inner_in
    return [_shifted(w) for w in inner_in]


def _around(loop: CellLoop, body: GraphPlan) -> tuple[list[Layout], list[Layout]]:
    inputs = [t.layout for _, t in body.inputs]
    return loop.around(inputs, [t.layout for t in body.outputs])


def _shifted(layout: Layout) -> Layout:
    return Layout((0, *(a + 1 for a in layout.axes)), layout.flat)
