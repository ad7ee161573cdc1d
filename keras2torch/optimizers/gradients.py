"""Gradients that come by variable, on their way to the tensors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch

from keras2torch.optimizers.layout import Layout, beside, numbers_in
from keras2torch.optimizers.slices import has_rows
from keras2torch.training.variables import Variable

Gradient = Any


def without_empty(
    grads: Sequence[Gradient], variables: Sequence[Any]
) -> list[tuple[Gradient, Any]]:
    """Return pairs of gradient and variable; warns of those that have none.

    Raises
    ------
    ValueError
        If none has one.
    """
    found = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
    if not found:
        raise ValueError("No gradients provided for any variable.")
    missing = [v for g, v in zip(grads, variables, strict=True) if g is None]
    if missing:
        names = [getattr(v, "path", None) or "variable" for v in missing]
        warnings.warn(
            f"Gradients do not exist for variables {names} when minimizing the loss. "
            "If using `model.compile()`, did you forget to provide a `loss` argument?",
            stacklevel=3,
        )
    return found


def split(gradient: Gradient, variable: Variable) -> Gradient:
    """Return the gradient of each tensor for one in Keras' shape over several."""
    if len(variable.parts) == 1 or isinstance(gradient, (list, tuple)):
        return gradient
    whole = torch.as_tensor(gradient)
    if tuple(whole.shape) != variable.shape:
        return gradient
    kept: dict[Any, dict[str, torch.Tensor]] = {
        t: {"gradient": torch.zeros_like(t)} for t in variable.parameters
    }
    beside(variable, lambda: kept, "gradient", variable.path).assign(whole)
    return [kept[t]["gradient"] for t in variable.parameters]


def fitting(gradient: Any, tensor: torch.Tensor) -> torch.Tensor:
    """Return a gradient with the device, dtype and memory order of its tensor.

    One of rows, as embeddings have it, stays so.
    """
    given = torch.as_tensor(gradient).detach()
    if given.shape != tensor.shape:
        raise ValueError(
            f"a gradient has shape {tuple(given.shape)}, and its tensor "
            f"{tuple(tensor.shape)}: give it in torch's order."
        )
    if has_rows(given):
        return given.to(tensor.device, tensor.dtype)
    if given.is_sparse:
        given = given.to_dense()
    if (given.dtype, given.device, given.stride()) == (
        tensor.dtype,
        tensor.device,
        tensor.stride(),
    ):
        return given
    return torch.empty_like(tensor).copy_(given)


def by_tensor(
    layout: Layout, given: list[tuple[Gradient, Any]]
) -> tuple[list[torch.Tensor | None], list[tuple[int, torch.Tensor]]]:
    """Return the gradient of each tensor, and the elements that nobody gave."""
    found: list[torch.Tensor | None] = [None] * len(layout.tensors)
    known: set[int] = set()
    for gradient, variable in given:
        number = layout.number_of(variable)
        if number is None and id(variable) in layout.numbers:
            held = [variable]  # a parameter that variables lie in: all of them
            owner = layout.owners[layout.numbers[id(variable)]]
            known |= set(numbers_in(owner))
        elif number is None:
            raise ValueError(
                f"Unknown variable: {variable}. This optimizer can only be called "
                "for the variables it was originally built with. When working with "
                "a new set of variables, you should recreate a new optimizer "
                "instance."
            )
        else:
            known.add(number)
            held = list(layout.variables[number].parameters)
            gradient = split(gradient, layout.variables[number])
        pieces = gradient if isinstance(gradient, (list, tuple)) else [gradient]
        if len(pieces) != len(held):
            raise ValueError(
                f"the weight {variable.path} lies in {len(held)} tensors: give a "
                "gradient of each, or one in its own shape."
            )
        for tensor, piece in zip(held, pieces, strict=True):
            if piece is not None:
                found[layout.numbers[id(tensor)]] = fitting(piece, tensor)
    strangers = [
        (n, mask)
        for n, gradient in enumerate(found)
        if gradient is not None and (mask := layout.strangers(n, known)) is not None
    ]
    return found, strangers
