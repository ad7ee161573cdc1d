"""Keras as a process that answers: the converter's side of ``worker.py``."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from keras2torch.tracing.errors import KerasError, KerasUnavailable

Array = npt.NDArray[Any]
Batches = Sequence[Sequence[Array]]
Path_ = str | os.PathLike[str]

WORKER = Path(__file__).with_name("worker.py")
_LAYER_KEY = re.compile(r"b0/layer/(.*)/(\d+)/(\d+)")
_WEIGHT_KEY = re.compile(r"(?:grad|w)/(.*)/(\d+)")


class StoredFunction(Protocol):
    """A function as source; see :class:`keras2torch.reading.decompiling.Source`."""

    @property
    def text(self) -> str:
        """Its source, empty if it cannot be told."""

    @property
    def free(self) -> tuple[str, ...]:
        """Its free variables."""

    @property
    def python(self) -> str:
        """Which Python wrote its bytecode."""


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of the model; ``None`` in a shape is unknown."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class WeightInfo:
    """One weight of a layer, in the order of Keras' ``layer.weights``."""

    name: str
    shape: tuple[int, ...]
    trainable: bool


@dataclass(frozen=True)
class LayerInfo:
    """A layer, with its path through nested models (``outer/inner``).

    Attributes
    ----------
    nested
        The layer is a model itself; its layers follow, and its weights are theirs.
    """

    path: str
    class_name: str
    trainable: bool
    nested: bool
    weights: tuple[WeightInfo, ...]


@dataclass(frozen=True)
class LoadedModel:
    """What Keras says of the model that it holds now.

    Attributes
    ----------
    keras
        Which Keras: ``"Keras 3.15.1"``, ``"tf_keras 2.21.0"``.
    trainable, total
        Numbers of parameters.
    tried
        Why the Keras that was asked first did not load the file, if so.
    """

    keras: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    trainable: int
    total: int
    layers: tuple[LayerInfo, ...]
    tried: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """What Keras computes.

    Attributes
    ----------
    outputs
        Per batch, the outputs in the order of the model.
    layers
        ``(path, call)`` → the tensors that the layer returned, for the first batch.
    gradients
        ``(path, index)`` → gradient of the scalar loss for that weight, for the first
        batch; weights that the loss does not depend on are absent.
    """

    outputs: list[list[Array]]
    layers: dict[tuple[str, int], list[Array]]
    gradients: dict[tuple[str, int], Array]


@dataclass(frozen=True)
class RunResult:
    """A run in the model's own dtype and, where asked for and possible, in float64.

    Attributes
    ----------
    float64_error, gradient_error, float32_error
        Why there is no float64 result, why there are no gradients.
    float32
        Of a model whose own dtype is another, where asked for.
    """

    seconds: float
    native: Reference
    float64: Reference | None = None
    float64_error: str | None = None
    gradient_error: str | None = None
    float32: Reference | None = None
    float32_error: str | None = None


@dataclass(frozen=True)
class TrainResult:
    """Losses before each step, and the weights after the last one."""

    seconds: float
    losses: list[float]
    weights: dict[tuple[str, int], Array]


def available() -> bool:
    """Whether this Python has TensorFlow, found without importing it."""
    return importlib.util.find_spec("tensorflow") is not None


