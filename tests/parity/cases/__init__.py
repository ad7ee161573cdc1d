"""All cases: importing a module of this folder puts its cases into the table."""

from parity.cases import (
    callbacks,
    custom,
    fitting,
    layers,
    losses,
    masks,
    metrics,
    models,
    normalization,
    optimizers,
    penalties,
    results,
    subclassing,
    trainings,
)
from parity.table import CASES, RTOL, Case

__all__ = [
    "CASES",
    "RTOL",
    "Case",
    "callbacks",
    "custom",
    "fitting",
    "layers",
    "losses",
    "masks",
    "metrics",
    "models",
    "normalization",
    "optimizers",
    "penalties",
    "results",
    "subclassing",
    "trainings",
]
