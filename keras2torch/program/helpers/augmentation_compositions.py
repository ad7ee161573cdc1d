"""Augmentations made of others, and those that mix the images of a batch."""

import torch
from torch import nn

from keras2torch.program.helpers.augmentation import draw
from keras2torch.program.helpers.augmentation_base import Augmentation
from keras2torch.program.helpers.augmentation_colours import auto_contrast


class AutoContrast(Augmentation):
    """Spreads the values of each channel over the whole range."""

    def __init__(
        self,
        value_range: tuple[float, float] = (0, 255),
        dims: tuple[int, int] = (2, 3),
    ) -> None:
        super().__init__()
        self.value_range = value_range
        self.dims = dims

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        return auto_contrast(x, self.value_range, self.dims)


class RandAugment(Augmentation):
    """Applies a few of its layers to a batch, one after the other."""

    def __init__(self, *layers: Augmentation, num_ops: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.num_ops = num_ops

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        for i in torch.randint(len(self.layers), (self.num_ops,)).tolist():
            layer = self.layers[i]
            assert isinstance(layer, Augmentation)
            x = layer.augment(x)
        return x


class AugMix(Augmentation):
    """Mixes a batch with what short chains of its layers make of it."""

    def __init__(
        self,
        *layers: Augmentation,
        num_chains: int = 3,
        chain_depth: int = 3,
        alpha: float = 1.0,
        value_range: tuple[float, float] = (0, 255),
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.value_range = value_range

    def chain(self, x: torch.Tensor) -> torch.Tensor:
        """Apply a few layers; a step may also do nothing."""
        for i in torch.randint(len(self.layers) + 1, (self.chain_depth,)).tolist():
            if i < len(self.layers):
                layer = self.layers[i]
                assert isinstance(layer, Augmentation)
                x = layer.augment(x)
        return x

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        concentration = torch.full((self.num_chains,), self.alpha)
        weights = torch.distributions.Dirichlet(concentration).sample()
        kept = float(torch.distributions.Beta(self.alpha, self.alpha).sample())
        y = kept * x
        for weight in weights.tolist():
            y = y + (1 - kept) * weight * self.chain(x)
        return y.clamp(*self.value_range)


class MixUp(Augmentation):
    """Mixes each image of a batch with another one."""

    def __init__(self, alpha: float = 0.2) -> None:
        super().__init__()
        self.alpha = alpha

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        order = torch.randperm(len(x), device=x.device)
        beta = torch.distributions.Beta(self.alpha, self.alpha)
        kept = beta.sample((len(x), 1, 1, 1)).to(x)
        return kept * x + (1 - kept) * x[order]


class CutMix(Augmentation):
    """Replaces a rectangle of each image by that of another image of the batch."""

    def __init__(self, factor: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor

    def between(self, part: torch.Tensor, size: int) -> torch.Tensor:
        """Draw where a part of an axis is, as a mask (N, size)."""
        length = part * size
        start = draw(part, (0.0, 1.0)) * (size - length)
        at = torch.arange(size, device=part.device)
        return (at >= start[:, None]) & (at < (start + length)[:, None])

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        alpha = draw(x[:1], self.factor).cpu() + 1e-6
        kept = torch.distributions.Beta(alpha, alpha).sample((len(x),))
        part = (1 - kept).sqrt().flatten().to(x.device)
        across, down = (self.between(part, size) for size in (x.shape[3], x.shape[2]))
        inside = (down[:, :, None] & across[:, None, :]).unsqueeze(1)
        order = torch.randperm(len(x), device=x.device)
        return torch.where(inside, x[order], x)
