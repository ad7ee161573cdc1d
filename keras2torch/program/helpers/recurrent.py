"""Recurrent layers that torch.nn has not, or not with Keras' masks and states."""

import torch
import torch.nn.functional as F
from torch import nn

from keras2torch.program.helpers.activation import sparse_plus, sparsemax, squareplus


class HardSigmoidKeras2(nn.Module):
    """The hard sigmoid of Keras 1 and 2; Keras 3 and torch have another slope."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


class Exponential(nn.Module):
    """exp as a module, which torch.nn has not."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.exp(x)


class Squareplus(nn.Module):
    """The smooth rectifier (x + sqrt(x² + 4)) / 2 as a module."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return squareplus(x)


class SparsePlus(nn.Module):
    """0 up to -1, x from 1 on, and (x + 1)² / 4 between, as a module."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return sparse_plus(x)


class SparseSigmoid(nn.Module):
    """0 up to -1, 1 from 1 on, and a line between."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.clamp(0.5 * (x + 1.0), 0.0, 1.0)


class Sparsemax(nn.Module):
    """Keras' sparsemax over the last axis as a module."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return sparsemax(x)


def step_dropout(x: torch.Tensor, p: float, training: bool) -> torch.Tensor:
    """Drop the same features at every step, as Keras' RNNs do with their inputs."""
    return x * F.dropout(torch.ones_like(x[:, :1]), p, training)


