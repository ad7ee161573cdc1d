"""A program executed on the weights of its layers.

The program of a model makes its own ``nn.Linear`` and ``nn.Conv2d``; here they become
those that the layers hold, so that two models that share a layer share its weights,
and so that a layer called by itself computes with what its model trains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import nn

from keras2torch.dialect import GraphBuilder
from keras2torch.layers.base import Array, Source, Weight
from keras2torch.models import precision
from keras2torch.models.borrowing import borrow
from keras2torch.models.context import default_device
from keras2torch.program import Program, write
from keras2torch.program.classtext import ClassText
from keras2torch.program.module import executed, shield
from keras2torch.training.variables import Part, Variable


@dataclass
class State:
    """What a layer holds once it is built.

    Attributes
    ----------
    module, text
        The torch module and the expression that made it.
    sources
        Name of a parameter or buffer within it → the Keras weights that it holds.
    declared
        The weights as Keras has them.
    variables
        The same, over the module's tensors, in Keras' order.
    """

    module: nn.Module
    text: str
    sources: dict[str, Source]
    declared: list[Weight]
    variables: list[Variable]

    @property
    def in_keras_order(self) -> bool:
        """Whether no source permutes flattened features."""
        return not any("order" in s.how for s in self.sources.values())


class OtherOrder(Exception):
    """A layer's weights are held in an order that this program does not want.

    Attributes
    ----------
    path
        The layer in this program.
    held
        Whether it is the layer that holds them in the odd order, not the program.
    """

    def __init__(self, path: str, *, held: bool) -> None:
        super().__init__(path)
        self.path = path
        self.held = held


def compiled(
    builder: GraphBuilder,
    outputs: list[ir.Value],
    *,
    layout: Any = "torch",
    name: str | None = None,
    in_keras_order: frozenset[str] = frozenset(),
    tidy: bool = False,
) -> Program:
    """Write the program of a finished graph, Keras' numbers before idiom."""
    return write(
        builder.model(outputs),
        layout=layout,
        name=name,
        faithful=True,
        linked=True,
        in_keras_order=in_keras_order,
        tidy=tidy,
    )


def linked(
    program: Program, builder: GraphBuilder, owners: Mapping[str, Any]
) -> nn.Module:
    """Execute a program on the weights of its layers.

    Layers without weights yet get them, by their initializers.

    Parameters
    ----------
    program, builder
        The program, and the graph that it was written from.
    owners
        Path → layer.

    Raises
    ------
    OtherOrder
        If a layer holds its weights in another order.
    """
    namespace = executed(program)
    top = program.classes[-1]
    given = [owners[path] for path in top.given.values()]
    net: nn.Module = getattr(namespace, program.name)(*given)
    shield(net)
    for path, attribute, holder in _attributes(top, net):
        if not attribute.weights:
            continue
        owner = owners[path]
        declared = builder.layers[path].weights
        module = holder.get_submodule(attribute.name)
        state: State | None = owner._torch_state
        if state is None:
            made = _adopted(owner, module, attribute.text, attribute.weights, declared)
            owner.adopt(made)
            continue
        if not _same_order(state, attribute.weights, path):
            _borrowed(module, state, attribute.weights)
        elif state.text == attribute.text:
            place, leaf = _owner(holder, attribute.name)
            setattr(place, leaf, state.module)
        else:
            share(module, state)
    for constant in program.weights:
        if constant.held:
            with torch.no_grad():
                tensor_of(net, constant.name).copy_(torch.tensor(constant.array()))
    _guarded(top, net, owners)
    return net


def _guarded(top: ClassText, net: nn.Module, owners: Mapping[str, Any]) -> None:
    """Have layers compute in their dtype where it is not that of all."""
    found = [(owners[p], a, h) for p, a, h in _attributes(top, net) if p in owners]
    policies = {getattr(o, "dtype_policy", None) for o, a, _ in found if a.weights}
    policies |= {o.dtype_policy for o, _, _ in found if hasattr(o, "dtype_policy")}
    if len(policies) < 2:
        return
    for owner, attribute, holder in found:
        if hasattr(owner, "dtype_policy"):
            precision.guard(holder.get_submodule(attribute.name), owner)


def modules_of(program: Program, net: nn.Module) -> dict[str, nn.Module]:
    """Return layer path → the module that a program made for it."""
    return {
        path: holder.get_submodule(attribute.name)
        for path, attribute, holder in _attributes(program.classes[-1], net)
    }


def _attributes(text: ClassText, module: nn.Module) -> Iterator[tuple[str, Any, Any]]:
    """Iterate over (path, attribute, the module that has it), nested ones included."""
    for path, attribute in text.attributes.items():
        if attribute.given:
            continue
        if attribute.body is None:
            yield path, attribute, module
            continue
        inner: Any = module.get_submodule(attribute.name)
        if not attribute.text.startswith(f"{attribute.body.name}("):
            inner = inner.module
        yield from _attributes(attribute.body, inner)


