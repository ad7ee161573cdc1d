"""The InstanceNormalization of keras_contrib in PyTorch, for `--plugin`."""

import torch
from torch import nn

import keras2torch


class InstanceNorm(nn.Module):
    """Normalizes each image over ``dims``; epsilon is added to the deviation."""

    def __init__(self, shape: tuple[int, ...], dims: tuple[int, ...], eps: float):
        super().__init__()
        self.dims = dims
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(shape))
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        std, mean = torch.std_mean(x, dim=self.dims, correction=0, keepdim=True)
        return (x - mean) / (std + self.eps) * self.weight + self.bias


def names(config: dict) -> list[str]:
    """Name the weights in Keras' order: a .keras file does not."""
    return ["gamma"] * config["scale"] + ["beta"] * config["center"]


@keras2torch.register("InstanceNormalization", weights=names)
def instance_normalization(config: dict, weights: dict) -> nn.Module:
    """Return the module for one layer, its weights set."""
    if config["axis"] not in (None, -1, 3):
        raise ValueError(f"axis {config['axis']} is not that of the channels")
    # NHWC in Keras is NCHW here: one number a channel, or a single one.
    each = config["axis"] is not None
    shape = (len(weights["gamma"]), 1, 1) if each and config["scale"] else (1, 1, 1)
    if each and not config["scale"] and config["center"]:
        shape = (len(weights["beta"]), 1, 1)
    module = InstanceNorm(shape, (2, 3) if each else (1, 2, 3), config["epsilon"])
    for parameter, name, used in (
        (module.weight, "gamma", config["scale"]),
        (module.bias, "beta", config["center"]),
    ):
        if used:
            parameter.data = torch.from_numpy(weights[name]).reshape(shape)
        else:
            parameter.requires_grad_(False)
    return module
