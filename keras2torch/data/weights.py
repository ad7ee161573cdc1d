"""Weights of classes, as the weights of samples that Keras makes of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from keras2torch.data.structures import is_nested
from keras2torch.data.tensors import to_tensor

BOTH = "class_weight and sample_weight cannot be given at the same time."


def class_weight_to_sample_weights(
    y: Any, class_weight: Mapping[int, float]
) -> torch.Tensor:
    """Return the weight of each sample by its class, shape ``(samples,)``, on the CPU.

    Parameters
    ----------
    y
        Class numbers ``(samples,)`` or ``(samples, 1)``, or one-hot rows
        ``(samples, classes)``.
    class_weight
        The weight of each class. A class without one counts 1, as in Keras 3.15
        (data_adapter_utils.py); a warning names it.

    Raises
    ------
    ValueError
        If ``y`` is not one output with one class a sample.
    """
    if is_nested(y):
        raise ValueError("class_weight is for models with a single output.")
    classes = to_tensor(y, "y").cpu()
    if classes.ndim > 1:
        last = classes.shape[-1]
        classes = classes.argmax(-1) if last != 1 else classes.squeeze(-1)
    if classes.ndim != 1:
        raise ValueError(
            "class_weight needs one class a sample, "
            f"and y has shape {tuple(to_tensor(y, 'y').shape)}."
        )
    if classes.is_floating_point():
        classes = classes.round()
    found, places = np.unique(classes.numpy().astype(np.int32), return_inverse=True)
    given = {int(k): float(v) for k, v in class_weight.items()}
    if missing := [int(c) for c in found if int(c) not in given]:
        warnings.warn(
            f"class_weight has no weight for the classes {missing[:10]}: "
            "they count 1, as in Keras.",
            stacklevel=2,
        )
    table = np.asarray([given.get(int(c), 1.0) for c in found])
    return torch.from_numpy(table[places.reshape(-1)]).to(torch.get_default_dtype())
