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

from keras2torch.distribution import parts
from keras2torch.distribution.cut import is_cut, local, sum_parts
from keras2torch.distribution.gradients import summed as summed_over_processes
from keras2torch.optimizers import schedules
from keras2torch.optimizers.gradients import (
    Gradient,
    by_tensor,
    fitting,
    without_empty,
)
from keras2torch.optimizers.kept import Kept
from keras2torch.optimizers.layout import Chosen, Layout, Tensors, as_variable
from keras2torch.optimizers.naming import auto_name, written
from keras2torch.optimizers.schedules import LearningRateSchedule
from keras2torch.optimizers.slices import Rows, summed
from keras2torch.training.variables import Variable

Rate = float | LearningRateSchedule | Callable[[], Any]


class Optimizer(Kept):
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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # What a user says about a variable goes before what we know of all tensors.
        if "update_step" in cls.__dict__ and "_update" not in cls.__dict__:
            cls._update = Optimizer._update  # type: ignore[method-assign]

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
        rate, schedule = 0.0, None
        if callable(learning_rate):
            schedule = learning_rate
        elif isinstance(learning_rate, (float, np.floating)):
            rate = float(learning_rate)
        else:
            raise ValueError(
                "Argument `learning_rate` should be float, or an instance of "
                "LearningRateSchedule, or a callable (that takes in the current "
                "iteration value and returns the corresponding learning rate value). "
                f"Received instead: learning_rate={learning_rate}"
            )
        super().__init__(rate, schedule)
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
        self._not_decayed: set[int] = set()
        self._not_decayed_names: re.Pattern[str] | None = None
        self._constrained: list[tuple[int, Variable]] = []

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
        self._advance_whole([t.grad for t in self._layout.tensors])
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
        given = without_empty(grads, trainable_variables)
        found, strangers = by_tensor(self._layout, given)
        self._advance_whole(found, strangers)

    def _advance_whole(self, grads: list[torch.Tensor | None], *strangers: Any) -> None:
        """Do one step by the gradients of the batch of all processes."""
        if parts.now is None:
            self._advance(grads, *strangers)
            return
        grads = summed_over_processes(self._layout.tensors, grads, parts.now)
        with parts.working_on(None):
            self._advance(grads, *strangers)

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
        here = [local(g) for g in grads if g is not None]
        if not here:
            return
        if len(here) != len(grads):
            chosen = layout.choose(n for n, g in enumerate(grads) if g is not None)
        by_rows = []
        for place, (g, strides) in enumerate(zip(here, chosen.strides, strict=True)):
            # A fused kernel walks memory, and takes both to lie the same way.
            if g.is_sparse or g.stride() != strides:
                here[place] = fitted = fitting(g, chosen.tensors[place])
                if fitted.is_sparse:
                    by_rows.append(place)
        rows = self._rows(chosen, here, by_rows) if by_rows else {}
        strangers = self._strangers if strangers is None else strangers
        kept = self._before(chosen, here, strangers) if strangers else ()
        self._move(chosen, here, rows)
        for tensor, before, mask in kept:
            tensor.copy_(torch.where(mask, before, tensor))
        if self._constrained:
            self._constrain(chosen)
        self.param_groups[0]["iterations"] += 1

    def _rows(self, chosen: Chosen, grads: Tensors, places: list[int]) -> Rows:
        """Put values in the place of sparse gradients, and return their rows."""
        rows = {}
        for place in places:
            given = grads[place]
            if isinstance(chosen.owners[place], int):
                rows[place] = given._indices()[0]
                grads[place] = given._values()
            else:
                grads[place] = fitting(given.to_dense(), chosen.tensors[place])
        return rows

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

    def _move(self, chosen: Chosen, grads: Tensors, rows: Rows) -> None:
        if self.loss_scale_factor is not None:
            grads = list(torch._foreach_div(grads, float(self.loss_scale_factor)))
        waited = self.gradient_accumulation_steps
        if rows and waited:
            grads, rows = list(summed(chosen.tensors, grads, rows)), {}
        if waited and (self.param_groups[0]["iterations"] + 1) % waited:
            torch._foreach_add_(chosen["gradient_accumulator"], grads)
        else:
            if waited:
                grads = list(torch._foreach_add(grads, chosen["gradient_accumulator"]))
                torch._foreach_div_(grads, float(waited))
            rate = self._rate()
            grads = summed(chosen.tensors, self._clip(chosen, grads), rows)
            if rows and (self.global_clipnorm or 0.0) > 0:
                grads = list(grads)  # Keras multiplies, and that adds the rows up
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
            if any(map(is_cut, self._layout.tensors)):
                norm = sum_parts(norm.square(), self._layout.tensors).sqrt()
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

    # ------------------------------------------------------------------ configuration
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
    """Return 1 - beta^step as Keras has it: in float32 it is 1e-5 off at first.

    Of float64 weights, too: the number is one of float32 before it is cast to float64.
    """
    if dtype == torch.float64:
        return 1.0 - float(np.float32(beta)) ** step
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
