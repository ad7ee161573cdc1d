"""A student that learns from a teacher: ``keras.distillation``."""

from __future__ import annotations

from keras2torch.distillation.distiller import Distiller
from keras2torch.distillation.losses import (
    DistillationLoss,
    FeatureDistillation,
    LogitsDistillation,
)
from keras2torch.serialization import offer

offer(
    "keras.distillation",
    [DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation],
)

__all__ = [
    "DistillationLoss",
    "Distiller",
    "FeatureDistillation",
    "LogitsDistillation",
]
