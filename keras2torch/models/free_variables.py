"""``keras.Variable``: a weight that a script makes itself.

Source: ``keras/src/backend/common/variables.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.data.elements import tensors
from keras2torch.dtypes import standardize_dtype
from keras2torch.models.context import default_device
from keras2torch.models.naming import auto_name, current_path
from keras2torch.training import variables
from keras2torch.training.variables import Parameter

_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")


class _OfAnyWeight(type(torch.nn.Parameter)):  # type: ignore[misc]
    """Every weight of a layer is a ``keras.Variable``, whatever holds it."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (Parameter, variables.Variable))


class Variable(Parameter, metaclass=_OfAnyWeight):
    """A weight by itself: an ``nn.Parameter`` that answers like Keras' ``Variable``.

    A layer that gets it as an attribute, or in a list, has it among its weights.

    Parameters
    ----------
    initializer
        An initializer or its name, for which ``shape`` is needed; or the value.
    shape
        In Keras' order.
    dtype
        That of the value, or floatx, if not given.
    trainable
        Whether an optimizer moves it.
    autocast, aggregation, synchronization, layout
        Taken; they tell other backends how to keep it.
    name
        ``"variable"`` and a number if not given.

    Raises
    ------
    ValueError
        If an initializer has no shape, or an argument is none of these.
    """

    def __new__(
        cls,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ) -> Any:
        from keras2torch import initializers

        name = name or auto_name("Variable")
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name}"
            )
        if aggregation not in _AGGREGATIONS:
            raise ValueError(
                "Invalid value for argument `aggregation`. Expected one of "
                f"{_AGGREGATIONS}. Received: aggregation={aggregation}"
            )
        if isinstance(initializer, str):
            initializer = initializers.get(initializer)
        if callable(initializer) and not isinstance(initializer, torch.Tensor):
            value = initializer(_sizes(shape, initializer), dtype=_name(dtype))
        else:
            value = initializer
        found = tensors(value).detach().to(default_device())
        if dtype is not None:
            found = found.to(getattr(torch, standardize_dtype(dtype)))
        floats = found.is_floating_point() or found.is_complex()
        made = torch.Tensor._make_subclass(
            cls, found.clone(), bool(trainable) and floats
        )
        path = current_path()
        made.name = name
        made.path = f"{path}/{name}" if path else name
        made.declared_trainable = bool(trainable)
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """All is done when it is made."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            copy = torch.Tensor._make_subclass(
                type(self), self.detach().clone(), self.requires_grad
            )
            copy.__dict__.update(self.__dict__)
            memo[id(self)] = copy
        return memo[id(self)]

    def __repr__(self) -> str:  # type: ignore[override]
        dtype = str(self.dtype).removeprefix("torch.")
        return (
            f"<Variable path={self.path}, shape={tuple(self.shape)}, dtype={dtype}, "
            f"value={self.numpy()}>"
        )


def _name(dtype: Any) -> str:
    return standardize_dtype(dtype)


def _sizes(shape: Any, initializer: Any) -> tuple[int, ...]:
    if shape is None:
        raise ValueError(
            "When creating a Variable from an initializer, the `shape` argument should "
            f"be specified. Received: initializer={initializer} and shape={shape}"
        )
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if None in sizes:
        raise ValueError(
            "Shapes used to initialize variables must be fully-defined (no `None` "
            f"dimensions). Received: shape={sizes}"
        )
    return sizes
