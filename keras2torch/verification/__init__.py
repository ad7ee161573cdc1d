"""The same inputs through Keras and PyTorch, layer by layer, and the report."""

from keras2torch.verification.compare import unverified, verify
from keras2torch.verification.keras_side import reference
from keras2torch.verification.onnx_side import OnnxRuntime
from keras2torch.verification.report import Report

__all__ = ["OnnxRuntime", "Report", "reference", "unverified", "verify"]
