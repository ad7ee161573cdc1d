"""What every loss is: called with targets, predictions and weights, and reduced.

Source: ``keras/src/losses/loss.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from typing_extensions import Self

from keras2torch import serialization, tree
from keras2torch.distribution import parts
from keras2torch.errors import UnfitTargets
from keras2torch.tensors import as_tensor, torch_dtype

MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
REDUCTIONS = (*MEANS, "sum", "none", None)

# The mean of a loss over everything, or None where the long way has to be gone.
Direct = Callable[..., "torch.Tensor | None"]


class Loss:
    """Base of losses; a subclass defines ``call(y_true, y_pred)``.

    Calling a loss converts targets and predictions to its dtype, asks ``call`` for the
    values, multiplies them by the sample weights and by the masks that predictions
    (``y_pred._keras_mask``) and values carry, and reduces them.

    Parameters
    ----------
    name
        The name; made from the class unless given.
    reduction
        ``"sum_over_batch_size"`` or ``"mean"``: the sum over the number of values.
        ``"mean_with_sample_weight"``: the sum over the sum of weights. ``"sum"``.
        ``"none"`` or ``None``: the values as they are.
    dtype
        Of the computation: a name, a torch dtype or a dtype policy; the floating dtype
        in force (torch's default dtype, float32) unless given.

    Raises
    ------
    ValueError
        For another reduction; when called, where shapes do not go together.
    """

    _direct: Direct | None = None
    _arguments: Mapping[str, Any] = {}

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        if name is None:
            # The rooms import each other: models take losses.
            from keras2torch.models.naming import auto_name

            name = auto_name(type(self).__name__)
        self.name = name
        self.reduction = standardize_reduction(reduction)
        self._torch_dtype = compute_dtype(dtype)

    @property
    def dtype(self) -> str:
        """``"float32"``."""
        return str(self._torch_dtype).removeprefix("torch.")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss: a scalar, or values where the reduction is ``None``.

        Parameters
        ----------
        y_true, y_pred
            Targets and predictions: tensors, arrays, lists; or structures of them, as
            far as ``call`` takes those.
        sample_weight
            Of the values' shape, or one that broadcasts to it.
        """
        mask = getattr(y_pred, "_keras_mask", None)
        if (
            self._direct is not None
            and sample_weight is None
            and mask is None
            and isinstance(y_pred, torch.Tensor)
            and isinstance(y_true, torch.Tensor)
            and y_pred.dtype is self._torch_dtype
            and self.reduction in MEANS
            and y_true.device == y_pred.device
            and y_pred.numel()
        ):
            value = self._direct(y_true, y_pred, **self._arguments)
            if value is not None:
                return value
        y_pred = converted(y_pred, self._torch_dtype)
        device = next((p.device for p in tree.leaves(y_pred)), None)
        y_true = converted(y_true, self._torch_dtype, device)
        values = self.call(y_true, y_pred)
        out_mask = getattr(values, "_keras_mask", None)
        if mask is None:
            mask = out_mask
        elif out_mask is not None:
            mask = _both(mask, out_mask)
        return reduce_weighted_values(
            values, sample_weight, mask, self.reduction, self._torch_dtype
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the values of targets and predictions, usually one a sample.

        Raises
        ------
        NotImplementedError
            If the subclass does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define call().")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor; as in Keras, not the dtype."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new one of what ``get_config`` gave."""
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A function of targets and predictions as a loss.

    Parameters
    ----------
    fn
        Called as ``fn(y_true, y_pred, **kwargs)``, after a last axis of 1 that only
        one of the two has was added to or taken from it.
    reduction, name, dtype
        As for :class:`Loss`.
    kwargs
        Handed to ``fn``.
    """

    # Function → its mean at once; filled by keras2torch.losses.functions.
    known_means: ClassVar[dict[Any, Direct]] = {}

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = self._arguments = kwargs
        if type(self).call is LossFunctionWrapper.call:
            self._direct = self.known_means.get(fn)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if isinstance(y_true, torch.Tensor) and isinstance(y_pred, torch.Tensor):
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        elif tree.is_nested(y_true) and tree.same(y_true, y_pred):
            pairs = [
                squeeze_or_expand_to_same_rank(t, p)
                for t, p in zip(tree.leaves(y_true), tree.leaves(y_pred), strict=True)
            ]
            y_true = tree.pack(y_true, [t for t, _ in pairs])
            y_pred = tree.pack(y_pred, [p for _, p in pairs])
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["fn"] = serialization.serialize_keras_object(self.fn)
        config.update(serialization.serialize_keras_object(self._fn_kwargs))
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        if "fn" in config:
            config = serialization.deserialize_keras_object(config)
        return cls(**config)

    @property
    def wrapped_arguments(self) -> dict[str, Any]:
        """What the function is called with beside targets and predictions."""
        return self._fn_kwargs

    def __repr__(self) -> str:
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"


# ---------------------------------------------------------------------------- reducing
def standardize_reduction(reduction: str | None) -> str | None:
    """Return a reduction that Keras knows.

    Raises
    ------
    ValueError
        For another one.
    """
    if reduction not in REDUCTIONS:
        known = ", ".join(map(repr, REDUCTIONS))
        raise ValueError(f"`reduction` is one of {known}, not {reduction!r}.")
    return reduction


def squeeze_or_expand_to_same_rank(
    x1: torch.Tensor, x2: torch.Tensor, expand_rank_1: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add or take the last axis of 1 by which two tensors differ, if they do."""
    if x1.ndim == x2.ndim + 1 and x1.shape[-1] == 1:
        if x2.ndim == 1 and expand_rank_1:
            return x1, x2.unsqueeze(-1)
        return x1.squeeze(-1), x2
    if x2.ndim == x1.ndim + 1 and x2.shape[-1] == 1:
        if x1.ndim == 1 and expand_rank_1:
            return x1.unsqueeze(-1), x2
        return x1, x2.squeeze(-1)
    return x1, x2


def reduce_values(
    values: torch.Tensor,
    sample_weight: torch.Tensor | None = None,
    reduction: str | None = "sum_over_batch_size",
) -> torch.Tensor:
    """Return weighted values reduced; a scalar stays as it is, and so does nothing.

    A mean of no values is 0, and so is one of weights that are all 0.
    """
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    if reduction == "sum":
        return values.sum()
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        total = sample_weight.sum()
        if (part := parts.dividing()) is not None:
            return part.mean(values.sum(), *part.summed(total))
        return _divided(values.sum(), total)
    return values.mean() if values.numel() else values.sum()


def reduce_weighted_values(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: Any = None,
) -> torch.Tensor:
    """Return values times weights and mask, reduced.

    Parameters
    ----------
    values
        The losses.
    sample_weight, mask
        Of the values' shape, of one that broadcasts to it, or either with a last axis
        of 1. With a mask the mean is one over what it lets through.
    reduction
        As for :class:`Loss`.
    dtype
        What values and weights are converted to, the values' own unless given.

    Raises
    ------
    ValueError
        Where the shapes do not go together.
    """
    standardize_reduction(reduction)
    values = _tensor(values, dtype)
    weight = None
    if sample_weight is not None:
        weight = _tensor(sample_weight, values.dtype, values.device)
    if mask is not None:
        mask = _tensor(mask, torch.bool, values.device)
        weight = apply_mask(weight, mask, values.dtype, reduction)
    if weight is not None:
        values, weight = squeeze_or_expand_to_same_rank(values, weight)
        values = _product(values, weight, "losses", "sample weights")
    return reduce_values(values, weight, reduction)


def apply_mask(
    sample_weight: torch.Tensor | None,
    mask: torch.Tensor | None,
    dtype: torch.dtype,
    reduction: str | None,
) -> torch.Tensor | None:
    """Return sample weights that are 0 where the mask is False.

    For the means the others grow by total / valid, so that dividing by the total
    number of values comes to dividing by the number of valid ones.
    """
    if mask is None:
        return sample_weight
    weight = mask.to(dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total = torch.full((), float(mask.numel()), dtype=dtype, device=mask.device)
        valid = weight.sum()
        if (part := parts.dividing()) is not None:
            total, valid = part.summed(total, valid)
        weight = weight * _divided(total, valid)
    if sample_weight is None:
        return weight
    weight, sample_weight = squeeze_or_expand_to_same_rank(weight, sample_weight)
    return _product(sample_weight, weight, "sample weights", "the mask")


def _divided(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return a / b, and 0 where b is 0, gradient included."""
    empty = b == 0
    return (a / b.masked_fill(empty, 1.0)).masked_fill(empty, 0.0)


def _both(mask: torch.Tensor, of_values: torch.Tensor) -> torch.Tensor:
    try:
        return mask & of_values
    except RuntimeError as error:
        raise ValueError(
            f"the mask of predictions, {tuple(mask.shape)}, does not fit that of the "
            f"losses, {tuple(of_values.shape)}."
        ) from error


def _product(a: torch.Tensor, b: torch.Tensor, of: str, by: str) -> torch.Tensor:
    try:
        return a * b
    except RuntimeError as error:
        raise UnfitTargets(
            f"{of} of shape {tuple(a.shape)} cannot be weighted by {by} of shape "
            f"{tuple(b.shape)}."
        ) from error


# -------------------------------------------------------------------------- converting
def compute_dtype(dtype: Any = None) -> torch.dtype:
    """Return the torch dtype of a name, a dtype or a dtype policy."""
    dtype = getattr(dtype, "compute_dtype", dtype)
    if isinstance(dtype, str):
        dtype = dtype.removeprefix("mixed_")
    return torch_dtype(dtype)


def converted(value: Any, dtype: Any = None, device: Any = None) -> Any:
    """Return a tensor, or a structure of them, in a dtype and on a device.

    A tensor that has both is given back itself, with the attributes it carries. A list
    of numbers is one tensor; one of arrays or tensors with axes is a structure.
    """
    if isinstance(value, dict) or (
        isinstance(value, (list, tuple))
        and any(getattr(leaf, "shape", None) for leaf in tree.leaves(value))
    ):
        return tree.map_structure(lambda x: converted(x, dtype, device), value)
    return _tensor(value, dtype, device)


def _tensor(value: Any, dtype: Any = None, device: Any = None) -> torch.Tensor:
    tensor: torch.Tensor = as_tensor(value)
    return tensor.to(device=device or tensor.device, dtype=dtype or tensor.dtype)
