"""What runs an ONNX operator that PyTorch has no counterpart of."""

from __future__ import annotations

import torch
from torch import nn


class OnnxOperator(nn.Module):
    """An ONNX operator as onnx2torch has it; its model lies beside this file."""

    def __init__(self, name: str) -> None:
        super().__init__()
        from pathlib import Path

        from onnx2torch import convert

        self.inner = convert(str(Path(__file__).with_name(name)))
        # Its constants lie in that file, not among the weights.
        for module in self.inner.modules():
            for key, value in list(module.named_buffers(recurse=False)):
                module.register_buffer(key, value, persistent=False)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.inner(*inputs)
        return result
