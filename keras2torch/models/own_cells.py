"""Wrappers around a user's own layers: the loop over steps in sight.

Sources: ``rnn.py`` and ``time_distributed.py`` in ``keras/src/layers/rnn/`` (3.15).
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch

from keras2torch.models.context import default_device
from keras2torch.models.layer import Layer
from keras2torch.models.naming import auto_name
from keras2torch.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)


def _state_size(self: Any) -> Any:
    """How wide its states are; of stacked cells a list."""
    return self.definition.state_size


def _output_size(self: Any) -> int:
    """How wide its output is."""
    return int(self.definition.output_size)


def _initial_state(self: Any, batch_size: int | None = None) -> Any:
    """Return zeros for a batch, in the structure that a call takes."""

    def zeros(size: Any) -> Any:
        if isinstance(size, list):
            return [zeros(s) for s in size]
        return torch.zeros(batch_size or 1, size)

    sizes = self.definition.state_size
    return zeros(sizes if isinstance(sizes, list) else [sizes])


def _initial_states(self: Any, batch_size: int) -> list[torch.Tensor]:
    """Return zeros for a batch: the states with which a sequence begins."""
    whole = copy.copy(self.definition)
    whole.return_state = True
    shapes = whole.output_shapes((batch_size, None, 1))[1:]
    return [torch.zeros(s, device=default_device()) for s in shapes]


# What recurrent layers have beside a layer's members.
OF_LAYERS = {"get_initial_state": _initial_states}

# What the built-in cells have beside a layer's members.
OF_CELLS = {
    "state_size": property(_state_size),
    "output_size": property(_output_size),
    "get_initial_state": _initial_state,
}


def _as_in_keras(name: str) -> Any:
    """Return a decorator: a class is known, shown and written under Keras' name."""

    def renamed(cls: Any) -> Any:
        cls.__name__ = cls.__qualname__ = name
        cls.__module__ = "keras2torch.layers"
        return cls

    return renamed


@_as_in_keras("RNN")
class OwnCellRNN(Layer):
    """Calls a cell step by step.

    Parameters
    ----------
    cell
        A layer whose ``call(x, states)`` returns ``(output, states)``, with
        ``state_size``; ``get_initial_state`` if it begins with other than zeros.
    return_sequences, return_state, go_backwards, stateful, zero_output_for_mask
        As in Keras. A masked step repeats the output before and keeps the states.
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=kwargs.pop("name", None) or auto_name("RNN"), **kwargs)
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self._kept: Any = None

    def build(self, input_shape: Any) -> None:
        """Build the cell for one step."""
        if not self.cell.built:
            self.cell.build((input_shape[0], *input_shape[2:]))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask goes on if the steps come out."""
        masks = previous_mask[0] if isinstance(previous_mask, list) else previous_mask
        first = masks if self.return_sequences else None
        sizes = self.cell.state_size
        count = len(sizes) if isinstance(sizes, (list, tuple)) else 1
        return [first, *[None] * count] if self.return_state else first

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: Any = None,
    ) -> Any:
        """Run over axis 1."""
        states = self._begin(sequences, initial_state)
        steps = range(sequences.shape[1])
        outputs = []
        before: Any = None
        for t in reversed(steps) if self.go_backwards else steps:
            output, new = self.cell(sequences[:, t], states)
            new = list(new) if isinstance(new, (list, tuple)) else [new]
            if mask is not None:
                kept = torch.zeros_like(output) if before is None else before
                output = _where(mask[:, t], output, kept)
                new = [
                    _where(mask[:, t], n, s) for n, s in zip(new, states, strict=True)
                ]
                before = output
                if self.zero_output_for_mask:
                    output = _where(mask[:, t], output, torch.zeros_like(output))
            states = new
            outputs.append(output)
        if self.stateful:
            self._kept = [s.detach() for s in states]
        result = torch.stack(outputs, 1) if self.return_sequences else outputs[-1]
        return [result, *states] if self.return_state else result

    def _begin(self, x: torch.Tensor, given: Any) -> list[torch.Tensor]:
        if given is not None:
            return list(given) if isinstance(given, (list, tuple)) else [given]
        if self.stateful and self._kept is not None:
            return list(self._kept)
        if hasattr(self.cell, "get_initial_state"):
            made = self.cell.get_initial_state(batch_size=x.shape[0])
            return list(made) if isinstance(made, (list, tuple)) else [made]
        sizes = self.cell.state_size
        listed = sizes if isinstance(sizes, (list, tuple)) else [sizes]
        return [x.new_zeros(x.shape[0], size) for size in listed]

    def reset_state(self) -> None:
        """Begin the next batch with zeros."""
        self._kept = None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, the cell as its config."""
        return {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": False,
            "zero_output_for_mask": self.zero_output_for_mask,
            "cell": serialize_keras_object(self.cell),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make it of what :meth:`get_config` returned."""
        return cls(**{**config, "cell": deserialize_keras_object(config["cell"])})


@_as_in_keras("TimeDistributed")
class OwnTimeDistributed(Layer):
    """Calls a layer step by step.

    Parameters
    ----------
    layer
        Called on what each step of axis 1 holds.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        name = kwargs.pop("name", None) or auto_name("TimeDistributed")
        super().__init__(name=name, **kwargs)
        self.layer = layer
        self.supports_masking = True
        self._takes_mask = "mask" in inspect.signature(layer.call).parameters

    def build(self, input_shape: Any) -> None:
        """Build the layer for one step."""
        if not self.layer.built:
            self.layer.build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Call the layer on each step."""
        given: dict[str, Any] = {}
        if mask is not None and self._takes_mask:
            given = {"mask": mask.unbind(1)}
        made = [
            self.layer(x, **{k: v[t] for k, v in given.items()})
            for t, x in enumerate(inputs.unbind(1))
        ]
        return torch.stack(made, 1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, the layer as its config."""
        layer = serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": layer}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make it of what :meth:`get_config` returned."""
        return cls(**{**config, "layer": deserialize_keras_object(config["layer"])})


def _where(mask: torch.Tensor, new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    shape = [-1] + [1] * (new.ndim - 1)
    return torch.where(mask.view(shape), new, old)
