"""Keras' losses: one value a sample, to be reduced by the caller.

Code that ``train.py`` receives as text: :mod:`keras2torch.training.library` cuts it
out by name. ``dim`` is where Keras' last axis is in PyTorch: 1 for an image that came
out channels first. Source: ``keras/src/losses/losses.py`` and
``keras/src/backend/tensorflow/nn.py`` (3.15).
"""

import math

import torch
import torch.nn.functional as F


def matched(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """Return the targets in the shape and dtype of the predictions.

    Keras adds a last axis of 1. Broadcasting (N,) to (N, 1) without it would compare
    every sample with every other and raise nothing.
    """
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        y_true = y_true.unsqueeze(-1)
    if y_true.shape != y_pred.shape:
        shapes = f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}"
        raise ValueError(f"the shapes of targets and predictions differ: {shapes}")
    return y_true.to(y_pred.dtype)


def mean_squared_error(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Squared differences."""
    return (matched(y_true, y_pred) - y_pred).square().mean(dim)


def mean_absolute_error(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Absolute differences."""
    return (matched(y_true, y_pred) - y_pred).abs().mean(dim)


def mean_absolute_percentage_error(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Differences in percent of the target."""
    y_true = matched(y_true, y_pred)
    return 100.0 * ((y_true - y_pred) / y_true.abs().clamp(min=1e-7)).abs().mean(dim)


def mean_squared_logarithmic_error(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Squared differences of log(1 + y); what is negative counts as 1e-7."""
    y_true = matched(y_true, y_pred)
    difference = torch.log(y_pred.clamp(min=1e-7) + 1.0)
    difference = difference - torch.log(y_true.clamp(min=1e-7) + 1.0)
    return difference.square().mean(dim)


def binary_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    dim: int = -1,
) -> torch.Tensor:
    """Cross-entropy of each unit for itself.

    Keras clips probabilities to [1e-7, 1 - 1e-7]; F.binary_cross_entropy cuts their
    logarithm at -100 instead.
    """
    y_true = matched(y_true, y_pred) * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        values = F.binary_cross_entropy_with_logits(y_pred, y_true, reduction="none")
    else:
        p = y_pred.clamp(1e-7, 1.0 - 1e-7)
        values = -(y_true * p.log() + (1.0 - y_true) * (1.0 - p).log())
    return values.mean(dim)


def categorical_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    dim: int = -1,
) -> torch.Tensor:
    """Cross-entropy of one-hot targets; probabilities are made to sum to 1, clipped."""
    y_true = matched(y_true, y_pred)
    y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_pred.shape[dim]
    if from_logits:
        return -(y_true * y_pred.log_softmax(dim)).sum(dim)
    p = (y_pred / y_pred.sum(dim, keepdim=True)).clamp(1e-7, 1.0 - 1e-7)
    return -(y_true * p.log()).sum(dim)


def sparse_categorical_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    dim: int = -1,
) -> torch.Tensor:
    """Cross-entropy of class numbers; probabilities are clipped, then sum to 1."""
    if y_true.ndim == y_pred.ndim:
        y_true = y_true.squeeze(dim)
    y_true = y_true.long()
    logits = y_pred if from_logits else y_pred.clamp(1e-7, 1.0 - 1e-7).log()
    counted = torch.ones_like(y_true, dtype=torch.bool)
    if ignore_class is not None:
        counted = y_true != ignore_class
    index = (y_true * counted).unsqueeze(dim)
    values = -logits.log_softmax(dim).gather(dim, index).squeeze(dim)
    if ignore_class is None:
        return values
    # So that the mean over everything becomes one over the entries that count.
    return values * counted * (counted.numel() / (counted.sum() + 1e-7))


def signed(y_true: torch.Tensor) -> torch.Tensor:
    """Return labels of 0 and 1 as -1 and 1, others as they are."""
    binary = ((y_true == 0) | (y_true == 1)).all()
    return torch.where(binary, 2.0 * y_true - 1.0, y_true)


def hinge(y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """How far each unit is from the right side of the margin."""
    y_true = signed(matched(y_true, y_pred))
    return (1.0 - y_true * y_pred).clamp(min=0.0).mean(dim)


def squared_hinge(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """The hinge loss, squared."""
    y_true = signed(matched(y_true, y_pred))
    return (1.0 - y_true * y_pred).clamp(min=0.0).square().mean(dim)


def categorical_hinge(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """How far the right class is from beating the best wrong one by 1."""
    y_true = matched(y_true, y_pred)
    right = (y_true * y_pred).sum(dim)
    wrong = ((1.0 - y_true) * y_pred).amax(dim)
    return (wrong - right + 1.0).clamp(min=0.0)


def huber(
    y_true: torch.Tensor, y_pred: torch.Tensor, delta: float = 1.0, dim: int = -1
) -> torch.Tensor:
    """Squares near zero, absolute differences beyond ``delta``."""
    y_true = matched(y_true, y_pred)
    return F.huber_loss(y_pred, y_true, reduction="none", delta=delta).mean(dim)


def log_cosh(y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Logarithm of the hyperbolic cosine of the differences."""
    error = y_pred - matched(y_true, y_pred)
    return (error + F.softplus(-2.0 * error) - math.log(2.0)).mean(dim)


def kl_divergence(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Take probabilities on both sides; F.kl_div wants a logarithm."""
    y_true = matched(y_true, y_pred).clamp(1e-7, 1.0)
    return (y_true * (y_true / y_pred.clamp(1e-7, 1.0)).log()).sum(dim)


def poisson(y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Negative log-likelihood of counts, the rate being predicted."""
    y_true = matched(y_true, y_pred)
    return (y_pred - y_true * (y_pred + 1e-7).log()).mean(dim)


def cosine_similarity(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Negative, so that less is better: -1 where both point the same way."""
    y_true = F.normalize(matched(y_true, y_pred), dim=dim, eps=1e-7)
    return -(y_true * F.normalize(y_pred, dim=dim, eps=1e-7)).sum(dim)


class Logits:
    """What a layer returns, kept until the loss is taken from it.

    From logits Keras computes cross-entropies after a sigmoid or softmax: of a
    probability that is 0 or 1 in float32 there is no gradient left.
    """

    def __init__(self, layer: torch.nn.Module) -> None:
        self.value = torch.empty(0)
        layer.register_forward_hook(self.keep)

    def keep(
        self, layer: torch.nn.Module, inputs: object, output: torch.Tensor
    ) -> None:
        self.value = output
