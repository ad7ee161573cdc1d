"""A model in the user's own Keras session: this process is the Keras process.

TensorFlow is here already, and torch may not join it; the classes of ``__main__`` and
of a notebook's cells are nowhere else. So the converter is started as a child
(``python -m keras2torch.tracing.child``), and this process answers what it asks, in the
words of ``tracing/worker.py``, with the model that is here.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import random
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from keras2torch import errors
from keras2torch.errors import Keras2TorchError, UnusableFile
from keras2torch.stages import Progress
from keras2torch.tracing import worker

# What the worker replaces to run channels first on a CPU; see conv2d_backprop_filter.
_FILTER = "conv2d_backprop_filter"


@dataclass(frozen=True)
class Session:
    """The Keras that a live model belongs to."""

    library: worker.Library

    @property
    def on_tensorflow(self) -> bool:
        """Whether it can be traced: it computes with TensorFlow."""
        if not self.library.is_keras3:
            return True
        return str(self.library.module.backend.backend()) == "tensorflow"


def session_of(model: Any) -> Session:
    """Return the Keras whose class a model is, as it is imported here."""
    for kind in type(model).__mro__:
        root = kind.__module__.partition(".")[0]
        if root in ("keras", "tf_keras", "tensorflow") and root in sys.modules:
            break
    else:
        raise UnusableFile(f"{type(model).__name__} is no Keras model.")
    module = sys.modules[root]
    if root == "tensorflow":
        module = module.keras
    version = str(getattr(module, "__version__", ""))
    name = "keras" if root == "keras" and version.startswith("3.") else "tf_keras"
    if root == "keras" and name == "tf_keras":
        import tensorflow as tf  # noqa: TID251 (it is the user's process)

        module = tf.keras
    label = {"keras": "Keras", "tf_keras": "tf_keras"}[name]
    return Session(worker.Library(name, module, f"{label} {version}".strip()))


def convert(
    model: Any,
    folder: Path,
    options: dict[str, Any],
    progress: Progress | None = None,
) -> None:
    """Have a child convert a live model into ``folder / "out"``.

    Parameters
    ----------
    model
        Keras 3's or tf_keras'; one of another class than Keras' was called once.
    folder
        An empty folder.
    options
        Arguments of ``convert_file``, as JSON.
    progress
        Called with the name of each stage as it begins.

    Raises
    ------
    Keras2TorchError
        What the child met.
    """
    session = session_of(model)
    path = _saved(model, folder, session)
    told = {**options, "path": str(path), "traced": session.on_tensorflow}
    (folder / "options.json").write_text(json.dumps(told), encoding="utf-8")
    answers = _Answers(model, session)
    package = str(Path(__file__).resolve().parents[1])
    paths = [package, os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, "-m", "keras2torch.tracing.child", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p)},
    )
    noise: deque[str] = deque(maxlen=40)
    assert process.stderr is not None
    listener = threading.Thread(
        target=noise.extend, args=(process.stderr,), daemon=True
    )
    listener.start()
    try:
        _serve(process, answers, progress)
    finally:
        process.kill()
        process.wait()
        listener.join(timeout=1)
    if not (folder / "out" / "report.json").exists():
        last = "".join(list(noise)[-5:]).strip()
        raise Keras2TorchError(f"the converter ended without a word: {last}")


def _serve(
    process: subprocess.Popen[str], answers: _Answers, progress: Progress | None
) -> None:
    """Answer the child until it is done."""
    assert process.stdin is not None
    assert process.stdout is not None
    for line in process.stdout:
        message = json.loads(line)
        if "stage" in message:
            if progress is not None:
                progress(message["stage"])
        elif "error" in message:
            raise _error(message)
        elif message.get("done"):
            return
        else:
            _write(process.stdin, answers(message))


def _write(stream: IO[str], value: Any) -> None:
    with contextlib.suppress(OSError):
        stream.write(json.dumps(value) + "\n")
        stream.flush()


def _error(message: dict[str, Any]) -> Keras2TorchError:
    """Return the child's error, of its class where its text is all that it holds."""
    kind = getattr(errors, str(message.get("kind")), None)
    own = isinstance(kind, type) and issubclass(kind, Keras2TorchError)
    if kind is not None and own and "__init__" not in vars(kind):
        made: Keras2TorchError = kind(message["error"])
        return made
    return Keras2TorchError(message["error"])


def _saved(model: Any, folder: Path, session: Session) -> Path:
    """Save a model for the reader; one that Keras cannot save is only traced."""
    ending = "keras"
    if not session.library.is_keras3:
        version = [int(n) for n in re.findall(r"\d+", session.library.label)[:2]]
        ending = "keras" if version >= [2, 13] else "h5"
    path = folder / f"model.{ending}"
    try:
        with _quiet():
            model.save(path if session.library.is_keras3 else str(path))
    except Exception as error:
        path.unlink(missing_ok=True)
        if not session.on_tensorflow:
            raise UnusableFile(f"Keras does not save the model: {error}") from error
        # The name of a folder, which the converter takes for one that is to be traced.
        path = folder / "model"
        path.mkdir()
    return path


