"""Which torch tensors hold which of Keras' variables.

Optimizers that work element by element run on torch's tensors as they are. What Keras
takes of a whole variable, its norm or its shape, goes by the variables: several may lie
in one tensor (query, key and value in ``in_proj_weight``), and one in several.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import nn

from keras2torch.distribution.cut import cut_as, is_cut, local, sum_parts
from keras2torch.training.variables import Part, Variable

Tensors = list[torch.Tensor]


class _Held:
    """A tensor that belongs to no module."""

    def __init__(self, value: torch.Tensor) -> None:
        self.value = value


class _State:
    """What an optimizer keeps beside a tensor, which load_state_dict replaces."""

    def __init__(self, state: Any, tensor: Any) -> None:
        self.state, self.tensor = state, tensor

    def __getattr__(self, name: str) -> torch.Tensor:
        if name.startswith("__"):  # copy asks for methods that are not there
            raise AttributeError(name)
        found: torch.Tensor = self.state()[self.tensor][name]
        return found


def as_variable(given: Any) -> Variable:
    """Return a weight as Keras' variable; a plain parameter is one in its own order.

    Raises
    ------
    TypeError
        If it is no weight.
    """
    if isinstance(given, Variable):
        return given
    if not isinstance(given, torch.Tensor):
        raise TypeError(f"an optimizer moves weights, not {type(given).__name__}.")
    name = getattr(given, "name", None) or "variable"
    path = getattr(given, "path", None) or name
    part = Part(cast(nn.Module, _Held(given)), "value", tuple(range(given.ndim)))
    made = Variable(name, path, given.shape, [part])
    made.constraint = getattr(given, "constraint", None)
    return made


def beside(variable: Variable, state: Any, name: str, path: str) -> Variable:
    """Return what an optimizer keeps for a weight, in Keras' shape.

    Parameters
    ----------
    state
        Function that returns the optimizer's state: tensor → name → tensor.
    """
    parts = [
        replace(p, module=cast(nn.Module, _State(state, p.tensor)), name=name)
        for p in variable.parts
    ]
    return Variable(path.rsplit("/", 1)[-1], path, variable.shape, parts)


def alone(state: Any, key: str, shape: Sequence[int], path: str) -> Variable:
    """Return a tensor of the optimizer that belongs to no weight, as a variable."""
    part = Part(cast(nn.Module, _State(state, "keras")), key, tuple(range(len(shape))))
    return Variable(path.rsplit("/", 1)[-1], path, shape, [part])


class Layout:
    """The tensors of an optimizer and whose elements they are.

    Attributes
    ----------
    variables
        Keras' variables, each once.
    tensors
        The torch tensors, each once.
    owners
        For each tensor the number of its variable, or a tensor of the same shape with
        the number of each element's; -1 is nobody.
    """

    def __init__(self, given: Iterable[Any], state: Any) -> None:
        self.state = state
        self.variables: list[Variable] = []
        self.tensors: Tensors = []
        self.numbers: dict[int, int] = {}
        self.index: dict[Any, int] = {}
        holders: list[list[tuple[int, Part]]] = []
        for one in given:
            made = as_variable(one)
            if _key(made) in self.index:
                self.index[id(one)] = self.index[_key(made)]
                continue
            self.index[id(one)] = self.index[_key(made)] = len(self.variables)
            for part in made.parts:
                tensor = part.tensor
                if id(tensor) not in self.numbers:
                    self.numbers[id(tensor)] = len(self.tensors)
                    self.tensors.append(tensor)
                    holders.append([])
                holders[self.numbers[id(tensor)]].append((len(self.variables), part))
            self.variables.append(made)
        self.owners = [_owner(held) for held in holders]
        self.together = _together(self)
        self._chosen: dict[tuple[int, ...], Chosen] = {}
        self.all = self.choose(range(len(self.tensors)))

    def choose(self, numbers: Iterable[int]) -> Chosen:
        """Return the tensors of these numbers, to be updated together."""
        key = tuple(numbers)
        if key not in self._chosen:
            self._chosen[key] = Chosen(self, key)
        return self._chosen[key]

    def forget(self) -> None:
        """Forget the lists of states, after others took their place."""
        for chosen in self._chosen.values():
            chosen.states.clear()
            chosen.memo.clear()

    def number_of(self, variable: Any) -> int | None:
        """Return the number of a variable; ``None`` if it is not known."""
        found = self.index.get(id(variable))
        if found is None and isinstance(variable, (Variable, torch.Tensor)):
            found = self.index.get(_key(as_variable(variable)))
        return found

    def complete(self, grads: list[torch.Tensor | None]) -> None:
        """Put zeros where only part of a variable has a gradient, as Keras sees it."""
        for group in self.together:
            if any(grads[n] is not None for n in group):
                for n in group:
                    if grads[n] is None:
                        grads[n] = torch.zeros_like(self.tensors[n])

    def strangers(self, number: int, known: set[int] | None = None) -> Any:
        """Return which elements of a tensor are not of these variables, or ``None``."""
        owner = self.owners[number]
        if isinstance(owner, int):
            return None
        if known is None:
            mask = owner < 0
        else:
            mask = ~torch.isin(owner, torch.tensor(sorted(known), device=owner.device))
        if not bool(mask.any()):
            return None
        return local(cut_as(mask, self.tensors[number]))


def _key(variable: Variable) -> Any:
    """Return what tells variables over the same tensors apart."""
    parts = variable.parts
    if len(parts) == 1 and parts[0].index is None:
        return id(parts[0].tensor)
    return (variable.path, *(id(p.tensor) for p in parts))


def _owner(held: list[tuple[int, Part]]) -> int | torch.Tensor:
    if len(held) == 1 and held[0][1].whole:
        return held[0][0]
    tensor = held[0][1].tensor
    owner = torch.full(tensor.shape, -1, dtype=torch.long)
    for number, part in held:
        if part.index is None:
            owner.fill_(number)
        else:
            owner[torch.from_numpy(part.index >= 0).reshape(owner.shape)] = number
    return owner.to(tensor.device)


def _together(layout: Layout) -> list[list[int]]:
    return [
        [layout.numbers[id(t)] for t in v.parameters]
        for v in layout.variables
        if len(v.parts) > 1
    ]


class Chosen:
    """Tensors that are updated together: all, or those that have a gradient.

    Attributes
    ----------
    simple
        Whether each tensor is one whole variable.
    states, memo
        Lists of states by name, and what an optimizer prepared for these tensors.
    """

    def __init__(self, layout: Layout, numbers: tuple[int, ...]) -> None:
        self.layout = layout
        self.numbers = numbers
        whole = [layout.tensors[n] for n in numbers]
        # Of tensors that FSDP cut, the part that is here.
        self.tensors = [local(t) for t in whole]
        self.strides = [t.stride() for t in self.tensors]
        self.owners = [_here(layout.owners[n], layout.tensors[n]) for n in numbers]
        self._whole = whole
        self.states: dict[str, Tensors] = {}
        self.memo: dict[str, Any] = {}
        found = {n for place in numbers for n in numbers_in(layout.owners[place])}
        self.variables = [(n, layout.variables[n]) for n in sorted(found)]
        self.simple = all(isinstance(o, int) for o in self.owners) and all(
            len(v.parts) == 1 for _, v in self.variables
        )
        kinds: dict[Any, list[int]] = {}
        for place, tensor in enumerate(self.tensors):
            kinds.setdefault((tensor.device, tensor.dtype), []).append(place)
        self._kinds = list(kinds.values())
        self.uniform = len(self._kinds) == 1

    def __getitem__(self, name: str) -> Tensors:
        """The states of this name, in the order of the tensors."""
        found = self.states.get(name)
        if found is None:
            state = self.layout.state()
            found = [local(state[t][name]) for t in self._whole]
            self.states[name] = found
        return found

    def counter(self, step: int) -> Tensors:
        """Return the number of the step as fused kernels take it: a tensor for each."""
        found: Tensors | None = self.memo.get("counter")
        if found is None:
            number = torch.zeros((), dtype=torch.float32, device=self.tensors[0].device)
            found = self.memo["counter"] = [number] * len(self.tensors)
        found[0].fill_(step)
        return found

    def kinds(self, grads: Tensors) -> list[tuple[Chosen, Tensors]]:
        """Split by device and dtype: a fused kernel takes one of each."""
        if self.uniform:
            return [(self, grads)]
        return [
            (
                self.layout.choose(self.numbers[p] for p in places),
                [grads[p] for p in places],
            )
            for places in self._kinds
        ]

    def norms(self, values: Tensors) -> Tensors:
        """Return the norm of each variable, to be multiplied with the tensors."""
        if self.simple:
            found = list(torch._foreach_norm(values))
            if not is_cut(self._whole[0]):
                return found
            squared = sum_parts(torch.stack(found).square(), self._whole)
            return list(squared.sqrt().unbind())
        count = len(self.layout.variables)
        squares = values[0].new_zeros(count + 1)
        for owner, value in zip(self.owners, values, strict=True):
            if isinstance(owner, int):
                squares[owner] += value.square().sum().to(squares)
            else:  # nobody's elements, of owner -1, add to the last
                places = (owner % (count + 1)).flatten()
                squares.index_add_(0, places, value.square().flatten().to(squares))
        roots = sum_parts(squares, self._whole).sqrt()
        return [roots[o].to(v) for o, v in zip(self.owners, values, strict=True)]


def _here(owner: int | torch.Tensor, tensor: torch.Tensor) -> int | torch.Tensor:
    return owner if isinstance(owner, int) else local(cut_as(owner, tensor))


def numbers_in(owner: int | torch.Tensor) -> list[int]:
    """Return the numbers of the variables that own elements."""
    if isinstance(owner, int):
        return [owner]
    return [n for n in torch.unique(owner).tolist() if n >= 0]


_FUSED = frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16})


def fusable(chosen: Chosen) -> bool:
    """Return whether torch's fused kernels take these tensors."""
    found = chosen.memo.get("fusable")
    if found is None:
        first = chosen.tensors[0]
        found = chosen.uniform and first.device.type in ("cpu", "cuda")
        found = found and first.dtype in _FUSED
        # A kernel walks memory from end to end.
        found = found and all(_dense(t) for t in chosen.tensors)
        chosen.memo["fusable"] = found
    return bool(found)


def _dense(tensor: torch.Tensor) -> bool:
    if tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return True
    return tensor.is_contiguous()
