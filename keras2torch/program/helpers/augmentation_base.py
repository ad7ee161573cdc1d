"""What layers share that change images at random while training."""

import torch
from torch import nn


class Augmentation(nn.Module):
    """Changes images at random while training, each by numbers drawn for it."""

    def draw(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Draw the numbers for a batch."""
        raise NotImplementedError

    def change(self, x: torch.Tensor, *drawn: torch.Tensor) -> torch.Tensor:
        """Change the batch by the numbers drawn."""
        raise NotImplementedError

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(x, *self.draw(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.augment(x) if self.training else x
