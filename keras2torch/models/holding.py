"""What a layer holds: its weights, in Keras' order, and the layers within.

Source: ``keras/src/layers/layer.py`` (3.15).
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from torch import nn

from keras2torch import dtype_policies
from keras2torch.layers.base import Array
from keras2torch.models import precision, tracking
from keras2torch.models.context import default_device
from keras2torch.models.naming import auto_name, dtype_name
from keras2torch.training.variables import Parameter, Part, Variable

# What a layer keeps for itself and torch need not see.
PLAIN = frozenset(
    "_inbound_nodes _losses _own _probes _input_shape_arg _inputs_struct "
    "_outputs_struct _parameters_moved".split()
)
# Torch calls these on every module, whatever an attribute of that name is.
_TAKEN = frozenset(
    "buffers children eval modules named_buffers named_children named_modules "
    "named_parameters parameters train".split()
)


class Holder(nn.Module):
    """A module that keeps weights and layers as Keras does."""

    name: str
    _own: list[Parameter]
    _trainable: bool
    _policy: dtype_policies.DTypePolicy
    _order: dict[int, None]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _TAKEN and not inspect.isroutine(value):
            raise AttributeError(
                f"{type(self).__name__}.{name} cannot be an attribute of your own: "
                f"torch calls {name}() on every nn.Module, which layers and models are "
                f"here. Call it otherwise, {name}_ for instance."
            )
        if isinstance(value, Parameter) and "_own" in self.__dict__:
            # The user's name for it, not the one that add_weight chose.
            for key in [k for k, p in self._parameters.items() if p is value]:
                del self._parameters[key]
            self._own_anew(name, value)
            # Past torch's question whether the name is taken: a layer answers to the
            # names of its weights, this one's too.
            for place in (self.__dict__, self._buffers, self._modules):
                place.pop(name, None)
            self._parameters[name] = value
            self._shadow(name, value)
            return
        if isinstance(value, nn.Module) and "_modules" in self.__dict__:
            self._modules.pop(name, None)  # what replaces another comes last, too
            super().__setattr__(name, value)
            self._note_order()
            self._shadow(name, value)
            return
        if name.startswith("_") and not isinstance(value, (list, dict, tuple)):
            super().__setattr__(name, value)
            return
        if isinstance(value, (list, dict, tuple)) and "_modules" in self.__dict__:
            if name not in PLAIN:
                value = tracking.tracked(value, lambda: self._retrack(name))
                object.__setattr__(self, name, value)
                self._retrack(name)
                return
            object.__setattr__(self, name, value)
            return
        super().__setattr__(name, value)

    def _own_anew(self, name: str, value: Parameter) -> None:
        """Count a ``keras.Variable`` of a script's among the weights."""
        before = self._parameters.get(name)
        self._own[:] = [p for p in self._own if p is not before or p is value]
        if all(p is not value for p in self._own):
            self._own.append(value)

    def _shadow(self, name: str, value: Any) -> None:
        """Have a user's ``self.half`` or ``self.type`` hide torch's method."""
        if _is_method(type(self), name):
            self.__dict__[name] = value

    def _note_order(self) -> None:
        """Note when each layer was first seen: the order of the weights in Keras."""
        found = {id(m) for m in tracking.unheld(self._modules.values())}
        kept = {i: None for i in self._order if i in found}
        for module in tracking.unheld(self._modules.values()):
            kept.setdefault(id(module))
        self.__dict__["_order"] = kept

    def _by_first_sight(self, modules: list[nn.Module]) -> list[nn.Module]:
        place = {i: n for n, i in enumerate(self._order)}
        return sorted(modules, key=lambda m: place.get(id(m), len(place)))

    def _retrack(self, name: str) -> None:
        """Register the layers in a list or dict with torch."""
        if isinstance(self._modules.get(name), tracking.Held):
            del self._modules[name]
        if (found := tracking.held(self.__dict__.get(name))) is not None:
            found.training = self.training
            self._modules[name] = found
        for n, value in enumerate(tracking.variables_in(self.__dict__.get(name))):
            if "_own" in self.__dict__ and all(p is not value for p in self._own):
                self._own.append(value)
                self._parameters[f"{name}_{n}"] = value
        self._note_order()

    @property
    def path_name(self) -> str:
        """What its weights are called after."""
        return str(self.name)

    @property
    def dtype(self) -> str:
        """Dtype of the weights."""
        return self._policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """Dtype of what it computes."""
        return self._policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """Dtype of the weights."""
        return self._policy.variable_dtype

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        """What it computes in, and what its weights are kept in."""
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._policy = dtype_policies.get(value)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Go to another dtype or device, as torch asks; the policy goes along."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        kind = precision.torch_dtype(self.variable_dtype)
        if kind.is_floating_point:
            moved = fn(torch.zeros((), dtype=kind)).dtype
            if moved != kind:
                self._now_in(moved)
        return self

    def _now_in(self, dtype: torch.dtype) -> None:
        """Take notice of another dtype of the weights."""
        self._policy = dtype_policies.get(dtype)

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str | None = None,
        overwrite_with_gradient: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> Parameter:
        """Make a weight.

        Parameters
        ----------
        shape
            In Keras' order; ``()`` if not given.
        initializer
            A name, object or function; ``"glorot_uniform"`` for floats, else zeros.
        dtype, trainable, regularizer, constraint, name
            As in Keras.

        Returns
        -------
        Parameter
            An ``nn.Parameter`` that also answers like Keras' ``Variable``.
        """
        from keras2torch import constraints, initializers, regularizers

        if isinstance(shape, str):  # Keras 2: add_weight("name", shape=...)
            name, shape = shape, kwargs.get("shape", ())
        sizes = (shape,) if isinstance(shape, int) else tuple(shape or ())
        kind = dtype_name(dtype or self.variable_dtype)
        floating = kind.startswith(("float", "bfloat"))
        made = initializers.get(
            initializer or ("glorot_uniform" if floating else "zeros")
        )
        value = made(sizes, dtype=kind) if callable(made) else made
        tensor = torch.as_tensor(value).to(default_device(), getattr(torch, kind))
        moves = trainable and floating and self._trainable
        weight = Parameter(tensor, requires_grad=moves)
        weight.name = name or auto_name("variable")
        weight.path = f"{self.name}/{weight.name}"
        weight.regularizer = regularizers.get(regularizer)
        weight.constraint = constraints.get(constraint)
        weight.declared_trainable = trainable
        self._own.append(weight)
        key = weight.name.replace(".", "_")
        while key in self._parameters or hasattr(self, key):
            key = f"_{key}"
        self._parameters[key] = weight
        return weight

    def own_variables(self) -> list[Any]:
        """Return the weights that are not those of a layer within."""
        known = {id(p) for p in self._own}
        found: list[Any] = list(self._own)
        for name, parameter in self._parameters.items():
            if parameter is not None and id(parameter) not in known:
                found.append(_plain_variable(self, name))
        return found

    def tracked_layers(self) -> list[nn.Module]:
        """Return the layers and modules within, in the order they were assigned."""
        found: list[nn.Module] = []
        for module in tracking.unheld(self._modules.values()):
            if all(module is not f for f in found):
                found.append(module)
        return self._by_first_sight(found)

    @property
    def weights(self) -> list[Any]:
        """All weights, those of a layer's own first, trainable ones before others."""
        found: list[Any] = []
        seen: set[int] = set()

        def take(variables: list[Any]) -> None:
            for v in variables:
                if id(v) not in seen:
                    seen.add(id(v))
                    found.append(v)

        take(self.in_order(self.own_variables()))
        for module in self.tracked_layers():
            take(weights_of(module))
        return found

    def in_order(self, own: list[Any]) -> list[Any]:
        """Return a layer's own weights, trainable ones first."""
        return sorted(own, key=lambda v: not getattr(v, "declared_trainable", True))

    @property
    def variables(self) -> list[Any]:
        """All weights."""
        return self.weights

    @property
    def trainable_weights(self) -> list[Any]:
        """The weights that an optimizer moves."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The others."""
        return [v for v in self.weights if not (self.trainable and v.trainable)]

    @property
    def trainable_variables(self) -> list[Any]:
        """The weights that an optimizer moves."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The others."""
        return self.non_trainable_weights

    def get_weights(self) -> list[Array]:
        """Return the weights in Keras' shapes and order."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Set the weights from arrays in Keras' shapes and order.

        Raises
        ------
        ValueError
            If their number or a shape is another one.
        """
        own = self.weights
        if len(weights) != len(own):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a "
                f"weight list of length {len(weights)}, but the layer was expecting "
                f"{len(own)} weights."
                f"{'' if own else ' It has none before it is built or called.'}"
            )
        for i, (variable, value) in enumerate(zip(own, weights, strict=True)):
            if tuple(np.shape(value)) != tuple(variable.shape):
                raise ValueError(
                    f"Layer {self.name} weight shape {tuple(variable.shape)} "
                    "is not compatible with provided weight shape "
                    f"{tuple(np.shape(value))}: weight {i}, {variable.path}."
                )
        for variable, value in zip(own, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Return the number of values in the weights."""
        weights = self.weights
        if not (weights or self.built or self._inbound_nodes):
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the "
                "layer isn't built. You can build it manually via: "
                "`layer.build(input_shape)`."
            )
        return sum(int(np.prod(v.shape)) for v in weights)

    @property
    def trainable(self) -> bool:
        """Whether an optimizer moves the weights, those of layers within too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if value is True and self._trainable is True:
            # TensorFlow skips an attribute that is set to what it is (AutoTrackable),
            # so that layers within, frozen one by one, stay so in Keras.
            return
        self._trainable = bool(value)
        for variable in self._own:
            floating = variable.is_floating_point()
            variable.requires_grad_(
                bool(value) and variable.declared_trainable and floating
            )
        for module in self.tracked_layers():
            if isinstance(module, Holder):
                module.trainable = value
            else:
                module.requires_grad_(bool(value))


def _is_method(cls: Any, name: str) -> bool:
    return inspect.isroutine(getattr(cls, name, None))


def _plain_variable(module: nn.Module, name: str, path: str = "") -> Variable:
    """Return a torch parameter or buffer as a variable."""
    tensor = getattr(module, name)
    cached: dict[str, Variable] = module.__dict__.setdefault("_keras_variables", {})
    if name not in cached:
        axes = tuple(range(tensor.ndim))
        owner = getattr(module, "name", type(module).__name__.lower())
        cached[name] = Variable(
            name,
            f"{path or owner}/{name}",
            tuple(tensor.shape),
            [Part(module, name, axes)],
            trainable=isinstance(tensor, nn.Parameter),
        )
    return cached[name]


def weights_of(module: nn.Module) -> list[Any]:
    """Return the weights of a layer or of any module, in Keras' order."""
    if isinstance(module, Holder):
        return module.weights
    found = []
    for _, inner in module.named_modules():
        for name in [*inner._parameters, *inner._buffers]:
            tensor = getattr(inner, name)
            if tensor is not None and name != "num_batches_tracked":
                found.append(_plain_variable(inner, name))
    return found
