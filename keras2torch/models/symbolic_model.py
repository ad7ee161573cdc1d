"""What a model of symbolic tensors knows of its graph: layers, inputs, outputs.

Source: ``keras/src/models/functional.py`` (3.15).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from torch import nn

from keras2torch import tree
from keras2torch.data.words import Words, as_words
from keras2torch.layers.base import Shape
from keras2torch.models import programs
from keras2torch.models.hooks import Hooked
from keras2torch.models.layer import Layer
from keras2torch.models.symbolic import (
    KerasTensor,
    Network,
    is_layer,
)
from keras2torch.models.tracking import unheld

# Stands for a dtype of torch where strings come.
STRING = "string"


class SymbolicModel(Hooked):
    """A layer that may have a graph, and takes data as the graph wants it."""

    _call_graph: Network | None
    _net_keys: set[str]
    _inputs_struct: Any
    _outputs_struct: Any
    _in_specs: list[tuple[str, Shape, Any]]
    _in_axes: list[tuple[int, ...] | None]
    _alone: torch.Size | None

    @property
    def layers(self) -> list[Any]:
        """The layers in Keras' order, inputs included."""
        if self._call_graph is not None:
            return [o for o in self._call_graph.operations if is_layer(o)]
        return [m for m in self.tracked_layers() if isinstance(m, Layer)]

    def tracked_layers(self) -> list[nn.Module]:
        """Return the layers within, those of the graph first."""
        graph = self._call_graph.operations if self._call_graph is not None else []
        found = [o for o in graph if isinstance(o, nn.Module)]
        own = [m for key, m in self._modules.items() if key not in self._net_keys]
        for module in self._by_first_sight(list(unheld(own))):
            if all(module is not f for f in found):
                found.append(module)
        return found

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """Return a layer by name or index.

        Raises
        ------
        ValueError
            If there is none.
        """
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has "
                    f"{len(layers)} layers."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        names = [str(layer.name) for layer in layers]
        near = get_close_matches(str(name), names, n=1)
        raise ValueError(
            f"No such layer: {name}. Existing layers are: {names}."
            f"{f' Did you mean {near[0]!r}?' if near else ''}"
        )

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic tensors that go in, flat."""
        self._symbolic("inputs")
        return tree.flatten(self._inputs_struct)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic tensors that come out, flat."""
        self._symbolic("outputs")
        return tree.flatten(self._outputs_struct)

    @property
    def input(self) -> Any:
        """The symbolic tensors that go in."""
        self._symbolic("input")
        return _unlisted(self._inputs_struct)

    @property
    def output(self) -> Any:
        """The symbolic tensors that come out."""
        self._symbolic("output")
        return _unlisted(self._outputs_struct)

    @property
    def input_shape(self) -> Any:
        """Shapes of what goes in."""
        return tree.map_structure(lambda t: t.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Shapes of what comes out."""
        return tree.map_structure(lambda t: t.shape, self.output)

    @property
    def input_names(self) -> list[str]:
        """Names of what goes in."""
        return [t.name for t in self.inputs]

    @property
    def output_names(self) -> list[str] | None:
        """Names by which ``compile`` knows the outputs: those of their layers."""
        if self._call_graph is None:
            return None
        struct = self._outputs_struct
        if isinstance(struct, dict) and len(struct) == len(self.outputs):
            return [str(k) for k in tree.keys(struct)]
        names: list[str] = []
        for tensor in self.outputs:
            assert tensor.node is not None
            name = str(tensor.node.operation.name)
            names.append(name)
        return names

    def _symbolic(self, what: str) -> None:
        if self._call_graph is None:
            raise AttributeError(
                f"The model {self.name} has no defined {what}: it is not made of "
                "symbolic tensors, or not built yet."
            )

    def _standardized(self, inputs: Any) -> list[Any]:
        """Return the tensors in the order and axes in which the program takes them."""
        if (
            type(inputs) is torch.Tensor
            and inputs.shape[1:] == self._alone
            and inputs.dtype is self._in_specs[0][2]
        ):
            axes = self._in_axes[0]
            return [inputs if axes is None else inputs.permute(axes)]
        flat = self._in_order(inputs)
        found = []
        for value, axes, (name, shape, dtype) in zip(
            flat, self._in_axes, self._in_specs, strict=True
        ):
            if dtype is STRING:
                value = as_words(value)
                if not isinstance(value, Words):
                    raise ValueError(
                        f"Input {name!r} of model {self.name!r} takes strings, not "
                        f"a {type(value).__name__}."
                    )
                found.append(
                    value
                    if value.ndim == len(shape)
                    else self._adjusted(value, shape, name)
                )
                continue
            if isinstance(value, Words):
                raise ValueError(
                    f"Input {name!r} of model {self.name!r} holds text, and torch has "
                    "no text tensors: turn it into integers before it is given to the "
                    'model, or give the model an Input of dtype "string".'
                )
            if not isinstance(value, torch.Tensor):
                value = torch.as_tensor(np.asarray(value))
                value = value.to(programs.device_of(self))
            if value.dtype != dtype:
                if value.is_complex() and not dtype.is_complex:
                    warnings.warn(
                        f"Input {name!r} of model {self.name!r} is complex: its "
                        "imaginary part is dropped.",
                        stacklevel=4,
                    )
                    value = value.real
                value = value.to(dtype)
            if value.ndim != len(shape):
                value = self._adjusted(value, shape, name)
            for i, size in enumerate(shape):
                if size is not None and i and value.shape[i] != size:
                    raise ValueError(
                        f"Input {name!r} of model {self.name!r} has shape "
                        f"{tuple(value.shape)}; {shape} is expected, the batch first, "
                        "channels last."
                    )
            found.append(value if axes is None else value.permute(axes))
        return found

    def _adjusted(self, value: Any, shape: Shape, name: str) -> Any:
        """Add or take away a last axis of 1, as Keras does."""
        if value.ndim == len(shape) + 1 and value.shape[-1] == 1:
            return value.squeeze(-1)
        if value.ndim == len(shape) - 1 and shape[-1] == 1:
            return value.unsqueeze(-1)
        raise ValueError(
            f"Input {name!r} of model {self.name!r} has shape {tuple(value.shape)}, "
            f"which has {value.ndim} axes; {shape} is expected, the batch first."
        )

    def _in_order(self, inputs: Any) -> list[Any]:
        struct = self._inputs_struct
        flat: list[Any]
        inputs = as_words(inputs) if len(self._in_specs) == 1 else inputs
        if isinstance(inputs, (torch.Tensor, Words)):
            flat = [inputs]
        elif isinstance(inputs, Mapping) and not isinstance(struct, dict):
            names = [t.name for t in tree.flatten(struct)]
            if missing := [n for n in names if n not in inputs]:
                raise ValueError(
                    f"Model {self.name!r} has the inputs {names}; the data has no "
                    f"{missing[0]!r}, only {sorted(inputs)}."
                )
            flat = [inputs[n] for n in names]
        elif isinstance(struct, dict) and isinstance(inputs, Mapping):
            if missing := [k for k in struct if k not in inputs]:
                raise ValueError(
                    f"Model {self.name!r} has the inputs {sorted(struct)}; the data "
                    f"has no {missing[0]!r}, only {sorted(inputs)}."
                )
            flat = tree.flatten({k: inputs[k] for k in struct})
        elif isinstance(inputs, (list, tuple)) and len(self._in_specs) == 1:
            name, shape, _ = self._in_specs[0]
            arrays = all(hasattr(v, "shape") and len(v.shape) for v in inputs)
            if len(inputs) > 1 and arrays:
                raise ValueError(
                    f"Model {self.name!r} has 1 input, {name!r}; it was called with a "
                    f"list of {len(inputs)} arrays."
                )
            many = len(inputs) == 1 and np.ndim(inputs[0]) == len(shape)
            flat = [inputs[0]] if many else [inputs]
        elif isinstance(inputs, (list, tuple)) and not isinstance(struct, dict):
            flat = tree.flatten([as_words(v) for v in inputs])
        else:
            flat = tree.flatten(inputs)
        if len(flat) != len(self._in_specs):
            names = [n for n, _, _ in self._in_specs]
            raise ValueError(
                f"Model {self.name!r} has {len(names)} inputs, {names}; it was called "
                f"with {len(flat)}."
            )
        return flat


def _unlisted(struct: Any) -> Any:
    listed = isinstance(struct, (list, tuple)) and len(struct) == 1
    return struct[0] if listed else struct
