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


def clipped(x: torch.Tensor, low: float, high: float = math.inf) -> torch.Tensor:
    """Return x within bounds, and at a bound with its gradient.

    So TensorFlow has it; from Tensor.clamp there comes none, a saturated sigmoid stays.
    """
    x = torch.where(x < low, low, x)
    return x if high == math.inf else torch.where(x > high, high, x)


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
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1, epsilon: float = 1e-7
) -> torch.Tensor:
    """Differences in percent of the target."""
    y_true = matched(y_true, y_pred)
    return 100.0 * ((y_true - y_pred) / y_true.abs().clamp(min=epsilon)).abs().mean(dim)


def mean_squared_logarithmic_error(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1, epsilon: float = 1e-7
) -> torch.Tensor:
    """Squared differences of log(1 + y); what is negative counts as epsilon."""
    y_true = matched(y_true, y_pred)
    difference = torch.log(clipped(y_pred, epsilon) + 1.0)
    difference = difference - torch.log(y_true.clamp(min=epsilon) + 1.0)
    return difference.square().mean(dim)


def binary_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    dim: int = -1,
    epsilon: float = 1e-7,
) -> torch.Tensor:
    """Cross-entropy of each unit for itself.

    Keras clips probabilities to [epsilon, 1 - epsilon]; F.binary_cross_entropy cuts
    their logarithm at -100 instead.
    """
    y_true = matched(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        values = F.binary_cross_entropy_with_logits(y_pred, y_true, reduction="none")
    else:
        p = clipped(y_pred, epsilon, 1.0 - epsilon)
        values = -(y_true * p.log() + (1.0 - y_true) * (1.0 - p).log())
    return values.mean(dim)


def categorical_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    dim: int = -1,
    epsilon: float = 1e-7,
) -> torch.Tensor:
    """Cross-entropy of one-hot targets; probabilities are made to sum to 1, clipped."""
    y_true = matched(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_pred.shape[dim]
    if from_logits:
        return -(y_true * y_pred.log_softmax(dim)).sum(dim)
    p = clipped(y_pred / y_pred.sum(dim, keepdim=True), epsilon, 1.0 - epsilon)
    return -(y_true * p.log()).sum(dim)


def sparse_categorical_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    dim: int = -1,
    epsilon: float = 1e-7,
) -> torch.Tensor:
    """Cross-entropy of class numbers; probabilities are clipped, then sum to 1."""
    if y_true.ndim == y_pred.ndim:
        y_true = y_true.squeeze(dim)
    y_true = y_true.long()
    logits = y_pred if from_logits else clipped(y_pred, epsilon, 1.0 - epsilon).log()
    counted = torch.ones_like(y_true, dtype=torch.bool)
    if ignore_class is not None:
        counted = y_true != ignore_class
    index = (y_true * counted).unsqueeze(dim)
    values = -logits.log_softmax(dim).gather(dim, index).squeeze(dim)
    if ignore_class is None:
        return values
    # So that the mean over everything becomes one over the entries that count.
    return values * counted * (counted.numel() / (counted.sum() + epsilon))