def _adopted(
    owner: Any,
    module: nn.Module,
    text: str,
    sources: dict[str, Source],
    declared: list[Weight],
) -> State:
    module.to(precision.torch_dtype(owner.variable_dtype))
    initial: dict[str, Array] = owner.initial_weights(declared)
    for name, source in sources.items():
        value = np.asarray(source.transform(*[initial[w] for w in source.weights]))
        tensor = tensor_of(module, name)
        with torch.no_grad():
            tensor.copy_(_tensor(value).reshape(tensor.shape))
    variables = []
    for weight in declared:
        variable = Variable(
            weight.name.rpartition("/")[2],
            f"{owner.path_name}/{weight.name}",
            weight.shape,
            _Parts(module, sources, weight, declared),
            trainable=weight.trainable,
        )
        variables.append(variable)
    return State(module, text, sources, declared, variables)


def _tensor(value: Array) -> torch.Tensor:
    """Return an array as a tensor; torch moves axes faster than numpy."""
    if any(stride < 0 for stride in value.strides):
        value = np.ascontiguousarray(value)
    return torch.from_numpy(value)


class _Parts:
    """The parts of a variable, found when somebody asks: the index costs memory."""

    def __init__(
        self,
        module: nn.Module,
        sources: dict[str, Source],
        weight: Weight,
        declared: list[Weight],
    ) -> None:
        self._args = (module, sources, weight, declared)

    def __call__(self) -> tuple[Part, ...]:
        module, sources, weight, declared = self._args
        found = []
        for name, source in sources.items():
            if weight.name not in source.weights:
                continue
            owner, leaf = _owner(module, name)
            axes = _told_axes(source, len(weight.shape))
            if axes is not None:
                found.append(Part(owner, leaf, axes))
                continue
            shapes = {w.name: w.shape for w in declared}
            index = _index(source, weight, shapes)
            tensor = getattr(owner, leaf)
            found.append(Part(owner, leaf, None, index.reshape(tuple(tensor.shape))))
        return tuple(found)


def _told_axes(source: Source, rank: int) -> tuple[int, ...] | None:
    """Return the order of torch axes that gives Keras', where a source says it."""
    order = source.order(rank)
    return None if order is None else tuple(order.index(i) for i in range(rank))


def _index(
    source: Source, weight: Weight, shapes: Mapping[str, tuple[int, ...]]
) -> Array:
    """Return for each element of the torch tensor its place in the Keras weight.

    Sources only move numbers about, so numbered ones tell where each went.
    """
    count = int(np.prod(weight.shape))
    numbered = np.arange(1.0, count + 1.0).reshape(weight.shape)
    arrays = [
        numbered if name == weight.name else np.zeros(shapes[name])
        for name in source.weights
    ]
    moved = source(*arrays)
    index = np.rint(moved).astype(np.int64) - 1
    if not np.array_equal(index + 1, moved):
        raise AssertionError(f"{weight.name}: {source.how} does more than move numbers")
    return index


def _same_order(state: State, sources: dict[str, Source], path: str) -> bool:
    """Whether a program holds the weights with the axes that the layer has.

    Raises
    ------
    OtherOrder
        If flattened features stand in another order, or tensors hold other weights.
    """
    shapes = {w.name: w.shape for w in state.declared}
    same = True
    for name, source in sources.items():
        held = state.sources.get(name)
        if held is None or held.weights != source.weights:
            raise OtherOrder(path, held=False)
        if held.how == source.how and "order" not in held.how:
            continue
        for weight in state.declared:
            if weight.name not in source.weights or np.array_equal(
                _index(held, weight, shapes), _index(source, weight, shapes)
            ):
                continue
            if "order" in held.how + source.how or len(source.weights) > 1:
                raise OtherOrder(path, held="order" in held.how)
            same = False
    return same


def _borrowed(module: nn.Module, state: State, sources: dict[str, Source]) -> None:
    """Make a module compute its tensors from the layer's, which have other axes."""
    shapes = {w.name: w.shape for w in state.declared}
    weights = {w.name: w for w in state.declared}
    for name, source in sources.items():
        weight = weights[source.weights[0]]
        order = _index(source, weight, shapes)
        held = _index(state.sources[name], weight, shapes)
        borrow(*_owner(module, name), _owner(state.module, name), order, held)


def share(module: nn.Module, state: State) -> None:
    """Make a module of another make (another padding) use the layer's tensors."""
    for name in state.sources:
        theirs, leaf = _owner(state.module, name)
        ours, _ = _owner(module, name)
        if leaf in theirs._parameters:
            ours._parameters[leaf] = theirs._parameters[leaf]
        else:
            ours._buffers[leaf] = theirs._buffers[leaf]


def _owner(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, leaf = name.rpartition(".")
    return (module.get_submodule(path) if path else module), leaf


def tensor_of(module: nn.Module, name: str) -> torch.Tensor:
    """Return a parameter or buffer by its name."""
    owner, leaf = _owner(module, name)
    found: torch.Tensor = getattr(owner, leaf)
    return found


def device_of(layer: nn.Module) -> torch.device:
    """Return where the weights of a layer or model are."""
    for tensor in (*layer.parameters(), *layer.buffers()):
        return tensor.device
    return default_device()
