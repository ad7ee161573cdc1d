"""What layers share that change images at random while training."""

import torch
from torch import nn


class Augmentation(nn.Module):
    """Changes images at random while training, each by numbers drawn for it."""

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        """Draw numbers for a batch and change it by them."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.augment(x) if self.training else x
