"""What the tables of whole models share: a row about one conversion, and its faults."""

from __future__ import annotations

import multiprocessing
import os
import re
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

if TYPE_CHECKING:
    from keras2torch.conversion import Conversion
    from keras2torch.tracing import KerasProcess

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


# Of gradients in float32: a processor without AVX-512 sums in another order.
NOISE = 5e-5


@dataclass
class Compared:
    """What came of one model.

    Attributes
    ----------
    gradient
        The largest difference of a gradient; ``gradients`` is the verdict.
    lines
        Of ``model.py``.
    seconds
        From the file to the verdict.
    """

    name: str
    verdict: str = "error"
    error: str = ""
    float32: float | None = None
    float64: float | None = None
    gradients: str = ""
    gradient: float | None = None
    keras_trainable: int | None = None
    torch_trainable: int | None = None
    permutes: int | None = None
    lines: int | None = None
    reference: str = ""
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    GRADIENTS: ClassVar[tuple[str, ...]] = ("exact",)

    def convert(
        self, source: Path, weights: Path | None = None, **options: Any
    ) -> Conversion | None:
        """Convert a file and note what came of it; ``None`` if nothing did."""
        from keras2torch.conversion import convert_file
        from keras2torch.errors import Keras2TorchError

        start = time.perf_counter()
        try:
            made = convert_file(source, weights, **options)
        except Keras2TorchError as error:
            self.verdict, self.error = "refused", " ".join(str(error).split())
            return None
        except Exception as error:
            self.verdict = "CRASH"
            at = traceback.extract_tb(error.__traceback__)[-1]
            said = " ".join(f"{type(error).__name__}: {error}".split())
            self.error = f"{said} ({Path(at.filename).name}:{at.lineno})"
            return None
        finally:
            self.seconds = time.perf_counter() - start
        report = made.report
        self.verdict, self.reference = report.verdict, report.reference
        self.float32, self.float64 = report.max_rel_diff, report.float64_rel_diff
        self.gradients = report.gradients.verdict
        self.gradient = report.gradients.max_rel_diff
        self.keras_trainable = report.parameters.get("keras_trainable")
        self.torch_trainable = report.parameters.get("torch_trainable")
        self.permutes = report.permutes
        self.lines = len(made.source.splitlines())
        self.remarks = [*filter(None, [report.reason]), *report.remarks]
        return made

    @property
    def same_trainable(self) -> bool:
        """Whether as many numbers are trained as in Keras."""
        return self.keras_trainable == self.torch_trainable

    def faults(self) -> list[str]:
        """What is not as it has to be, in words."""
        if self.error:
            return [self.error]
        found = []
        if self.verdict != "exact":
            found.append(f"verdict {self.verdict}, {self.float32} of the output")
        noise = self.gradient is not None and self.gradient <= NOISE
        if self.gradients not in self.GRADIENTS and not noise:
            found.append(f"gradients {self.gradients}, {self.gradient}")
        if not self.same_trainable:
            counts = f"{self.keras_trainable} in Keras, {self.torch_trainable} here"
            found.append(f"trainable: {counts}")
        return found


def cells(*values: Any) -> str:
    """A line of a table, empty where there is no value."""
    return "| " + " | ".join("" if v is None else str(v) for v in values) + " |"


def number(value: float | None) -> str:
    """A difference as it stands in the table."""
    return "" if value is None else f"{value:.1e}"


def difference(
    made: Conversion, given: dict[str, np.ndarray], expected: dict[str, np.ndarray]
) -> float:
    """The largest difference to what is expected, by the largest of each output.

    Inputs and outputs have Keras' names and axes, or ``"0"``, ``"1"`` … in its order.
    """
    import torch

    report = made.report
    tensors = []
    for key, info in zip(_ordered(given, report.inputs), report.inputs, strict=True):
        axes = info.axes or range(given[key].ndim)
        tensors.append(torch.from_numpy(given[key].transpose(axes).copy()))
    with torch.no_grad():
        result = made.module(*tensors)
    if isinstance(result, dict):
        names = _ordered({str(k): None for k in result}, report.outputs)
        results = [result[name] for name in names]
    else:
        results = list(result) if isinstance(result, (tuple, list)) else [result]
    worst = 0.0
    keys = _ordered(expected, report.outputs)
    for key, info, tensor in zip(keys, report.outputs, results, strict=True):
        found = tensor.numpy()
        if info.axes:
            found = found.transpose(np.argsort(info.axes))
        wanted = expected[key]
        assert found.shape == wanted.shape, f"{found.shape}, not {wanted.shape}"
        scale = max(float(np.abs(wanted).max()), 1e-12)
        worst = max(worst, float(np.abs(found - wanted).max()) / scale)
    return worst


def _ordered(found: dict[str, Any], rows: Sequence[Any]) -> list[str]:
    """The keys in the order of the report: by name, else as Keras sorts them."""
    if all(key.isdigit() for key in found):
        return sorted(found, key=int)
    names = [re.sub(r":\d+$", "", row.name) for row in rows]
    return names if set(names) == set(found) else sorted(found)


Item = TypeVar("Item")
Row = TypeVar("Row", bound=Compared)
_process: KerasProcess | None = None


def _start() -> None:
    import torch

    from keras2torch.tracing import KerasProcess

    torch.set_num_threads(1)
    global _process
    _process = KerasProcess()


def _one(convert: Callable[[Item, KerasProcess], Row], item: Item) -> Row:
    assert _process is not None
    return convert(item, _process)


def converted(
    convert: Callable[[Item, KerasProcess], Row], items: Sequence[Item], jobs: int
) -> Iterator[Row]:
    """Convert all, in ``jobs`` processes with a Keras of its own beside each.

    ``convert`` is a function of a module, which another process can import.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start) as pool:
        waiting = [pool.submit(_one, convert, item) for item in items]
        for future in waiting:
            yield future.result()


def one_thread() -> None:
    """Let what is started from here use one thread, unless the caller said more."""
    for name in THREADS:
        os.environ.setdefault(name, "1")
