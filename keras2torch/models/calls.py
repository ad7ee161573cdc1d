"""The program of one layer for calls of one shape."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from keras2torch import tree
from keras2torch.data.words import Words
from keras2torch.models.logits import Tap
from keras2torch.models.symbolic import KerasTensor, Node


class ShapedCall:
    """A program for calls of one shape."""

    def __init__(self, net: nn.Module, one: Any, tapped: list[Tap], node: Node) -> None:
        self.net = net
        self.count = len(one.outputs)
        self.taps = tapped
        made = one.made_masks
        inputs = one.builder.inputs
        owner = {m: v for v, m in one.builder.masks.items() if v in inputs}
        # A mask comes out of the program, or it is that of an input.
        self.mask_at = [
            None if m is None else (made.index(m) if m in made else None)
            for m in one.masks
        ]
        self.mask_of = [
            inputs.index(owner[m]) if m is not None and m in owner else None
            for m in one.masks
        ]
        self.masked = [inputs.index(owner[m]) for m in one.builder.used_masks()]
        assert len(inputs) == len({id(t) for t in node.inputs})
        self.modules = list(net.modules())

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool) -> Any:
        """Call it on tensors; masks come along and go along."""
        tensors: list[Any] = []
        for value in [*tree.leaves(list(args)), *tree.leaves(kwargs)]:
            if _is_data(value) and all(value is not t for t in tensors):
                tensors.append(value)
        masks = [tensors[i]._keras_mask for i in self.masked]
        # Programs for other shapes share modules, and so do models.
        if any(module.training is not training for module in self.modules):
            self.net.train(training)
        made = self.net(*tensors, *masks)
        values = list(made) if isinstance(made, tuple) else [made]
        outputs, given = values[: self.count], values[self.count :]
        for tap in self.taps:
            tap.mark(outputs)
        for i, (at, of) in enumerate(zip(self.mask_at, self.mask_of, strict=True)):
            if at is not None:
                outputs[i]._keras_mask = given[at]
            elif of is not None:
                outputs[i]._keras_mask = tensors[of]._keras_mask
        return outputs[0] if self.count == 1 else outputs


def described(
    args: tuple[Any, ...], kwargs: dict[str, Any], *, exact: bool
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return a call with symbolic tensors for its tensors."""
    made: dict[int, KerasTensor] = {}

    def symbol(value: Any) -> Any:
        if not _is_data(value):
            return value
        if id(value) not in made:
            kind = str(value.dtype).removeprefix("torch.")
            tensor = KerasTensor(_sizes(value, exact=exact), kind)
            mask = getattr(value, "_keras_mask", None)
            if mask is not None:
                tensor.mask_shape = (None, *tuple(mask.shape)[1:])
            made[id(value)] = tensor
        return made[id(value)]

    return (
        tuple(tree.map_structure(symbol, list(args))),
        tree.map_structure(symbol, kwargs),
    )


def _is_data(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, Words))


def _sizes(tensor: torch.Tensor | Words, *, exact: bool) -> tuple[int | None, ...]:
    if exact or tensor.ndim < 2:
        return (None, *tensor.shape[1:])
    return (*[None] * (tensor.ndim - 1), tensor.shape[-1])


def signature(args: Any, kwargs: Any, *, exact: bool) -> Any:
    """Return what two calls have in common that one program serves."""
    order: list[int] = []

    def key(value: Any) -> Any:
        if _is_data(value):
            if id(value) not in order:
                order.append(id(value))
            masked = getattr(value, "_keras_mask", None) is not None
            sizes = _sizes(value, exact=exact)
            return (order.index(id(value)), sizes, str(value.dtype), masked)
        if isinstance(value, (list, tuple)):
            return tuple(key(v) for v in value)
        if isinstance(value, dict):
            return tuple((k, key(v)) for k, v in value.items())
        return repr(value)

    return key(args), key(kwargs)
