"""What an optimizer keeps: its counters, its rate, and tensors beside the weights.

Source: ``keras/src/optimizers/base_optimizer.py`` (3.15).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from keras2torch.optimizers.layout import Layout, alone, as_variable, beside
from keras2torch.optimizers.schedules import LearningRateSchedule
from keras2torch.training.variables import Variable


class Scalar(torch.Tensor):
    """A number of an optimizer: a tensor without axes that can be assigned.

    It is the value at the time of asking; what is computed with it is a plain tensor.
    """

    _set: Callable[[Any], None]
    name: str = "variable"
    path: str = "variable"
    trainable = False
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @property
    def value(self) -> torch.Tensor:
        """As a plain tensor."""
        return self.as_subclass(torch.Tensor)

    def assign(self, value: Any) -> Scalar:
        """Set it in the optimizer."""
        number = _number(value)
        self._set(number)
        self.fill_(number)
        return self

    def assign_add(self, value: Any) -> Scalar:
        """Add to it in the optimizer."""
        return self.assign(self.item() + _number(value))

    def assign_sub(self, value: Any) -> Scalar:
        """Subtract from it in the optimizer."""
        return self.assign(self.item() - _number(value))

    def numpy(self, *, force: bool = False) -> Any:
        """Return a numpy scalar."""
        return self.as_subclass(torch.Tensor).numpy(force=force)[()]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.as_subclass(torch.Tensor).numpy()
        return np.array(array, dtype=dtype)


def _number(value: Any) -> Any:
    if not hasattr(value, "item"):
        return value
    if value.dtype in (np.float32, torch.float32):
        return float(str(np.float32(value.item())))  # 0.001, as it was written
    return value.item()


class Kept(torch.optim.Optimizer):
    """The state of an optimizer, both as torch has it and as Keras' variables.

    Attributes
    ----------
    built
        Whether the weights are known.
    """

    name: str
    gradient_accumulation_steps: int | None

    def __init__(self, rate: float, schedule: Any) -> None:
        # Torch wants a group from the start; build() fills it.
        super().__init__([{"params": []}], {"lr": rate, "iterations": 0})
        self.built = False
        self._schedule: LearningRateSchedule | Callable[[], Any] | None = schedule
        self._variables: list[Variable] = []
        self._trainable_variables: list[Any] = []
        self._layout = Layout([], self._state)

    def _state(self) -> Any:
        return self.state

    # ------------------------------------------------------------------------- tensors
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take torch's group; after ``build`` no more can be added.

        Raises
        ------
        ValueError
            If the optimizer is built.
        """
        # Torch's own imports its compiler at the first call, which takes seconds.
        if getattr(self, "built", False):
            raise ValueError("build the optimizer with all variables that it moves.")
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        self.param_groups.append(param_group)

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Add a tensor that belongs to no weight."""
        kept = self.state.setdefault("keras", {})  # type: ignore[call-overload]
        key = f"{len(self._variables)}_{name or 'variable'}"
        device = None  # a number stays where it can be read without waiting
        if self._layout.tensors and len(shape):
            device = self._layout.tensors[0].device
        kept[key] = torch.zeros(tuple(shape), dtype=_dtype(dtype), device=device)
        path = f"{self.name}/{name or 'variable'}"
        made = alone(self._state, key, tuple(shape), path)
        _initialize(made, initializer)
        self._variables.append(made)
        return made

    def add_variable_from_reference(
        self,
        reference_variable: Any,
        name: str | None = None,
        initializer: Any = "zeros",
    ) -> Variable:
        """Add a variable like a weight; torch has it as ``state[parameter][name]``."""
        weight = as_variable(reference_variable)
        key = name or "var"
        for tensor in weight.parameters:
            state = self.state[tensor]
            if key not in state:
                state[key] = torch.zeros_like(tensor)
        path = f"{self.name}/{weight.path.replace('/', '_')}_{key}"
        made = beside(weight, self._state, key, path)
        _initialize(made, initializer)
        self._variables.append(made)
        return made

    def add_optimizer_variables(
        self,
        trainable_variables: Iterable[Any],
        name: str | Sequence[str],
        initializer: Any = "zeros",
    ) -> Any:
        """Add one variable for each weight, or one for each weight and name.

        Raises
        ------
        ValueError
            If there are not as many initializers as names.
        """
        names = [name] if isinstance(name, str) else list(name)
        several = not isinstance(name, str) and isinstance(initializer, (list, tuple))
        first = list(initializer) if several else [initializer] * len(names)
        if len(first) != len(names):
            raise ValueError(
                "The number of provided names must match the number of provided "
                f"initializers.  Received name='{name}', initializer='{initializer}'"
            )
        made: tuple[list[Variable], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for kept, one, start in zip(made, names, first, strict=True):
                kept.append(self.add_variable_from_reference(variable, one, start))
        return made[0] if isinstance(name, str) else made

    # ------------------------------------------------------------------- learning rate
    @property
    def learning_rate(self) -> Any:
        """The rate of now, a float32 tensor; of a float it can be assigned."""
        if self._schedule is not None:
            return torch.tensor(self._rate(), dtype=torch.float32)
        return self._scalar("lr", torch.float32, "learning_rate", float)

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        if callable(learning_rate):
            self._schedule = learning_rate
            return
        if isinstance(self._schedule, LearningRateSchedule):
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as "
                "its `learning_rate` constructor argument, hence its learning rate is "
                "not settable. If you need the learning rate to be settable, you "
                "should instantiate the optimizer with a float `learning_rate` "
                "argument."
            )
        self._schedule = None
        self.param_groups[0]["lr"] = float(_number(learning_rate))

    @property
    def lr(self) -> Any:
        """The name of ``learning_rate`` until Keras 2.3."""
        return self.learning_rate

    @lr.setter
    def lr(self, learning_rate: Any) -> None:
        self.learning_rate = learning_rate

    @property
    def iterations(self) -> Any:
        """How often the weights moved: an integer tensor without axes."""
        if self.gradient_accumulation_steps:
            return torch.tensor(self._updates())
        return self._scalar("iterations", torch.int64, "iteration", int)

    def _scalar(
        self, key: str, dtype: torch.dtype, name: str, kind: Callable[[Any], Any]
    ) -> Scalar:
        group = self.param_groups[0]
        made = torch.tensor(group[key], dtype=dtype).as_subclass(Scalar)
        made.name, made.path = name, f"{self.name}/{name}"
        made._set = lambda value: group.__setitem__(key, kind(value))
        return made

    def _rate(self) -> float:
        schedule = self._schedule
        group = self.param_groups[0]
        if schedule is None:
            return float(group["lr"])
        if isinstance(schedule, LearningRateSchedule):
            rate = schedule.at(group["iterations"])
        else:
            rate = float(schedule())
        group["lr"] = rate
        return rate

    def _updates(self) -> int:
        done: int = self.param_groups[0]["iterations"]
        return done // (self.gradient_accumulation_steps or 1)

    # ------------------------------------------------------------------ state and file
    @property
    def variables(self) -> list[Any]:
        """What the optimizer keeps, in Keras' order and shapes."""
        own: list[Any] = [self._scalar("iterations", torch.int64, "iteration", int)]
        if self._schedule is None:
            own.append(self.learning_rate)
        return [*own, *self._variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set what the optimizer keeps.

        Raises
        ------
        ValueError
            If the optimizer is not built, or a shape is another one.
        """
        if not self.built:
            raise ValueError(
                "You are calling `set_weights()` on an optimizer that has not yet "
                "been built. Please call `optimizer.build(trainable_variables)` to "
                "create the optimizer weights before calling `set_weights()`."
            )
        for variable, weight in zip(self.variables, weights, strict=False):
            variable.assign(weight)

    def get_weights(self) -> list[Any]:
        """Return what the optimizer keeps, as arrays."""
        return [v.numpy() for v in self.variables]

    def save_own_variables(self, store: Any) -> None:
        """Write what the optimizer keeps, by number."""
        for number, variable in enumerate(self.variables):
            store[str(number)] = np.asarray(variable.numpy())

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read what :meth:`save_own_variables` wrote; warns if it does not fit."""
        variables = self.variables
        if len(store.keys()) != len(variables):
            message = (
                f"Skipping variable loading for optimizer '{self.name}', because it "
                f"has {len(variables)} variables whereas the saved optimizer has "
                f"{len(store.keys())} variables. "
            )
            if not self.built:
                message += (
                    "This is likely because the optimizer has not been called/built "
                    "yet."
                )
            warnings.warn(message, stacklevel=2)
            return
        for number, variable in enumerate(variables):
            variable.assign(np.asarray(store[str(number)]))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what ``state_dict`` returned; the optimizer has to be built."""
        super().load_state_dict(state_dict)
        kept = self.state.get("keras")  # type: ignore[call-overload]
        if kept:  # torch copies only what belongs to a parameter
            self.state["keras"] = {k: v.clone() for k, v in kept.items()}  # type: ignore[index]
        self._layout.forget()

    def __getstate__(self) -> dict[str, Any]:
        # Torch's keeps three attributes, and a copy would know no settings.
        return {k: v for k, v in self.__dict__.items() if k != "_layout"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_layout" not in self.__dict__:
            self._layout = Layout(self._trainable_variables, self._state)


def _dtype(dtype: Any) -> torch.dtype:
    if isinstance(dtype, torch.dtype):
        return dtype
    named = {"int": torch.int64, None: torch.float32}.get(dtype)
    found: torch.dtype = named if named is not None else getattr(torch, dtype)
    return found


def _initialize(variable: Variable, initializer: Any) -> None:
    if initializer == "zeros" or initializer is None:
        return
    if isinstance(initializer, str):
        from keras2torch import initializers

        initializer = initializers.get(initializer)
    if callable(initializer):
        variable.assign(initializer(variable.shape, dtype=variable.dtype))
    else:
        variable.assign(torch.full(variable.shape, float(initializer)))
