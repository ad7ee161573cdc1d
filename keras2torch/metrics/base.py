"""What every metric is: states, an update, a result.

Source: ``keras/src/metrics/metric.py`` (3.15).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy.typing as npt
import torch

from keras2torch.distribution import parts
from keras2torch.tensors import as_tensor, torch_dtype

CPU = torch.device("cpu")

M = TypeVar("M", bound="Metric")
Update = Callable[..., Any]


class State(torch.Tensor):
    """A state of a metric: a tensor that also answers like Keras' ``Variable``.

    It never requires a gradient, and what is computed from it is a plain tensor.
    """

    # Tensors have a name already, one that cannot be set.
    name: str = "state"
    path: str = "state"
    trainable: bool = False

    # As nn.Parameter: results are no states, and no call goes through Python.
    __torch_function__: ClassVar[Any] = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, value: torch.Tensor, name: str = "state", path: str = "") -> State:
        made: State = torch.Tensor._make_subclass(cls, value.detach(), False)
        made.name, made.path = name, path or name
        return made

    @property
    def value(self) -> torch.Tensor:
        """Itself."""
        return self

    def assign(self, value: Any) -> State:
        """Set it, wherever the new value is.

        Raises
        ------
        ValueError
            If the shape is another one.
        """
        new = _detached(value)
        if new.shape != self.shape:
            raise ValueError(
                f"the state {self.path} has shape {tuple(self.shape)}, "
                f"not {tuple(new.shape)}."
            )
        with torch.no_grad():
            self.copy_(new)
        return self

    def assign_add(self, value: Any) -> State:
        """Add to it."""
        return self.assign(self + _detached(value).to(self.device))

    def assign_sub(self, value: Any) -> State:
        """Subtract from it."""
        return self.assign(self - _detached(value).to(self.device))

    def follow(self, device: torch.device) -> None:
        """Move to where the data is."""
        if self.device != device:
            moved = self.to(device, non_blocking=True)
            # Not `self.data = moved`: some devices have tensors of another kind.
            other = State(moved, self.name, self.path)
            torch.utils.swap_tensors(self, other)

    def numpy(self, *, force: bool = True) -> npt.NDArray[Any]:
        """Return a copy, wherever it is."""
        array: npt.NDArray[Any] = self.detach().cpu().clone().numpy()
        return array

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> State:
        if id(self) not in memo:
            memo[id(self)] = State(self.detach().clone(), self.name, self.path)
        made: State = memo[id(self)]
        return made

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return (
            f"<State path={self.path}, shape={tuple(self.shape)}, "
            f"dtype={dtype_name(self.dtype)}, value={self.tolist()}>"
        )


class Metric:
    """A number about predictions, gathered over batches.

    Subclasses make their states in ``__init__`` with :meth:`add_variable`, change them
    in ``update_state`` and compute from them in ``result``. States move to the device
    of the data that ``update_state`` gets, and no gradient is recorded there.

    Parameters
    ----------
    dtype
        Of the computation: a name, a ``torch.dtype`` or a policy with a
        ``compute_dtype``; ``"float32"`` if not given.
    name
        Made from that of the class if not given.
    """

    _direction: str
    _device: torch.device = CPU
    _updating: bool = False
    _variables: list[State]
    _metrics: list[Metric]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "update_state" in vars(cls):
            entered = _entered(vars(cls)["update_state"])
            cls.update_state = entered  # type: ignore[method-assign]

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or auto_name(type(self).__name__)
        self._dtype = dtype_name(dtype)
        self._metrics = []
        self._variables = []

    @property
    def dtype(self) -> str:
        """``"float32"``."""
        return self._dtype

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> State:
        """Return a new state.

        Parameters
        ----------
        shape
            ``()`` for a number.
        initializer
            ``"zeros"`` and whatever else names or is an initializer.
        dtype
            ``"float32"`` if not given, whatever the metric's own.
        aggregation
            Of replicas, which torch does not have; kept for Keras' signature.
        name
            Of the state.
        """
        self._check_super_called()
        kind = torch_dtype(dtype_name(dtype))
        name = name or auto_name("variable")
        value = _initial(initializer, tuple(shape), kind, self._device)
        state = State(value, name, f"{self.name.replace('/', '>')}/{name}")
        self._variables.append(state)
        return state

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        name: str | None = None,
    ) -> State:
        """Return a new state: :meth:`add_variable` by its older name."""
        return self.add_variable(shape, initializer, dtype=dtype, name=name)

    @property
    def variables(self) -> list[State]:
        """Its states, then those of the metrics that are its attributes."""
        found = list(self._variables)
        for metric in self._metrics:
            found.extend(metric.variables)
        return found

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Gather a batch."""
        raise NotImplementedError

    def result(self) -> Any:
        """Return the value so far: a tensor, or a dict of them."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Set every state to 0, where it is."""
        for state in self.variables:
            with torch.no_grad():
                state.zero_()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Gather a batch and return the value so far."""
        self._check_super_called()
        self.update_state(*args, **kwargs)
        return self.result()

    # ------------------------------------------------------------------- stateless
    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[torch.Tensor]:
        """Return what the states would be after a batch; its own stay as they are."""
        with self._borrowed(metric_variables):
            self.update_state(*args, **kwargs)
            return [state.detach().clone() for state in self.variables]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """Return the value that such states give; its own stay as they are."""
        with self._borrowed(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[torch.Tensor]:
        """Return the states of a metric that has seen nothing."""
        with self._borrowed(self.variables):
            self.reset_state()
            return [state.detach().clone() for state in self.variables]

    def _borrowed(self, values: Sequence[Any]) -> Borrowed:
        if len(values) != len(self.variables):
            raise ValueError(
                f"{type(self).__name__} has {len(self.variables)} variables, "
                f"`metric_variables` has {len(values)}."
            )
        return Borrowed(self.variables, values)

    # ---------------------------------------------------------------------- config
    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make it again."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls: type[M], config: dict[str, Any]) -> M:
        """Return the metric that :meth:`get_config` describes."""
        return cls(**config)

    # --------------------------------------------------------------------- details
    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__.get("_metrics")
        if own is not None and value is not own:
            own.extend(m for m in _metrics_in(value) if not any(m is o for o in own))
        object.__setattr__(self, name, value)

    def _follow(self, device: torch.device) -> None:
        """Move every state to where the data is."""
        for state in self.variables:
            state.follow(device)
        object.__setattr__(self, "_device", device)

    def _check_super_called(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                f"{type(self).__name__}.__init__ does not call super().__init__()."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class Borrowed:
    """States that have other values for a while."""

    def __init__(self, states: list[State], values: Sequence[Any]) -> None:
        self.states = states
        self.values = [_detached(v).clone() for v in values]

    def __enter__(self) -> None:
        self.own = [state.detach() for state in self.states]
        for state, value in zip(self.states, self.values, strict=True):
            state.data = value.to(state.device, state.dtype)

    def __exit__(self, *_: object) -> None:
        for state, value in zip(self.states, self.own, strict=True):
            state.data = value


def _entered(update: Update) -> Update:
    """Wrap an update: its states follow the data, no gradient is recorded."""

    @functools.wraps(update)
    def update_state(self: Metric, *args: Any, **kwargs: Any) -> Any:
        if self._updating:  # the update of the class above
            return update(self, *args, **kwargs)
        self._check_super_called()
        if parts.now is not None and not parts.now.rows:
            return None  # what it computes is another process' row
        device = device_of((*args, *kwargs.values()) if kwargs else args)
        if device != self._device:
            self._follow(device)
        set_own = object.__setattr__
        set_own(self, "_updating", True)
        try:
            if not torch.is_grad_enabled():
                return update(self, *args, **kwargs)
            with torch.no_grad():
                return update(self, *args, **kwargs)
        finally:
            set_own(self, "_updating", False)

    return update_state


def device_of(values: Iterable[Any]) -> torch.device:
    """Return where data is: on an accelerator if any of it is."""
    for value in values:
        if isinstance(value, torch.Tensor):
            if value.device != CPU:
                return value.device
        elif isinstance(value, Mapping):
            if (found := device_of(value.values())) != CPU:
                return found
        elif isinstance(value, (list, tuple)):
            # A list of numbers may be long; of tensors it is not.
            if isinstance(next(iter(value), None), (int, float)):
                continue
            if (found := device_of(value)) != CPU:
                return found
    return CPU


def tensor(
    value: Any,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
) -> torch.Tensor:
    """Return a tensor of a tensor, array, list or number, where and as it is wanted."""
    made: torch.Tensor
    made = value if isinstance(value, torch.Tensor) else as_tensor(value)
    if dtype is not None and made.dtype != dtype:
        made = made.to(dtype)
    if device is not None and made.device != device:
        made = made.to(device, non_blocking=True)
    return made


def tensors(
    y_true: Any, y_pred: Any, dtype: torch.dtype | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return targets and predictions as tensors on one device.

    Parameters
    ----------
    y_true, y_pred
        Tensors, arrays, lists or numbers.
    dtype
        Of both; theirs if not given.
    """
    device = device_of((y_true, y_pred))
    return tensor(y_true, dtype, device), tensor(y_pred, dtype, device)


