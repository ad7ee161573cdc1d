"""ONNX Runtime as the judge of a model that came as an ``.onnx`` file.

It has the face of a Keras process (``load``, ``run``), so that one comparison serves
both. The file itself is run, as it lies there, and not what was made of it.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.dialect import from_node, is_layer
from keras2torch.errors import VerificationUnavailable
from keras2torch.tracing import (
    KerasError,
    LoadedModel,
    Reference,
    RunResult,
    TensorInfo,
)
from keras2torch.verification.graph import layers_of, parameter_counts
from keras2torch.verification.inputs import inputs_of

Array = npt.NDArray[Any]

WORKER = Path(__file__).parents[1] / "tracing" / "onnx_worker.py"
# The reference evaluator is plain NumPy: of a large model it would take hours.
_FLOAT64_SECONDS = 60.0


def available() -> bool:
    """Whether this Python has ONNX Runtime, found without importing it."""
    return importlib.util.find_spec("onnxruntime") is not None


class OnnxRuntime:
    """ONNX Runtime in its own process, started anew for each run.

    Parameters
    ----------
    model
        The graph that was read from the file: it says which values are a module's.
    timeout
        Seconds to wait for the file's own precision.
    """

    name = "ONNX Runtime"

    def __init__(self, model: ir.Model, *, timeout: float = 600.0) -> None:
        self._model = model
        self._timeout = timeout
        self._path: Path | None = None
        self._values: dict[str, _Wanted] = {}

    def load(
        self, source: str | Path, weights: object = None, **options: object
    ) -> LoadedModel:
        """Say what the file holds.

        Raises
        ------
        VerificationUnavailable
            If ONNX Runtime is not installed, or the file is a graph that was kept.
        """
        import onnx

        if not available():
            raise VerificationUnavailable(
                "ONNX Runtime is not installed here, so nothing can be compared; "
                "install onnxruntime"
            )
        self._path = Path(source)
        proto = onnx.load(self._path, load_external_data=False)
        if any(is_layer(node) for node in proto.graph.node):
            raise VerificationUnavailable(
                "the file is a graph that a conversion kept: ONNX Runtime runs only "
                "the one that it was made from"
            )
        there = {name for node in proto.graph.node for name in node.output}
        there -= {value.name for value in proto.graph.output}
        self._values = {w.value: w for w in _wanted(self._model) if w.value in there}
        trainable, total = parameter_counts(layers_of(self._model))
        inputs = tuple(
            TensorInfo(i.name, i.shape, i.dtype) for i in inputs_of(self._model)
        )
        # Outputs are told apart by their place alone.
        outputs = tuple(TensorInfo("", (), "") for _ in proto.graph.output)
        label = f"ONNX Runtime {version('onnxruntime')}"
        return LoadedModel(label, inputs, outputs, trainable, total, ())

    def run(
        self,
        batches: Sequence[Sequence[Array]],
        *,
        float64: bool = False,
        layers: bool = False,
        gradients: bool = False,
        timeout: float | None = None,
    ) -> RunResult:
        """Compute the model's outputs, and those of its modules for the first batch.

        Raises
        ------
        KerasError
            If ONNX Runtime fails on these inputs.
        """
        assert self._path is not None
        start = time.monotonic()
        runs = ["native", "float64"] if float64 else ["native"]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            arrays = {
                f"{b}/{k}": self._cast(k, array)
                for b, batch in enumerate(batches)
                for k, array in enumerate(batch)
            }
            np.savez(folder / "inputs.npz", **arrays)  # type: ignore[arg-type]
            names = [str(v.metadata_props["keras_name"]) for v in self._inputs]
            request = {
                "model": str(self._path),
                "folder": name,
                "inputs": [{"name": n} for n in names],
                "batches": len(batches),
                "values": list(self._values) if layers else [],
                "runs": runs,
            }
            (folder / "request.json").write_text(json.dumps(request))
            self._process(folder, runs, timeout or self._timeout)
            native, why = self._answer(folder, "native", len(batches))
            if native is None:
                raise KerasError(why)
            double, missing = None, None
            if float64:
                double, missing = self._answer(folder, "float64", len(batches))
        return RunResult(
            time.monotonic() - start,
            native,
            double,
            None if double is not None or not float64 else missing,
        )

    @property
    def _inputs(self) -> list[ir.Value]:
        return list(self._model.graph.inputs)

    def _cast(self, index: int, array: Array) -> Array:
        """Give an input the dtype that the file declares."""
        dtype = self._inputs[index].dtype
        assert dtype is not None
        return array.astype(dtype.numpy())

    def _process(self, folder: Path, runs: list[str], timeout: float) -> None:
        """Wait for all answers, but not for long for the last one."""
        command = [sys.executable, str(WORKER), str(folder / "request.json")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                _wait(process, folder / "native", timeout)
                if len(runs) > 1:
                    _wait(process, folder / "float64", _FLOAT64_SECONDS)
            finally:
                process.kill()
                process.wait()

    def _answer(
        self, folder: Path, kind: str, batches: int
    ) -> tuple[Reference | None, str]:
        file = folder / f"{kind}.npz"
        if not file.exists():
            told = folder / f"{kind}.json"
            if told.exists():
                return None, str(json.loads(told.read_text())["error"])
            if kind == "float64":
                return None, f"it took more than {_FLOAT64_SECONDS:.0f} seconds"
            log = (folder / "log").read_text(errors="replace").strip().splitlines()
            return (
                None,
                f"ONNX Runtime gave no answer: {(log or ['it died'])[-1][:300]}",
            )
        count = len(self._model.graph.outputs)
        with np.load(file, allow_pickle=False) as found:
            outputs = [
                [found[f"{b}/{k}"] for k in range(count)] for b in range(batches)
            ]
            values: dict[str, Array] = {}
            if found["values"]:
                keys = enumerate(self._values, count)
                values = {v: found[f"0/{k}"] for k, v in keys if f"0/{k}" in found}
        return Reference(outputs, self._layers(values), {}), ""

    def _layers(self, values: dict[str, Array]) -> dict[tuple[str, int], list[Array]]:
        """Return what each module put out; those are left out of which a part lacks."""
        found: dict[tuple[str, int], list[Array]] = {}
        lacking = set()
        for wanted in _wanted(self._model):
            if wanted.value not in values:
                lacking.add(wanted.key)
                continue
            array = wanted.taken(values[wanted.value])
            found.setdefault(wanted.key, []).append(array)
        return {key: arrays for key, arrays in found.items() if key not in lacking}


class _Wanted:
    """A value of the file that a module's output is to be compared with."""

    def __init__(self, value: str, key: tuple[str, int], joined: bool) -> None:
        self.value, self.key, self._joined = value, key, joined

    def taken(self, array: Array) -> Array:
        """Bring ONNX's (time, directions, batch, size) to the module's own axes."""
        if not self._joined:
            return array
        time, _, batch, _ = array.shape
        return array.transpose(0, 2, 1, 3).reshape(time, batch, -1)


def _wanted(model: ir.Model) -> list[_Wanted]:
    found, calls = [], dict[str, int]()
    for node in model.graph:
        if not is_layer(node):
            continue
        call = from_node(node)
        count = calls.get(call.path, 0)
        calls[call.path] = count + 1
        for value in call.outputs:
            own = value.metadata_props.get("onnx_name")
            name = str(own or value.name)
            found.append(_Wanted(name, (call.path, count), own is not None))
    return found


def _wait(process: subprocess.Popen[bytes], answer: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    files = [answer.with_suffix(".npz"), answer.with_suffix(".json")]
    while time.monotonic() < end and not any(f.exists() for f in files):
        if process.poll() is not None:
            return
        time.sleep(0.02)
