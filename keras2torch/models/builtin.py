"""Keras' own layers as ``nn.Module`` classes, made from their definitions.

A definition knows a layer's arguments, its weights and its PyTorch text; nothing of it
is written a second time here. Called on a tensor, a layer is a program of one line.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from keras2torch import tree
from keras2torch.configuration import image_data_format
from keras2torch.data.words import as_words
from keras2torch.errors import Keras2TorchError
from keras2torch.layers import definitions
from keras2torch.layers.base import Array, Weight, to_config
from keras2torch.layers.base import Layer as Definition
from keras2torch.layers.cells import serialized
from keras2torch.models import programs
from keras2torch.models.calls import ShapedCall, described, signature
from keras2torch.models.checking import check_arguments
from keras2torch.models.context import NOT_GIVEN, default_device, resolved
from keras2torch.models.explaining import explained
from keras2torch.models.hooks import Hooked
from keras2torch.models.layer import Layer, kept_mask, shape_to_build
from keras2torch.models.logits import taps
from keras2torch.models.naming import policy_name
from keras2torch.models.specs import owners_of_call, single
from keras2torch.models.symbolic import InputLayer, KerasTensor, Node
from keras2torch.training.variables import holding_values

_OF_LAYER = frozenset(f.name for f in dataclasses.fields(Definition))
# How many exact shapes a layer is written for before one text serves all sizes.
_EXACT = 4
# They put other weights in the kernel's place.
_OTHER_WEIGHTS = ("lora_rank", "quantization_config")
_OBJECTS = ("_initializer", "_regularizer", "_constraint")


class BuiltIn(Hooked):
    """Base of the layers that have a definition.

    Attributes
    ----------
    definition
        Its arguments, weights and text.
    """

    definition_class: Any
    _making = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        own = {k: kwargs.pop(k) for k in list(kwargs) if _is_own(type(self), k)}
        if self.definition_class.__name__ == "SimpleRNN":
            # Keras takes it and forgets it (layers/rnn/simple_rnn.py, 3.15).
            kwargs.pop("activity_regularizer", None)
        given = kwargs.get("dtype")
        fields = _fields(self.definition_class)
        if given is not None and (
            policy_name(given) == "string"
            or ("output_mode" in fields and policy_name(given).startswith("int"))
        ):
            # That of what a Hashing gives out: nothing here is cast to it.
            kwargs.pop("dtype")
        super().__init__(**kwargs)
        if len(args) > len(fields):
            raise TypeError(
                f"{type(self).__name__} takes {len(fields)} positional arguments, "
                f"{len(args)} were given."
            )
        for name, value in zip(fields, args, strict=False):
            if name in own:
                raise TypeError(f"{type(self).__name__} got two values for {name!r}.")
            own[name] = value
        own = {self.definition_class.aliases.get(k, k): v for k, v in own.items()}
        for name in _OTHER_WEIGHTS:
            if own.get(name) is not None:
                raise Keras2TorchError(
                    f"{type(self).__name__} has no rule for {name}={own[name]!r}: "
                    "train the weights themselves."
                )
        own = {k: v for k, v in own.items() if k in fields}
        if "data_format" in fields and own.get("data_format") is None:
            own["data_format"] = image_data_format()
        self._objects: dict[str, Any] = {}
        self._after_call: Any = None
        self._missing(fields, own)
        self._was_given = own.get("vocabulary") is not None
        settings = {k: self._plain(k, v) for k, v in own.items()}
        self.definition = self.definition_class(
            name=self.name, trainable=self._trainable, **settings
        )
        check_arguments(self.definition)
        if self._was_given:
            from keras2torch.models.learning_words import check_terms

            check_terms(self.definition)
        if self.definition_class.__name__ == "ActivityRegularization":
            self._regularizer = _l1_l2(self.definition)
        self.supports_masking = True
        self._torch_parts: set[int] = set()
        self._programs: dict[Any, ShapedCall] = {}
        self.pinned = False

    def _missing(self, fields: tuple[str, ...], given: dict[str, Any]) -> None:
        required = [
            f.name
            for f in dataclasses.fields(self.definition_class)
            if f.name in fields
            and f.default is dataclasses.MISSING
            and f.default_factory is dataclasses.MISSING
        ]
        if missing := [n for n in required if n not in given]:
            raise TypeError(
                f"{type(self).__name__}.__init__() missing required arguments: "
                f"{', '.join(missing)}"
            )

    def _plain(self, field: str, value: Any) -> Any:
        """Return an argument as a config has it; what a config cannot say is kept."""
        if isinstance(value, Layer) and field != "activation":
            return self._inside(value)
        if field == "vocabulary" and value is not None:
            from keras2torch.models.learning_words import terms_of

            return terms_of(value, self)
        if field.endswith("activation"):
            return self._activation(value)
        if field.endswith(_OBJECTS):
            return self._object(field, value)
        if isinstance(value, (np.generic, np.ndarray)):
            return value.tolist()
        if isinstance(value, torch.Tensor):
            return value.tolist()
        if field == "cell" and isinstance(value, (list, tuple)):
            cells = [serialized(self._inside(v)) for v in value]
            return {"class_name": "StackedRNNCells", "config": {"cells": cells}}
        if isinstance(value, (list, tuple)):
            return type(value)(self._plain("", v) for v in value)
        return value

    def _inside(self, layer: Layer) -> Any:
        """Return the definition of a layer within: of a wrapper, or a cell."""
        if isinstance(layer, BuiltIn) and layer.is_written:
            return layer.definition
        if getattr(layer, "_call_graph", None) is not None:
            # Under its name for torch; the class has an attribute in the way.
            self._modules["layer"] = self.__dict__["inner_model"] = layer
            config = {"name": layer.name}
            return {"class_name": "Functional", "config": config}
        raise Keras2TorchError(
            f"{type(self).__name__} of a {type(layer).__name__}, a layer of your own, "
            "has no rule: write its loop in a Layer of yours."
        )

    def _activation(self, value: Any) -> Any:
        from keras2torch import activations

        if value is None or isinstance(value, str):
            if value != "hard_sigmoid_keras2":  # of files of Keras 1 and 2
                activations.get(value)  # a clear error for an unknown name
            return value
        if isinstance(value, Mapping):
            return value
        if inspect.isclass(value):
            value = value()
        if isinstance(value, BuiltIn):
            if type(value.definition).__name__ == "Activation":
                return value.definition.activation
            kind = type(value.definition).__name__
            return {"class_name": kind, "config": to_config(value.definition)}
        if (name := _known(value)) is not None:
            return name
        self._after_call = value
        return None

    def _object(self, field: str, value: Any) -> Any:
        if value is None or isinstance(value, (str, Mapping)):
            return value
        self._objects[field] = value
        return _config_of(value)

    # -- how it takes part in a model
    @property
    def is_written(self) -> bool:  # type: ignore[override]
        """Whether a model's source has it as text; not if a user changed it."""
        cls = type(self)
        own = cls.call is not BuiltIn.call or cls.build is not BuiltIn.build
        odd = self._after_call is not None or self._regularizer is not None
        return not (own or odd or self._own)

    def calls_own_code(self) -> bool:
        """Only what is changed by a user, or adds a term for its outputs."""
        return not self.is_written

    def described(self) -> dict[str, Any]:
        """Return the config of its place where a model does not write it out."""
        found = super().described()
        passes = self.definition.masking == "pass" or self.definition.passes_mask()
        makes = type(self.definition).__name__ in _MASKING
        gives = makes and self.definition.makes_mask([])
        return found | {
            "takes_mask": self.definition.masking == "use",
            "gives_mask": gives,
            "joins_masks": self.definition.makes_mask([True, True]),
            "hands_mask": passes,
        }

    # -- weights
    def tracked_layers(self) -> list[nn.Module]:
        """Return the layers within; the torch modules that it is are no layers."""
        return [m for m in super().tracked_layers() if id(m) not in self._torch_parts]

    def initial_weights(self, declared: list[Weight]) -> dict[str, Array]:
        """Return the first values of the weights, by their initializers."""
        found = {}
        for weight in declared:
            made = self._setting(weight, "initializer")
            if made is None:
                found[weight.name] = np.full(weight.shape, weight.default, np.float32)
                continue
            if weight.fans is not None and hasattr(made, "input_axes"):
                made = _with_axes(made, *weight.fans)
            value = made(weight.shape, dtype=self._drawn_in())
            found[weight.name] = torch.as_tensor(value).detach().cpu().numpy()
        self._forget_gates(found)
        return found

    def _drawn_in(self) -> str:
        """Return the dtype of first values; numpy has no bfloat16."""
        return "float64" if self.variable_dtype == "float64" else "float32"

    def _forget_gates(self, found: dict[str, Array]) -> None:
        for name in found:
            owner = self._owner_of(name)
            if name.endswith("bias") and getattr(owner, "unit_forget_bias", False):
                units = int(owner.units)
                bias = np.array(found[name])
                bias[units : 2 * units] = 1.0
                found[name] = bias

    def _owner_of(self, weight: str) -> Any:
        """Return the definition whose arguments speak of a weight."""
        found: Any = self.definition
        while True:
            stack = getattr(found, "stack", ())
            if len(stack) > 1:
                return stack[int(weight.partition("/")[0])]
            inner = getattr(found, "inner", None)
            if isinstance(inner, tuple):
                way, _, weight = weight.partition("/")
                found = inner[1 if way == "backward" else 0]
            elif isinstance(inner, Definition):
                found = inner
            else:
                return found

    def _setting(self, weight: Weight, what: str) -> Any:
        """Return the initializer, regularizer or constraint of a weight."""
        from keras2torch import constraints, initializers, regularizers

        module = {
            "initializer": initializers,
            "regularizer": regularizers,
            "constraint": constraints,
        }[what]
        leaf = weight.name.rpartition("/")[2]
        stems = [leaf, leaf.removesuffix("_kernel"), leaf.removesuffix("s")]
        if leaf == "kernel":
            # The kernel of a DepthwiseConv2D, whose arguments are named otherwise.
            stems.append("depthwise")
        if what == "initializer":
            stems.append(leaf.removeprefix("reverse_"))
        owner = self._owner_of(weight.name)
        for stem in stems:
            field = f"{stem}_{what}"
            if field in self._objects:
                return module.get(self._objects[field])
            if hasattr(owner, field):
                return module.get(getattr(owner, field))
        return None

    def own_variables(self) -> list[Any]:
        """Return the weights, making them if a model is there to tell their shapes."""
        self.ensure_built()
        made = [] if self._torch_state is None else self._torch_state.variables
        return [*made, *self._own]

    def in_order(self, own: list[Any]) -> list[Any]:
        """Return the weights part by part, trainable ones first in each."""
        if self._torch_state is None:
            return super().in_order(own)
        parts: dict[str, list[Any]] = {}
        made = zip(self._torch_state.declared, self._torch_state.variables, strict=True)
        for weight, variable in made:
            parts.setdefault(weight.paths[-1], []).append(variable)
        parts.setdefault("", []).extend(self._own)
        return [
            v for part in parts.values() for v in super(BuiltIn, self).in_order(part)
        ]

    def ensure_built(self) -> None:
        """Build the models that have this layer; alone it is built when called."""
        if self.has_state() or not self.definition_has_weights():
            return
        for model in list(self._users):
            model.ensure_net()
            if self.has_state():
                return
        if self._inbound_nodes and self.is_written:
            self._written_for(self._inbound_nodes[0])

    def has_state(self) -> bool:
        """Whether its weights are made."""
        return self._torch_state is not None

    def named_modules(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, Any]]:
        """As in torch; a layer of a model has its weights made first."""
        self._made_for_torch()
        yield from super().named_modules(*args, **kwargs)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """As in torch; a layer of a model has its weights made first."""
        self._made_for_torch()
        return super().state_dict(*args, **kwargs)

    def _made_for_torch(self) -> None:
        if self._torch_state is None and self.is_written and not self._making:
            self._making = True
            try:
                self.ensure_built()
            finally:
                self._making = False

    def definition_has_weights(self) -> bool:
        """Whether its kind has weights at all."""
        return type(self.definition).weights is not Definition.weights

    def adopt(self, state: programs.State) -> None:
        """Take the weights that a program made for it."""
        self._torch_state = state
        self.built = True
        for variable, weight in zip(state.variables, state.declared, strict=True):
            variable.regularizer = self._setting(weight, "regularizer")
            variable.constraint = self._setting(weight, "constraint")
        self._set_trainable()
        # Its parameters are the module's: one dict, so that `.to()` moves both.
        self._torch_parts = {id(m) for m in state.module._modules.values()}
        for kind in ("_parameters", "_buffers", "_modules"):
            theirs = vars(state.module)[kind]
            theirs.update(vars(self)[kind])
            vars(self)[kind] = theirs
        if self._first_weights is not None:
            with holding_values(False):  # also where a call on zeros builds it
                self.set_weights(self._first_weights)
            self._first_weights = None

    def _set_trainable(self) -> None:
        if self._torch_state is None:
            return
        trained = {
            w.name
            for w in self._torch_state.declared
            if w.trainable and self._trainable
        }
        for name, source in self._torch_state.sources.items():
            tensor = programs.tensor_of(self._torch_state.module, name)
            if isinstance(tensor, nn.Parameter):
                moves = source.trainable and bool(trained & set(source.weights))
                tensor.requires_grad_(moves)

    @property
    def trainable(self) -> bool:
        """Whether an optimizer moves the weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        Layer.trainable.fset(self, value)  # type: ignore[attr-defined]
        self.definition.trainable = bool(value)
        self._set_trainable()

    def pin(self) -> None:
        """Keep the weights in Keras' order from now on: several models share them."""
        self.pinned = True
        if self._torch_state is None or self._torch_state.in_keras_order:
            return
        values = [v.numpy() for v in self._torch_state.variables]
        old, self._torch_state = self._torch_state, None
        self._programs.clear()
        self._written_for(self._inbound_nodes[0])
        new: programs.State = self._torch_state
        for name in old.sources:
            tensor = programs.tensor_of(old.module, name)
            with torch.no_grad():
                tensor.copy_(programs.tensor_of(new.module, name).view_as(tensor))
        # The tensors stay those that an optimizer may hold already.
        programs.share(new.module, old)
        self.adopt(new)
        # The same values in another order, also where a call is only tried on zeros.
        with holding_values(False):
            for variable, value in zip(new.variables, values, strict=True):
                variable.assign(value)
        for model in list(self._users):
            model.drop_net()

    # -- calls
    def build(self, input_shape: Any) -> None:
        """Make the weights for a shape, or a list of shapes, that goes in."""
        shapes = input_shape
        if input_shape and not isinstance(input_shape[0], (list, tuple)):
            shapes = [input_shape]
        tensors = [KerasTensor(s) for s in shapes]
        listed = len(self.definition.arguments) == 1 and len(tensors) > 1
        args: tuple[Any, ...] = (tensors,) if listed else tuple(tensors)
        if self.definition.packs:
            states = self.definition.state_shapes(tensors[0].shape)
            args = (tensors[0], [KerasTensor(s) for s in states])
        self._written_for(Node(self, args))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call on tensors."""
        if isinstance(kwargs.get("mask"), list):
            # So a program tells several; the layer asks its tensors for them.
            masks = kwargs.pop("mask")
            tensors = tree.leaves([list(args), kwargs])
            for tensor, mask in zip(tensors, masks, strict=False):
                if mask is not None:
                    tensor._keras_mask = mask
        if type(self).call is not BuiltIn.call:
            return super().forward(*args, **kwargs)
        if type(self).build is not BuiltIn.build and not self.built:
            first = args[0] if args else next(iter(kwargs.values()))
            self.build(tree.map_structure(shape_to_build, first))
        return self._run(args, kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute; for a subclass that calls ``super().call``."""
        return self._run(args, kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of what comes out: made here, or handed through."""
        if type(self.definition).__name__ not in _MASKING:
            return previous_mask
        with torch.no_grad():
            made = self._run((inputs,), {"training": False})
        return getattr(made, "_keras_mask", None)

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.definition.reads_strings:
            args = tuple(_with_words(list(args)))
        given = [*tree.leaves(list(args)), *tree.leaves(kwargs)]
        args = tuple(tree.map_structure(self._converted, list(args)))
        kwargs = tree.map_structure(self._converted, kwargs)
        training = resolved(kwargs.pop("training", NOT_GIVEN), self.training)
        if training is None:
            training = self.definition.trains_by_default
        call = self._program_for(args, kwargs)
        try:
            with self._computing():
                outputs = call.run(args, kwargs, bool(training) and self._learns())
            outputs = self._structured(outputs, args, kwargs)
        except (RuntimeError, IndexError, ValueError, AssertionError) as error:
            values = [*tree.leaves(list(args)), *tree.leaves(kwargs)]
            told = explained(error, self, values)
            if told is error:
                raise
            raise told from error
        if self._after_call is not None:
            outputs = kept_mask(self._after_call(outputs), outputs)
        if self.definition.strips_masks():
            for value in given:
                if getattr(value, "_keras_mask", None) is not None:
                    value._keras_mask = None
        self._seen(outputs)
        if self._regularizer is not None:
            self._add_activity(outputs)
        return outputs

    def _structured(self, outputs: Any, args: Any, kwargs: Any) -> Any:
        """Return what a call gives; a cell, its output and a list of states."""
        if not self.definition.packs:
            return super()._structured(outputs, args, kwargs)
        states = kwargs["states"] if "states" in kwargs else args[1]
        return outputs[0], tree.pack(tree.lists(states), outputs[1:])

    def _learns(self) -> bool:
        """Whether it behaves as in training; a frozen BatchNormalization does not."""
        return self._trainable or not infers_when_frozen(self.definition)

    def _program_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ShapedCall:
        key = signature(args, kwargs, exact=len(self._programs) < _EXACT)
        found = self._programs.get(key)
        if found is None:
            exact = len(self._programs) < _EXACT
            node = Node(self, *described(args, kwargs, exact=exact))
            try:
                found = self._written_for(node)
            except Keras2TorchError:
                if exact:
                    raise
                node = Node(self, *described(args, kwargs, exact=True))
                key = signature(args, kwargs, exact=True)
                found = self._programs.get(key) or self._written_for(node)
            self._programs[key] = found
        return found

    def _written_for(self, node: Node) -> ShapedCall:
        """Write the program of one call, on this layer's weights."""
        one = single(node, written=True)
        outputs = [*one.outputs, *one.made_masks]
        # Asked before it is linked: what is made now is made on the CPU.
        device = (
            default_device() if self._torch_state is None else programs.device_of(self)
        )
        pinned = frozenset({self.name}) if self.pinned else frozenset()
        program = programs.compiled(
            one.builder, outputs, layout="keras", in_keras_order=pinned
        )
        try:
            net = programs.linked(program, one.builder, owners_of_call(self))
        except programs.OtherOrder:
            self.pin()
            net = programs.linked(program, one.builder, owners_of_call(self))
        net.to(device)
        self.built = True
        return ShapedCall(net, one, taps(program, net), node)

    def reset_state(self) -> None:
        """Forget what a stateful recurrent layer remembers of the batch before."""
        if self._torch_state is not None and hasattr(
            self._torch_state.module, "reset_states"
        ):
            self._torch_state.module.reset_states()

    def reset_states(self) -> None:
        """As Keras 2 called it."""
        self.reset_state()

    # -- configs
    def get_config(self) -> dict[str, Any]:
        """Return the arguments as Keras writes them."""
        from keras2torch.models.configs import layer_config

        return layer_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make a layer from what :meth:`get_config` returned, or Keras wrote."""
        from keras2torch.models.rebuilding import builtin_from_config
        from keras2torch.serialization import CustomObjectScope

        with CustomObjectScope(custom_objects):
            return builtin_from_config(cls, config)

    def __getattr__(self, name: str) -> Any:
        # kernel and bias are Keras' variables, weight is torch's parameter; units and
        # other arguments are the definition's.
        own = self.__dict__
        definition = own.get("definition")
        if definition is None or name.startswith("__"):
            return super().__getattr__(name)
        if name in WEIGHT_NAMES:
            for variable in self.own_variables():
                if variable.name == name:
                    return variable
        if name == "weight":  # torch's, of a layer whose model was not called yet
            self._made_for_torch()
        try:
            return super().__getattr__(name)
        except AttributeError:
            pass
        if name in own["_objects"]:
            return own["_objects"][name]
        if hasattr(definition, name):
            return getattr(definition, name)
        raise AttributeError(
            f"'{type(self).__name__}' object has no attribute '{name}'"
        )


def _with_words(value: Any) -> Any:
    """Return the arguments of a call with strings as they are batched."""
    found = as_words(value)
    if isinstance(found, (list, tuple)):
        return [_with_words(v) for v in found]
    return found


WEIGHT_NAMES = frozenset(
    "alpha beta bias depthwise_kernel embeddings gamma kernel mean moving_mean "
    "moving_variance pointwise_kernel recurrent_kernel scale variance".split()
)
# Frozen, these run in inference mode (layers/normalization/batch_normalization.py).
_MASKING = frozenset({"Embedding", "Masking"})
INFERENCE_WHEN_FROZEN = frozenset({"BatchNormalization"})


def infers_when_frozen(definition: Definition) -> bool:
    """Whether a layer, or the one that it applies to each step, is one of these."""
    kind = type(definition).__name__
    inside: Any = definition
    if kind == "TimeDistributed":
        inside = inside.inner
    return type(inside).__name__ in INFERENCE_WHEN_FROZEN


@cache
def _fields(definition: Any) -> tuple[str, ...]:
    """Return the arguments of a constructor in Keras' order."""
    return tuple(
        f.name
        for f in dataclasses.fields(definition)
        if f.init and f.name not in _OF_LAYER
    )


def _with_axes(initializer: Any, ins: Any, outs: Any) -> Any:
    """Return an initializer that counts units along these axes, if it says no others.

    As ``EinsumDense.build`` of Keras 3.15 does.
    """
    if None not in (initializer.input_axes, initializer.output_axes):
        return initializer
    config = initializer.get_config() | {"input_axes": ins, "output_axes": outs}
    return type(initializer).from_config(config | {"seed": initializer.seed})


def _is_own(cls: type[BuiltIn], name: str) -> bool:
    definition = cls.definition_class
    if name == "input_dim" and name not in _fields(definition):
        return False
    known = (*_fields(definition), *definition.aliases, *definition.ignored)
    return name in known and name not in ("weights", "input_length")


def _known(function: Any) -> str | None:
    """Return the name of one of Keras' activations, given as a function."""
    from keras2torch import activations

    name = getattr(function, "__name__", None)
    if isinstance(name, str) and getattr(activations, name, None) is function:
        return name
    return None


def _l1_l2(definition: Any) -> Any:
    from keras2torch import regularizers

    return regularizers.L1L2(l1=definition.l1, l2=definition.l2)


def _config_of(value: Any) -> Any:
    """Return an object as a config has it; None for a user's own."""
    module = type(value).__module__
    if module.startswith("keras2torch.") and hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    return None


__all__ = ["BuiltIn", "InputLayer", "definitions"]
