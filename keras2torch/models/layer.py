"""``Layer``: what a user subclasses, an ``nn.Module`` that is called as in Keras.

Source: ``keras/src/layers/layer.py`` (3.15).
"""

from __future__ import annotations

import inspect
import warnings
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager
from difflib import get_close_matches
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from keras2torch import dtype_policies, tree
from keras2torch.layers.base import Array, Shape
from keras2torch.models import precision, tracking
from keras2torch.models.context import NOT_GIVEN, default_device, entered, within
from keras2torch.models.naming import auto_name, dtype_name
from keras2torch.models.probing import probe
from keras2torch.models.specs import outputs_of, structure_of
from keras2torch.models.symbolic import KerasTensor, Node, is_symbolic
from keras2torch.training.variables import Parameter, Part, Variable

_KERAS_ARGUMENTS = frozenset(
    "input_shape batch_input_shape batch_shape batch_size input_dim input_length "
    "autocast weights".split()
)


@cache
def _arguments(call: Any) -> tuple[str, ...]:
    """Return the names of the arguments of a ``call`` or ``build``."""
    names = list(inspect.signature(call).parameters)
    return tuple(n for n in names if n != "self")


def _given(cls: Any, args: Any, kwargs: Any) -> dict[str, Any] | None:
    """Return the arguments of a constructor; None unless all are plain values."""
    signature = inspect.signature(cls.__init__)
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    found: dict[str, Any] = {}
    for n, (key, value) in enumerate(bound.arguments.items()):
        kind = signature.parameters[key].kind
        if kind is inspect.Parameter.VAR_POSITIONAL and value:
            return None
        if kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        elif n and kind is not inspect.Parameter.VAR_POSITIONAL:
            found[key] = value
    found.pop("name", None)
    plain = (str, int, float, bool, type(None))
    return found if all(isinstance(v, plain) for v in tree.flatten(found)) else None


def _is_method(cls: Any, name: str) -> bool:
    return inspect.isroutine(getattr(cls, name, None))


@cache
def _default(call: Any) -> Any:
    """Return what a ``call`` has as default of ``training``."""
    default = inspect.signature(call).parameters["training"].default
    return None if default is inspect.Parameter.empty else default


