"""What all of Keras' optimizers share, as a ``torch.optim.Optimizer``.

Source: ``keras/src/optimizers/base_optimizer.py`` (3.15). The order of a step is
Keras': gradients are unscaled, accumulated, clipped; weights decay; the optimizer's own
update; moving averages; constraints.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from keras2torch.optimizers import schedules
from keras2torch.optimizers.layout import (
    Chosen,
    Layout,
    Tensors,
    alone,
    as_variable,
    beside,
    numbers_in,
)
from keras2torch.optimizers.naming import auto_name, written
from keras2torch.optimizers.schedules import LearningRateSchedule
from keras2torch.training.variables import Variable

Rate = float | LearningRateSchedule | Callable[[], Any]
Gradient = Any


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


def _number(value: Any) -> Any:
    if not hasattr(value, "item"):
        return value
    if value.dtype in (np.float32, torch.float32):
        return float(str(np.float32(value.item())))  # 0.001, as it was written
    return value.item()


class Optimizer(torch.optim.Optimizer):
    """Base of Keras' optimizers; subclass it with ``build`` and ``update_step``.

    Its parameters come with :meth:`build`, which the first step or ``apply`` calls.

    Parameters
    ----------
    learning_rate
        A float, a :class:`LearningRateSchedule`, or a function without arguments.
    weight_decay
        Takes ``weight * weight_decay * learning_rate`` off, before the update.
    clipnorm, clipvalue, global_clipnorm
        Limit of the norm of each variable's gradient, of each element, or of the norm
        of all gradients together; at most one of them.
    use_ema, ema_momentum, ema_overwrite_frequency
        Keep moving averages of the weights; at this frequency they become the weights.
    loss_scale_factor
        What the loss is multiplied with, and the gradients divided by.
    gradient_accumulation_steps
        Move the weights only every so many steps, by the mean of the gradients.
    name
        Name of the optimizer, of its class if not given.

    Raises
    ------
    ValueError
        For values that Keras refuses, and arguments that it has not.
    """

    # Arguments beyond the ones above, in the order of the configuration.
    _options: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("decay", None) is not None:
            warnings.warn(
                "Argument `decay` is no longer supported and will be ignored.",
                stacklevel=3,
            )
        if "lr" in kwargs:
            learning_rate = kwargs.pop("lr")
            warnings.warn(
                "Argument `lr` is called `learning_rate` since Keras 2.3.", stacklevel=3
            )
        if kwargs:
            raise ValueError(f"Argument(s) not recognized: {kwargs}")
        if gradient_accumulation_steps and not gradient_accumulation_steps >= 2:
            raise ValueError(
                "`gradient_accumulation_steps` must be an integer >= 2. Received: "
                f"gradient_accumulation_steps={gradient_accumulation_steps}"
            )
        if use_ema:
            _check_average(ema_momentum, ema_overwrite_frequency)
        if sum(a is not None for a in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. "
                f"Received: clipnorm={clipnorm}, clipvalue={clipvalue}, "
                f"global_clipnorm={global_clipnorm}"
            )
        self._schedule: LearningRateSchedule | Callable[[], Any] | None = None
        rate = 0.0
        if callable(learning_rate):
            self._schedule = learning_rate
        elif isinstance(learning_rate, (float, np.floating)):
            rate = float(learning_rate)
        else:
            raise ValueError(
                "Argument `learning_rate` should be float, or an instance of "
                "LearningRateSchedule, or a callable (that takes in the current "
                "iteration value and returns the corresponding learning rate value). "
                f"Received instead: learning_rate={learning_rate}"
            )
        # Torch wants a group from the start; build() fills it.
        super().__init__([{"params": []}], {"lr": rate, "iterations": 0})
        self.name = auto_name(type(self).__name__) if name is None else name
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Any] = []
        self._not_decayed: set[int] = set()
        self._not_decayed_names: re.Pattern[str] | None = None
        self._layout = Layout([], self._state)
        self._constrained: list[tuple[int, Variable]] = []

    def _state(self) -> Any:
        return self.state

    # ------------------------------------------------------------------------ building
    def build(self, variables: Sequence[Any]) -> None:
        """Take the weights to move and make what is kept beside them.

        Parameters
        ----------
        variables
            Keras' variables over torch parameters, or parameters.
        """
        variables = list(variables)
        self._layout = Layout(variables, self._state)
        self.param_groups[0]["params"][:] = self._layout.tensors
        self._trainable_variables = variables
        self._constrained = [
            (n, v)
            for n, v in enumerate(self._layout.variables)
            if v.constraint is not None
        ]
        self._strangers = [
            (n, mask)
            for n in range(len(self._layout.tensors))
            if (mask := self._layout.strangers(n)) is not None
        ]
        if self.use_ema:
            self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self.add_optimizer_variables(variables, "gradient_accumulator")
        self.built = True

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

    # ------------------------------------------------------------------------ stepping
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move the weights by the gradients that their parameters hold.

        A parameter without gradient stays as it is; without any nothing happens.

        Raises
        ------
        ValueError
            If the optimizer is not built.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if not self.built:
            raise ValueError(
                "the optimizer does not know its weights: call "
                "`optimizer.build(trainable_variables)` first."
            )
        self._advance([t.grad for t in self._layout.tensors])
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        for tensor in self._layout.tensors:
            if tensor.grad is None:
                continue
            if set_to_none:
                tensor.grad = None
            else:
                tensor.grad = torch.zeros_like(tensor.grad)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Any:
        """Move weights by pairs of gradient and variable; see :meth:`apply`."""
        pairs = list(grads_and_vars)
        if pairs:
            self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._scalar("iterations", torch.int64, "iteration", int)

    @torch.no_grad()
    def apply(
        self,
        grads: Sequence[Gradient],
        trainable_variables: Sequence[Any] | None = None,
    ) -> None:
        """Move weights by these gradients.

        Parameters
        ----------
        grads
            For each variable the gradient of ``variable.value``, in torch's shape. For
            a variable over several tensors one of each, or one in Keras' shape.
        trainable_variables
            Builds the optimizer if it is not built; those of ``build`` if not given.

        Raises
        ------
        ValueError
            If a variable is not known, no gradient is given, or a shape is another one.
        """
        grads = list(grads)
        if not grads:
            return
        if trainable_variables is None:
            if not self.built:
                raise ValueError(
                    "When passing `grads` without `variables`, the optimizer must "
                    "already be built on a list of variables. Call "
                    "`optimizer.build(trainable_variables)` first. "
                )
            trainable_variables = self._trainable_variables
        else:
            trainable_variables = list(trainable_variables)
            if not self.built:
                self.build(trainable_variables)
        if len(grads) != len(trainable_variables):
            raise ValueError(
                "When passing `grads` as a list of gradient tensors, the gradients "
                "must match `optimizer.variables` one-to-on. Received a list of "
                f"{len(grads)} gradients, but the optimizer is tracking "
                f"{len(trainable_variables)} trainable variables."
            )
        given = _without_empty(grads, trainable_variables)
        found, strangers = self._by_tensor(given)
        self._advance(found, strangers)

    def _by_tensor(
        self, given: list[tuple[Gradient, Any]]
    ) -> tuple[list[torch.Tensor | None], list[tuple[int, torch.Tensor]]]:
        """Return the gradient of each tensor, and the elements that nobody gave."""
        layout = self._layout
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
                gradient = _split(gradient, layout.variables[number])
            pieces = gradient if isinstance(gradient, (list, tuple)) else [gradient]
            if len(pieces) != len(held):
                raise ValueError(
                    f"the weight {variable.path} lies in {len(held)} tensors: give a "
                    "gradient of each, or one in its own shape."
                )
            for tensor, piece in zip(held, pieces, strict=True):
                if piece is not None:
                    found[layout.numbers[id(tensor)]] = _fitting(piece, tensor)
        strangers = [
            (n, mask)
            for n, gradient in enumerate(found)
            if gradient is not None and (mask := layout.strangers(n, known)) is not None
        ]
        return found, strangers

    def _advance(
        self,
        grads: list[torch.Tensor | None],
        strangers: list[tuple[int, torch.Tensor]] | None = None,
    ) -> None:
        """Do one step by the tensors' gradients; ``None`` leaves one as it is."""
        layout = self._layout
        if layout.together:
            layout.complete(grads)
        chosen = layout.all
        here = [g for g in grads if g is not None]
        if not here:
            return
        if len(here) != len(grads):
            chosen = layout.choose(n for n, g in enumerate(grads) if g is not None)
        for place, (g, strides) in enumerate(zip(here, chosen.strides, strict=True)):
            # A fused kernel walks memory, and takes both to lie the same way.
            if g.is_sparse or g.stride() != strides:
                here[place] = _fitting(g, chosen.tensors[place])
        strangers = self._strangers if strangers is None else strangers
        kept = self._before(chosen, here, strangers) if strangers else ()
        self._move(chosen, here)
        for tensor, before, mask in kept:
            tensor.copy_(torch.where(mask, before, tensor))
        if self._constrained:
            self._constrain(chosen)
        self.param_groups[0]["iterations"] += 1

    def _before(
        self,
        chosen: Chosen,
        grads: Tensors,
        strangers: list[tuple[int, torch.Tensor]],
    ) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Keep elements that are not to move, and take their gradients out."""
        kept = []
        for number, mask in strangers:
            if number not in chosen.numbers:
                continue
            place = chosen.numbers.index(number)
            grads[place] = grads[place].masked_fill(mask, 0.0)
            tensor = chosen.tensors[place]
            for one in (tensor, *self.state[tensor].values()):
                kept.append((one, one.clone(), mask))
        return kept

    def _move(self, chosen: Chosen, grads: Tensors) -> None:
        if self.loss_scale_factor is not None:
            grads = list(torch._foreach_div(grads, float(self.loss_scale_factor)))
        waited = self.gradient_accumulation_steps
        if waited and (self.param_groups[0]["iterations"] + 1) % waited:
            torch._foreach_add_(chosen["gradient_accumulator"], grads)
        else:
            if waited:
                grads = list(torch._foreach_add(grads, chosen["gradient_accumulator"]))
                torch._foreach_div_(grads, float(waited))
            rate = self._rate()
            grads = self._clip(chosen, grads)
            self._decay(chosen, rate)
            self._update(chosen, grads, rate)
            if waited:
                torch._foreach_zero_(self._layout.all["gradient_accumulator"])
        if self.use_ema:
            self._average()

    def _clip(self, chosen: Chosen, grads: Tensors) -> Tensors:
        if self.clipnorm and self.clipnorm > 0:
            largest = torch._foreach_clamp_min(chosen.norms(grads), self.clipnorm)
            grads = list(torch._foreach_mul(grads, self.clipnorm))
            return list(torch._foreach_div(grads, list(largest)))
        if self.global_clipnorm and self.global_clipnorm > 0:
            home = grads[0].device
            norms = [n.to(home) for n in torch._foreach_norm(grads)]
            norm = torch.linalg.vector_norm(torch.stack(norms))
            factor = self.global_clipnorm / norm.clamp(min=self.global_clipnorm)
            factors = [factor.to(g.device) for g in grads]
            return list(torch._foreach_mul(grads, factors))
        if self.clipvalue and self.clipvalue > 0:
            limited = torch._foreach_clamp_min(grads, -self.clipvalue)
            return list(torch._foreach_clamp_max(limited, self.clipvalue))
        return grads

    # -------------------------------------------------------------------- weight decay
    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Any] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Keep variables from decaying.

        Parameters
        ----------
        var_list
            The variables.
        var_names
            Patterns, of which one occurs in the name of the variable (``"bias"``).
        """
        self._not_decayed = {id(v) for v in var_list or ()}
        self._not_decayed_paths = {
            (as_variable(v).path, *map(id, as_variable(v).parameters))
            for v in var_list or ()
        }
        names = set(var_names or ())
        self._not_decayed_names = re.compile("|".join(sorted(names))) if names else None
        self._layout.forget()

    def _use_weight_decay(self, variable: Any) -> bool:
        if id(variable) in self._not_decayed:
            return False
        weight = as_variable(variable)
        if self._not_decayed and (
            (weight.path, *map(id, weight.parameters)) in self._not_decayed_paths
        ):
            return False
        pattern = self._not_decayed_names
        return pattern is None or pattern.search(weight.name) is None

    def _decay_of(self, variable: Variable) -> float:
        """Return how strongly a variable decays."""
        return float(self.weight_decay or 0.0)

    def _decay(self, chosen: Chosen, rate: float) -> None:
        plan = chosen.memo.get("decay")
        if plan is None:
            plan = chosen.memo["decay"] = self._decay_plan(chosen)
        for amount, tensors in plan[0]:
            # Added, not multiplied by 1 - 4e-6: that factor is off in its last bit.
            torch._foreach_add_(tensors, tensors, alpha=-amount * rate)
        for tensor, amounts in plan[1]:
            tensor.addcmul_(tensor, amounts, value=-rate)

    def _decay_plan(
        self, chosen: Chosen
    ) -> tuple[list[tuple[float, Tensors]], list[tuple[torch.Tensor, torch.Tensor]]]:
        amounts = [0.0] * (len(self._layout.variables) + 1)
        for number, variable in chosen.variables:
            if self._use_weight_decay(variable):
                amounts[number] = self._decay_of(variable)
        whole: dict[float, Tensors] = {}
        mixed = []
        for tensor, owner in zip(chosen.tensors, chosen.owners, strict=True):
            if isinstance(owner, int):
                whole.setdefault(amounts[owner], []).append(tensor)
            else:
                mixed.append((tensor, tensor.new_tensor(amounts)[owner]))
        whole.pop(0.0, None)
        return list(whole.items()), [(t, a) for t, a in mixed if bool(a.any())]

    # -------------------------------------------------------------------------- update
    def _update(self, chosen: Chosen, grads: Tensors, rate: float) -> None:
        """Move tensors, variable by variable unless a class knows a faster way."""
        gradients = {id(t): g for t, g in zip(chosen.tensors, grads, strict=True)}
        first = {self._number(v): v for v in reversed(self._trainable_variables)}
        for number, variable in chosen.variables:
            gradient = variable.keras(lambda t: gradients[id(t)])
            given = first[number]
            if not hasattr(given, "assign"):
                given = variable
            lr = torch.tensor(rate, dtype=gradient.dtype)
            self.update_step(gradient, given, lr)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable; everything is in Keras' shape. For subclasses."""
        raise NotImplementedError(
            f"{type(self).__name__} has to say how a weight moves: "
            "`update_step(self, gradient, variable, learning_rate)`."
        )

    def _number(self, variable: Any) -> int:
        number = self._layout.number_of(variable)
        if number is None:
            raise ValueError(f"Unknown variable: {variable}.")
        return number

    def _get_variable_index(self, variable: Any) -> int:
        """Return the place of a variable among those of ``build``."""
        number = self._number(variable)
        for place, given in enumerate(self._trainable_variables):
            if self._number(given) == number:
                return place
        raise ValueError(f"Unknown variable: {variable}.")

    def assign(self, variable: Any, value: Any) -> None:
        """Set a weight or a variable of the optimizer."""
        variable.assign(value)

    def assign_add(self, variable: Any, value: Any) -> None:
        """Add to a weight or a variable of the optimizer."""
        variable.assign_add(value)

    def assign_sub(self, variable: Any, value: Any) -> None:
        """Subtract from a weight or a variable of the optimizer."""
        variable.assign_sub(value)

    # ----------------------------------------------------------------- moving averages
    def _average(self) -> None:
        everything = self._layout.all
        averages, done = everything["average"], self._updates()
        if done == 0:
            torch._foreach_copy_(averages, everything.tensors)
        else:
            torch._foreach_lerp_(averages, everything.tensors, 1.0 - self.ema_momentum)
        often = self.ema_overwrite_frequency
        if often and (done + 1) % often == 0:
            torch._foreach_copy_(everything.tensors, averages)

    @torch.no_grad()
    def finalize_variable_values(self, var_list: Iterable[Any]) -> None:
        """Give the weights their moving averages, if there are any.

        Raises
        ------
        ValueError
            If these are not the variables of the optimizer.
        """
        if not self.use_ema:
            return
        given = list(var_list)
        if len(given) != len(self._trainable_variables):
            raise ValueError(
                f"The length of model variables ({len(given)}) to override does not "
                "match the length of model variables stored in the optimizer "
                f"({len(self._trainable_variables)}). Please check if the optimizer "
                "was called on your model."
            )
        everything = self._layout.all
        if everything.tensors:
            torch._foreach_copy_(everything.tensors, everything["average"])

    def _constrain(self, chosen: Chosen) -> None:
        moved = {number for number, _ in chosen.variables}
        for number, variable in self._constrained:
            if number in moved:
                variable.assign(variable.constraint(variable.keras().detach()))

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times ``loss_scale_factor``."""
        if self.loss_scale_factor is not None:
            return loss * self.loss_scale_factor
        return loss

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

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make another one like it, without its state."""
        rate: Any = self._schedule
        if rate is None:
            rate = float(np.float32(self.param_groups[0]["lr"]))
        elif isinstance(rate, LearningRateSchedule):
            rate = schedules.serialize(rate)
        else:
            rate = written(rate, "builtins", {})
        config = {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }
        return config | {name: getattr(self, name) for name in self._options}

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Any:
        """Make one from what ``get_config`` returned, also of Keras 2."""
        config = dict(config)
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config["learning_rate"] = schedules.deserialize(rate, custom_objects)
        for gone in ("jit_compile", "is_legacy_optimizer"):
            config.pop(gone, None)
        return cls(**config)


