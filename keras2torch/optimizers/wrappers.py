"""Optimizers over others: loss scaling, one for each weight, and torch's classes.

Source: ``keras/src/optimizers/loss_scale_optimizer.py`` and ``multi_optimizer.py``
(3.15).
"""

from __future__ import annotations

import re
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from typing import Any

import torch

from keras2torch.distribution.cut import local, sum_parts
from keras2torch.optimizers.base import Optimizer
from keras2torch.optimizers.layout import Chosen, Tensors, as_variable
from keras2torch.optimizers.slices import Rows, summed

_NOT_HERE = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Scale the loss as far as the gradients stay finite, for float16.

    Parameters
    ----------
    inner_optimizer
        The optimizer that moves the weights.
    initial_scale
        What the loss is multiplied with at first.
    dynamic_growth_steps
        After so many finite steps the scale doubles; a step that is not halves it and
        moves nothing.
    name
        Name of the optimizer.

    Raises
    ------
    ValueError
        For arguments that belong to the inner optimizer.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer no longer supports `dynamic=False`. Instead, "
                "simply set `loss_scale_factor` directly on the `inner_optimizer`."
            )
        for argument, default in _NOT_HERE.items():
            if kwargs.pop(argument, default) != default:
                raise ValueError(
                    f"LossScaleOptimizer does not support `{argument}`. Instead, set "
                    f"`{argument}` on the `inner_optimizer`."
                )
        if kwargs:
            raise ValueError(
                "LossScaleOptimizer does not support arguments: "
                f"`{'`, `'.join(kwargs)}`."
            )
        self.inner_optimizer = inner_optimizer
        super().__init__(0.0, name=name)
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        self.inner_optimizer.loss_scale_factor = None

    def build(self, variables: Sequence[Any]) -> None:
        self.step_counter = self.add_variable((), "zeros", "int", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), self.initial_scale, "float32", name="dynamic_scale"
        )
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Any]:
        rate = self._scalar("lr", torch.float32, "learning_rate", float)
        count = self._scalar("iterations", torch.int64, "iteration", int)
        return [count, rate, *self._variables, *self.inner_optimizer.variables]

    def _advance(
        self,
        grads: list[torch.Tensor | None],
        strangers: list[tuple[int, torch.Tensor]] | None = None,
    ) -> None:
        here = [g for g in grads if g is not None]
        scale = self.dynamic_scale.value
        # One look at the device, however many gradients there are.
        finite = [_values(local(g)).isfinite().all() for g in here]
        broken = (~torch.stack(finite)).sum()
        if not bool(sum_parts(broken, self._layout.tensors)):
            factor = scale.item()
            unscaled = [None if g is None else g / factor for g in grads]
            self.inner_optimizer._advance(unscaled, strangers)
            if self.step_counter.value.item() == self.dynamic_growth_steps - 1:
                self.step_counter.value.zero_()
                scale.mul_(2.0)
            else:
                self.step_counter.value.add_(1)
        else:
            self.step_counter.value.zero_()
            scale.mul_(0.5)

    @property
    def learning_rate(self) -> Any:
        """The rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self) -> Any:
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        if not self.built:
            return loss * self.initial_scale
        return loss * self.dynamic_scale.value.item()

    def finalize_variable_values(self, var_list: Iterable[Any]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        from keras2torch.optimizers import serialize

        return {
            "name": self.name,
            "inner_optimizer": serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Any:
        from keras2torch.optimizers import deserialize

        config = dict(config)
        inner = deserialize(config.pop("inner_optimizer"), custom_objects)
        return cls(inner, **config)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both optimizers."""
        return {**super().state_dict(), "inner": self.inner_optimizer.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        outer = {k: v for k, v in state_dict.items() if k != "inner"}
        super().load_state_dict(outer)
        self.inner_optimizer.load_state_dict(state_dict["inner"])


class OptimizerMap(MutableMapping[str, Any]):
    """Which optimizer moves which weight, by patterns that match a whole path.

    Parameters
    ----------
    default_optimizer
        For weights that nothing else matches.
    optimizer_map
        Pattern → optimizer.

    Raises
    ------
    TypeError
        If they are nothing like that.
    """

    def __init__(
        self, default_optimizer: Any, optimizer_map: dict[str, Any] | None = None
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                "default_optimizer must be a Keras Optimizer instance. Received: "
                f"{default_optimizer}"
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(
                f"optimizer_map must be a dictionary. Received: {optimizer_map}"
            )
        self.default_optimizer = default_optimizer
        self._optimizer_map = optimizer_map or {}

    def __getitem__(self, key: str) -> Any:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [p for p in self._optimizer_map if re.fullmatch(p, key)]
        if len(found) > 1:
            raise ValueError(f"Multiple optimizers assigned to variable {key}.")
        return self._optimizer_map[found[0]] if found else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Any) -> None:
        if key in self._optimizer_map:
            raise ValueError(
                f"'{key}' already exists in the OptimizerMap with value "
                f"{self._optimizer_map[key]}. Please make sure to not use duplicated "
                "keys."
            )
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: {key}")
        if not isinstance(optimizer, Optimizer):
            raise ValueError(
                f"optimizer must be a Keras Optimizer instance. Received: {optimizer}"
            )
        if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
            raise ValueError(f"optimizer cannot be {type(optimizer).__name__}.")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Any) -> Any:
        """Return the optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make another one like it."""
        from keras2torch.optimizers import serialize

        return {
            "default_optimizer": serialize(self.default_optimizer),
            "optimizer_map": {k: serialize(v) for k, v in self._optimizer_map.items()},
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> OptimizerMap:
        """Make one from what ``get_config`` returned."""
        from keras2torch.optimizers import deserialize

        mapped = {
            k: deserialize(v, custom_objects)
            for k, v in config["optimizer_map"].items()
        }
        return cls(deserialize(config["default_optimizer"], custom_objects), mapped)


class MultiOptimizer(Optimizer):
    """Several optimizers, each for its weights.

    Parameters
    ----------
    optimizer_map
        An :class:`OptimizerMap`, or a function from a variable to its optimizer.
    loss_scale_factor
        Given to all of them.
    name
        Name of the optimizer.
    """

    def __init__(
        self,
        optimizer_map: Callable[[Any], Any],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        self._inner_optimizers: list[Optimizer] = []
        self._optimizer_map = optimizer_map
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        if isinstance(optimizer_map, OptimizerMap):
            for made in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._place(made)

    def _place(self, optimizer: Optimizer) -> int:
        for place, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return place
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        parts: dict[int, list[Any]] = {}
        for variable in variables:
            made = self._optimizer_map(as_variable(variable))
            if not isinstance(made, Optimizer):
                raise ValueError(
                    f"Optimizer for variable {variable} is not an Optimizer instance."
                )
            if isinstance(made, (LossScaleOptimizer, MultiOptimizer)):
                raise ValueError(
                    f"{type(made).__name__} cannot be used inside an MultiOptimizer."
                )
            parts.setdefault(self._place(made), []).append(variable)
        for place, own in parts.items():
            self._inner_optimizers[place].build(own)
        super().build(variables)

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers within."""
        return self._inner_optimizers

    @property
    def variables(self) -> list[Any]:
        rate = self._scalar("lr", torch.float32, "learning_rate", float)
        count = self._scalar("iterations", torch.int64, "iteration", int)
        found: list[Any] = [count, rate]
        found += self._variables
        for made in self._inner_optimizers:
            found += made.variables
        return found

    @property
    def learning_rate(self) -> Any:
        """Of each optimizer its own.

        Raises
        ------
        AttributeError
            Always.
        """
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning "
            "rate on the individual sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on "
            "the individual sub-optimizers instead."
        )

    def _advance(
        self,
        grads: list[torch.Tensor | None],
        strangers: list[tuple[int, torch.Tensor]] | None = None,
    ) -> None:
        gradient = {id(t): g for t, g in zip(self._layout.tensors, grads, strict=True)}
        for made in self._inner_optimizers:
            own = made._layout
            if own.tensors:
                # A tensor that several share: each moves the elements of its weights.
                made._advance([gradient[id(t)] for t in own.tensors])
        self.param_groups[0]["iterations"] += 1

    def finalize_variable_values(self, var_list: Iterable[Any]) -> None:
        for made in self._inner_optimizers:
            made.finalize_variable_values(made._trainable_variables)

    def get_config(self) -> dict[str, Any]:
        from keras2torch.optimizers import serialize

        return {
            "optimizer_map": serialize(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Any:
        from keras2torch.optimizers import deserialize

        config = dict(config)
        mapped = config["optimizer_map"]
        if isinstance(mapped, dict):
            config["optimizer_map"] = deserialize(mapped, custom_objects)
        return cls(**config)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all optimizers."""
        inner = [made.state_dict() for made in self._inner_optimizers]
        return {**super().state_dict(), "inner": inner}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "inner"})
        for made, own in zip(self._inner_optimizers, state_dict["inner"], strict=True):
            made.load_state_dict(own)