def run_masked(
    rnn: nn.RNNBase,
    x: torch.Tensor,
    mask: torch.Tensor,
    state: torch.Tensor | tuple[torch.Tensor, torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor | tuple[torch.Tensor, torch.Tensor]]:
    """Run over the steps that are not masked.

    As in Keras, a masked step repeats the output before it (0 if there is none) and
    leaves the state as it was. Of a bidirectional RNN the outputs at masked steps
    mean nothing.
    """
    first = mask.int().argsort(dim=1, descending=True, stable=True)
    packed = nn.utils.rnn.pack_padded_sequence(
        x.take_along_dim(first.unsqueeze(-1), dim=1),
        mask.sum(dim=1).clamp(min=1).cpu(),
        batch_first=True,
        enforce_sorted=False,
    )
    out, final = rnn(packed, state)
    out, _ = nn.utils.rnn.pad_packed_sequence(
        out, batch_first=True, total_length=x.shape[1]
    )
    seen = mask.cumsum(dim=1).unsqueeze(-1)
    out = out.take_along_dim((seen - 1).clamp(min=0), dim=1)
    out = out.masked_fill(seen == 0, 0.0)

    # A row without a single step keeps the state that it came with.
    empty = ~mask.any(dim=1).view(1, -1, 1)
    if isinstance(final, tuple):
        h, c = state if isinstance(state, tuple) else map(torch.zeros_like, final)
        return out, (torch.where(empty, h, final[0]), torch.where(empty, c, final[1]))
    before = state if isinstance(state, torch.Tensor) else torch.zeros_like(final)
    return out, torch.where(empty, before, final)


class SteppedRNN(nn.RNNBase):
    """An RNN computed step by step, for what nn.LSTM, nn.GRU and nn.RNN cannot.

    Parameters, inputs and results are theirs; a masked step repeats the output before
    it (0 if there is none) and keeps the state.
    """

    weight_ih_l0: torch.Tensor
    weight_hh_l0: torch.Tensor
    bias_ih_l0: torch.Tensor
    bias_hh_l0: torch.Tensor

    def __init__(self, mode: str, input_size: int, hidden_size: int, bias: bool):
        super().__init__(mode, input_size, hidden_size, bias=bias, batch_first=True)

    def step(
        self, x: torch.Tensor, state: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, ...]:
        """Return the next state, from the projected input of a step."""
        raise NotImplementedError

    def project(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply the inputs of all steps with their weights."""
        return F.linear(x, self.weight_ih_l0, self.bias_ih_l0 if self.bias else None)

    def recur(self, h: torch.Tensor, first: int, last: int) -> torch.Tensor:
        """Multiply a state with the weights of the gates ``first`` to ``last``."""
        rows = slice(first * self.hidden_size, last * self.hidden_size)
        bias = self.bias_hh_l0[rows] if self.bias else None
        return F.linear(h, self.weight_hh_l0[rows], bias)

    def forward(
        self,
        x: torch.Tensor,
        state: torch.Tensor | tuple[torch.Tensor, ...] | None = None,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | tuple[torch.Tensor, ...]]:
        out = x.new_zeros(x.shape[0], self.hidden_size)
        now: tuple[torch.Tensor, ...] = (out, out) if self.mode == "LSTM" else (out,)
        if state is not None:
            now = tuple(s[0] for s in (state if isinstance(state, tuple) else (state,)))
        outs = []
        for t, projected in enumerate(self.project(x).unbind(1)):
            new = self.step(projected, now)
            if mask is None:
                out, now = new[0], new
            else:
                on = mask[:, t, None]
                out = torch.where(on, new[0], out)
                now = tuple(
                    torch.where(on, n, s) for n, s in zip(new, now, strict=True)
                )
            outs.append(out)
        final = tuple(s.unsqueeze(0) for s in now)
        return torch.stack(outs, dim=1), final if len(final) > 1 else final[0]


class SteppedLSTM(SteppedRNN):
    """An LSTM with any activations."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        activation: nn.Module,
        recurrent_activation: nn.Module,
        bias: bool = True,
    ) -> None:
        super().__init__("LSTM", input_size, hidden_size, bias)
        self.activation = activation
        self.recurrent_activation = recurrent_activation

    def step(
        self, x: torch.Tensor, state: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, ...]:
        h, c = state
        i, f, g, o = (x + self.recur(h, 0, 4)).chunk(4, dim=-1)
        i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        c = f * c + i * self.activation(g)
        return o * self.activation(c), c


class SteppedGRU(SteppedRNN):
    """A GRU with any activations, whose reset gate may come before the product."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        activation: nn.Module,
        recurrent_activation: nn.Module,
        reset_after: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__("GRU", input_size, hidden_size, bias)
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.reset_after = reset_after

    def step(
        self, x: torch.Tensor, state: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, ...]:
        (h,) = state
        x_r, x_z, x_n = x.chunk(3, dim=-1)
        h_r, h_z = self.recur(h, 0, 2).chunk(2, dim=-1)
        r = self.recurrent_activation(x_r + h_r)
        z = self.recurrent_activation(x_z + h_z)
        if self.reset_after:
            n = self.activation(x_n + r * self.recur(h, 2, 3))
        else:
            n = self.activation(x_n + self.recur(r * h, 2, 3))
        return (z * h + (1 - z) * n,)


class SteppedSimpleRNN(SteppedRNN):
    """A simple RNN with any activation."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        activation: nn.Module,
        bias: bool = True,
    ) -> None:
        super().__init__("RNN_TANH", input_size, hidden_size, bias)
        self.activation = activation

    def step(
        self, x: torch.Tensor, state: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, ...]:
        return (self.activation(x + self.recur(state[0], 0, 1)),)


