"""A weight as Keras has it, over the torch tensors that hold it.

Most weights are one parameter, its axes in another order. Some are part of one (the
query kernel within ``in_proj_weight``), some are two (the bias of a GRU). What is
asked of a weight *as Keras' variable*, its norm or its shape, is asked here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from keras2torch.distribution.cut import full, put
from keras2torch.tensors import to_array

Array = npt.NDArray[Any]
Of = Callable[[torch.Tensor], torch.Tensor | None]


class _Held(threading.local):
    fast = False


_held = _Held()


def values_are_held() -> bool:
    """Whether weights keep their values, whatever is assigned to them."""
    return _held.fast


@contextmanager
def holding_values(hold: bool = True) -> Iterator[None]:
    """Let assignments to weights have no effect, as when Keras computes shapes."""
    kept, _held.fast = _held.fast, hold
    try:
        yield
    finally:
        _held.fast = kept


@dataclass(frozen=True)
class Part:
    """A torch tensor that holds a weight or part of it.

    Attributes
    ----------
    module, name
        Where it is: ``module.name``; a buffer is another tensor after ``.to()``.
    axes
        Order of the torch axes that gives Keras' shape, where that is all; else None.
    index
        For each element of the torch tensor its place in Keras' flattened weight, -1
        for one that is not of this weight; ``None`` where ``axes`` says it.
    """

    module: nn.Module
    name: str
    axes: tuple[int, ...] | None = None
    index: Array | None = None

    @property
    def tensor(self) -> torch.Tensor:
        """The parameter or buffer as it is now."""
        found: torch.Tensor = getattr(self.module, self.name)
        return found

    @property
    def whole(self) -> bool:
        """Whether every element of the tensor is of this weight."""
        return self.index is None or bool((self.index >= 0).all())


class AnyVariable(Protocol):
    """What optimizers, regularizers and constraints ask of a weight."""

    name: str
    path: str
    regularizer: Any
    constraint: Any

    @property
    def parameters(self) -> tuple[torch.Tensor, ...]:
        """The torch tensors that hold it."""

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may move it."""

    def keras(self, of: Of | None = None) -> torch.Tensor:
        """Return it in Keras' shape."""

    def assign(self, value: Any) -> Any:
        """Set it from an array or tensor in Keras' shape."""