class SoftmaxCrossentropy(torch.autograd.Function):
    """Cross-entropy over the last axis, with the gradient that TensorFlow gives it.

    ``softmax - y_true``, which is the derivative only where the targets sum to 1. With
    several hot ones, or none, TensorFlow's kernel gives the same, and so do we.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(y_true: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return -(y_true * logits.log_softmax(-1)).sum(-1)

    @staticmethod
    def setup_context(
        ctx: torch.autograd.Function,
        inputs: tuple[torch.Tensor, torch.Tensor],
        output: torch.Tensor,
    ) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(
        ctx: torch.autograd.Function, gradient: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        y_true, logits = ctx.saved_tensors  # type: ignore[misc]
        gradient = gradient.unsqueeze(-1)
        of_labels = None
        if ctx.needs_input_grad[0]:
            of_labels = -gradient * logits.log_softmax(-1)
        return of_labels, gradient * (logits.softmax(-1) - y_true)


def binary_focal_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    dim: int = -1,
    epsilon: float = 1e-7,
) -> torch.Tensor:
    """Cross-entropy of each unit, less of it the surer the unit is and right."""
    y_true = matched(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    p = y_pred.sigmoid() if from_logits else y_pred
    values = binary_crossentropy(
        y_true.unsqueeze(-1),
        y_pred.unsqueeze(-1),
        from_logits=from_logits,
        epsilon=epsilon,
    )
    right = y_true * p + (1.0 - y_true) * (1.0 - p)
    values = (1.0 - right).pow(gamma) * values
    if apply_class_balancing:
        values = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * values
    return values.mean(dim)


def categorical_focal_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    alpha: float | torch.Tensor = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    dim: int = -1,
    epsilon: float = 1e-7,
) -> torch.Tensor:
    """Cross-entropy of one-hot targets, less of it where the class is sure.

    Of logits too it is taken after the softmax, clipped: so does Keras.
    """
    y_true = matched(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_pred.shape[dim]
    p = y_pred.softmax(dim) if from_logits else y_pred
    p = clipped(p / p.sum(dim, keepdim=True), epsilon, 1.0 - epsilon)
    return ((1.0 - p).pow(gamma) * alpha * (-y_true * p.log())).sum(dim)


def categorical_generalized_cross_entropy(
    y_true: torch.Tensor, y_pred: torch.Tensor, q: float
) -> torch.Tensor:
    """``(1 - p**q) / q`` of the probability of the right class, given by number."""
    classes = torch.arange(y_pred.shape[-1], device=y_pred.device)
    one_hot = (y_true.long().unsqueeze(-1) == classes).to(y_pred.dtype)
    return (1.0 - (y_pred * one_hot).sum(-1).pow(q)) / q


def signed(y_true: torch.Tensor) -> torch.Tensor:
    """Return labels of 0 and 1 as -1 and 1, others as they are."""
    binary = ((y_true == 0) | (y_true == 1)).all()
    return torch.where(binary, 2.0 * y_true - 1.0, y_true)


def hinge(y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """How far each unit is from the right side of the margin."""
    y_true = signed(matched(y_true, y_pred))
    return clipped(1.0 - y_true * y_pred, 0.0).mean(dim)


def squared_hinge(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """The hinge loss, squared."""
    y_true = signed(matched(y_true, y_pred))
    return clipped(1.0 - y_true * y_pred, 0.0).square().mean(dim)


def categorical_hinge(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """How far the right class is from beating the best wrong one by 1."""
    y_true = matched(y_true, y_pred)
    right = (y_true * y_pred).sum(dim)
    wrong = ((1.0 - y_true) * y_pred).amax(dim)
    return clipped(wrong - right + 1.0, 0.0)


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
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1, epsilon: float = 1e-7
) -> torch.Tensor:
    """Take probabilities on both sides; F.kl_div wants a logarithm."""
    y_true = matched(y_true, y_pred).clamp(epsilon, 1.0)
    return (y_true * (y_true / clipped(y_pred, epsilon, 1.0)).log()).sum(dim)


def poisson(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1, epsilon: float = 1e-7
) -> torch.Tensor:
    """Negative log-likelihood of counts, the rate being predicted."""
    y_true = matched(y_true, y_pred)
    return (y_pred - y_true * (y_pred + epsilon).log()).mean(dim)


def cosine_similarity(
    y_true: torch.Tensor, y_pred: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Negative, so that less is better: -1 where both point the same way."""
    y_true = F.normalize(matched(y_true, y_pred), dim=dim, eps=1e-7)
    return -(y_true * F.normalize(y_pred, dim=dim, eps=1e-7)).sum(dim)


def dice(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    dim: int | tuple[int, ...] | None = None,
    epsilon: float = 1e-7,
) -> torch.Tensor:
    """One less the share of what targets and predictions have in common."""
    y_true = y_true.to(y_pred.dtype)
    both = (y_true * y_pred).sum(dim)
    return 1.0 - 2.0 * both / (y_true.sum(dim) + y_pred.sum(dim) + epsilon)


