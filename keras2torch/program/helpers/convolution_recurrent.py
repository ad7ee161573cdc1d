"""LSTMs over images, as they stand in generated files."""

import torch
import torch.nn.functional as F
from torch import nn


class ConvLSTM(nn.Module):
    """An LSTM whose products are convolutions, over a sequence of images.

    ``input_conv`` and ``recurrent_conv`` give the gates i, f, g and o side by side;
    ``time_dim`` is 1 for (N, T, C, H, W) and 2 for (N, C, T, H, W). Returns all outputs
    and the last (h, c). A masked step repeats the output before it (0 if there is
    none) and keeps the state.
    """

    def __init__(
        self,
        input_conv: nn.Module,
        recurrent_conv: nn.Module,
        activation: nn.Module,
        recurrent_activation: nn.Module,
        time_dim: int = 1,
    ) -> None:
        super().__init__()
        self.input_conv = input_conv
        self.recurrent_conv = recurrent_conv
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.time_dim = time_dim

    def project(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Convolve the images of all steps."""
        return [self.input_conv(step) for step in x.unbind(self.time_dim)]

    def recur(self, h: torch.Tensor) -> torch.Tensor:
        """Convolve a state."""
        gates: torch.Tensor = self.recurrent_conv(h)
        return gates

    def forward(
        self,
        x: torch.Tensor,
        state: tuple[torch.Tensor, torch.Tensor] | None = None,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        projected = self.project(x)
        out = torch.zeros_like(projected[0].chunk(4, dim=1)[0])
        h, c = (out, out) if state is None else state
        outs = []
        for t, step in enumerate(projected):
            i, f, g, o = (step + self.recur(h)).chunk(4, dim=1)
            i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
            new_c = f * c + i * self.activation(g)
            new_h = o * self.activation(new_c)
            if mask is None:
                out, h, c = new_h, new_h, new_c
            else:
                on = mask[:, t].reshape(-1, *[1] * (h.dim() - 1))
                out = torch.where(on, new_h, out)
                h, c = torch.where(on, new_h, h), torch.where(on, new_c, c)
            outs.append(out)
        return torch.stack(outs, dim=self.time_dim), (h, c)


class DroppingConvLSTM(ConvLSTM):
    """A ConvLSTM with dropout, whose convolutions have a group for each gate.

    Each gate drops other values of the images and of the states, the same ones at
    every step.
    """

    def __init__(
        self,
        input_conv: nn.Module,
        recurrent_conv: nn.Module,
        activation: nn.Module,
        recurrent_activation: nn.Module,
        dropout: float,
        recurrent_dropout: float,
        time_dim: int = 1,
    ) -> None:
        super().__init__(
            input_conv, recurrent_conv, activation, recurrent_activation, time_dim
        )
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout

    def project(self, x: torch.Tensor) -> list[torch.Tensor]:
        steps = torch.cat([x] * 4, dim=3 - self.time_dim).unbind(self.time_dim)
        drop = F.dropout(torch.ones_like(steps[0]), self.dropout, self.training)
        self.drop: torch.Tensor | None = None
        return [self.input_conv(step * drop) for step in steps]

    def recur(self, h: torch.Tensor) -> torch.Tensor:
        h = torch.cat([h] * 4, dim=1)
        if self.drop is None:
            ones = torch.ones_like(h)
            self.drop = F.dropout(ones, self.recurrent_dropout, self.training)
        return super().recur(h * self.drop)
