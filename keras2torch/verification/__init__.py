"""The same inputs through Keras and PyTorch, layer by layer, and the report.

What compares is imported when it is asked for: a conversion need not be verified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras2torch.verification.compare import verify
    from keras2torch.verification.describe import unverified
    from keras2torch.verification.keras_side import draws_unseen, reference
    from keras2torch.verification.onnx_side import OnnxRuntime
    from keras2torch.verification.report import Report

__all__ = [
    "OnnxRuntime",
    "Report",
    "draws_unseen",
    "reference",
    "unverified",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "verify":
        from keras2torch.verification.compare import verify

        return verify
    if name in ("draws_unseen", "reference"):
        from keras2torch.verification import keras_side

        return getattr(keras_side, name)
    if name == "OnnxRuntime":
        from keras2torch.verification.onnx_side import OnnxRuntime

        return OnnxRuntime
    if name == "Report":
        from keras2torch.verification.report import Report

        return Report
    if name == "unverified":
        from keras2torch.verification.describe import unverified

        return unverified
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