def divide_no_nan(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the quotient, 0 where the divisor is 0."""
    return torch.where(y == 0, 0.0, x / y)


def dtype_name(dtype: Any) -> str:
    """Return Keras' name of a dtype, or of what a policy computes in.

    Raises
    ------
    ValueError
        If torch has no such dtype.
    """
    dtype = getattr(dtype, "compute_dtype", dtype)
    if isinstance(dtype, dict):  # a policy that was serialized
        dtype = dtype.get("config", {}).get("name")
    if isinstance(dtype, str):
        dtype = dtype.removeprefix("mixed_")
        dtype = {"int": "int64", "float": None}.get(dtype, dtype)
    return str(torch_dtype(dtype)).removeprefix("torch.")


def auto_name(class_name: str) -> str:
    """Return ``auc``, then ``auc_1``, for what was given no name."""
    # The rooms import each other: models take metrics.
    from keras2torch.models import naming

    return naming.auto_name(class_name)


def _detached(value: Any) -> torch.Tensor:
    made = tensor(value)
    return made.detach() if made.requires_grad else made


def _metrics_in(value: Any) -> Iterator[Metric]:
    if isinstance(value, Metric):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _metrics_in(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _metrics_in(part)


def _initial(
    initializer: Any, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    """Return a first value."""
    kind = initializer if isinstance(initializer, str) else type(initializer).__name__
    if initializer is None or kind.lower() == "zeros":
        return torch.zeros(shape, dtype=dtype, device=device)
    if kind.lower() == "ones":
        return torch.ones(shape, dtype=dtype, device=device)
    if isinstance(initializer, (str, dict)):
        from keras2torch import initializers

        initializer = initializers.get(initializer)
    if isinstance(initializer, type):
        initializer = initializer()
    if callable(initializer):
        initializer = initializer(shape, dtype=dtype_name(dtype))
    return tensor(initializer, dtype, device).expand(shape).clone()
