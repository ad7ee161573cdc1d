"""ConvLSTM1D, ConvLSTM2D and ConvLSTM3D: LSTMs over images.

Sources: ``keras/src/layers/rnn/conv_lstm.py`` (Keras 3.15) and
``tf_keras/src/layers/rnn/base_conv_lstm.py``; the cell and the loop that a file may
name by themselves are in ``keras/layers/convolutional_recurrent.py`` (Keras 2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from keras2torch.layers.activation import name_of
from keras2torch.layers.base import (
    REGISTRY,
    Call,
    Forward,
    Layout,
    Module,
    Shape,
    Source,
    Tensor,
    Weight,
    copied,
    layer,
    transposed,
)
from keras2torch.layers.convolution import _Convolution
from keras2torch.layers.recurrence import (
    KERAS_1_NAMES,
    Recurrent,
    activation_module,
    frozen,
    states_of,
    temporary,
)
from keras2torch.layers.spatial import Ints, channels_of, is_first
from keras2torch.layers.text import Raw, literal, single
from keras2torch.layers.text import call as call_text


@dataclass(eq=False, init=False)
class _ConvLSTM(Recurrent):
    """An LSTM whose two products are convolutions.

    In PyTorch the sequence is (N, T, C, …) or, beside a Conv3D or a BatchNormalization,
    (N, C, T, …).
    """

    layout = "channels_first"
    rank: ClassVar[int]
    torch_name = "ConvLSTM"
    gates = (0, 1, 2, 3)
    state_count = 2
    two_ways = False
    aliases: ClassVar[dict[str, str]] = KERAS_1_NAMES

    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: str = "valid"
    data_format: str | None = None
    dilation_rate: Ints = 1
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
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False
    keras2: bool = False

    @property
    def units(self) -> int:  # type: ignore[override]
        """The channels of each gate."""
        return self.filters

    # -- Keras
    def _conv(self, *, recurrent: bool = False) -> _Convolution:
        """Return the definition of one of the two convolutions."""
        cls: Any = REGISTRY[f"Conv{self.rank}D"]
        options: dict[str, Any] = {"padding": "same"}
        if not recurrent:
            options = {
                "strides": self.strides,
                "padding": self.padding,
                "dilation_rate": self.dilation_rate,
            }
        made = cls(
            filters=4 * self.filters,
            kernel_size=self.kernel_size,
            data_format=self.data_format,
            name=self.name,
            **options,
        )
        assert isinstance(made, _Convolution)
        return made

    def _step(self, shape: Shape) -> Shape:
        """Return the shape of the image at each step."""
        if len(shape) != self.rank + 3:
            raise self.unsupported(f"an input of rank {len(shape)}")
        return (shape[0], *shape[2:])

    def weights(self, *shapes: Shape) -> list[Weight]:
        """Two kernels and a bias, the gates side by side."""
        step = self._step(shapes[0])
        kernel, bias = self._conv().weights(step)
        state = (*kernel.shape[:-2], self.filters, 4 * self.filters)
        found = [
            replace(kernel, path=self.cell_path),
            Weight("recurrent_kernel", state, path=self.cell_path),
        ]
        return [*found, replace(bias, path=self.cell_path)] if self.use_bias else found

    def _image(self, shape: Shape) -> Shape:
        """Return the shape of a state."""
        [out] = self._conv().output_shapes(self._step(shape))
        axis = 1 if is_first(self) else len(out) - 1
        return (*out[:axis], self.filters, *out[axis + 1 :])

    def output_shapes(self, *shapes: Shape) -> list[Shape]:
        """Return the sequence or its last step, then the states."""
        image = self._image(shapes[0])
        first = image
        if self.return_sequences:
            first = (image[0], shapes[0][1], *image[1:])
        return [first] + [image] * (2 if self.return_state else 0)

    # -- layout
    def _orders(self) -> tuple[Layout, Layout]:
        """Return the orders that it takes: (N, T, C, …) and (N, C, T, …)."""
        last = self.rank + 2
        channel = 2 if is_first(self) else last
        sizes = [a for a in range(2, last + 1) if a != channel]
        return Layout((0, 1, channel, *sizes)), Layout((0, channel, 1, *sizes))

    def asks(self, call: Call) -> list[Layout]:
        """The order that the consumers want of a sequence, else (N, T, C, …)."""
        wanted, _ = self.layouts(call)
        wished = self.return_sequences and call.wish in self._orders()
        first = call.wish if wished and call.wish else self._orders()[0]
        return [first, *wanted[1:]]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Either order goes; a sequence leaves as it came, images channels first."""
        orders = self._orders()
        first = call.x.layout
        if first not in orders:
            wished = self.return_sequences and call.wish in orders
            first = call.wish if wished and call.wish else orders[0]
        outs = [self.state_layout(t) for t in call.outputs]
        if self.return_sequences:
            outs[0] = first
        return [first, *[self.state_layout(t) for t in call.inputs[1:]]], outs

    def state_layout(self, state: Tensor) -> Layout:
        """Channels first."""
        if is_first(self):
            return Layout.keras(state.rank)
        return Layout.channels_first(state.rank)

    def takes_flat(self) -> Literal["consumes", "follows", "refuses"]:
        """There is no flat axis in an image."""
        return "refuses"

    # -- PyTorch
    def is_stepped(self, call: Call) -> bool:
        """Always."""
        return True

    def _drops(self, call: Call) -> bool:
        dropping = bool(self.dropout or self.recurrent_dropout)
        if dropping and call.options.get("training"):
            raise self.unsupported("a call with training=True and dropout")
        return dropping and call.options.get("training") is None

    def _activation(self, activation: Any) -> tuple[str, tuple[str, ...]]:
        """Return an activation as a module; softmax runs over Keras' last axis."""
        text, helpers = activation_module(self, activation)
        if not is_first(self) and name_of(activation) in ("softmax", "log_softmax"):
            text = text.replace("dim=-1", "dim=1")
        return text, helpers

    def module(self, call: Call) -> Module:
        """``ConvLSTM(nn.Conv2d(…), nn.Conv2d(…), nn.Tanh(), nn.Sigmoid())``."""
        step = self._step(call.x.shape)
        image = Tensor(step)
        image.layout = self.state_layout(image)
        state = Tensor(self._image(call.x.shape), layout=image.layout)
        channels = channels_of(self, step, self.rank)
        drops = self._drops(call)
        groups = 4 if drops else 1
        wide = 4 * self.filters
        first, helpers = self._conv().by_itself(
            Call([image]), channels * groups, wide, groups, bias=self.use_bias
        )
        second, more = self._conv(recurrent=True).by_itself(
            Call([state]), self.filters * groups, wide, groups, bias=False
        )
        names, parts = [*helpers, *more], [Raw(first), Raw(second)]
        for activation in (self.activation, self.recurrent_activation):
            text, used = self._activation(activation)
            parts.append(Raw(text))
            names += used
        options: dict[str, Any] = {}
        if drops:
            options["dropout"] = single(self.dropout)
            options["recurrent_dropout"] = single(self.recurrent_dropout)
        if self._time(call) != 1:
            options["time_dim"] = self._time(call)
        helper = "DroppingConvLSTM" if drops else "ConvLSTM"
        text = call_text(helper, *parts, **options)
        return self.wrapped(Module(text, self._sources(), (helper, *names)))

    def _sources(self) -> dict[str, Source]:
        # (*kernel_size, in, gates) → (gates, in, *kernel_size)
        n = self.rank
        order = (n + 1, n, *range(n))
        found = {
            "input_conv.weight": transposed("kernel", *order),
            "recurrent_conv.weight": transposed("recurrent_kernel", *order),
        }
        if self.use_bias:
            found["input_conv.bias"] = copied("bias")
        if not self.trainable:
            found = {k: frozen(s) for k, s in found.items()}
        return found

    def _time(self, call: Call) -> int:
        """Return where the steps are in PyTorch."""
        return call.x.layout.position(1)

    def state_text(self, states: Sequence[Tensor]) -> str:
        """Return ``(h, c)``."""
        if not states:
            return ""
        if len(states) != 2:
            raise self.unsupported(f"{len(states)} initial states")
        return f"({', '.join(s.name for s in states)})"

    def forward(self, call: Call, module: str) -> Forward:
        """Return the images or the last of them, and the states if asked for."""
        time = self._time(call)
        x, mask = call.x.name, call.mask.name if call.mask else ""
        if self.go_backwards:
            x, mask = f"{x}.flip({time})", mask and f"{mask}.flip(1)"
        given = [x]
        if state := self.state_text(states_of(call)):
            given.append(state)
        if mask:
            given.append(mask if state else f"mask={mask}")
        run = f"{module}({', '.join(given)})"
        before: tuple[str, ...] = ()
        out = f"{run}[0]"
        h, c = temporary(module, "h"), temporary(module, "c")
        if self.return_state and (call.reads(1) or call.reads(2)):
            out = temporary(module, "out") if call.reads(0) else "_"
            before = (f"{out}, ({h}, {c}) = {run}",)
        if not self.return_sequences:
            out = f"{out}[:, -1]" if time == 1 else f"{out}[:, :, -1]"
        if self.zero_output_for_mask and mask:
            images = ", None" * (self.rank + 1)
            on = f"{mask}[:, -1{images}]"
            if self.return_sequences:
                steps = ":, None, :" if time == 2 else ":, :, None"
                on = f"{mask}[{steps}{', None' * self.rank}]"
            out = f"{out}.masked_fill(~{on}, {literal(0.0)})"
        if not self.return_state:
            return Forward(out, before)
        return Forward([out, h, c], before, names=("", "h", "c"))


@layer
class ConvLSTM1D(_ConvLSTM):
    """An LSTM over sequences of rows."""

    rank = 1


@layer
class ConvLSTM2D(_ConvLSTM):
    """An LSTM over sequences of images."""

    rank = 2


@layer
class ConvLSTM3D(_ConvLSTM):
    """An LSTM over sequences of volumes."""

    rank = 3


__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]
