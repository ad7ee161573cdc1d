"""What all recurrent layers share: torch's gates and biases, masks, states, text.

Sources: ``keras/src/layers/rnn`` and ``keras/src/backend/tensorflow/rnn.py`` (Keras
3.15). ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN`` compute the same as Keras' layers with
their default activations. A mask goes through ``run_masked``, which runs them over the
unmasked steps; what they cannot compute runs step by step in a ``Stepped…`` helper
with the same parameters and the same results.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from keras2torch.layers.activation import name_of
from keras2torch.layers.base import (
    Array,
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Source,
    Tensor,
    Weight,
    copied,
    made,
    transposed,
)
from keras2torch.layers.text import Raw, literal, single
from keras2torch.layers.text import call as call_text

# Activations as modules: a Stepped… helper keeps them as its parts.
_MODULES = {
    "linear": "nn.Identity()",
    "relu": "nn.ReLU()",
    "relu6": "nn.ReLU6()",
    "leaky_relu": "nn.LeakyReLU(0.2)",
    "elu": "nn.ELU()",
    "selu": "nn.SELU()",
    "celu": "nn.CELU()",
    "gelu": "nn.GELU()",
    "silu": "nn.SiLU()",
    "swish": "nn.SiLU()",
    "mish": "nn.Mish()",
    "sigmoid": "nn.Sigmoid()",
    "tanh": "nn.Tanh()",
    "softmax": "nn.Softmax(dim=-1)",
    "log_softmax": "nn.LogSoftmax(dim=-1)",
    "softplus": "nn.Softplus()",
    "softsign": "nn.Softsign()",
    "exponential": "Exponential()",
    "hard_sigmoid": "nn.Hardsigmoid()",
    "hard_sigmoid_keras2": "HardSigmoidKeras2()",
    "hard_silu": "nn.Hardswish()",
    "hard_swish": "nn.Hardswish()",
    "hard_tanh": "nn.Hardtanh()",
    "log_sigmoid": "nn.LogSigmoid()",
    "soft_shrink": "nn.Softshrink()",
    "hard_shrink": "nn.Hardshrink()",
    "tanh_shrink": "nn.Tanhshrink()",
    "squareplus": "Squareplus()",
    "sparse_plus": "SparsePlus()",
    "sparse_sigmoid": "SparseSigmoid()",
    "sparsemax": "Sparsemax()",
}
_MODULE_HELPERS = frozenset(
    {
        "Exponential",
        "HardSigmoidKeras2",
        "SparsePlus",
        "SparseSigmoid",
        "Sparsemax",
        "Squareplus",
    }
)


def activation_module(owner: Layer, activation: Any) -> tuple[str, tuple[str, ...]]:
    """Return an activation as a module's text, and its helpers."""
    name = name_of(activation)
    if name not in _MODULES:
        raise owner.unsupported(f"activation {activation!r} has no rule")
    text = _MODULES[name]
    return text, tuple(h for h in _MODULE_HELPERS if text == f"{h}()")


# Keras 1 called them so.
KERAS_1_NAMES = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
# `implementation` and `consume_less` choose between ways to compute the same.
WITHOUT_EFFECT = frozenset(
    {"implementation", "consume_less", "forget_bias_init", "input_length", "input_dim"}
)

# The state of the only layer that a module of torch's kind has here.
_OF_LAST = "[-1]"


