"""Normalization that torch lacks, as it stands in generated files."""

import torch
import torch.nn.functional as F
from torch import nn


class BiasedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalization that keeps the biased variance of a batch, as Keras does.

    torch keeps the unbiased one: n / (n - 1) times as much, n being the values per
    channel.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor
    momentum: float

    def _check_input_dim(self, x: torch.Tensor) -> None:
        pass

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.numel() // x.shape[1]
        if not self.training:
            return super().forward(x)
        if n == 1:  # torch refuses a single value
            return BiasedBatchNorm.forward(self, torch.cat([x, x]))[:1]
        # torch adds momentum * variance * n / (n - 1) to what is scaled likewise; by
        # .data, as autograd watches the buffer though no gradient goes through it.
        self.running_var.data.mul_(n / (n - 1))
        x = super().forward(x)
        self.running_var.data.mul_((n - 1) / n)
        return x


class MaskedBatchNorm(BiasedBatchNorm):
    """The same where values that a mask takes out count nowhere in training."""

    def forward(
        self, x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        if mask is None or not self.training:
            return super().forward(x)
        axes = [0, *range(2, x.ndim)]
        shape = [1, -1] + [1] * (x.ndim - 2)
        weights = torch.ones_like(x) * mask.unsqueeze(1)
        count = weights.sum(axes) + 1e-7
        mean = (x * weights).sum(axes) / count
        x = x - mean.view(shape)
        var = (x.square() * weights).sum(axes) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var, self.momentum)
        x = x * torch.rsqrt(var + self.eps).view(shape)
        x = x if self.weight is None else x * self.weight.view(shape)
        return x if self.bias is None else x + self.bias.view(shape)


class BatchRenorm(nn.modules.batchnorm._BatchNorm):
    """Batch renormalization: in training, too, close to what the averages make of it.

    Ioffe (2017), https://arxiv.org/abs/1702.03275; a factor between ``rmin`` and
    ``rmax`` and a shift up to ``dmax`` lead from a batch's statistics to the averages.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor
    renorm_mean: torch.Tensor
    renorm_stddev: torch.Tensor
    moving_stddev: torch.Tensor
    momentum: float

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        renorm_momentum: float = 0.01,
        rmin: float | None = None,
        rmax: float | None = None,
        dmax: float | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine)
        self.renorm_momentum = renorm_momentum
        self.rmin, self.rmax, self.dmax = rmin, rmax, dmax
        self.register_buffer("moving_stddev", torch.ones(num_features))
        self.register_buffer("renorm_mean", torch.zeros(num_features))
        self.register_buffer("renorm_stddev", torch.ones(num_features))

    def _check_input_dim(self, x: torch.Tensor) -> None:
        pass

    def correction(
        self, mean: torch.Tensor, std: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return factor and shift for a batch, and move the averages."""
        scale = self.renorm_stddev.clamp(min=self.eps**0.5)
        factor, shift = std / scale, (mean - self.renorm_mean) / scale
        if self.rmin is not None or self.rmax is not None:
            factor = factor.clamp(self.rmin, self.rmax)
        if self.dmax is not None:
            shift = shift.clamp(-self.dmax, self.dmax)
        self.renorm_mean.lerp_(mean, self.renorm_momentum)
        self.renorm_stddev.lerp_(std, self.renorm_momentum)
        self.running_mean.lerp_(mean, self.momentum)
        self.moving_stddev.lerp_(std, self.momentum)
        self.running_var.copy_((self.moving_stddev.square() - self.eps).relu())
        return factor, shift

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        shape = [1, -1] + [1] * (x.ndim - 2)
        axes = [0, *range(2, x.ndim)]
        var, mean = torch.var_mean(x, axes, correction=0)
        std = (var + self.eps).sqrt()
        factor, shift = self.correction(mean.detach(), std.detach())
        x = (x - mean.view(shape)) / std.view(shape)
        x = x * factor.view(shape) + shift.view(shape)
        x = x if self.weight is None else x * self.weight.view(shape)
        return x if self.bias is None else x + self.bias.view(shape)


class AxisLayerNorm(nn.Module):
    """Layer normalization over any axes; nn.LayerNorm knows only the last ones."""

    def __init__(
        self,
        shape: tuple[int, ...],
        dim: tuple[int, ...],
        eps: float,
        scale: bool = True,
        center: bool = True,
        subtract_mean: bool = True,
    ) -> None:
        super().__init__()
        self.dim, self.eps, self.subtract_mean = dim, eps, subtract_mean
        self.weight = nn.Parameter(torch.ones(shape)) if scale else None
        self.bias = nn.Parameter(torch.zeros(shape)) if center else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        var, mean = torch.var_mean(x, dim=self.dim, correction=0, keepdim=True)
        x = (x - mean if self.subtract_mean else x) * torch.rsqrt(var + self.eps)
        x = x if self.weight is None else x * self.weight
        return x if self.bias is None else x + self.bias


class AxisRMSNorm(nn.Module):
    """RMS normalization over any axes; nn.RMSNorm knows only the last ones."""

    def __init__(
        self, shape: tuple[int, ...], dim: tuple[int, ...], eps: float
    ) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.square().mean(dim=self.dim, keepdim=True)
        return x * torch.rsqrt(mean + self.eps) * self.weight


class ChannelScale(nn.Module):
    """Multiplies each channel by a learned factor: the LayerScale of ConvNeXt."""

    def __init__(self, shape: tuple[int, ...], value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, value))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


class SpectralNorm(nn.Module):
    """Divides a layer's weight by its largest singular value at each training step.

    The weight itself is changed, as by Keras: torch's spectral_norm keeps the one
    before. ``u`` is along the last ``size`` entries of axis ``dim``.
    """

    u: torch.Tensor

    def __init__(
        self, layer: nn.Module, size: int, dim: int = 0, iterations: int = 1
    ) -> None:
        super().__init__()
        self.layer, self.dim, self.iterations = layer, dim, iterations
        self.register_buffer("u", 0.02 * torch.randn(1, size))

    @torch.no_grad()
    def normalize(self) -> None:
        """Find the singular value by power iteration, and divide by it."""
        weight = self.layer.get_parameter("weight")
        if not weight.any():
            return
        size = self.u.shape[1]
        rows = weight.unflatten(self.dim, (-1, size)).movedim(self.dim + 1, -1)
        rows, u = rows.reshape(-1, size), self.u
        for _ in range(self.iterations):
            v = F.normalize(u @ rows.T)
            u = F.normalize(v @ rows)
        self.u.copy_(u)
        weight.div_(v @ rows @ u.T)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.normalize()
        y: torch.Tensor = self.layer(x)
        return y
