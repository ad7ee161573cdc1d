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
    Tensor,
    Weight,
    from_config,
    layer,
    to_config,
)
from keras2torch.layers.recurrence import (
    WITHOUT_EFFECT,
    Recurrent,
    states_of,
    temporary,
)
from keras2torch.layers.recurrent import GRU, LSTM, SimpleRNN
from keras2torch.layers.text import Raw, single
from keras2torch.layers.text import call as call_text

# A layer that is one step: what it computes over all steps is a recurrent layer.
_LAYER_OF_CELL: dict[str, type[Recurrent]] = {
    "LSTMCell": LSTM,
    "GRUCell": GRU,
    "SimpleRNNCell": SimpleRNN,
}


class CellBase(Layer):
    """A cell: one step of a recurrent layer, called by an RNN or by itself."""

    arguments = ("inputs", "states")
    packs = True
    ignored = WITHOUT_EFFECT

    units: int
    use_bias: bool
    dropout: float

    @cached_property
    def whole(self) -> Recurrent:
        """The layer that computes the same over many steps."""
        cls = _LAYER_OF_CELL[type(self).__name__]
        names = {f.name for f in dataclasses.fields(cls)}
        config = {k: v for k, v in to_config(self).items() if k in names}
        found = from_config(cls.__name__, config)
        assert isinstance(found, Recurrent)
        return found

    @property
    def output_size(self) -> int:
        """The width of what comes out."""
        return self.units

    @property
    def state_size(self) -> Any:
        """The width of the state, a list of them where there are two."""
        count = self.whole.state_count
        return self.units if count == 1 else [self.units] * count

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """Return those of the layer, without a cell around them."""
        batch, *step = shapes[0]
        found = self.whole.weights((batch, None, *step))
        return [dataclasses.replace(w, path="") for w in found]

    def state_shapes(self, shape: Shape) -> list[Shape]:
        """Return the shapes of the states for an input's shape."""
        batch, *step = shape
        self.whole.return_state = True
        return self.whole.output_shapes((batch, None, *step))[1:]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the output and the new states."""
        states = self.state_shapes(shapes[0])
        if len(shapes) != 1 + len(states):
            raise self.unsupported(f"a call with {len(shapes) - 1} states")
        return [states[0], *states]

    def regularizers(self) -> dict[str, Any]:
        """Return those of the layer."""
        return self.whole.regularizers()

    # -- PyTorch
    def _sequence(self, call: Call) -> Call:
        """Return the call of the layer on a sequence of one step."""
        batch, *step = call.x.shape
        axes = (0, 1, *[a + 1 for a in call.x.layout.axes[1:]])
        layout = Layout(axes, call.x.layout.flat)
        x = Tensor((batch, 1, *step), call.x.dtype, layout, f"{call.x.name}[:, None]")
        return dataclasses.replace(call, inputs=[x], outputs=[], masks=[], read=())

    def module(self, call: Call) -> Module:
        """``nn.LSTMCell(8, 16)`` and its like, else the helper that runs steps."""
        one = self._sequence(call)
        made = self.whole.module(one)
        if self.dropout:
            made.notes += (
                "in training Keras drops the same features in every call of a cell "
                "that no RNN calls; here each call draws",
            )
        if self.whole.is_stepped(one):
            return made
        options = self.whole.plain_options()
        if not self.use_bias:
            options["bias"] = False
        name = f"nn.{self.whole.torch_name.removeprefix('Simple')}Cell"
        made.text = call_text(name, self.whole.size(one), self.units, **options)
        made.weights = {k.removesuffix("_l0"): v for k, v in made.weights.items()}
        made.init = tuple(line.replace("_l0", "") for line in made.init)
        return made

    def forward(self, call: Call, module: str) -> Forward:
        """``h, c = self.cell(x, (h, c))``; the output is h."""
        one = self._sequence(call)
        x, *states = [t.name for t in call.inputs]
        names = [temporary(module, n) for n in ("h", "c")][: len(states)]
        made = names[0] if len(names) == 1 else f"({', '.join(names)})"
        if self.whole.is_stepped(one):
            named = [Tensor(t.shape, name=t.name) for t in call.inputs[1:]]
            state = self.whole.state_text(named)
            run, helpers = self.whole.run(one, module, stepped=True, state=state)
            given = f"_, {made} = {run}"
            results = [f"{n}[0]" for n in names]
            return Forward([results[0], *results], (given,), helpers)
        if self.dropout and call.options.get("training") is not False:
            when = True if call.options.get("training") else Raw(f"{module}.training")
            x = call_text("F.dropout", Raw(x), single(self.dropout), when)
        state = states[0] if len(states) == 1 else f"({', '.join(states)})"
        line = f"{made.strip('()')} = {module}({x}, {state})"
        told = ("", "h", "c")[: 1 + len(states)]
        return Forward([names[0], *names], (line,), names=told)


@layer
class LSTMCell(CellBase):
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
class GRUCell(CellBase):
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
class SimpleRNNCell(CellBase):
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
class StackedRNNCells(Layer):
    """Cells on top of each other: layers on top of each other."""

    arguments = ("inputs", "states")
    packs = True
    ignored = WITHOUT_EFFECT

    cells: Any

    def __post_init__(self) -> None:
        self.cells = [serialized(c) for c in self.cells]

    @cached_property
    def stack(self) -> list[CellBase]:
        """The cells, the first first."""
        found = []
        for config in self.cells:
            kind = _kind(config)
            if kind not in _LAYER_OF_CELL:
                raise self.unsupported(f"the cell {kind or config!r} has no rule")
            cell = from_config(kind, config["config"])
            assert isinstance(cell, CellBase)
            cell.trainable = self.trainable and cell.trainable
            found.append(cell)
        return found

    @property
    def output_size(self) -> int:
        """The width of what comes out."""
        return self.stack[-1].units

    @property
    def state_size(self) -> Any:
        """Those of the cells."""
        return [cell.state_size for cell in self.stack]

    def _shapes(self, shape: Shape) -> list[Shape]:
        """Return the input shape of each cell."""
        found = [shape]
        for cell in self.stack:
            found.append(cell.state_shapes(found[-1])[0])
        return found[:-1]

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """Return those of the cells, the first cell's first."""
        paths = _paths([str(_kind(c)) for c in self.cells])
        cells = zip(self.stack, self._shapes(shapes[0]), paths, strict=True)
        return [
            dataclasses.replace(w, name=f"{i}/{w.name}", path=f"cells/{path}")
            for i, (cell, shape, path) in enumerate(cells)
            for w in cell.weights(shape)
        ]

    def state_shapes(self, shape: Shape) -> list[Shape]:
        """Return the shapes of all cells' states for an input's shape."""
        cells = zip(self.stack, self._shapes(shape), strict=True)
        return [state for cell, x in cells for state in cell.state_shapes(x)]

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the last cell's output and the new states of all cells."""
        states = self.state_shapes(shapes[0])
        if len(shapes) != 1 + len(states):
            raise self.unsupported(f"a call with {len(shapes) - 1} states")
        last = self.stack[-1]
        return [states[-len(last.state_shapes(self._shapes(shapes[0])[-1]))], *states]

    def regularizers(self) -> dict[str, Any]:
        """Return those of the cells."""
        return {
            f"{i}/{key}": value
            for i, cell in enumerate(self.stack)
            for key, value in cell.regularizers().items()
        }

    # -- PyTorch
    def _calls(self, call: Call) -> list[Call]:
        """Return each cell's call; what comes from the cell below has no name yet."""
        given = call.inputs[1:]
        found: list[Call] = []
        for cell, shape in zip(self.stack, self._shapes(call.x.shape), strict=True):
            count = len(cell.state_shapes(shape))
            own, given = given[:count], given[count:]
            x = call.x if not found else Tensor(shape)
            found.append(dataclasses.replace(call, inputs=[x, *own], read=()))
        return found

    def module(self, call: Call) -> Module:
        """``nn.ModuleList`` of the cells."""
        parts = zip(self.stack, self._calls(call), strict=True)
        return _listed([cell.module(part) for cell, part in parts])

    def forward(self, call: Call, module: str) -> Forward:
        """Call the cells one after the other."""
        before: list[str] = []
        states: list[str] = []
        helpers: tuple[str, ...] = ()
        out = call.x.name
        for i, (cell, part) in enumerate(
            zip(self.stack, self._calls(call), strict=True)
        ):
            part.inputs[0].name = out
            made = cell.forward(part, f"{module}[{i}]")
            assert not isinstance(made.results, str)
            out, *new = made.results
            before += made.before
            states += new
            helpers += made.helpers
        return Forward([out, *states], tuple(before), helpers)