class TorchOptimizer(Optimizer):
    """An optimizer class of torch, made once the weights are there.

    Parameters
    ----------
    kind
        A class such as ``torch.optim.Adam``, or a ``functools.partial`` of one.
    """

    def __init__(self, kind: Callable[..., torch.optim.Optimizer]) -> None:
        self.kind = kind
        super().__init__(0.0)

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.made = self.kind(self._layout.tensors)
        # The same objects: schedulers and state_dict see what the optimizer uses.
        self.made.param_groups[0].setdefault("iterations", 0)
        self.param_groups, self.state = self.made.param_groups, self.made.state

    def _move(self, chosen: Chosen, grads: Tensors, rows: Rows) -> None:
        grads = summed(chosen.tensors, grads, rows)  # torch's own take no others
        kept = [t.grad for t in self._layout.tensors]
        for tensor in self._layout.tensors:
            tensor.grad = None
        for tensor, gradient in zip(chosen.tensors, grads, strict=True):
            tensor.grad = gradient
        self.made.step()
        for tensor, before in zip(self._layout.tensors, kept, strict=True):
            tensor.grad = before

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.made.param_groups, self.made.state = self.param_groups, self.state


def _values(gradient: torch.Tensor) -> torch.Tensor:
    return gradient._values() if gradient.is_sparse else gradient
