"""What scripts take from ``keras.mixed_precision``."""

from __future__ import annotations

from keras2torch.backend import dtype_policy, set_dtype_policy
from keras2torch.dtype_policies import DTypePolicy
from keras2torch.models.naming import set_global_policy
from keras2torch.optimizers import LossScaleOptimizer

# As Keras 2 called them.
Policy = DTypePolicy
global_policy = dtype_policy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