class Recurrent(Layer):
    """Base of the recurrent layers.

    Attributes
    ----------
    torch_name
        ``"LSTM"``, ``"GRU"``, ``"SimpleRNN"``: the family.
    gates
        For each gate in torch's order, its place in Keras'.
    state_count
        2 for an LSTM (h, c), else 1.
    cell_path
        Where Keras 3 stores the weights within the layer.
    """

    layout: ClassVar[Literal["keras", "channels_first", "follow", "flat"]] = "flat"
    masking = "use"
    aliases = KERAS_1_NAMES
    ignored = WITHOUT_EFFECT

    torch_name: ClassVar[str]
    gates: ClassVar[tuple[int, ...]]
    # Whether each gate's matrix is only transposed: cuDNN reads its memory anew.
    transposes: ClassVar[bool] = True
    state_count: ClassVar[int] = 1
    # Whether one module of torch's kind can run in both directions.
    two_ways: ClassVar[bool] = True
    cell_path: ClassVar[str] = "cell"

    units: int
    activation: Any
    use_bias: bool
    dropout: float
    recurrent_dropout: float
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    zero_output_for_mask: bool
    # Whether a call with states sees the mask of the steps, too: not in Keras 3.
    keras2: bool

    # -- Keras
    def weights(self, *shapes: Shape) -> list[Weight]:
        """``kernel``, ``recurrent_kernel`` and ``bias``, the gates side by side."""
        size, units = shapes[0][-1], self.units
        if len(shapes[0]) != 3:
            raise self.unsupported(f"an input of rank {len(shapes[0])}")
        if size is None:
            raise self.unsupported("the last axis of its input has no size")
        wide, path = len(self.gates) * units, self.cell_path
        found = [
            Weight("kernel", (size, wide), path=path),
            Weight("recurrent_kernel", (units, wide), path=path),
        ]
        if self.use_bias:
            found.append(Weight("bias", self.bias_shape(), path=path))
        return found

    def bias_shape(self) -> tuple[int, ...]:
        """Return the shape of Keras' bias."""
        return (len(self.gates) * self.units,)

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the sequence or its last step, then the states."""
        batch, time = shapes[0][:2]
        step: Shape = (batch, self.units)
        first: Shape = (batch, time, self.units) if self.return_sequences else step
        return [first] + [step] * (self.state_count if self.return_state else 0)

    def passes_mask(self) -> bool:
        """If the steps come out."""
        return self.return_sequences

    def regularizers(self) -> dict[str, Any]:
        """Keras calls the argument ``recurrent_…`` and the weight differently."""
        found = super().regularizers()
        return {
            ("recurrent_kernel" if k == "recurrent" else k): found[k] for k in found
        }

    # -- layout
    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Want steps in Keras' order, their features flattened in any order."""
        wanted = [self._wanted(call.x)]
        wanted += [Layout.keras(t.rank) for t in call.inputs[1:]]
        return wanted, [Layout.keras(t.rank) for t in call.outputs]

    # -- PyTorch
    def is_plain(self) -> bool:
        """Whether the torch.nn class of that name computes it (masks aside)."""
        return name_of(self.activation) == "tanh" and not self.recurrent_dropout

    def is_stepped(self, call: Call) -> bool:
        """Whether it takes a helper that runs step by step."""
        return not self.is_plain() or (self.stateful and call.mask is not None)

    def plain_text(self, size: int, *, bidirectional: bool = False) -> str:
        """Return ``nn.LSTM(8, 16, batch_first=True)``."""
        return call_text(
            f"nn.{self.torch_name.removeprefix('Simple')}",
            size,
            self.units,
            **self.plain_options(),
            bias=self.use_bias,
            batch_first=True,
            bidirectional=bidirectional,
        )

    def plain_options(self) -> dict[str, Any]:
        """Return further arguments of the torch.nn class."""
        return {}

    def stepped_activations(self) -> list[Any]:
        """Return the activations in the order of the helper's arguments."""
        return [self.activation]

    def stepped_text(self, size: int) -> tuple[str, tuple[str, ...]]:
        """Return the text of the helper that runs step by step, and its helpers."""
        helper = f"Stepped{self.torch_name}"
        helpers = [helper]
        modules = []
        for activation in self.stepped_activations():
            module, used = activation_module(self, activation)
            modules.append(Raw(module))
            helpers += used
        options = self.stepped_options()
        if not self.use_bias:
            options["bias"] = False
        if self.recurrent_dropout:
            # Then Keras drops inputs gate by gate too: the helper does both.
            helper = helpers[0] = f"Dropping{self.torch_name}"
        text: str = call_text(helper, size, self.units, *modules, **options)
        if self.recurrent_dropout:
            rates = single(self.dropout), single(self.recurrent_dropout)
            text += call_text(".dropping", *rates)
        return text, tuple(helpers)

    def stepped_options(self) -> dict[str, Any]:
        """Return further arguments of the helper."""
        return {}

    def size(self, call: Call) -> int:
        """Return the number of features that go in."""
        size = call.x.shape[-1]
        assert size is not None
        return size

    def module(self, call: Call) -> Module:
        """``nn.LSTM`` and its like where they compute it, else a step-by-step class."""
        size = self.size(call)
        if self.is_stepped(call):
            text, helpers = self.stepped_text(size)
        else:
            text, helpers = self.plain_text(size), ()
        sources = self.sources(call.x.layout.feature_order())
        made_module = self.wrapped(Module(text, sources, helpers))
        if call.options.get("training") is False and self.recurrent_dropout:
            note = "called with training=False in Keras; here it drops in training"
            made_module.notes += (note,)
        return made_module

    def wrapped(self, module: Module) -> Module:
        """Freeze the biases that Keras has not; keep the state if it is stateful."""
        prefix = ""
        if self.stateful:
            prefix = "rnn."
            module.text = f"StatefulRNN({module.text})"
            module.helpers += ("StatefulRNN", "reset_states")
        module.weights = {f"{prefix}{k}": v for k, v in module.weights.items()}
        module.init += tuple(
            f"{{self}}.{name}.requires_grad_(False)"
            for name, source in module.weights.items()
            if not source.trainable
        )
        return module

    def sources(
        self, columns: Array | None = None, *, prefix: str = "", suffix: str = ""
    ) -> dict[str, Source]:
        """Return torch's parameters.

        Parameters
        ----------
        columns
            Order in which the input features arrive, if it is not Keras'.
        prefix, suffix
            Of the Keras weights (``"backward/"``) and torch's (``"_reverse"``).
        """

        def inputs(kernel: Array) -> Array:
            matrix = self.input_matrix(kernel)
            return matrix if columns is None else matrix[:, columns]

        kernel, recurrent = f"{prefix}kernel", f"{prefix}recurrent_kernel"
        how = "transpose" + self._gates_said()
        first, second = transposed(kernel), transposed(recurrent)
        if not self.transposes or self._gates_said():
            first = made([kernel], inputs, how)
            second = made([recurrent], self.recurrent_matrix, how)
        if columns is not None:
            first = made([kernel], inputs, how + ", columns in NCHW order")
        found = {f"weight_ih_l0{suffix}": first, f"weight_hh_l0{suffix}": second}
        if self.use_bias:
            first, second = self.biases(f"{prefix}bias")
            found |= {f"bias_ih_l0{suffix}": first, f"bias_hh_l0{suffix}": second}
        if not self.trainable:
            found = {k: frozen(s) for k, s in found.items()}
        return found

    def _gates_said(self) -> str:
        return "" if self.gates == tuple(sorted(self.gates)) else ", gates reordered"

    def _blocks(self, matrix: Array) -> list[Array]:
        """Return the gates along the last axis, in torch's order."""
        parts = np.split(matrix, len(self.gates), axis=-1)
        return [parts[g] for g in self.gates]

    def input_matrix(self, kernel: Array) -> Array:
        """Return torch's matrix for Keras' kernel."""
        return np.concatenate(self._blocks(kernel), axis=-1).T

    def recurrent_matrix(self, kernel: Array) -> Array:
        """Return torch's matrix for Keras' recurrent kernel."""
        return np.concatenate(self._blocks(kernel), axis=-1).T

    def reordered(self, bias: Array) -> Array:
        """Return a bias with its gates in torch's order."""
        return np.concatenate(self._blocks(bias), axis=-1)

    def biases(self, name: str) -> tuple[Source, Source]:
        """Return the sources of torch's two biases; Keras has one, the second is 0.

        Left to train, the second would double the learning rate of the bias.
        """
        wide = len(self.gates) * self.units
        first = copied(name)
        if self._gates_said():
            first = made([name], self.reordered, "copy" + self._gates_said())
        zeros = made([], lambda: np.zeros(wide, np.float32), "zeros", trainable=False)
        return first, zeros

    # -- the forward text
    def run(
        self, call: Call, module: str, *, stepped: bool, state: str
    ) -> tuple[str, tuple[str, ...]]:
        """Return the expression of ``(outputs, state)``, and its helpers.

        Parameters
        ----------
        call, module
            As in :meth:`forward`.
        stepped
            Whether the module is a helper that runs step by step.
        state
            The text of the initial state, ``""`` for zeros.
        """
        x, mask = call.x.name, call.mask.name if call.mask else None
        helpers: tuple[str, ...] = ()
        if self.go_backwards:
            x, mask = f"{x}.flip(1)", mask and f"{mask}.flip(1)"
        training = call.options.get("training")
        if training and self.recurrent_dropout:
            raise self.unsupported("a call with training=True and recurrent dropout")
        if self.dropout and not self.recurrent_dropout and training is not False:
            when = "True" if training else f"{module}.training"
            x = f"step_dropout({x}, {literal(single(self.dropout))}, {when})"
            helpers = ("step_dropout",)
        if mask is None:
            return f"{module}({x}{', ' + state if state else ''})", helpers
        if stepped:
            given = f"{state}, {mask}" if state else f"mask={mask}"
            return f"{module}({x}, {given})", helpers
        given = f"{mask}, {state}" if state else mask
        return f"run_masked({module}, {x}, {given})", ("run_masked", *helpers)

    def state_text(self, states: Sequence[Tensor]) -> str:
        """Return the initial state as torch takes it: with a first axis for layers."""
        if not states:
            return ""
        if len(states) != self.state_count:
            raise self.unsupported(f"{len(states)} initial states")
        parts = [_of_layers(s.name) for s in states]
        return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

    def forward(self, call: Call, module: str) -> Forward:
        """Return the steps or the last of them, and the states if asked for."""
        run, helpers = self.run(
            call,
            module,
            stepped=self.is_stepped(call),
            state=self.state_text(states_of(call)),
        )
        before: tuple[str, ...] = ()
        out, states = f"{run}[0]", []
        if self.return_state:
            names = [temporary(module, n) for n in ("h", "c")][: self.state_count]
            states = [f"{n}{_OF_LAST}" for n in names]
            if any(call.reads(1 + i) for i in range(self.state_count)):
                state = names[0] if len(names) == 1 else f"({', '.join(names)})"
                out = temporary(module, "out") if call.reads(0) else "_"
                before = (f"{out}, {state} = {run}",)
        if not self.return_sequences:
            out = f"{out}[:, -1]"
        if self.zero_output_for_mask and call.mask is not None:
            mask = call.mask.name
            if self.return_sequences:
                mask = f"{mask}.flip(1)" if self.go_backwards else mask
                out = f"{out}.masked_fill(~{mask}.unsqueeze(-1), 0.0)"
            else:
                last = "[:, :1]" if self.go_backwards else "[:, -1:]"
                out = f"{out}.masked_fill(~{mask}{last}, 0.0)"
        if not states:
            return Forward(out, before, helpers)
        told = ("", "h", "c")[: 1 + self.state_count]
        return Forward([out, *states], before, helpers, names=told)


def _of_layers(state: str) -> str:
    """Return a state with its first axis, which another layer's own state has."""
    whole = state.removesuffix(_OF_LAST)
    return whole if whole != state else f"{state}[None]"


def frozen(source: Source) -> Source:
    """Return a source whose tensor no optimizer moves."""
    return dataclasses.replace(source, trainable=False)


def states_of(call: Call) -> list[Tensor]:
    """Return the initial states; Keras also takes them as ``lstm([x, h, c])``."""
    return call.inputs[1:] + call.states


def temporary(module: str, what: str) -> str:
    """Return a variable that belongs to a layer: ``self.lstm`` → ``lstm_out``."""
    name = re.sub(r"\W+", "_", module.rpartition(".")[2]).strip("_")
    return f"{name or 'rnn'}_{what}"
