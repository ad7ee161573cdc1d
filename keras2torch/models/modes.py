"""In which mode the modules of a model's program run.

A call of a model tells all its layers ``training=``; one that says nothing leaves each
at what it was told when it was called on symbolic tensors
(``keras/src/models/functional.py``, operation_fn, Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from keras2torch.models.builtin import BuiltIn, infers_when_frozen
from keras2torch.models.layer import Layer
from keras2torch.models.specs import is_given, owners_of
from keras2torch.models.symbolic import Network


class Modes:
    """The modes of the modules of one program.

    Parameters
    ----------
    net
        The program's module.
    graph
        The calls that it was written from.
    made
        Path of a layer → its module.

    Attributes
    ----------
    told
        Number (``id``) of a layer with code of its own → what it was told.
    """

    def __init__(
        self, net: nn.Module, graph: Network, made: Mapping[str, nn.Module]
    ) -> None:
        self.net = net
        self.made = dict(made)
        self.freezing = [
            owner
            for owner in owners_of(graph).values()
            if isinstance(owner, BuiltIn)
            and owner._torch_state is not None
            and infers_when_frozen(owner.definition)
        ]
        told = list(_told(graph))
        self.written = [
            (made[path], layer, training)
            for path, layer, training in told
            if isinstance(layer, BuiltIn) and not is_given(layer) and path in made
        ]
        self.told = {id(la): training for _, la, training in told if is_given(la)}
        self._known: dict[Any, list[tuple[nn.Module, bool]]] = {}

    def forget(self) -> None:
        """Look anew: modules may have come."""
        self._known.clear()

    def set(self, mode: bool | None) -> None:
        """Have every module in its mode; others may share it, and had it in theirs."""
        key = (mode, *[layer._trainable for layer in self.freezing])
        found = self._known.get(key)
        if found is None:
            self._find(mode)
            found = self._known[key] = [(m, m.training) for m in self.net.modules()]
        for module, training in found:
            if module.training is not training:
                module.training = training

    def _find(self, mode: bool | None) -> None:
        net, training = self.net, bool(mode)
        net.train(training)
        net.training = training
        if mode is None:
            # Keras' random layers take a call that says nothing for one of training.
            for module in net.modules():
                module.training = hasattr(module, "augment")
        for layer in self.freezing:
            layer._torch_state.module.train(training and layer._trainable)
        if mode is None:
            for module, owner, told in self.written:
                module.train(told and owner._learns())


def _told(
    graph: Network, inside: str = "", outer: bool | None = None
) -> Iterator[tuple[str, Layer, bool]]:
    """Give path, layer and what it was told; a model tells all its layers."""
    for node in graph.nodes:
        layer = node.operation
        if not isinstance(layer, Layer):
            continue
        told = node.kwargs.get("training")
        told = outer if outer is not None or told is None else bool(told)
        path = f"{inside}{layer.name}"
        inner = getattr(layer, "_call_graph", None)
        if inner is not None and not is_given(layer):
            yield from _told(inner, f"{path}/", told)
        elif told is not None:
            yield path, layer, told