def tversky(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    alpha: float = 0.5,
    beta: float = 0.5,
    dim: int | tuple[int, ...] | None = None,
    epsilon: float = 1e-7,
) -> torch.Tensor:
    """The Dice loss with weights on what was missed (alpha) and made up (beta).

    Keras calls the one "fp" and the other "fn"; the numbers are these.
    """
    y_true = y_true.to(y_pred.dtype)
    both = (y_true * y_pred).sum(dim)
    missed = (y_true * (1.0 - y_pred)).sum(dim)
    made_up = (y_pred * (1.0 - y_true)).sum(dim)
    return 1.0 - both / (both + alpha * missed + beta * made_up + epsilon)


def circle(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    ref_labels: torch.Tensor | None = None,
    ref_embeddings: torch.Tensor | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> torch.Tensor:
    """Pull embeddings of unit length with one label together, push others apart."""
    others = y_pred if ref_embeddings is None else ref_embeddings
    labels = y_true.int().reshape(-1, 1)
    other_labels = labels if ref_labels is None else ref_labels.int().reshape(-1, 1)
    distance = clipped(1.0 - y_pred @ others.T, 0.0)
    same = labels == other_labels.T
    different = ~same
    if remove_diagonal:
        same = same & ~torch.eye(*same.shape, dtype=torch.bool, device=same.device)
    pull = -gamma * clipped(margin + distance, 0.0) * (margin - distance)
    push = clipped(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    pull = pull.masked_fill(~same, -math.inf).logsumexp(1)
    push = (gamma * push).masked_fill(~different, -math.inf).logsumexp(1)
    return F.softplus(pull + push)


def ctc(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """Labels (N, L), ended by zeros, against logits (N, T, classes); class 0 is blank.

    Where T is too short for the labels torch's loss is infinite, TensorFlow's is not.
    """
    y_true = y_true.long()
    steps = y_pred.shape[1]
    lengths = (y_true != 0).sum(-1)
    log_p = y_pred.log_softmax(-1).transpose(0, 1)
    available = torch.full_like(lengths, steps)
    values = F.ctc_loss(
        log_p, y_true, available, lengths, reduction="none", zero_infinity=True
    )
    again = (y_true[:, 1:] == y_true[:, :-1]) & (y_true[:, 1:] != 0)
    impossible = lengths + again.sum(-1) > steps  # a blank stands between two equals
    if impossible.any():
        rows = impossible.nonzero().squeeze(-1)
        left = impossible_ctc(y_true[rows], log_p[:, rows], lengths[rows])
        values = values.index_copy(0, rows, left)
    return values


def impossible_ctc(
    y_true: torch.Tensor, log_p: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """CTC as TensorFlow has it: any state may begin and end, at the price of 1e-307.

    tensorflow/python/ops/ctc_ops.py, ctc_loss_and_grad: the loss counts those that
    begin right, the gradient all.
    """
    rows, size = y_true.shape
    dtype, log_p = log_p.dtype, log_p.double()  # beside 707 little is left of float32
    states = 2 * (size + 1)  # a start, a state a label, a blank after each
    price, never = math.log(1e-307), -1e30
    label, blank = torch.arange(size + 1), torch.arange(size + 1) + size + 1
    move = torch.eye(states).repeat(rows, 1, 1)  # to, from
    move[:, label[1:], blank[:-1]] = 1.0
    move[:, blank, label] = 1.0
    move[:, 1, 0] = 1.0
    move = move.to(log_p)
    move[:, label[2:], label[1:-1]] = (y_true[:, 1:] != y_true[:, :-1]).to(log_p)
    move = torch.where(move > 0.0, 0.0, never)
    of_label = log_p.gather(2, y_true.expand(len(log_p), -1, -1))
    of_blank = log_p[:, :, :1].expand(-1, -1, size + 1)
    start = torch.full_like(log_p[:, :, :1], never)
    seen = torch.cat([start, of_label, of_blank], -1)
    final = torch.full((rows, states), price).to(log_p)
    final.scatter_(1, torch.stack([lengths, lengths + size + 1], 1), 0.0)

    def total(elsewhere: float) -> torch.Tensor:
        state = torch.full_like(final, elsewhere)
        state[:, 0] = 0.0
        for step in seen:
            state = (state.unsqueeze(1) + move).logsumexp(-1) + step
        return -(state + final).logsumexp(-1)

    with torch.no_grad():
        value = total(never)
    everything = total(price)
    return (value + everything - everything.detach()).to(dtype)


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
