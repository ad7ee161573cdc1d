"""RNN, the loop over a cell, and the cells.

Sources: ``keras/src/layers/rnn/rnn.py``, ``stacked_rnn_cells.py`` and the cells in
``lstm.py``, ``gru.py``, ``simple_rnn.py`` (Keras 3.15).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from keras2torch.layers.base import (
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Source,
    Tensor,
    Weight,
    from_config,
    layer,
    to_config,
)
from keras2torch.layers.recurrence import WITHOUT_EFFECT, Recurrent, states_of
from keras2torch.layers.recurrent import GRU, LSTM, SimpleRNN

# A layer that is one step: what it computes over all steps is a recurrent layer.
_LAYER_OF_CELL: dict[str, type[Recurrent]] = {
    "LSTMCell": LSTM,
    "GRUCell": GRU,
    "SimpleRNNCell": SimpleRNN,
}


class _Cell(Layer):
    """A cell; only an RNN around it becomes PyTorch."""

    ignored = WITHOUT_EFFECT

    def forward(self, call: Call, module: str) -> Forward:
        """Only within an RNN, a Bidirectional or StackedRNNCells."""
        raise self.unsupported("a cell is called without an RNN around it")


@layer
class LSTMCell(_Cell):
    """One step of an LSTM."""

    units: int
    activation: Any = "tanh"
    recurrent_activation: Any = "sigmoid"
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    unit_forget_bias: bool = True
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    seed: int | None = None


@layer
class GRUCell(_Cell):
    """One step of a GRU."""

    units: int
    activation: Any = "tanh"
    recurrent_activation: Any = "sigmoid"
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    reset_after: bool = True
    seed: int | None = None


@layer
class SimpleRNNCell(_Cell):
    """One step of a SimpleRNN."""

    units: int
    activation: Any = "tanh"
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    seed: int | None = None


@layer
class StackedRNNCells(_Cell):
    """Cells on top of each other: layers on top of each other."""

    cells: Any

    def __post_init__(self) -> None:
        self.cells = [serialized(c) for c in self.cells]


@layer
class RNN(Layer):
    """A loop over a cell: the recurrent layer that has this cell, or a stack of them.

    Attributes
    ----------
    cell
        A cell's config, or its definition.
    """

    layout = "flat"
    masking = "use"
    ignored = WITHOUT_EFFECT

    cell: Any
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False

    def __post_init__(self) -> None:
        self.cell = serialized(self.cell)

    @cached_property
    def stack(self) -> list[Recurrent]:
        """The layers that compute the same, the first first."""
        cells = [self.cell]
        if _kind(self.cell) == "StackedRNNCells":
            cells = self.cell["config"]["cells"]
        found = [self._layer_of(c) for c in cells]
        for under in found[:-1]:
            under.return_sequences, under.zero_output_for_mask = True, False
        for over in found[1:]:
            over.go_backwards = False
        return found

    def _layer_of(self, cell: Any) -> Recurrent:
        kind = _kind(cell)
        if kind not in _LAYER_OF_CELL:
            raise self.unsupported(f"the cell {kind or cell!r} has no rule")
        found = from_config(_LAYER_OF_CELL[kind].__name__, cell["config"])
        assert isinstance(found, Recurrent)
        found.name = self.name
        found.trainable = self.trainable and found.trainable
        for key in to_config(self).keys() & to_config(found).keys():
            if key not in ("name", "trainable", "dtype"):
                setattr(found, key, getattr(self, key))
        return found

    @property
    def inner(self) -> Recurrent:
        """The layer that computes the same; a stack of cells has none."""
        if len(self.stack) != 1:
            raise self.unsupported("stacked cells here")
        return self.stack[0]

    def _shapes(self, shape: Shape) -> list[Shape]:
        """Return the input shape of each layer of the stack."""
        units = [a.units for a in self.stack[:-1]]
        return [shape, *[(*shape[:2], u) for u in units]]

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """Return those of the cells, the first cell's first."""
        if len(self.stack) == 1:
            return self.inner.weights(*shapes)
        paths = _paths([str(_kind(c)) for c in self.cell["config"]["cells"]])
        found = []
        for i, (inner, shape) in enumerate(
            zip(self.stack, self._shapes(shapes[0]), strict=True)
        ):
            for w in inner.weights(shape):
                name, path = f"{i}/{w.name}", f"cell/cells/{paths[i]}"
                found.append(dataclasses.replace(w, name=name, path=path))
        return found

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the sequence or its last step, then the states of all cells."""
        shape = shapes[0]
        outs = [inner.output_shapes(shape) for inner in self.stack]
        return [outs[-1][0], *[s for o in outs for s in o[1:]]]

    def passes_mask(self) -> bool:
        """If the steps come out."""
        return self.return_sequences

    def regularizers(self) -> dict[str, Any]:
        """Return those of the cells."""
        if len(self.stack) == 1:
            return self.inner.regularizers()
        return {
            f"{i}/{key}": value
            for i, inner in enumerate(self.stack)
            for key, value in inner.regularizers().items()
        }

    # -- layout
    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Want what a recurrent layer wants."""
        return self.stack[0].layouts(call)

    # -- PyTorch
    def _calls(self, call: Call) -> list[Call]:
        """Return each layer's call; ``x`` between two of them has no name yet."""
        states = states_of(call)
        found = []
        for i, (inner, shape) in enumerate(
            zip(self.stack, self._shapes(call.x.shape), strict=True)
        ):
            own, states = states[: inner.state_count], states[inner.state_count :]
            x, mask = call.x, call.mask
            if i:
                x = Tensor(shape)
                if mask is not None and self.go_backwards:
                    mask = dataclasses.replace(mask, name=f"{mask.name}.flip(1)")
            found.append(
                dataclasses.replace(call, inputs=[x], masks=[mask], states=own, read=())
            )
        if states:
            raise self.unsupported(f"{len(states_of(call))} initial states")
        return found

    def module(self, call: Call) -> Module:
        """The layer of its cell (``nn.LSTM`` for an LSTMCell); a list of them."""
        if len(self.stack) == 1:
            return self.inner.module(call)
        made = [a.module(c) for a, c in zip(self.stack, self._calls(call), strict=True)]
        weights = {
            f"{i}.{key}": Source(
                tuple(f"{i}/{w}" for w in source.weights),
                source.transform,
                source.how,
                source.trainable,
            )
            for i, m in enumerate(made)
            for key, source in m.weights.items()
        }
        init = [
            line.replace("{self}", f"{{self}}[{i}]")
            for i, m in enumerate(made)
            for line in m.init
        ]
        return Module(
            f"nn.ModuleList([{', '.join(m.text for m in made)}])",
            weights,
            tuple(h for m in made for h in m.helpers),
            tuple(init),
        )

    def forward(self, call: Call, module: str) -> Forward:
        """Call the layers one after the other."""
        if len(self.stack) == 1:
            return self.inner.forward(call, module)
        before: list[str] = []
        states: list[str] = []
        helpers: tuple[str, ...] = ()
        results: list[str] = []
        for i, (inner, part) in enumerate(
            zip(self.stack, self._calls(call), strict=True)
        ):
            if i:
                part.inputs[0].name = f"{self._steps}"
            made = inner.forward(part, f"{module}[{i}]")
            results = [made.results] if isinstance(made.results, str) else made.results
            before += made.before
            states += results[1:]
            helpers += made.helpers
            if i < len(self.stack) - 1:
                before.append(f"{self._steps} = {results[0]}")
        out = [results[0], *states]
        return Forward(out if states else out[0], tuple(before), helpers)

    @property
    def _steps(self) -> str:
        return re.sub(r"\W+", "_", self.name.lower()).strip("_") + "_steps"


def serialized(inner: Any) -> Any:
    """Return a layer as Keras' config has it; a config stays as it is."""
    if isinstance(inner, Layer):
        return {"class_name": type(inner).__name__, "config": to_config(inner)}
    return inner


def _kind(config: Any) -> str | None:
    return config.get("class_name") if isinstance(config, Mapping) else None


def _paths(kinds: list[str]) -> list[str]:
    """Return where Keras 3 stores each: ``lstm_cell``, ``lstm_cell_1`` …."""
    found = []
    for i, kind in enumerate(kinds):
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind)
        name = re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
        before = kinds[:i].count(kind)
        found.append(f"{name}_{before}" if before else name)
    return found


__all__ = ["RNN", "GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"]
