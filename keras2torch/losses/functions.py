"""Losses as functions: one value a sample, nothing reduced.

Targets and predictions are tensors, arrays or lists; predictions decide dtype and
device. The numbers are those of :mod:`keras2torch.training.losses`.

Cross-entropies with ``from_logits=False`` take what went into the last sigmoid or
softmax, ``y_pred._keras_logits``, where the prediction carries it: of a probability
that is 0 or 1 in float32 there is no gradient left. As in Keras it is taken whichever
of the two it was: binary_crossentropy after a softmax is one of the softmax's input.

Source: ``keras/src/losses/losses.py`` and ``backend/tensorflow/nn.py`` (3.15).
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F

from keras2torch.configuration import epsilon
from keras2torch.errors import UnfitTargets
from keras2torch.losses.loss import LossFunctionWrapper, squeeze_or_expand_to_same_rank
from keras2torch.tensors import as_floating, as_tensor
from keras2torch.training import losses as numbers

# torch skips this label, -100 unless told; Keras skips none.
_NO_LABEL = -(2**62)


# -------------------------------------------------------------------------- regression
def mean_squared_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Mean of squared differences over the last axis.

    Parameters
    ----------
    y_true, y_pred
        Shape ``(N, …, d)``; either may lack a last axis of 1.

    Returns
    -------
    torch.Tensor
        Shape ``(N, …)``.

    Raises
    ------
    ValueError
        Where the shapes do not go together.
    """
    return numbers.mean_squared_error(*_pair(y_true, y_pred))


def mean_absolute_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Mean of absolute differences over the last axis: (N, …, d) → (N, …)."""
    return numbers.mean_absolute_error(*_pair(y_true, y_pred))


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Mean of differences in percent of the target: (N, …, d) → (N, …).

    A target nearer to 0 than epsilon counts as epsilon.
    """
    return numbers.mean_absolute_percentage_error(
        *_pair(y_true, y_pred), epsilon=epsilon()
    )


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Mean of squared differences of log(1 + y): (N, …, d) → (N, …).

    What is below epsilon counts as epsilon.
    """
    return numbers.mean_squared_logarithmic_error(
        *_pair(y_true, y_pred), epsilon=epsilon()
    )


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> torch.Tensor:
    """Cosine of the angle along an axis, negative: -1 where both point the same way."""
    return numbers.cosine_similarity(*_pair(y_true, y_pred), dim=axis)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> torch.Tensor:
    """Half the square up to ``delta``, linear beyond: (N, …, d) → (N, …)."""
    return numbers.huber(*_pair(y_true, y_pred), delta=delta)


def log_cosh(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Mean of log(cosh(difference)): (N, …, d) → (N, …)."""
    return numbers.log_cosh(*_pair(y_true, y_pred))


