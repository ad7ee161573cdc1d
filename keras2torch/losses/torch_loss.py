"""A loss of torch, called in torch's order."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from keras2torch.losses.loss import Loss, converted, reduce_weighted_values
from keras2torch.spelling import snake_case

# Their targets are class numbers, which torch wants in int64.
_OF_NUMBERS = (
    nn.CrossEntropyLoss,
    nn.NLLLoss,
    nn.MultiMarginLoss,
    nn.MultiLabelMarginLoss,
)


class TorchLoss(Loss):
    """A ``torch.nn`` loss where Keras takes a loss.

    It is called as ``module(y_pred, y_true)`` and its value is taken as it is: shapes
    are not adapted, and probabilities not replaced by logits. Only the targets' dtype
    is: class numbers become int64, everything else the dtype of the predictions.

    Parameters
    ----------
    module
        An instance of a class of ``torch.nn.modules.loss``. With ``reduction="none"``
        sample weights and masks are applied to its values, which are then averaged.
    name
        The name; made from the module's class unless given.

    Raises
    ------
    ValueError
        For sample weights where the module reduces by itself.
    """

    def __init__(self, module: nn.Module, name: str | None = None) -> None:
        kind = type(module).__name__
        super().__init__(name=name or snake_case(kind))
        self.module = module

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        values = self.call(y_true, y_pred)
        if getattr(self.module, "reduction", "none") == "none":
            mask = getattr(y_pred, "_keras_mask", None)
            return reduce_weighted_values(values, sample_weight, mask)
        if sample_weight is not None:
            raise ValueError(
                f"{type(self.module).__name__} reduces by itself; for sample weights "
                "make it with reduction='none'."
            )
        return values

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_pred = converted(y_pred)
        y_true = converted(y_true, device=y_pred.device)
        if not isinstance(y_true, torch.Tensor) or y_true.is_complex():
            return self.module(y_pred, y_true)
        numbers = isinstance(self.module, _OF_NUMBERS)
        if numbers and not y_true.is_floating_point():
            y_true = y_true.long()
        else:
            y_true = y_true.to(y_pred.dtype)
        return self.module(y_pred, y_true)

    def get_config(self) -> dict[str, Any]:
        """Refuse: a module of torch is not written into a config.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(f"{type(self.module).__name__} of torch has no Keras config.")