@layer
class RNN(Layer):
    """A loop over a cell: the recurrent layer that has this cell, or a stack of them.

    Attributes
    ----------
    cell
        A cell's config, or its definition.
    keras2
        Whether a call with states sees the mask of the steps, too: not in Keras 3.
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
    keras2: bool = False

    def __post_init__(self) -> None:
        self.cell = serialized(self.cell)

    @cached_property
    def stack(self) -> list[Recurrent]:
        """The layers that compute the same, the first first."""
        cells, paths = [self.cell], [""]
        if _kind(self.cell) == "StackedRNNCells":
            cells = self.cell["config"]["cells"]
            paths = [f"cell/cells/{p}" for p in _paths([str(_kind(c)) for c in cells])]
        found = [self._layer_of(c) for c in cells]
        for each, path in zip(found, paths, strict=True):
            vars(each)["cell_path"] = path or each.cell_path
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
        pairs = zip(self.stack, self._shapes(shapes[0]), strict=True)
        return [
            dataclasses.replace(w, name=f"{i}/{w.name}")
            for i, (inner, shape) in enumerate(pairs)
            for w in inner.weights(shape)
        ]

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
        parts = zip(self.stack, self._calls(call), strict=True)
        return _listed([inner.module(part) for inner, part in parts])

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


def _listed(parts: list[Module]) -> Module:
    """Return modules as one list; weights are numbered as they are in Keras."""
    weights = {
        f"{i}.{key}": dataclasses.replace(
            source, weights=tuple(f"{i}/{w}" for w in source.weights)
        )
        for i, part in enumerate(parts)
        for key, source in part.weights.items()
    }
    init = [
        line.replace("{self}", f"{{self}}[{i}]")
        for i, part in enumerate(parts)
        for line in part.init
    ]
    return Module(
        f"nn.ModuleList([{', '.join(part.text for part in parts)}])",
        weights,
        tuple(h for part in parts for h in part.helpers),
        tuple(init),
        tuple(note for part in parts for note in part.notes),
    )


def _paths(kinds: list[str]) -> list[str]:
    """Return where Keras 3 stores each: ``lstm_cell``, ``lstm_cell_1`` …."""
    found = []
    for i, kind in enumerate(kinds):
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind)
        name = re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
        before = kinds[:i].count(kind)
        found.append(f"{name}_{before}" if before else name)
    return found


__all__ = ["RNN", "CellBase", "GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"]
