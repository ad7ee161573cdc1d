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
from keras2torch.errors import Keras2TorchError
from keras2torch.layers.base import Shape
from keras2torch.models import precision
from keras2torch.models.context import (
    NOT_GIVEN,
    default_device,
    entered,
    within,
)
from keras2torch.models.holding import Holder
from keras2torch.models.input_spec import check_input_spec
from keras2torch.models.lesser_names import LesserNames, terms_of
from keras2torch.models.naming import auto_name
from keras2torch.models.probing import probe
from keras2torch.models.saveable import Saveable
from keras2torch.models.specs import is_given, outputs_of, structure_of
from keras2torch.models.symbolic import KerasTensor, Node, is_symbolic
from keras2torch.training.foreign import is_of_tensorflow
from keras2torch.training.variables import Parameter, holding_values

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


@cache
def _default(call: Any) -> Any:
    """Return what a ``call`` has as default of ``training``."""
    default = inspect.signature(call).parameters["training"].default
    return None if default is inspect.Parameter.empty else default


class Layer(Saveable, LesserNames, Holder):
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
    input_spec: Any = None
    is_written = False
    called_by_itself = False
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
        self._policy = dtype_policies.of_layer(dtype, self.name)
        self._regularizer = activity_regularizer
        self._losses: list[torch.Tensor] = []
        self._own: list[Parameter] = []
        self._users: weakref.WeakSet[Any] = weakref.WeakSet()
        self._first_weights = kwargs.get("weights")

    # -- attributes

    @property
    def activity_regularizer(self) -> Any:
        """What adds a term for the outputs to the loss."""
        from keras2torch import regularizers

        return regularizers.get(self._regularizer)

    @activity_regularizer.setter
    def activity_regularizer(self, value: Any) -> None:
        self._regularizer = value

    # -- losses
    def add_loss(self, loss: Any) -> None:
        """Add a term to the loss; within ``call``."""
        self._losses += terms_of(loss)

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
        if self.input_spec is not None:
            first = args[0] if args else next(iter(kwargs.values()), None)
            check_input_spec(self.input_spec, first, self.name)
        if is_symbolic(list(args), kwargs):
            return self.symbolic_call(args, kwargs)
        return self._entered(*args, **kwargs)

    def _entered(self, *args: Any, **kwargs: Any) -> Any:
        """Call as torch does, also where ``forward`` is a layer of a user's."""
        own = self.__dict__.get("forward")
        if own is None or inspect.isroutine(own):
            return nn.Module.__call__(self, *args, **kwargs)
        return type(self).forward(self, *args, **kwargs)

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
        with entered(given, default, self.training, id(self)) as training:
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
            if any(is_of_tensorflow(t) for t in tree.flatten(outputs)):
                raise Keras2TorchError(
                    f"the call of layer {self.name!r} ({type(self).__name__}) returns "
                    "a tensor of TensorFlow: use keras.ops or torch there, not tf."
                )
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
            k: tree.map_structure(shape_to_build, v)
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
        if not is_given(self):
            node.outputs = outputs_of(node)
            self._inbound_nodes.append(node)
            return self._structured(node.outputs, args, kwargs)
        self._probe(node)
        node.outputs = outputs_of(node)
        self._inbound_nodes.append(node)
        shown = self._shown[id(node)]
        return tree.pack(shown.structure, node.outputs)

    def _structured(self, outputs: Any, args: Any, kwargs: Any) -> Any:
        """Return what a call gives, in Keras' structure."""
        one = isinstance(outputs, list) and len(outputs) == 1
        return outputs[0] if one else outputs

    @property
    def _shown(self) -> dict[int, Any]:
        found: dict[int, Any] = self.__dict__.setdefault("_probes", {})
        return found

    def example(self, shape: Any, dtype: torch.dtype) -> torch.Tensor:
        """Return what it is run on to see what comes out."""
        return torch.zeros(shape, dtype=dtype)

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
            # What hands a mask on gives none where it gets none.
            "gives_mask": own
            and self.supports_masking
            and any(shown.masked for shown in self._shown.values()),
            "hands_mask": self.supports_masking and not own,
            "result": next((s.dtypes[0] for s in self._shown.values()), "float32"),
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
            "dtypes": shown.dtypes,
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
        node = self._only_node("output")
        return self._structured(node.outputs, node.args, node.kwargs)

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

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _building(build: Any) -> Any:
    """Mark a layer as built after its ``build``, once."""

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        with holding_values(False):  # also where a call on zeros builds it
            result = build(self, *args, **kwargs)
            given = dict(zip(_arguments(build), args, strict=False)) | kwargs
            self._built_shapes(given)
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


def shape_to_build(tensor: Any) -> Shape:
    """Return the shape to build for: the batch may be another next time."""
    sizes = tuple(tensor.shape)
    return (None, *sizes[1:]) if sizes else ()


def kept_mask(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """Return a tensor with the mask that another carries."""
    if (mask := getattr(old, "_keras_mask", None)) is not None:
        new._keras_mask = mask  # type: ignore[attr-defined]
    return new


def layers_in(module: nn.Module) -> Iterator[Layer]:
    """Iterate over the Keras layers within a module, itself first."""
    for inner in module.modules():
        if isinstance(inner, Layer):
            yield inner
