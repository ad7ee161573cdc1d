"""``Sequential``: a stack of layers.

Source: ``keras/src/models/sequential.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from keras2torch.layers.base import Shape
from keras2torch.models.layer import Layer
from keras2torch.models.model import _OWN_CALLS, Model
from keras2torch.models.naming import dtype_name
from keras2torch.models.others import TorchModuleWrapper
from keras2torch.models.symbolic import Input, InputLayer, KerasTensor, Network


class Sequential(Model):
    """A stack of layers, built from an ``Input`` or from the first batch.

    Parameters
    ----------
    layers
        Layers, models, or any ``nn.Module``; an ``Input`` may come first.
    trainable, name
        As for any layer.
    """

    _stack: list[Any]
    _stale = False
    _network: Network | None = None

    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name)
        object.__setattr__(self, "_stack", [])
        self._entry: InputLayer | None = None
        for layer in layers or ():
            self.add(layer)

    # -- the stack
    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top.

        Raises
        ------
        ValueError
            If it is no layer, or its name is taken.
        """
        if isinstance(layer, KerasTensor):
            assert layer.node is not None
            layer = layer.node.operation
        if isinstance(layer, InputLayer):
            if self._entry is not None:
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to "
                    f"use input shape {self._entry.batch_shape}. You cannot add a "
                    "different Input layer to it."
                )
            self._entry = layer
            self._changed()
            return
        if isinstance(layer, nn.Module) and not isinstance(layer, Layer):
            layer = TorchModuleWrapper(layer)
        if not isinstance(layer, Layer):
            raise ValueError(
                "Only instances of `keras.Layer` or `nn.Module` can be added to a "
                f"Sequential model. Received: {layer} (of type {type(layer)})"
            )
        if any(layer.name == other.name for other in self._stack):
            raise ValueError(
                "All layers added to a Sequential model should have unique names. "
                f"Name '{layer.name}' is already the name of a layer in this model. "
                "Update the `name` argument to pass a unique name."
            )
        if not self._stack and self._entry is None:
            self._entry = _entry_of(layer)
        self._stack.append(layer)
        layer._users.add(self)
        self._changed()

    def pop(self, rebuild: bool = True) -> Any:
        """Take the last layer off and return it."""
        if not self._stack:
            raise IndexError(
                f"Sequential model {self.name!r} has no layer to take off."
            )
        layer = self._stack.pop()
        self._changed()
        return layer

    def _changed(self) -> None:
        self.drop_net()
        self._network = None
        self._stale = self._entry is not None and bool(self._stack)

    def _refresh(self) -> None:
        """Call the layers one after another, once it is known what goes in."""
        if not self._stale:
            return
        self._stale = False
        assert self._entry is not None
        x: Any = self._entry.output
        calls = [len(layer._inbound_nodes) for layer in self._stack]
        try:
            for layer in self._stack:
                x = layer(x)
            self._set_graph(self._entry.output, x)
        except Exception:
            # A call that failed leaves no trace, so that right shapes fit afterwards.
            self._stale = True
            for layer, count in zip(self._stack, calls, strict=True):
                del layer._inbound_nodes[count:]
            raise

    @property
    def _call_graph(self) -> Network | None:
        """The calls of the stack, made when somebody first asks."""
        if self._stale:
            self._refresh()
        return self._network

    @_call_graph.setter
    def _call_graph(self, value: Network | None) -> None:
        self._network = value

    @property
    def built(self) -> bool:
        """Whether it is known what goes in."""
        return self._call_graph is not None

    @built.setter
    def built(self, value: bool) -> None:
        pass

    @property
    def is_written(self) -> bool:  # type: ignore[override]
        """Whether the source of a model around it has it as text."""
        return self._call_graph is not None and type(self).call is Sequential.call

    @property
    def layers(self) -> list[Any]:
        """The layers, without the input."""
        return list(self._stack)

    def tracked_layers(self) -> list[nn.Module]:
        """Return the layers of the stack, then others that were assigned."""
        own = {id(layer) for layer in self._stack}
        others = [m for m in super().tracked_layers() if id(m) not in own]
        return [*self._stack, *[m for m in others if not isinstance(m, InputLayer)]]

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for a shape, the batch first."""
        if self._entry is None:
            if input_shape is None:
                return
            if not self._stack:
                raise ValueError(
                    f"Sequential model {self.name} cannot be built because it has no "
                    "layers. Call `model.add(layer)`."
                )
            self._begin(tuple(input_shape), "float32")
        self.ensure_net()

    def _begin(self, shape: Shape, dtype: str) -> None:
        first = self._stack[0]
        if type(first).__name__ != "Embedding" or dtype.startswith("float"):
            dtype = first.variable_dtype
        tensor = Input(batch_shape=shape, dtype=dtype)
        assert tensor.node is not None
        self._entry = tensor.node.operation
        self._changed()
        try:
            self._refresh()
        except Exception:
            self._entry = None
            self._changed()
            raise

    # -- calls
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call on tensors or arrays; the first call builds it."""
        if self._entry is None and self._stack:
            x = args[0] if args else kwargs["inputs"]
            if isinstance(x, torch.Tensor) or hasattr(x, "dtype"):
                self._begin((None, *tuple(x.shape)[1:]), dtype_name(x.dtype))
        return super().forward(*args, **kwargs)

    def symbolic_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Write down that it was called; what is not built yet is built for it."""
        if self._entry is None and self._stack:
            self._begin(args[0].shape, args[0].dtype)
        return super().symbolic_call(args, kwargs)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Call the layers one after another."""
        if self._call_graph is not None:
            return self._run(inputs, training)
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the layers' configs."""
        from keras2torch.models.configs import sequential_config

        config: dict[str, Any] = sequential_config(self)
        return config


def _entry_of(layer: Any) -> InputLayer | None:
    """Return the input that a first layer declares: input_shape, or a model's own."""
    shape = getattr(layer, "_input_shape_arg", None)
    dtype = "float32"
    if shape is None and isinstance(layer, Model) and layer._call_graph is not None:
        if tensors := layer.inputs[1:]:
            raise ValueError(
                f"The first layer of a Sequential has {len(tensors) + 1} inputs."
            )
        shape, dtype = layer.inputs[0].shape, layer.inputs[0].dtype
    if shape is None:
        return None
    node = Input(batch_shape=shape, dtype=dtype).node
    assert node is not None
    found: InputLayer = node.operation
    return found


_OWN_CALLS.add(Sequential.call)