class Layer(nn.Module):
    """A layer as Keras has it, on torch.

    Subclasses define ``call`` and, if they have weights, make them in ``build`` by
    :meth:`add_weight`. Tensors have Keras' axes: images come channels last.

    Parameters
    ----------
    activity_regularizer
        Adds a term for what comes out to the loss.
    trainable
        Whether an optimizer moves the weights.
    dtype
        Of the weights, ``"float32"`` if not given.
    name
        ``dense``, ``dense_1`` … if not given.
    """

    _torch_state: Any = None
    inner_model: Any = None
    is_written = False
    built = False
    _order: dict[int, None] = {}  # noqa: RUF012 - replaced, never changed

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Keras takes layers before super().__init__(); torch alone does not.
        made = super().__new__(cls)
        nn.Module.__init__(made)
        if not cls.__module__.startswith("keras2torch."):
            made.__dict__["_given"] = _given(cls, args, kwargs)
        return made

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _building(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if "_modules" not in self.__dict__:
            super().__init__()
        unknown = kwargs.keys() - _KERAS_ARGUMENTS
        if unknown:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: "
                f"{ {k: kwargs[k] for k in sorted(unknown)} }"
                f"{_near(sorted(unknown)[0], self)}"
            )
        self.training = False
        self.name = name or auto_name(type(self).__name__)
        self._inbound_nodes: list[Node] = []
        self.autocast = kwargs.get("autocast", True)
        self.supports_masking = type(self).compute_mask is not Layer.compute_mask
        self._input_shape_arg = _input_shape(kwargs)
        self._trainable = bool(trainable)
        self._policy = dtype_policies.get(dtype)
        self._regularizer = activity_regularizer
        self._losses: list[torch.Tensor] = []
        self._own: list[Parameter] = []
        self._users: weakref.WeakSet[Any] = weakref.WeakSet()
        self._first_weights = kwargs.get("weights")

    # -- attributes
    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter) and "_own" in self.__dict__:
            # The user's name for it, not the one that add_weight chose.
            for key in [k for k, p in self._parameters.items() if p is value]:
                del self._parameters[key]
        clashes = isinstance(value, Parameter) and _is_method(type(self), name)
        if clashes and "_parameters" in self.__dict__:
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
            if name not in _PLAIN:
                value = tracking.tracked(value, lambda: self._retrack(name))
                object.__setattr__(self, name, value)
                self._retrack(name)
                return
            object.__setattr__(self, name, value)
            return
        super().__setattr__(name, value)

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

    @property
    def activity_regularizer(self) -> Any:
        """What adds a term for the outputs to the loss."""
        from keras2torch import regularizers

        return regularizers.get(self._regularizer)

    @activity_regularizer.setter
    def activity_regularizer(self, value: Any) -> None:
        self._regularizer = value

    # -- weights
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

        own = self.own_variables()
        take([v for v in own if getattr(v, "declared_trainable", True)])
        take([v for v in own if not getattr(v, "declared_trainable", True)])
        for module in self.tracked_layers():
            take(weights_of(module))
        return found

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
            if isinstance(module, Layer):
                module.trainable = value
            else:
                module.requires_grad_(bool(value))

    # -- losses
    def add_loss(self, loss: Any) -> None:
        """Add a term to the loss; within ``call``."""
        for value in tree.flatten(loss):
            self._losses.append(torch.as_tensor(value))

    @property
    def losses(self) -> list[torch.Tensor]:
        """Terms of the last call, and those of the regularizers of the weights."""
        found = list(self._losses)
        seen = {id(self)}
        for module in self.modules():
            if isinstance(module, Layer) and id(module) not in seen:
                seen.add(id(module))
                found += module._losses
        for v in self.trainable_weights:
            if getattr(v, "regularizer", None) is not None:
                found.append(v.regularizer(v.keras()))
        return found

    def runs_own_code(self) -> bool:
        """Whether any layer within computes otherwise than by a program."""
        return any(m.calls_own_code() for m in layers_in(self))

    def calls_own_code(self) -> bool:
        """Whether this layer's own ``call`` may add losses."""
        return True

    def _clear_losses(self) -> None:
        for module in self.modules():
            if isinstance(module, Layer):
                module._losses.clear()

    # -- calls
    def build(self, input_shape: Any) -> None:
        """Make the weights; subclasses override."""
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute; subclasses override."""
        raise NotImplementedError(
            f"Layer {type(self).__name__} does not have a `call()` method implemented."
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of what comes out."""
        return previous_mask

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shape that comes out for a shape that goes in."""
        shapes = [*args, *kwargs.values()]
        first = shapes[0]
        many = isinstance(first, (list, tuple)) and (
            bool(first) and isinstance(first[0], (list, tuple))
        )
        tensors = [KerasTensor(s) for s in (first if many else shapes)]
        made = self(tensors if many else tensors[0], *([] if many else tensors[1:]))
        found = tree.map_structure(lambda t: t.shape, made)
        self._inbound_nodes.pop()
        return found

    def _assert_begun(self) -> None:
        if "_losses" not in self.__dict__:
            raise RuntimeError(
                f"In layer {type(self).__name__!r}, you forgot to call "
                "`super().__init__()` as the first statement in the `__init__()` "
                "method. Go add it!"
            )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._assert_begun()
        if is_symbolic(list(args), kwargs):
            return self.symbolic_call(args, kwargs)
        return super().__call__(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call on tensors, as Keras does around a layer's own ``call``."""
        args = tuple(tree.map_structure(self._converted, list(args)))
        kwargs = tree.map_structure(self._converted, kwargs)
        names = _arguments(type(self).call)
        given = kwargs.pop("training", NOT_GIVEN)
        takes = "training" in names
        if given is NOT_GIVEN and takes and len(args) > (at := names.index("training")):
            given, args = args[at], args[:at]
        if not self.built:
            self._build_for(args, kwargs)
        if not within():
            self._clear_losses()  # of the call before
        first = args[0] if args else next(iter(kwargs.values()), None)
        mask = _mask_of(first)
        self._add_masks(names, args, kwargs)
        if kwargs.get("mask") is not None:
            mask = kwargs["mask"]
        default = _default(type(self).call) if takes else None
        with entered(given, default, self.training) as training:
            if takes and training is not None:
                kwargs["training"] = training
            with self._computing():
                outputs = self.call(*args, **kwargs)
        self._after(first, outputs, mask)
        self._seen(outputs)
        return outputs

    def _seen(self, outputs: Any) -> None:
        """Keep the shapes that the first batch made, for the summary."""
        if "_made_shapes" not in self.__dict__:
            shapes = [tuple(t.shape) for t in tree.flatten(outputs) if _is_tensor(t)]
            self.__dict__["_made_shapes"] = shapes

    def _computing(self) -> AbstractContextManager[Any]:
        """Return what a call runs in: autocast where the policy mixes precisions."""
        if not self._policy.is_mixed and not precision.is_mixed():
            return precision.NOTHING
        from keras2torch.models.programs import device_of

        return precision.computing(self._policy, device_of(self))

    def _add_masks(
        self, names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        named = dict(zip(names, args, strict=False)) | kwargs
        tensors = {
            k: v
            for k, v in named.items()
            if any(isinstance(t, torch.Tensor) for t in tree.flatten(v))
            and not k.endswith("mask")
        }
        if len(tensors) == 1:
            if "mask" in names and named.get("mask") is None:
                found = _mask_of(next(iter(tensors.values())))
                if found is not None:
                    kwargs["mask"] = found
            return
        for key, value in tensors.items():
            if f"{key}_mask" in names and named.get(f"{key}_mask") is None:
                kwargs[f"{key}_mask"] = _mask_of(value)

    def _after(self, first: Any, outputs: Any, mask: Any) -> None:
        if self._regularizer is not None:
            self._add_activity(outputs)
        if self.supports_masking:
            results = [t for t in tree.flatten(outputs) if isinstance(t, torch.Tensor)]
            if all(getattr(t, "_keras_mask", None) is not None for t in results):
                return
            masks = tree.flatten(self.compute_mask(first, mask))
            for tensor, found in zip(results, masks, strict=False):
                if found is not None and getattr(tensor, "_keras_mask", None) is None:
                    tensor._keras_mask = found  # type: ignore[attr-defined]
        elif any(m is not None for m in tree.flatten(mask)):
            warnings.warn(
                f"Layer '{self.name}' (of type {type(self).__name__}) was passed an "
                "input with a mask attached to it. However, this layer does not "
                "support masking and will therefore destroy the mask information. "
                "Downstream layers will not see the mask.",
                stacklevel=3,
            )

    def _add_activity(self, outputs: Any) -> None:
        for output in tree.flatten(outputs):
            if isinstance(output, torch.Tensor):
                loss = self.activity_regularizer(output)
                if output.ndim:
                    loss = loss / max(output.shape[0], 1)
                self._losses.append(loss)

    def _converted(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            # Under a mixed policy autocast decides, operation by operation.
            if not value.is_floating_point() or self._policy.is_mixed:
                return value
            if not self.autocast:
                return value
            kind = precision.torch_dtype(self._policy.compute_dtype)
            if value.dtype == kind or not kind.is_floating_point:
                return value
            return kept_mask(value.to(kind), value)
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fiub":
            tensor = torch.as_tensor(np.asarray(value)).to(default_device())
            if not tensor.is_floating_point():
                return tensor
            return tensor.to(precision.torch_dtype(self._policy.variable_dtype))
        return value

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        names = _arguments(type(self).build)
        if type(self).build is Layer.build:
            self.build(None)
            return
        call_names = _arguments(type(self).call)
        named = dict(zip(call_names, args, strict=False)) | kwargs
        shapes = {
            k: tree.map_structure(_shape, v)
            for k, v in named.items()
            if v is not None
            and all(hasattr(t, "shape") for t in tree.flatten(v))
            and not k.endswith("mask")
        }
        by_name = {f"{k}_shape": v for k, v in shapes.items()}
        if len(names) > 1 and set(by_name) & set(names):
            self.build(**{k: v for k, v in by_name.items() if k in names})
        else:
            self.build(next(iter(shapes.values()), None))

    def _built_shapes(self, shapes: dict[str, Any]) -> None:
        """Keep what it was built for; a file has it, to build it again."""
        self.__dict__["_build_shapes"] = shapes

    # -- symbolic calls
    def symbolic_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Write a call down and return what stands for its results."""
        node = Node(self, args, kwargs)
        if self.is_written:
            node.outputs = outputs_of(node)
            self._inbound_nodes.append(node)
            return self._structured(node.outputs)
        self._probe(node)
        node.outputs = outputs_of(node)
        self._inbound_nodes.append(node)
        shown = self._shown[id(node)]
        return tree.pack(shown.structure, node.outputs)

    def _structured(self, outputs: list[KerasTensor]) -> Any:
        return outputs[0] if len(outputs) == 1 else outputs

    @property
    def _shown(self) -> dict[int, Any]:
        found: dict[int, Any] = self.__dict__.setdefault("_probes", {})
        return found

    def _probe(self, node: Node) -> None:
        """Run a call once on zeros, to see what comes out."""
        self._shown[id(node)] = probe(self, node)
        self._clear_losses()

    def described(self) -> dict[str, Any]:
        """Return the config of its place in a graph that does not write it out."""
        names = _arguments(type(self).call)
        own = type(self).compute_mask is not Layer.compute_mask
        return {
            "class_name": type(self).__name__,
            "takes_mask": "mask" in names,
            "gives_mask": own and self.supports_masking,
            "hands_mask": self.supports_masking and not own,
            "result": next((s.dtype for s in self._shown.values()), "float32"),
        }

    def call_options(self, node: Node) -> dict[str, Any]:
        """Return what a graph keeps of one call."""
        shown = self._shown[id(node)]
        kwargs = {k: v for k, v in node.kwargs.items() if k != "training"}
        returns: Any = "tensor"
        if isinstance(shown.structure, dict):
            returns = [str(k) for k in tree.keys(shown.structure)]
        elif isinstance(shown.structure, (list, tuple)):
            returns = "sequence"
        return {
            "structure": structure_of(node.args, kwargs),
            "outputs": [list(s) for s in shown.shapes],
            "returns": returns,
        }

    # -- tensors around it
    @property
    def input(self) -> Any:
        """The symbolic tensors of its only call."""
        node = self._only_node("input")
        return node.args[0] if node.args else node.inputs

    @property
    def output(self) -> Any:
        """The symbolic tensors that its only call made."""
        return self._structured(self._only_node("output").outputs)

    @property
    def input_shape(self) -> Any:
        """Shapes of what goes in."""
        return tree.map_structure(lambda t: t.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Shapes of what comes out."""
        return tree.map_structure(lambda t: t.shape, self.output)

    def _only_node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(
                f"The layer {self.name} has never been called and thus has no "
                f"defined {what}."
            )
        return self._inbound_nodes[0]

    # -- configs
    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` makes it from."""
        config: dict[str, Any] = {
            "name": self.name,
            **self._own_arguments(Layer.get_config),
            "trainable": self._trainable,
            "dtype": dtype_policies.serialize(self._policy),
        }
        if self._regularizer is not None:
            from keras2torch import regularizers

            config["activity_regularizer"] = regularizers.serialize(
                self.activity_regularizer
            )
        return config

    def _own_arguments(self, default: Any) -> dict[str, Any]:
        """Return what a user's class was made with, if it writes no config itself."""
        given = self.__dict__.get("_given")
        return given if given and type(self).get_config is default else {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a layer from what :meth:`get_config` returned."""
        return cls(**config)

    def stateless_call(self, *args: Any, **kwargs: Any) -> Any:
        """Not here: torch's modules keep their weights."""
        raise NotImplementedError(
            "stateless_call is of Keras on JAX; use torch.func.functional_call."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


# What a layer keeps for itself and torch need not see.
_PLAIN = frozenset(
    "_inbound_nodes _losses _own _probes _input_shape_arg _inputs_struct "
    "_outputs_struct".split()
)


def _building(build: Any) -> Any:
    """Mark a layer as built after its ``build``, once."""

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = build(self, *args, **kwargs)
        self._built_shapes(dict(zip(_arguments(build), args, strict=False)) | kwargs)
        self.built = True
        if self._first_weights is not None and self.weights:
            self.set_weights(self._first_weights)
            self._first_weights = None
        return result

    wrapped.__wrapped__ = build  # type: ignore[attr-defined]
    wrapped.__name__ = "build"
    wrapped.__doc__ = build.__doc__
    return wrapped


def _input_shape(kwargs: dict[str, Any]) -> Shape | None:
    for name in ("batch_input_shape", "batch_shape"):
        if (given := kwargs.get(name)) is not None:
            return tuple(given)
    batch = kwargs.get("batch_size")
    if (given := kwargs.get("input_shape")) is not None:
        sizes = (given,) if isinstance(given, int) else tuple(given)
        return (batch, *sizes)
    if (given := kwargs.get("input_dim")) is not None:
        length = kwargs.get("input_length")
        return (batch, given) if length is None else (batch, length, given)
    return None


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _near(name: str, layer: Any) -> str:
    """Return a hint at the argument that may be meant."""
    known = inspect.signature(type(layer)).parameters
    found = get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"; did you mean {found[0]!r}?" if found else ""


def _mask_of(value: Any) -> Any:
    masks = tree.map_structure(lambda t: getattr(t, "_keras_mask", None), value)
    return masks if any(m is not None for m in tree.flatten(masks)) else None


def _shape(tensor: Any) -> Shape:
    """Return the shape to build for: the batch may be another next time."""
    sizes = tuple(tensor.shape)
    return (None, *sizes[1:]) if sizes else ()


def kept_mask(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """Return a tensor with the mask that another carries."""
    if (mask := getattr(old, "_keras_mask", None)) is not None:
        new._keras_mask = mask  # type: ignore[attr-defined]
    return new


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
    if isinstance(module, Layer):
        return module.weights
    found = []
    for _, inner in module.named_modules():
        for name in [*inner._parameters, *inner._buffers]:
            tensor = getattr(inner, name)
            if tensor is not None and name != "num_batches_tracked":
                found.append(_plain_variable(inner, name))
    return found


def layers_in(module: nn.Module) -> Iterator[Layer]:
    """Iterate over the Keras layers within a module, itself first."""
    for inner in module.modules():
        if isinstance(inner, Layer):
            yield inner