# ------------------------------------------------------------------------------ margin
def hinge(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Mean of max(1 - y_true * y_pred, 0): (N, …, d) → (N, …).

    Targets are -1 and 1; where all of them are 0 or 1, 0 stands for -1.
    """
    return numbers.hinge(*_pair(y_true, y_pred, squeeze=False))


def squared_hinge(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Mean of max(1 - y_true * y_pred, 0)²; targets as for :func:`hinge`."""
    return numbers.squared_hinge(*_pair(y_true, y_pred, squeeze=False))


def categorical_hinge(y_true: Any, y_pred: Any) -> torch.Tensor:
    """max(the best wrong score - the right score + 1, 0), of one-hot targets."""
    return numbers.categorical_hinge(*_pair(y_true, y_pred, squeeze=False))


# -------------------------------------------------------------------------- likelihood
def kl_divergence(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Sum of y_true * log(y_true / y_pred), both clipped to [epsilon, 1]."""
    return numbers.kl_divergence(
        *_pair(y_true, y_pred, squeeze=False), epsilon=epsilon()
    )


def poisson(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Mean of y_pred - y_true * log(y_pred + epsilon); y_pred is the expected count."""
    return numbers.poisson(*_pair(y_true, y_pred, squeeze=False), epsilon=epsilon())


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """Cross-entropy of one-hot targets.

    Parameters
    ----------
    y_true, y_pred
        One shape, ``(N, …, classes)``.
    from_logits
        Whether ``y_pred`` is what goes into a softmax. A probability is made to sum to
        1 and clipped to [epsilon, 1 - epsilon].
    label_smoothing
        How much of the target is spread over all classes, from 0 to 1.
    axis
        That of the classes.

    Returns
    -------
    torch.Tensor
        The shape without that axis.

    Raises
    ------
    ValueError
        Where the shapes differ.
    """
    y_true, y_pred = _categorical(y_true, y_pred, label_smoothing, axis)
    _same_classes(y_true, y_pred)
    logits = _logits(y_pred, from_logits, "softmax", "categorical_crossentropy")
    if logits is None:
        return numbers.categorical_crossentropy(
            y_true, y_pred, dim=axis, epsilon=epsilon()
        )
    if axis != -1:
        y_true, logits = y_true.movedim(axis, -1), logits.movedim(axis, -1)
    found: torch.Tensor = numbers.SoftmaxCrossentropy.apply(y_true, logits)
    return found


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """Cross-entropy of one-hot targets times alpha * (1 - p)**gamma.

    Parameters
    ----------
    alpha
        A number, or one for each class.
    gamma
        How much less classes count that are sure already; 0 for not at all.
    y_true, y_pred, from_logits, label_smoothing, axis
        As for :func:`categorical_crossentropy`; Keras clips here from logits too.
    """
    y_true, y_pred = _categorical(y_true, y_pred, label_smoothing, axis)
    y_true, y_pred = _broadcast(y_true, y_pred)
    if not isinstance(alpha, (int, float)):
        alpha = as_tensor(alpha).to(y_pred)
    return numbers.categorical_focal_crossentropy(
        y_true, y_pred, alpha, gamma, from_logits, dim=axis, epsilon=epsilon()
    )


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> torch.Tensor:
    """Cross-entropy of class numbers.

    Parameters
    ----------
    y_true
        Class numbers of any dtype, ``(N, …)`` or ``(N, …, 1)``.
    y_pred
        ``(N, …, classes)``.
    from_logits
        Whether ``y_pred`` is what goes into a softmax. A probability is clipped to
        [epsilon, 1 - epsilon] and then made to sum to 1.
    ignore_class
        A number whose entries count nothing: they are 0 and masked.
    axis
        That of the classes: the last, as with Keras on TensorFlow.

    Returns
    -------
    torch.Tensor
        Shape ``(N, …)``.

    Raises
    ------
    ValueError
        Where the shapes do not go together, for another axis, and on a CPU for a
        number that is no class. On a GPU torch itself stops at such a number.
    """
    y_true, y_pred = as_tensor(y_true), as_floating(y_pred)
    y_true = y_true.to(y_pred.device)
    if axis not in (-1, y_pred.ndim - 1):
        raise ValueError(f"`axis` is that of the classes, the last, not {axis}.")
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true.squeeze(-1)
    valid = None
    if ignore_class is not None:
        valid = y_true != ignore_class
        y_true = y_true.masked_fill(~valid, 0)
        _labels_fit(y_true, y_pred)
        y_pred = y_pred.masked_fill(~valid.unsqueeze(-1), 0.0)
    name = "sparse_categorical_crossentropy"
    logits = _logits(y_pred, from_logits, "softmax", name)
    if logits is None:
        logits = numbers.clipped(y_pred, epsilon(), 1.0 - epsilon()).log()
    values = _cross_entropy(y_true, logits, "none")
    if valid is not None:
        values = values.masked_fill(~valid, 0.0)
        values._keras_mask = valid  # type: ignore[attr-defined]
    return values


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """Mean cross-entropy of units that each say yes or no.

    Parameters
    ----------
    y_true, y_pred
        One shape, ``(N, …, d)``.
    from_logits
        Whether ``y_pred`` is what goes into a sigmoid. A probability is clipped to
        [epsilon, 1 - epsilon].
    label_smoothing
        How far targets are moved towards 0.5, from 0 to 1.
    axis
        The mean is over it.

    Raises
    ------
    ValueError
        Where the shapes differ.
    """
    y_true, y_pred = _converted(y_true, y_pred)
    _same_shape(y_true, y_pred)
    logits = _logits(y_pred, from_logits, "sigmoid", "binary_crossentropy")
    return numbers.binary_crossentropy(
        y_true,
        y_pred if logits is None else logits,
        logits is not None,
        label_smoothing,
        axis,
        epsilon(),
    )


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """Binary cross-entropy times (1 - the probability of what is right)**gamma.

    Parameters
    ----------
    apply_class_balancing, alpha
        Whether units that should say yes count ``alpha``, the others ``1 - alpha``.
    gamma
        How much less units count that are right already; 0 for not at all.
    y_true, y_pred, from_logits, label_smoothing, axis
        As for :func:`binary_crossentropy`.
    """
    y_true, y_pred = _converted(y_true, y_pred)
    _same_shape(y_true, y_pred)
    if not from_logits:
        logits = _logits(y_pred, False, "sigmoid", "binary_focal_crossentropy")
        y_pred, from_logits = (y_pred, False) if logits is None else (logits, True)
    return numbers.binary_focal_crossentropy(
        y_true,
        y_pred,
        apply_class_balancing,
        alpha,
        gamma,
        from_logits,
        label_smoothing,
        axis,
        epsilon(),
    )


def categorical_generalized_cross_entropy(
    y_true: Any, y_pred: Any, q: float
) -> torch.Tensor:
    """(1 - p**q) / q of the right class's probability: robust to wrong labels.

    Parameters
    ----------
    y_true
        Class numbers ``(N,)``. With ``(N, 1)`` Keras compares every sample with every
        other, ``(N, N)``, and so do we.
    y_pred
        Probabilities ``(N, classes)``.
    q
        Between 0 (cross-entropy) and 1 (absolute error).
    """
    y_true, y_pred = _converted(y_true, y_pred)
    return numbers.categorical_generalized_cross_entropy(y_true, y_pred, q)


# --------------------------------------------------- overlap, embeddings and sequences
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> torch.Tensor:
    """1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred)).

    Parameters
    ----------
    y_true, y_pred
        One shape.
    axis
        The axes to sum over, all unless given: then the loss is a scalar.
    """
    return numbers.dice(*_converted(y_true, y_pred), dim=_axes(axis), epsilon=epsilon())


def tversky(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: Any = None,
) -> torch.Tensor:
    """The Dice loss, what was missed weighted by alpha, what was made up by beta.

    Keras' documentation has the two the other way round; its numbers are these.
    """
    return numbers.tversky(
        *_converted(y_true, y_pred), alpha, beta, _axes(axis), epsilon=epsilon()
    )


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> torch.Tensor:
    """Circle loss of embeddings with unit length.

    Parameters
    ----------
    y_true, y_pred
        Class numbers ``(N,)`` and embeddings ``(N, d)``.
    ref_labels, ref_embeddings
        Those that each is compared with, ``(M,)`` and ``(M, d)``; the same unless
        given.
    remove_diagonal
        Whether a sample is not compared with itself.
    gamma, margin
        The scale of the similarities, and how far they may be off.

    Returns
    -------
    torch.Tensor
        Shape ``(N,)``; what is 0 is masked.
    """
    y_true, y_pred = _converted(y_true, y_pred, dtype=torch.int32)
    if ref_labels is not None:
        ref_labels = as_tensor(ref_labels).to(y_pred.device)
    if ref_embeddings is not None:
        ref_embeddings = as_tensor(ref_embeddings).to(y_pred)
    values = numbers.circle(
        y_true, y_pred, ref_labels, ref_embeddings, remove_diagonal, gamma, margin
    )
    values._keras_mask = values.detach() > 0  # type: ignore[attr-defined]
    return values


def ctc(y_true: Any, y_pred: Any) -> torch.Tensor:
    """Connectionist temporal classification.

    Parameters
    ----------
    y_true
        Class numbers ``(N, L)``, filled up with 0, which stands for the blank.
    y_pred
        Logits ``(N, T, classes)``.

    Returns
    -------
    torch.Tensor
        Shape ``(N,)``.

    Raises
    ------
    ValueError
        For other shapes, and on a CPU for a number that is no class.
    """
    y_true, y_pred = _converted(y_true, y_pred, dtype=torch.int64)
    if y_true.ndim != 2 or y_pred.ndim != 3:
        raise ValueError(
            "CTC takes targets of shape (N, labels) and logits of shape (N, steps, "
            f"classes), not {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    # torch's kernel reads past the end for a class that there is not.
    if y_true.device.type == "cpu" and y_true.numel():
        _in_range(y_true, y_pred.shape[-1])
    if y_pred.dtype in (torch.float16, torch.bfloat16):
        y_pred = y_pred.float()
    return numbers.ctc(y_true, y_pred)


# -------------------------------------------------------------------------------- both
def _converted(
    y_true: Any, y_pred: Any, dtype: torch.dtype | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    y_pred = as_floating(y_pred)
    return as_tensor(y_true).to(y_pred.device, dtype or y_pred.dtype), y_pred


def _pair(
    y_true: Any, y_pred: Any, squeeze: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both as tensors of one shape and dtype."""
    y_true, y_pred = _converted(y_true, y_pred)
    if squeeze:
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    return _broadcast(y_true, y_pred)


def _broadcast(
    y_true: torch.Tensor, y_pred: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    try:
        shape = torch.broadcast_shapes(y_true.shape, y_pred.shape)
    except RuntimeError:
        _same_shape(y_true, y_pred)
        raise
    return y_true.expand(shape), y_pred.expand(shape)


def _same_shape(y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
    if y_true.shape != y_pred.shape:
        raise UnfitTargets(
            f"targets of shape {tuple(y_true.shape)} cannot be compared with "
            f"predictions of shape {tuple(y_pred.shape)}."
        )


def _same_classes(y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
    """Raise unless every sample has a number for each class."""
    try:
        _same_shape(y_true, y_pred)
    except UnfitTargets as error:
        numbers = y_true.ndim == y_pred.ndim - 1 or y_true.shape[-1:] == (1,)
        if not numbers:
            raise
        raise UnfitTargets(
            f"{error} They look like class numbers: take the loss "
            "'sparse_categorical_crossentropy', or keras.utils.to_categorical(y)."
        ) from None


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _logits(
    y_pred: torch.Tensor, from_logits: bool, activation: str, name: str
) -> torch.Tensor | None:
    """Return what to take a cross-entropy from if not from the probability."""
    carried: torch.Tensor | None = getattr(y_pred, "_keras_logits", None)
    if carried is None:
        return y_pred if from_logits else None
    if from_logits:
        warnings.warn(
            f"{name} received from_logits=True, but the prediction comes out of a "
            f"{activation}; its input is taken.",
            stacklevel=4,
        )
    return carried if carried.dtype is y_pred.dtype else carried.to(y_pred.dtype)


def _categorical(
    y_true: Any, y_pred: Any, label_smoothing: float, axis: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    if isinstance(axis, bool):
        raise ValueError(f"`axis` is an int, not {axis}.")
    y_true, y_pred = _converted(y_true, y_pred)
    if y_pred.ndim and y_pred.shape[-1] == 1:
        warnings.warn(
            f"predictions of shape {tuple(y_pred.shape)} have one class, whose "
            "categorical crossentropy is 0; binary_crossentropy may be meant.",
            SyntaxWarning,
            stacklevel=3,
        )
    if label_smoothing:
        # Keras counts the classes along the last axis, whatever the axis is.
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1]
    return y_true, y_pred


def _labels_fit(y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
    if y_true.shape != y_pred.shape[:-1]:
        one_hot = y_true.shape == y_pred.shape and y_true.ndim > 1
        hint = " They look like one-hot rows: take the loss 'categorical_crossentropy'."
        raise UnfitTargets(
            f"class numbers of shape {tuple(y_true.shape)} cannot be compared with "
            f"predictions of shape {tuple(y_pred.shape)}.{hint if one_hot else ''}"
        )


def _in_range(labels: torch.Tensor, classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise UnfitTargets(
            f"the class numbers go from {low} to {high}, the predictions have "
            f"{classes} classes, 0 to {classes - 1}."
        )


def _cross_entropy(
    y_true: torch.Tensor, logits: torch.Tensor, reduction: str
) -> torch.Tensor:
    _labels_fit(y_true, logits)
    if y_true.dtype is not torch.int64:
        y_true = y_true.long()
    given, labels = logits, y_true
    if logits.ndim != 2:
        given, labels = logits.reshape(-1, logits.shape[-1]), y_true.reshape(-1)
    try:
        values = F.cross_entropy(
            given, labels, ignore_index=_NO_LABEL, reduction=reduction
        )
    except IndexError:
        _in_range(labels, logits.shape[-1])
        raise
    return values.view(y_true.shape) if reduction == "none" else values


# --------------------------------------------------------------------- means, directly
# One torch call where it gives the mean that the long way gives; None elsewhere.
def _mean_of(torch_function: Any) -> Any:
    def mean(y_true: torch.Tensor, y_pred: torch.Tensor, **kw: Any) -> Any:
        if y_true.shape != y_pred.shape:
            if y_pred.shape != (*y_true.shape, 1):
                return None
            y_true = y_true.unsqueeze(-1)
        if y_true.dtype is not y_pred.dtype:
            y_true = y_true.to(y_pred.dtype)
        return torch_function(y_pred, y_true, **kw)

    return mean


def _mean_binary(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor | None:
    if label_smoothing:
        return None
    if y_true.shape != y_pred.shape:
        if y_true.ndim != 1 or y_pred.shape != (*y_true.shape, 1):
            return None
        y_true = y_true.unsqueeze(-1)
    logits = _logits(y_pred, from_logits, "sigmoid", "binary_crossentropy")
    if logits is None:
        return None
    if y_true.dtype is not y_pred.dtype:
        y_true = y_true.to(y_pred.dtype)
    return F.binary_cross_entropy_with_logits(logits, y_true)


def _mean_sparse(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> torch.Tensor | None:
    if ignore_class is not None or y_pred.ndim < 2 or axis not in (-1, y_pred.ndim - 1):
        return None
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true.squeeze(-1)
    name = "sparse_categorical_crossentropy"
    logits = _logits(y_pred, from_logits, "softmax", name)
    if logits is None:
        logits = numbers.clipped(y_pred, epsilon(), 1.0 - epsilon()).log()
    return _cross_entropy(y_true, logits, "mean")


def _mean_categorical(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor | None:
    if label_smoothing or axis != -1 or y_true.shape != y_pred.shape:
        return None
    if y_pred.ndim < 2 or y_pred.shape[-1] == 1:
        return None
    logits = _logits(y_pred, from_logits, "softmax", "categorical_crossentropy")
    if logits is None:
        return None
    if y_true.dtype is not y_pred.dtype:
        y_true = y_true.to(y_pred.dtype)
    # Where targets sum to 1 torch's gradient is TensorFlow's; to look costs a CPU less
    # than a backward pass in Python, and a GPU more.
    if (
        y_pred.ndim == 2
        and y_true.device.type == "cpu"
        and not y_true.requires_grad
        and not torch.compiler.is_compiling()
        and (y_true.sum(-1) - 1.0).abs_().max().item() < 1e-6
    ):
        return F.cross_entropy(logits, y_true)
    values: torch.Tensor = numbers.SoftmaxCrossentropy.apply(y_true, logits)
    return values.mean()


LossFunctionWrapper.known_means.update(
    {
        mean_squared_error: _mean_of(F.mse_loss),
        mean_absolute_error: _mean_of(F.l1_loss),
        huber: _mean_of(F.huber_loss),
        binary_crossentropy: _mean_binary,
        categorical_crossentropy: _mean_categorical,
        sparse_categorical_crossentropy: _mean_sparse,
    }
)