class Variable:
    """A weight of a layer that torch keeps in its own order.

    Parameters
    ----------
    name, path
        ``"kernel"`` and ``"dense_1/kernel"``.
    shape
        Keras' shape.
    parts
        The torch tensors that hold it, or what finds them when they are asked for.
    trainable
        Whether Keras trains it; ``trainable`` of the layer comes on top.
    """

    def __init__(
        self,
        name: str,
        path: str,
        shape: Sequence[int],
        parts: Sequence[Part] | Callable[[], Sequence[Part]],
        *,
        trainable: bool = True,
    ) -> None:
        self.name, self.path = name, path
        self.shape = tuple(shape)
        self._parts = parts
        self.declared_trainable = trainable
        self.regularizer: Any = None
        self.constraint: Any = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The torch tensors that hold it."""
        if callable(self._parts):
            self._parts = tuple(self._parts())
        return tuple(self._parts)

    @property
    def parameters(self) -> tuple[torch.Tensor, ...]:
        """The torch tensors that hold it, in torch's order."""
        return tuple(p.tensor for p in self.parts)

    @property
    def value(self) -> torch.Tensor:
        """The torch tensor that holds it; its ``grad`` is the gradient."""
        return self.parts[0].tensor

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may move it."""
        return any(p.requires_grad for p in self.parameters)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for tensor in self.parameters:
            if isinstance(tensor, nn.Parameter):
                tensor.requires_grad_(value)

    @property
    def dtype(self) -> str:
        """``"float32"``."""
        return str(self.value.dtype).removeprefix("torch.")

    @property
    def ndim(self) -> int:
        """Number of axes in Keras."""
        return len(self.shape)

    def keras(self, of: Of | None = None) -> torch.Tensor:
        """Return the weight in Keras' shape: a view where torch only moved axes.

        Parameters
        ----------
        of
            What to take of each torch tensor; itself if not given. With ``lambda p:
            p.grad`` the gradient comes, zeros where there is none.
        """
        if len(self.parts) == 1 and (axes := self.parts[0].axes) is not None:
            return _taken(self.parts[0].tensor, of).permute(axes)
        flat: torch.Tensor | None = None
        for part in self.parts:
            tensor = _taken(part.tensor, of).reshape(-1)
            index, here = _index(part)
            at = torch.from_numpy(index).to(tensor.device)
            kept = tensor if here is None else tensor[torch.from_numpy(here)]
            if flat is None:
                flat = tensor.new_zeros(int(np.prod(self.shape)))
            flat = flat.index_copy(0, at, kept)
        if flat is None:
            # A weight without a place in torch: Normalization's count, which stays 0.
            return torch.zeros(self.shape, dtype=torch.int32)
        return flat.reshape(self.shape)

    @torch.no_grad()
    def assign(self, value: Any) -> Variable:
        """Set the weight from an array or tensor in Keras' shape.

        Raises
        ------
        ValueError
            If the shape is another one.
        """
        given = torch.as_tensor(_plain(value))
        if tuple(given.shape) != self.shape:
            raise ValueError(
                f"the weight {self.path} has shape {self.shape}, "
                f"not {tuple(given.shape)}."
            )
        for part in () if values_are_held() else self.parts:
            tensor = part.tensor
            new = given.to(tensor.device, tensor.dtype)
            if part.axes is not None:
                back = sorted(range(len(part.axes)), key=part.axes.__getitem__)
                put(tensor, new.permute(back))
                continue
            index, here = _index(part)
            values = new.reshape(-1)[torch.from_numpy(index).to(tensor.device)]
            if here is None:
                put(tensor, values.reshape(tensor.shape))
            else:
                flat = full(tensor).reshape(-1).clone()
                flat[torch.from_numpy(here).to(tensor.device)] = values
                put(tensor, flat.reshape(tensor.shape))
        return self

    def assign_add(self, value: Any) -> Variable:
        """Add to the weight."""
        return self.assign(self.keras().detach() + torch.as_tensor(_plain(value)))

    def assign_sub(self, value: Any) -> Variable:
        """Subtract from the weight."""
        return self.assign(self.keras().detach() - torch.as_tensor(_plain(value)))

    # -- in expressions of a user's: the tensor in Keras' shape
    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = [_tensors(a) for a in args]
        return func(*given, **{k: _tensors(v) for k, v in (kwargs or {}).items()})

    def __getitem__(self, key: Any) -> torch.Tensor:
        return self.keras()[key]

    def __len__(self) -> int:
        return self.shape[0]

    def _beside(self, other: Any) -> Any:
        """Return what stands on the other side of an operator as a tensor."""
        if isinstance(other, np.ndarray):
            return torch.as_tensor(other, device=self.value.device)
        return _tensors(other)

    # An array on the left leaves it to the weight.
    __array_ufunc__ = None

    def __neg__(self) -> torch.Tensor:
        return -self.keras()

    def __abs__(self) -> torch.Tensor:
        return self.keras().abs()

    def __add__(self, other: Any) -> Any:
        return self.keras() + self._beside(other)

    def __sub__(self, other: Any) -> Any:
        return self.keras() - self._beside(other)

    def __mul__(self, other: Any) -> Any:
        return self.keras() * self._beside(other)

    def __truediv__(self, other: Any) -> Any:
        return self.keras() / self._beside(other)

    def __pow__(self, other: Any) -> Any:
        return self.keras() ** self._beside(other)

    def __floordiv__(self, other: Any) -> Any:
        return self.keras() // self._beside(other)

    def __mod__(self, other: Any) -> Any:
        return self.keras() % self._beside(other)

    def __matmul__(self, other: Any) -> Any:
        return torch.matmul(*_of_one_dtype(self.keras(), self._beside(other)))

    def __lt__(self, other: Any) -> Any:
        return self.keras() < self._beside(other)

    def __le__(self, other: Any) -> Any:
        return self.keras() <= self._beside(other)

    def __gt__(self, other: Any) -> Any:
        return self.keras() > self._beside(other)

    def __ge__(self, other: Any) -> Any:
        return self.keras() >= self._beside(other)

    def __radd__(self, other: Any) -> Any:
        return self._beside(other) + self.keras()

    def __rsub__(self, other: Any) -> Any:
        return self._beside(other) - self.keras()

    def __rmul__(self, other: Any) -> Any:
        return self._beside(other) * self.keras()

    def __rtruediv__(self, other: Any) -> Any:
        return self._beside(other) / self.keras()

    def __rpow__(self, other: Any) -> Any:
        return self._beside(other) ** self.keras()

    def __rfloordiv__(self, other: Any) -> Any:
        return self._beside(other) // self.keras()

    def __rmod__(self, other: Any) -> Any:
        return self._beside(other) % self.keras()

    def __rmatmul__(self, other: Any) -> Any:
        return torch.matmul(*_of_one_dtype(self._beside(other), self.keras()))

    def numpy(self) -> Array:
        """Return a copy in Keras' shape."""
        array: Array = to_array(self.keras())
        return array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def __float__(self) -> float:
        return float(self.keras())

    def __int__(self) -> int:
        return int(self.keras())

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"