class KerasProcess:
    """A Keras in its own process, holding one model at a time.

    The process starts at once and is not waited for: TensorFlow imports while the
    caller does something else. The first command waits for it.

    Parameters
    ----------
    python
        The Python to run, for example one of an old environment; this one by default.
    timeout
        Seconds to wait for any one answer; the process is ended after that.
    start_timeout
        Seconds to wait for TensorFlow to be imported.

    Examples
    --------
    >>> with KerasProcess() as keras:  # doctest: +SKIP
    ...     model = keras.load("model.h5")
    ...     result = keras.run([[np.zeros((2, 4), "float32")]])
    ...     result.native.outputs[0][0].shape
    (2, 3)
    """

    # Whether it makes ONNX files of what it traces, if it has tf2onnx.
    makes_onnx = True

    def __init__(
        self,
        python: Path_ | None = None,
        *,
        timeout: float = 600.0,
        start_timeout: float = 180.0,
    ) -> None:
        self.python = os.fspath(python or sys.executable)
        self.timeout = timeout
        self._start_timeout = start_timeout
        self._started = time.monotonic()
        self._ready = False
        self._replies: queue.Queue[str | None] = queue.Queue()
        self._noise: deque[str] = deque(maxlen=40)
        self._folder = tempfile.TemporaryDirectory(prefix="keras2torch-")
        self._process: subprocess.Popen[str] | None = None
        self._failure: str | None = None
        try:
            self._process = subprocess.Popen(
                [self.python, os.fspath(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            self._failure = f"cannot start {self.python}: {error}"
            return
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._listen(self._take_replies, self._process.stdout)
        self._listener = self._listen(self._take_noise, self._process.stderr)

    def __enter__(self) -> KerasProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; harmless when it has ended already."""
        process, self._process = self._process, None
        self._failure = self._failure or "the Keras process was closed"
        if process is not None:
            # Killed, not asked: there is nothing to save, and a Python with TensorFlow
            # in it takes seconds to leave.
            process.kill()
            process.wait()
            self._listener.join(timeout=1)
        self._folder.cleanup()

    # ------------------------------------------------------------------- commands

    def wait(self) -> str:
        """Wait until TensorFlow is imported.

        Returns
        -------
        str
            The version of TensorFlow.

        Raises
        ------
        KerasUnavailable
            When it cannot be imported or the process ended.
        """
        if not self._ready:
            left = self._started + self._start_timeout - time.monotonic()
            reply = self._receive(max(left, 0.0))
            if not reply.get("ok"):
                reason = str(reply.get("error", "TensorFlow cannot be imported"))
                self._give_up(reason)
                raise KerasUnavailable(reason)
            self._tensorflow = str(reply.get("tensorflow"))
            self._ready = True
        return self._tensorflow

    def load(
        self,
        source: Path_,
        weights: Path_ | None = None,
        *,
        trust: bool = False,
        custom_objects: Path_ | None = None,
        functions: Mapping[str, StoredFunction] | None = None,
        timeout: float | None = None,
    ) -> LoadedModel:
        """Load a model file, or an architecture with its weights.

        Parameters
        ----------
        source
            HDF5, ``.keras``, or the architecture as JSON or YAML. The ending does not
            matter.
        weights
            The file with the weights of an architecture.
        trust
            Run the code that the file brings along (Lambda, SavedModel).
        custom_objects
            A Python file with the classes and functions that the model names.
        functions
            Source of the bytecode that Lambdas store, by its base64: it runs in place
            of what another Python wrote, if the file is trusted.
        timeout
            Seconds to wait instead of the default.

        Raises
        ------
        KerasError
            When no Keras loads it, with the reasons in ``tried``.
        """
        reply = self._ask(
            {
                "do": "load",
                "source": _absolute(source),
                "weights": None if weights is None else _absolute(weights),
                "trust": trust,
                "custom_objects": (
                    None if custom_objects is None else _absolute(custom_objects)
                ),
                "functions": {
                    code: {"text": f.text, "free": list(f.free), "python": f.python}
                    for code, f in (functions or {}).items()
                },
            },
            timeout,
        )
        return _loaded(reply)

    def rebuild(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Array],
        keras: Literal["keras", "tf_keras"] = "keras",
        *,
        timeout: float | None = None,
    ) -> LoadedModel:
        """Build a model from a config and give it its weights.

        Parameters
        ----------
        config
            ``{"class_name": "Functional", "config": {...}}``.
        weights
            ``"<layer path>/<index in layer.weights>"`` → array, for every weight.
        keras
            Which Keras builds it.
        timeout
            Seconds to wait instead of the default.
        """
        with self._files("config.json", "weights.npz") as (config_path, weights_path):
            config_path.write_text(json.dumps(config), encoding="utf-8")
            _write(weights_path, weights)
            reply = self._ask(
                {
                    "do": "rebuild",
                    "config": os.fspath(config_path),
                    "weights": os.fspath(weights_path),
                    "keras": keras,
                },
                timeout,
            )
        return _loaded(reply)

    def run(
        self,
        batches: Batches,
        *,
        float64: bool = False,
        float32: bool = False,
        layers: bool = False,
        gradients: bool = False,
        draws: bool = False,
        timeout: float | None = None,
    ) -> RunResult:
        """Compute the model's outputs, with ``training=False``.

        Parameters
        ----------
        batches
            Per batch, one array for each of the model's inputs, in Keras' axes.
        float64
            Compute everything a second time with a copy of the model in float64.
        float32
            And with one in float32, where the model's own policies are others.
        layers
            Also what each layer returns, for the first batch.
        gradients
            Also the gradient of sum over all floating outputs o of
            ``sum(o * cos(arange(o.size)))`` for each weight, for the first batch.
        draws
            Whatever is drawn at random is told by its place, as ``patches.py`` says.
        timeout
            Seconds to wait instead of the default.
        """
        with self._files("inputs.npz", "outputs.npz") as (inputs, outputs):
            _write(inputs, _numbered(batches, "i"))
            reply = self._ask(
                {
                    "do": "run",
                    "inputs": os.fspath(inputs),
                    "outputs": os.fspath(outputs),
                    "float64": float64,
                    "float32": float32,
                    "layers": layers,
                    "gradients": gradients,
                    "draws": draws,
                },
                timeout,
            )
            arrays = _read(outputs)
        again = {k[4:]: v for k, v in arrays.items() if k.startswith("f64/")}
        single = {k[4:]: v for k, v in arrays.items() if k.startswith("f32/")}
        return RunResult(
            float32=_reference(single) if single else None,
            float32_error=reply.get("float32_error"),
            seconds=float(reply["seconds"]),
            native=_reference(arrays),
            float64=_reference(again) if again else None,
            float64_error=reply.get("float64_error"),
            gradient_error=reply.get("gradient_error"),
        )

    def trace(
        self,
        folder: Path_,
        known: Sequence[str],
        opaque: Sequence[str] = (),
        *,
        timeout: float | None = None,
    ) -> LoadedModel:
        """Trace the model at hand into a folder; ``tracer.py`` says what lies there.

        Parameters
        ----------
        folder
            An empty folder.
        known
            Classes of Keras that stay whole.
        opaque
            Paths of layers of these classes that are traced all the same.
        timeout
            Seconds to wait instead of the default.
        """
        command = {
            "do": "trace",
            "folder": _absolute(folder),
            "known": sorted(known),
            "opaque": sorted(opaque),
            "onnx": self.makes_onnx,
        }
        reply = self._ask(command, timeout)
        if not reply.get("onnx"):
            self._to_onnx(_absolute(folder))
        return _loaded(reply)

    def _to_onnx(self, folder: str) -> None:
        """Make the graphs ONNX files in this environment, which has tf2onnx."""
        missing = [
            name
            for name in ("tensorflow", "tf2onnx")
            if importlib.util.find_spec(name) is None
        ]
        if missing:
            raise KerasUnavailable(
                f"{self.python} has no tf2onnx, and neither is "
                f"{' nor '.join(missing)} installed here: install "
                "keras2torch[tensorflow], or tf2onnx there"
            )
        with KerasProcess(timeout=self.timeout) as here:
            here._ask({"do": "to_onnx", "folder": folder}, None)

    def train(
        self,
        batches: Batches,
        targets: Batches,
        *,
        steps: int,
        learning_rate: float,
        timeout: float | None = None,
    ) -> TrainResult:
        """Take plain SGD steps, one batch each, and put the old weights back.

        Parameters
        ----------
        batches, targets
            Per step, the arrays for the inputs, and those that the outputs should be.
        steps
            How many; at most as many as there are batches.
        learning_rate
            The step size.
        timeout
            Seconds to wait instead of the default.
        """
        names = ("inputs.npz", "targets.npz", "outputs.npz")
        with self._files(*names) as (inputs, wanted, outputs):
            _write(inputs, _numbered(batches, "i"))
            _write(wanted, _numbered(targets, "t"))
            reply = self._ask(
                {
                    "do": "train",
                    "inputs": os.fspath(inputs),
                    "targets": os.fspath(wanted),
                    "outputs": os.fspath(outputs),
                    "steps": steps,
                    "learning_rate": learning_rate,
                },
                timeout,
            )
            arrays = _read(outputs)
        return TrainResult(
            seconds=float(reply["seconds"]),
            losses=[float(loss) for loss in arrays["losses"]],
            weights=_by_weight(arrays),
        )

    # ------------------------------------------------------------------- protocol

    def _ask(self, command: dict[str, Any], timeout: float | None) -> dict[str, Any]:
        self.wait()
        self._send(command)
        reply = self._receive(self.timeout if timeout is None else timeout)
        if not reply.get("ok"):
            raise KerasError(
                str(reply.get("error", "Keras gave no reason")),
                reply.get("tried"),
                unsafe=bool(reply.get("unsafe")),
            )
        return reply

    def _send(self, command: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise KerasUnavailable(self._failure or "the Keras process has ended")
        # A pipe that breaks is a process that died: _receive says how.
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()

    def _receive(self, timeout: float) -> dict[str, Any]:
        if self._process is None:
            raise KerasUnavailable(self._failure or "the Keras process has ended")
        try:
            line = self._replies.get(timeout=timeout)
        except queue.Empty:
            line = None
            reason = f"the Keras process gave no answer within {timeout:.0f} s"
        else:
            reason = "the Keras process ended"
        if line is None:
            reason = self._give_up(reason)
            raise KerasUnavailable(reason)
        try:
            reply = json.loads(line)
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            reason = self._give_up(f"the Keras process answered {line[:200]!r}")
            raise KerasUnavailable(reason)
        return reply

    def _give_up(self, reason: str) -> str:
        """End the process and remember why, with the last that it said."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            status = process.wait()
            self._listener.join(timeout=1)
            if reason.endswith(" ended") and status:
                killed = (
                    f"by signal {-status}" if status < 0 else f"with status {status}"
                )
                reason = f"{reason} {killed}"
        last = [line for line in self._noise if line.strip()][-5:]
        if last:
            reason = f"{reason}; it said last:\n" + "\n".join(last)
        self._failure = reason
        return reason

    def _listen(self, target: Any, stream: IO[str]) -> threading.Thread:
        thread = threading.Thread(target=target, args=(stream,), daemon=True)
        thread.start()
        return thread

    def _take_replies(self, stream: IO[str]) -> None:
        for line in stream:
            self._replies.put(line)
        self._replies.put(None)

    def _take_noise(self, stream: IO[str]) -> None:
        for line in stream:
            self._noise.append(line.rstrip())

    @contextlib.contextmanager
    def _files(self, *names: str) -> Iterator[list[Path]]:
        folder = Path(self._folder.name)
        paths = [folder / name for name in names]
        try:
            yield paths
        finally:
            for path in paths:
                path.unlink(missing_ok=True)


def _absolute(path: Path_) -> str:
    return os.path.abspath(os.fspath(path))


def _numbered(batches: Batches, kind: str) -> dict[str, Array]:
    return {
        f"b{number}/{kind}{k}": np.asarray(array)
        for number, batch in enumerate(batches)
        for k, array in enumerate(batch)
    }


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    # Not np.savez(path, **arrays): a weight may be called "file".
    keyed: dict[str, Any] = {key: np.asarray(value) for key, value in arrays.items()}
    np.savez(path, **keyed)


def _read(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _reference(arrays: Mapping[str, Array]) -> Reference:
    outputs: dict[int, dict[int, Array]] = {}
    layers: dict[tuple[str, int], dict[int, Array]] = {}
    for key, array in arrays.items():
        if match := re.fullmatch(r"b(\d+)/o(\d+)", key):
            outputs.setdefault(int(match[1]), {})[int(match[2])] = array
        elif match := _LAYER_KEY.fullmatch(key):
            layers.setdefault((match[1], int(match[2])), {})[int(match[3])] = array
    return Reference(
        outputs=[_in_order(outputs[number]) for number in sorted(outputs)],
        layers={key: _in_order(tensors) for key, tensors in layers.items()},
        gradients=_by_weight(
            {key: array for key, array in arrays.items() if key.startswith("grad/")}
        ),
    )


def _in_order(numbered: Mapping[int, Array]) -> list[Array]:
    return [numbered[k] for k in sorted(numbered)]


def _by_weight(arrays: Mapping[str, Array]) -> dict[tuple[str, int], Array]:
    found = {}
    for key, array in arrays.items():
        if match := _WEIGHT_KEY.fullmatch(key):
            found[match[1], int(match[2])] = array
    return found


def _loaded(reply: Mapping[str, Any]) -> LoadedModel:
    def tensors(which: str) -> tuple[TensorInfo, ...]:
        return tuple(
            TensorInfo(t["name"], tuple(t["shape"]), t["dtype"]) for t in reply[which]
        )

    return LoadedModel(
        keras=reply["keras"],
        inputs=tensors("inputs"),
        outputs=tensors("outputs"),
        trainable=reply["trainable"],
        total=reply["total"],
        layers=tuple(
            LayerInfo(
                path=layer["path"],
                class_name=layer["class"],
                trainable=layer["trainable"],
                nested=layer["nested"],
                weights=tuple(
                    WeightInfo(w["name"], tuple(w["shape"]), w["trainable"])
                    for w in layer["weights"]
                ),
            )
            for layer in reply["layers"]
        ),
        tried=dict(reply.get("tried") or {}),
    )
