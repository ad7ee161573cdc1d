"""What half precision makes of both sides, beside the comparison in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from keras2torch.program import Program
from keras2torch.verification.difference import difference, worst
from keras2torch.verification.keras_side import Computed
from keras2torch.verification.report import Policy, Report

if TYPE_CHECKING:
    from torch import nn

# What rounding after every layer may come to: some steps of 2^-11 and 2^-8.
LIMITS = {"float16": 2.0**-7, "bfloat16": 2.0**-4}


def compare(
    report: Report, program: Program, make: Callable[[], nn.Module], computed: Computed
) -> None:
    """Measure Keras under its own policy against PyTorch under autocast.

    Nothing to do for a model without half precision. The verdict is that of float32:
    two libraries round differently, and how far is written down beside it.
    """
    from keras2torch.verification import torch_side

    precision, result = program.precision, computed.result
    if precision.half is None:
        return
    if result.float32 is None:
        report.remarks.append(
            f"Keras computes in {precision.name}, and there is no float32 run to "
            f"compare with: {result.float32_error or 'it was not asked for'}"
        )
    report.policy = Policy(precision.name, precision.autocast)
    try:
        outputs = torch_side.run_half(
            program, computed.batches, make, precision.autocast
        )
    except (RuntimeError, TypeError, NotImplementedError) as error:
        why = " ".join(str(error).split())[:300]
        report.remarks.append(f"Under autocast the module does not run: {why}")
        return
    total = worst(
        [
            difference(keras[place], array)
            for keras, torch in zip(result.native.outputs, outputs, strict=True)
            for place, array in zip(computed.outputs, torch, strict=True)
        ]
    )
    limit = LIMITS[precision.half]
    report.policy.max_rel_diff = total.relative
    report.policy.limit = limit
    report.policy.agrees = total.relative <= limit