class RecurrentDropout(SteppedRNN):
    """Drops inputs and states, gate by gate, the same ones at every step."""

    input_rate = 0.0
    state_rate = 0.0

    def dropping(self, inputs: float, states: float) -> "RecurrentDropout":
        """Set both rates and return the layer."""
        self.input_rate, self.state_rate = inputs, states
        return self

    def project(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().project(x)
        gates = self.weight_ih_l0.chunk(len(self.weight_ih_l0) // self.hidden_size)
        ones = torch.ones_like(x[:, :1])
        drops = [F.dropout(ones, self.input_rate) for _ in gates]
        out = torch.cat(
            [F.linear(x * d, w) for d, w in zip(drops, gates, strict=True)], dim=-1
        )
        # Drawn here, once for all steps that follow.
        ones = x.new_ones(x.shape[0], self.hidden_size)
        self.drops = [F.dropout(ones, self.state_rate) for _ in gates]
        return out + self.bias_ih_l0 if self.bias else out

    def recur(self, h: torch.Tensor, first: int, last: int) -> torch.Tensor:
        if not self.training:
            return super().recur(h, first, last)
        parts = []
        for gate in range(first, last):
            parts.append(super().recur(h * self.drops[gate], gate, gate + 1))
        return torch.cat(parts, dim=-1)


class DroppingLSTM(RecurrentDropout, SteppedLSTM):
    """An LSTM with recurrent dropout."""


class DroppingGRU(RecurrentDropout, SteppedGRU):
    """A GRU with recurrent dropout."""


class DroppingSimpleRNN(RecurrentDropout, SteppedSimpleRNN):
    """A simple RNN with recurrent dropout."""


class BidirectionalRNN(nn.Module):
    """Two RNNs, the second reading backwards, called like one of torch's own."""

    def __init__(self, forward_layer: SteppedRNN, backward_layer: SteppedRNN) -> None:
        super().__init__()
        self.forward_layer = forward_layer
        self.backward_layer = backward_layer

    def forward(
        self,
        x: torch.Tensor,
        state: torch.Tensor | tuple[torch.Tensor, ...] | None = None,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | tuple[torch.Tensor, ...]]:
        first: torch.Tensor | tuple[torch.Tensor, ...] | None = None
        last = first
        if isinstance(state, tuple):
            first, last = tuple(s[:1] for s in state), tuple(s[1:] for s in state)
        elif state is not None:
            first, last = state[:1], state[1:]
        flipped = None if mask is None else mask.flip(1)
        y, end = self.forward_layer(x, first, mask)
        y_back, end_back = self.backward_layer(x.flip(1), last, flipped)
        out = torch.cat([y, y_back.flip(1)], dim=-1)
        if isinstance(end, tuple):
            return out, tuple(torch.cat(s) for s in zip(end, end_back, strict=True))
        return out, torch.cat([end, end_back])


class StatefulRNN(nn.Module):
    """Keeps the state from one call to the next, as Keras' stateful=True does."""

    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn
        self.state: torch.Tensor | tuple[torch.Tensor, ...] | None = None

    def reset_states(self) -> None:
        """Begin the next call with zeros."""
        self.state = None

    def forward(
        self,
        x: torch.Tensor,
        state: torch.Tensor | tuple[torch.Tensor, ...] | None = None,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | tuple[torch.Tensor, ...]]:
        state = self.state if state is None else state
        masks = () if mask is None else (mask,)
        out, final = self.rnn(x, state, *masks)
        if isinstance(final, tuple):
            self.state = tuple(s.detach() for s in final)
        else:
            self.state = final.detach()
        return out, final


def run_cell(
    cell: nn.Module,
    x: torch.Tensor,
    states: tuple[torch.Tensor, ...],
    mask: torch.Tensor | None = None,
    zero_masked: bool = False,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Call a cell step by step.

    As in Keras, a masked step keeps the states and repeats the output before it (0 if
    there is none, or if asked for).
    """
    outs: list[torch.Tensor] = []
    for t, step in enumerate(x.unbind(1)):
        out, *now = cell(step, *states)
        if mask is not None:
            before = outs[-1] if outs and not zero_masked else torch.zeros_like(out)
            out = torch.where(_like(mask[:, t], out), out, before)
            pairs = zip(now, states, strict=True)
            now = [torch.where(_like(mask[:, t], n), n, s) for n, s in pairs]
        outs.append(out)
        states = tuple(now)
    return torch.stack(outs, dim=1), states


def _like(mask: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Give a mask of samples as many axes as a tensor has."""
    return mask.reshape(-1, *[1] * (x.dim() - 1))


def reset_states(model: nn.Module) -> None:
    """Begin the next call of every stateful RNN with zeros, as in Keras."""
    for module in model.modules():
        if isinstance(module, StatefulRNN):
            module.reset_states()