def one_minus_power(beta: float, step: int, dtype: torch.dtype) -> float:
    """Return 1 - beta^step as Keras has it: in float32 it is 1e-5 off at first."""
    if dtype == torch.float64:
        return 1.0 - float(beta) ** step
    return float(np.float32(1.0) - np.float32(beta) ** np.float32(step))


def _check_average(momentum: float, frequency: Any) -> None:
    if momentum > 1 or momentum < 0:
        raise ValueError(
            "`ema_momentum` must be in the range [0, 1]. "
            f"Received: ema_momentum={momentum}"
        )
    if frequency and (not isinstance(frequency, int) or frequency < 1):
        raise ValueError(
            "`ema_overwrite_frequency` must be an integer >= 1 or None. Received: "
            f"ema_overwrite_frequency={frequency}"
        )


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


def _without_empty(
    grads: Sequence[Gradient], variables: Sequence[Any]
) -> list[tuple[Gradient, Any]]:
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


def _split(gradient: Gradient, variable: Variable) -> Gradient:
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


def _fitting(gradient: Any, tensor: torch.Tensor) -> torch.Tensor:
    """Return a gradient with the device, dtype and memory order of its tensor."""
    given = torch.as_tensor(gradient).detach()
    if given.shape != tensor.shape:
        raise ValueError(
            f"a gradient has shape {tuple(given.shape)}, and its tensor "
            f"{tuple(tensor.shape)}: give it in torch's order."
        )
    if given.is_sparse:
        given = given.to_dense()
    if (given.dtype, given.device, given.stride()) == (
        tensor.dtype,
        tensor.device,
        tensor.stride(),
    ):
        return given
    return torch.empty_like(tensor).copy_(given)