class _Answers:
    """Answers the worker's commands with the model that is here."""

    def __init__(self, model: Any, session: Session) -> None:
        self._model = model
        self._session = session
        self._worker: _Worker | None = None

    def __call__(self, command: dict[str, Any]) -> dict[str, Any]:
        with undisturbed(self._model, self._session.library), _quiet():
            if self._worker is None:
                self._worker = _Worker(self._model, self._session.library)
            return self._worker.answer(command)


class _Worker(worker.Worker):
    """Holds the user's model, for good."""

    def __init__(self, model: Any, library: worker.Library) -> None:
        super().__init__()
        self.loaded = worker.Loaded(model, library, {}, False)
        holding = worker.beside("holding")
        for _, layer in self.loaded.layers():
            kind = type(layer)
            if not holding.is_keras_class(kind):
                self.loaded.custom[kind.__name__] = kind

    def forget(self) -> None:
        """Keep it, and all that the session holds."""

    def load(self, command: dict[str, Any]) -> dict[str, Any]:
        return dict(worker.describe(self.current()), tried={})

    def rebuild(self, command: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("the model is a live one, and no other is made in its session")


# ------------------------------------------------------------------ leaving no trace
@contextlib.contextmanager
def undisturbed(model: Any, library: worker.Library) -> Iterator[None]:
    """Leave a session as it was: variables, random states, kernels, settings."""
    import tensorflow as tf  # noqa: TID251 (it is the user's process)

    before = [(v, np.array(worker.array(v))) for v in _variables(model, library)]
    states = _random_states(library)
    undo = _kernels()
    matrices = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(matrices)
        undo()
        for variable, array in before:
            if not np.array_equal(worker.array(variable), array, equal_nan=_nan(array)):
                variable.assign(array.astype(worker.dtype_of(variable)))
        for restore in states:
            restore()


def _nan(array: Any) -> bool:
    return bool(array.dtype.kind in "fc")


def _variables(model: Any, library: worker.Library) -> list[Any]:
    """Return what a model holds: weights, generators' and recurrent layers' states."""
    found: dict[int, Any] = {id(v): v for v in model.variables}
    loaded = worker.Loaded(model, library, {}, False)
    for _, layer in loaded.layers():
        for variable in getattr(layer, "variables", ()):
            found.setdefault(id(variable), variable)
        states = getattr(layer, "states", None)
        if getattr(layer, "stateful", False) and states is not None:
            for state in library.flatten(states):
                if hasattr(state, "assign"):
                    found.setdefault(id(state), state)
    if library.is_keras3:
        state = sys.modules.get("keras.src.backend.common.global_state")
        own = state and state.get_global_attribute("global_seed_generator")
        if own is not None:
            found.setdefault(id(own.state), own.state)
    return [v for v in found.values() if worker.dtype_of(v) != "string"]


def _random_states(library: worker.Library) -> list[Callable[[], None]]:
    """Return what puts back the generators of Python, numpy and TensorFlow."""
    from tensorflow.python.eager import context as eager  # noqa: TID251

    python, numbers = random.getstate(), np.random.get_state()
    found: list[Callable[[], None]] = [
        lambda: random.setstate(python),
        lambda: np.random.set_state(numbers),
    ]
    context = eager.context()
    for name in ("_seed", "_rng"):
        held = getattr(context, name, None)
        if isinstance(held, random.Random):
            state = held.getstate()

            def again(held: random.Random = held, state: Any = state) -> None:
                held.setstate(state)
                context._rng = held

            found.append(again)
        else:
            found.append(functools.partial(setattr, context, name, held))
    return found


def _kernels() -> Callable[[], None]:
    """Compute as the worker's own process does; return what takes it back."""
    import tensorflow as tf  # noqa: TID251 (it is the user's process)
    from tensorflow.python.ops import gen_nn_ops  # noqa: TID251

    before = dict(vars(gen_nn_ops))
    if not tf.config.list_physical_devices("GPU"):
        worker._transpose_channels_first_on_cpu()
    original = getattr(gen_nn_ops, _FILTER)

    def in_float64(
        input: Any, filter_sizes: Any, out_backprop: Any, *args: Any, **kwargs: Any
    ) -> Any:
        # oneDNN's kernel corrupts the heap for some shapes, and the worker's switch
        # against it is only read when TensorFlow starts; it takes no float64.
        dtype = input.dtype
        if dtype != tf.float32:
            return original(input, filter_sizes, out_backprop, *args, **kwargs)
        wide = [tf.cast(t, tf.float64) for t in (input, out_backprop)]
        made = original(wide[0], filter_sizes, wide[1], *args, **kwargs)
        return tf.cast(made, dtype)

    setattr(gen_nn_ops, _FILTER, in_float64)

    def restore() -> None:
        for name, value in before.items():
            if vars(gen_nn_ops).get(name) is not value:
                setattr(gen_nn_ops, name, value)

    return restore


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the worker says of its failures out of the user's session."""
    with (
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        yield


__all__: Sequence[str] = ["Session", "convert", "session_of", "undisturbed"]
