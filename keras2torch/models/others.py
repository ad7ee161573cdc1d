"""What ``keras.layers`` has beside the layers with a definition."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from keras2torch import tree
from keras2torch.models.context import default_device
from keras2torch.models.layer import Layer
from keras2torch.models.naming import auto_name
from keras2torch.models.symbolic import Input, InputLayer


class TorchModuleWrapper(Layer):
    """Any ``nn.Module`` as a layer.

    Images (tensors of rank 4 and 5) reach it channels first, as torch's modules want
    them, and leave it channels first; sequences are as they are.

    Parameters
    ----------
    module
        What to call.
    """

    def __init__(self, module: nn.Module, name: str | None = None, **kwargs: Any):
        super().__init__(name=name or auto_name(type(module).__name__), **kwargs)
        self.module = module.to(default_device())
        self.built = True
        if not self._trainable:
            module.requires_grad_(False)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module, images channels first."""
        args = tuple(tree.map_structure(_channels_first, list(args)))
        return tree.map_structure(_channels_last, self.module(*args, **kwargs))


def _channels_first(value: Any) -> Any:
    if getattr(value, "ndim", 0) < 4:
        return value
    return value.movedim(-1, 1)


def _channels_last(value: Any) -> Any:
    if getattr(value, "ndim", 0) < 4:
        return value
    return value.movedim(1, -1)


class Lambda(Layer):
    """A function as a layer; it is called on tensors with Keras' axes.

    Parameters
    ----------
    function
        Called with what goes in, and ``arguments``.
    output_shape, mask
        As in Keras; the shape is seen by running it.
    arguments
        Further arguments by name.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.function = function
        self.arguments = dict(arguments or {})
        self.mask = mask
        self.supports_masking = mask is not None
        self.built = True

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        """Call the function with what it takes."""
        taken = inspect.signature(self.function).parameters
        kwargs = dict(self.arguments)
        if "mask" in taken:
            kwargs["mask"] = mask
        if "training" in taken:
            kwargs["training"] = training
        return self.function(inputs, **kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask that it was given, or computes."""
        if callable(self.mask):
            return self.mask(inputs, previous_mask)
        return self.mask

    def get_config(self) -> dict[str, Any]:
        """Return the name of the function; of a lambda nothing but that it is one."""
        from keras2torch import serialization

        config: dict[str, Any] = super().get_config()
        if getattr(self.function, "__name__", "") == "<lambda>":
            warnings.warn(
                f"The function of layer {self.name!r} is a lambda, which is not saved: "
                f"hand one over as custom_objects={{{self.name!r}: function}} when "
                "the model is loaded.",
                stacklevel=2,
            )
            function: Any = {"class_name": "__lambda__", "config": {}}
        else:
            function = serialization.serialize_keras_object(self.function)
        return config | {"function": function, "arguments": self.arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make one from what :meth:`get_config` returned.

        Raises
        ------
        ValueError
            For a lambda, and a function that is not registered.
        """
        from keras2torch import serialization

        function = config["function"]
        if isinstance(function, Mapping):
            function = serialization.deserialize_keras_object(function)
        return cls(**{**config, "function": function})


class Wrapper(Layer):
    """Base of layers of your own that hold another one.

    Parameters
    ----------
    layer
        Kept as ``self.layer``.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Build the layer within."""
        if not self.layer.built:
            self.layer.build(input_shape)


class Pipeline(Layer):
    """Layers one after the other; those that draw do so unless told otherwise.

    Parameters
    ----------
    layers
        The layers.
    """

    def __init__(self, layers: list[Any], name: str | None = None) -> None:
        super().__init__(name=name)
        self.layers = list(layers)

    def call(self, inputs: Any, training: Any = True, mask: Any = None) -> Any:
        """Call them in turn."""
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the layers and the name."""
        from keras2torch import serialization

        inner = [serialization.serialize_keras_object(v) for v in self.layers]
        return {"layers": inner, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Pipeline:
        """Make it from a config."""
        from keras2torch import serialization

        made = [serialization.deserialize_keras_object(v) for v in config["layers"]]
        return cls(**config | {"layers": made})


def _merging(name: str) -> Callable[..., Any]:
    def merged(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        from keras2torch.models import classes

        return classes.named(name)(*args, **kwargs)(inputs)

    merged.__name__ = name.lower()
    merged.__doc__ = f"Call a new ``{name}`` layer on the inputs."
    return merged


add = _merging("Add")
average = _merging("Average")
concatenate = _merging("Concatenate")
maximum = _merging("Maximum")
minimum = _merging("Minimum")
multiply = _merging("Multiply")
subtract = _merging("Subtract")


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Call a new ``Dot`` layer on the inputs."""
    from keras2torch.models import classes

    return classes.named("Dot")(axes, **kwargs)(inputs)


def serialize(layer: Layer) -> dict[str, Any]:
    """Return a layer as Keras writes it."""
    from keras2torch.models.configs import serialized

    return serialized(layer)


def deserialize(config: Mapping[str, Any], custom_objects: Any = None) -> Any:
    """Make a layer from class name and config.

    Raises
    ------
    ValueError
        For a class that is neither Keras' own nor handed over or registered.
    """
    from keras2torch import serialization
    from keras2torch.models import classes

    name = str(config.get("registered_name") or config["class_name"])
    short = name.rpartition(">")[2]
    with serialization.CustomObjectScope(custom_objects):
        cls = serialization.get_registered_object(name) or (
            serialization.get_registered_object(short)
        )
        if cls is None:
            try:
                cls = classes.named(str(config["class_name"]))
            except AttributeError as error:
                raise ValueError(
                    f"Unknown layer {short!r}: hand its class over in custom_objects, "
                    "or register it with register_keras_serializable."
                ) from error
        return cls.from_config(dict(config["config"]))


__all__ = [
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "Pipeline",
    "TorchModuleWrapper",
    "Wrapper",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]
