"""Products of matrices and tensors.

Source: ``keras/src/ops/numpy.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch

from keras2torch.ops.base import operation
from keras2torch.ops.promotion import promoted


@operation("Matmul", "x1 x2")
def matmul(x1: Any, x2: Any) -> Any:
    """``x1 @ x2``."""
    return torch.matmul(*promoted(x1, x2))