def _tensors(value: Any) -> Any:
    """Return tensors for variables, also within lists."""
    if isinstance(value, Variable):
        return value.keras()
    if isinstance(value, (list, tuple)):
        return type(value)(_tensors(v) for v in value)
    return value


def _of_one_dtype(*tensors: torch.Tensor) -> list[torch.Tensor]:
    """Return the factors of a product of matrices, which torch wants alike."""
    first, second = tensors
    dtype = torch.promote_types(first.dtype, second.dtype)
    return [t.to(dtype) for t in tensors]


def _taken(tensor: torch.Tensor, of: Of | None) -> torch.Tensor:
    found = tensor if of is None else of(tensor)
    return full(torch.zeros_like(tensor) if found is None else found)


def _index(part: Part) -> tuple[Array, Array | None]:
    """Return the places in Keras, and those in torch unless it is all of them."""
    assert part.index is not None
    flat = part.index.reshape(-1)
    if part.whole:
        return flat, None
    here = np.flatnonzero(flat >= 0)
    return flat[here], here


def _plain(value: Any) -> Any:
    """Return a tensor or array of a variable, tensor, array or number."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, Variable):
        return value.keras().detach()
    array = np.array(value)  # torch wants to own what it is given
    if array.dtype.name == "bfloat16":  # ml_dtypes', which torch does not read
        array = array.astype(np.float32)
    return array


class Parameter(nn.Parameter):
    """A weight that a user's layer makes by ``add_weight``: in Keras' shape as it is.

    An ``nn.Parameter`` that also answers like Keras' ``Variable``.
    """

    name: str = "variable"
    path: str = "variable"
    regularizer: Any = None
    constraint: Any = None
    declared_trainable: bool = True

    @property
    def parameters(self) -> tuple[torch.Tensor, ...]:
        """Itself."""
        return (self,)

    @property
    def value(self) -> torch.Tensor:
        """Itself."""
        return self

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may move it."""
        return bool(self.requires_grad)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.requires_grad_(value)

    def keras(self, of: Of | None = None) -> torch.Tensor:
        """Return itself, or what ``of`` takes of it."""
        return _taken(self, of)

    @torch.no_grad()
    def assign(self, value: Any) -> Parameter:
        """Set it.

        Raises
        ------
        ValueError
            If the shape is another one.
        """
        given = torch.as_tensor(_plain(value))
        if given.shape != self.shape:
            raise ValueError(
                f"the weight {self.path} has shape {tuple(self.shape)}, "
                f"not {tuple(given.shape)}."
            )
        if not values_are_held():
            self.copy_(given)
        return self

    @torch.no_grad()
    def assign_add(self, value: Any) -> Parameter:
        """Add to it."""
        if not values_are_held():
            self.add_(torch.as_tensor(_plain(value)).to(self.device))
        return self

    @torch.no_grad()
    def assign_sub(self, value: Any) -> Parameter:
        """Subtract from it."""
        if not values_are_held():
            self.sub_(torch.as_tensor(_plain(value)).to(self.device))
        return self

    def __float__(self) -> float:
        return float(self.detach())

    def __int__(self) -> int:
        return int(self.detach())

    def numpy(self, *, force: bool = True) -> Array:
        """Return a copy, wherever it is and whether it trains or not."""
        array: Array = to_array(self)
        return array
