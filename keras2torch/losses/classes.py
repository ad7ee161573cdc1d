"""Losses as classes, with Keras' names, arguments and defaults.

What each computes stands with the function that it wraps, in
:mod:`keras2torch.losses.functions`. Source: ``keras/src/losses/losses.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

from keras2torch.losses.functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    circle,
    cosine_similarity,
    ctc,
    dice,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
    tversky,
)
from keras2torch.losses.loss import Loss, LossFunctionWrapper


# -------------------------------------------------------------------------- regression
class MeanSquaredError(LossFunctionWrapper):
    """Mean of squared differences.

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of absolute differences.

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean of differences in percent of the target.

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean of squared differences of log(1 + y).

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


class CosineSimilarity(LossFunctionWrapper):
    """Cosine of the angle between targets and predictions, negative.

    Parameters
    ----------
    axis
        That of the features.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)

    def get_config(self) -> dict[str, Any]:
        return _with_unsaid(_config(self), self, axis=-1)


class Huber(LossFunctionWrapper):
    """Half the squared difference up to ``delta``, linear beyond.

    Parameters
    ----------
    delta
        Where the square ends.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)

    def get_config(self) -> dict[str, Any]:
        return _with_unsaid(_config(self), self, delta=1.0)


class LogCosh(LossFunctionWrapper):
    """Mean of log(cosh(difference)).

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: Any = None,
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


# ------------------------------------------------------------------------------ margin
class Hinge(LossFunctionWrapper):
    """Mean of max(1 - y_true * y_pred, 0); targets are -1 and 1, or 0 and 1.

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


class SquaredHinge(LossFunctionWrapper):
    """Mean of max(1 - y_true * y_pred, 0)².

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


class CategoricalHinge(LossFunctionWrapper):
    """max(the best wrong score - the right score + 1, 0).

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


# -------------------------------------------------------------------------- likelihood
class KLDivergence(LossFunctionWrapper):
    """Sum of y_true * log(y_true / y_pred).

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: Any = None,
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


class Poisson(LossFunctionWrapper):
    """Mean of y_pred - y_true * log(y_pred).

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: Any = None,
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


class BinaryCrossentropy(LossFunctionWrapper):
    """Cross-entropy of units that each say yes or no.

    Parameters
    ----------
    from_logits
        Whether predictions are what goes into a sigmoid.
    label_smoothing
        How far targets are moved towards 0.5.
    axis
        The mean is over it.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return _config(self, "from_logits", "label_smoothing", "axis")


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Binary cross-entropy that counts less where the unit is right already.

    Parameters
    ----------
    apply_class_balancing, alpha
        Whether units that should say yes count ``alpha``, the others ``1 - alpha``.
    gamma
        How much less; 0 for not at all.
    from_logits
        Whether predictions are what goes into a sigmoid.
    label_smoothing
        How far targets are moved towards 0.5.
    axis
        The mean is over it.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma

    def get_config(self) -> dict[str, Any]:
        return _config(
            self,
            "from_logits",
            "label_smoothing",
            "axis",
            "apply_class_balancing",
            "alpha",
            "gamma",
        )


class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of one-hot targets.

    Parameters
    ----------
    from_logits
        Whether predictions are what goes into a softmax.
    label_smoothing
        How much of the target is spread over all classes.
    axis
        That of the classes.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return _config(self, "from_logits", "label_smoothing", "axis")


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of one-hot targets that counts less where the class is sure.

    Parameters
    ----------
    alpha
        What it is multiplied by: a number, or one for each class.
    gamma
        How much less; 0 for not at all.
    from_logits
        Whether predictions are what goes into a softmax.
    label_smoothing
        How much of the target is spread over all classes.
    axis
        That of the classes.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis
        self.alpha = alpha
        self.gamma = gamma

    def get_config(self) -> dict[str, Any]:
        return _config(self, "from_logits", "label_smoothing", "axis", "alpha", "gamma")


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of class numbers.

    Parameters
    ----------
    from_logits
        Whether predictions are what goes into a softmax.
    ignore_class
        A number whose entries do not count.
    axis
        That of the classes, the last.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class

    def get_config(self) -> dict[str, Any]:
        return _with_unsaid(_config(self, "from_logits", "ignore_class"), self, axis=-1)


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """(1 - p**q) / q of the right class's probability.

    Parameters
    ----------
    q
        Above 0 (cross-entropy) and below 1 (absolute error), else a ValueError.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"`q` is between 0 and 1, not {q!r}.")
        super().__init__(
            categorical_generalized_cross_entropy, reduction, name, dtype, q=q
        )
        self.q = q

    def get_config(self) -> dict[str, Any]:
        return _config(self, "q")


# --------------------------------------------------- overlap, embeddings and sequences
class Dice(LossFunctionWrapper):
    """1 - 2 * what both have in common / the sum of both.

    Parameters
    ----------
    axis
        The axes to sum over, all unless given.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return _config(self, "axis")


class Tversky(LossFunctionWrapper):
    """The Dice loss, what was missed and what was made up each with a weight.

    Parameters
    ----------
    alpha, beta
        The weights.
    axis
        The axes to sum over, all unless given.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis
        )
        self.alpha = alpha
        self.beta = beta
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return _config(self, "alpha", "beta", "axis")


class Circle(LossFunctionWrapper):
    """Circle loss between class numbers and embeddings of unit length.

    Parameters
    ----------
    gamma, margin
        The scale of the similarities, and how far they may be off.
    remove_diagonal
        Whether a sample is not compared with itself.
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            circle,
            reduction,
            name,
            dtype,
            gamma=gamma,
            margin=margin,
            remove_diagonal=remove_diagonal,
        )
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal

    def get_config(self) -> dict[str, Any]:
        return _config(self, "gamma", "margin", "remove_diagonal")


class CTC(LossFunctionWrapper):
    """Connectionist temporal classification of logits; class 0 is the blank.

    Parameters
    ----------
    reduction, name, dtype
        As for :class:`~keras2torch.losses.Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "ctc",
        dtype: Any = None,
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return _config(self)


def _config(loss: Loss, *arguments: str) -> dict[str, Any]:
    config = Loss.get_config(loss)
    config.update((a, getattr(loss, a)) for a in arguments)
    return config


def _with_unsaid(
    config: dict[str, Any], loss: LossFunctionWrapper, **defaults: Any
) -> dict[str, Any]:
    """Add arguments that Keras does not write and so forgets, unless at the default."""
    given = loss.wrapped_arguments
    config.update(
        (k, given[k]) for k, default in defaults.items() if given[k] != default
    )
    return config
