"""Beside the usual road: ONNX by tf2onnx, then onnx2torch, on the same models.

Usage: ``python benchmarks/usual_road.py [--models FOLDER] [--match TEXT]
[--json FILE] [--code-alone] [--usual-alone]``

The models are those of tests/conversion/make_models.py (built-in layers) and of
tests/traced_models (Lambdas, custom layers, subclassed models, SavedModels), with
random weights; nothing is downloaded. For each road:

- converts: a module came out, and ran on the inputs;
- correct: its outputs are within 1e-4 of Keras', by the largest of each output (a model
  that draws random numbers is compared by keras2torch alone, which fixes the draws);
- trainable: parameters that ask for a gradient, by Keras' trainable count;
- readable: lines of source that a person can read and edit. ONNX's graph has none.

The usual road is given every chance: Keras' own ``export``, after that ``tf2onnx`` on
the traced call; outputs in any order; 120 seconds for each step. Keras and torch run in
processes of their own, which are started again where one dies.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LAYERS_MAKER = ROOT / "tests" / "conversion" / "make_models.py"
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
TOLERANCE = 1e-4
STEP = 120  # seconds for an export, and for a conversion


@dataclass
class Task:
    """A model: its file, what Keras recorded, and the files beside it."""

    name: str
    keras: str
    form: str
    path: str
    custom: str | None
    recorded: str
    counts: str

    @property
    def onnx(self) -> str:
        """Where its ONNX goes."""
        return f"{self.path}.usual.onnx"


@dataclass
class Went:
    """How a model fared on one road."""

    converts: bool = False
    correct: bool | None = None
    difference: float | None = None
    trainable: float = 0.0
    lines: int = 0
    error: str = ""


# ------------------------------------------------------------- the processes' side
def exporting(keras_name: str) -> None:
    """Turn each model that stdin names into ONNX (a Keras process)."""
    import importlib

    os.environ["KERAS_BACKEND"] = "tensorflow"
    import numpy as np
    import tensorflow as tf

    keras = importlib.import_module(keras_name)

    def export(task: Task) -> dict[str, Any]:
        custom: dict[str, Any] = {}
        if task.custom is not None:
            custom = objects(task.custom)
        if task.form in ("module", "export"):
            from_saved_model(task)
            return {}
        options = {"custom_objects": custom, "compile": False}
        if task.form != "folder":
            options["safe_mode"] = False
        model = keras.models.load_model(task.path, **options)
        inputs = given(task.recorded)
        if inputs is None:
            inputs = made_up(model, task)
        spec = tf.nest.map_structure(
            lambda a: tf.TensorSpec((None, *a.shape[1:]), a.dtype), inputs
        )
        tried = []
        for way in (by_keras, by_tf2onnx):
            try:
                way(model, spec, task.onnx)
                return {}
            except Exception as error:
                tried.append(said(error))
        raise RuntimeError("; then ".join(dict.fromkeys(tried)))

    def by_keras(model: Any, spec: Any, path: str) -> None:
        if keras_name != "keras":
            import tf2onnx

            flat = spec if isinstance(spec, (list, dict)) else [spec]
            if isinstance(flat, dict):
                raise TypeError("tf2onnx.from_keras takes no dict")
            tf2onnx.convert.from_keras(model, flat, opset=15, output_path=path)
            return
        signature = spec if isinstance(spec, (list, dict)) else [spec]
        signature = [signature] if isinstance(spec, list) else signature
        model.export(path, format="onnx", verbose=False, input_signature=signature)

    def by_tf2onnx(model: Any, spec: Any, path: str) -> None:
        import tf2onnx

        function = tf.function(lambda inputs: model(inputs, training=False))
        tf2onnx.convert.from_function(
            function, input_signature=[spec], opset=15, output_path=path
        )

    def from_saved_model(task: Task) -> None:
        command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", task.path]
        subprocess.run(
            [*command, "--output", task.onnx, "--opset", "15"],
            check=True,
            capture_output=True,
            timeout=STEP,
        )

    def made_up(model: Any, task: Task) -> Any:
        """Feed a model of built-in layers, and record what it computes."""
        rng = np.random.default_rng(0)
        batch = []
        for x in model.inputs:
            shape = [3] + [n or 12 for n in x.shape[1:]]
            whole = "int" in str(x.dtype)
            a = rng.integers(1, 9, shape) if whole else rng.normal(0, 1, shape)
            batch.append(a.astype(str(x.dtype)))
        inputs = batch[0] if len(batch) == 1 else batch
        outputs = tf.nest.flatten(model(inputs, training=False))
        arrays = {f"i/{k}": a for k, a in enumerate(batch)}
        arrays |= {f"o/{k}": np.asarray(a) for k, a in enumerate(outputs)}
        np.savez(task.recorded, **arrays)
        counts = {
            "trainable": sum(int(np.prod(w.shape)) for w in model.trainable_weights)
        }
        Path(task.counts).write_text(json.dumps(counts))
        return inputs

    serve(export)


def objects(path: str) -> dict[str, Any]:
    """The classes and functions of a user's file."""
    import importlib.util

    name = Path(path).stem
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    found = vars(sys.modules[name])
    return {k: v for k, v in found.items() if callable(v) and not k.startswith("_")}


def given(file: str) -> Any:
    """The recorded inputs, in the structure that the model takes."""
    import numpy as np

    if not Path(file).exists():
        return None
    with np.load(file) as arrays:
        found = {k[2:]: arrays[k] for k in arrays if k.startswith("i/")}
    if not all(key.isdigit() for key in found):
        return found
    listed = [found[key] for key in sorted(found, key=int)]
    return listed if len(listed) > 1 else listed[0]


def importing() -> None:
    """Turn each ONNX file that stdin names into a module, and measure it (torch)."""
    import numpy as np
    import onnx
    import onnx2torch
    import torch

    def measure(task: Task) -> dict[str, Any]:
        graph = onnx.load(task.onnx)
        module = onnx2torch.convert(graph).eval()
        with np.load(task.recorded) as arrays:
            fed = {k[2:]: arrays[k] for k in arrays if k.startswith("i/")}
            expected = [arrays[k] for k in arrays if k.startswith("o/")]
        held = {x.name for x in graph.graph.initializer}
        names = [x.name for x in graph.graph.input if x.name not in held]
        keys = list(fed)
        if not keys[0].isdigit() and all(
            any(key in name for name in names) for key in keys
        ):
            keys = [next(key for key in keys if key in name) for name in names]
        with torch.no_grad():
            result = module(*(torch.from_numpy(fed[key]) for key in keys))
        listed = list(result) if isinstance(result, (list, tuple)) else [result]
        found = [tensor.numpy() for tensor in listed]
        answer: dict[str, Any] = {
            "trained": sum(p.numel() for p in module.parameters() if p.requires_grad)
        }
        if expected:
            answer["difference"] = closest(found, expected)
        return answer

    def closest(found: list[Any], expected: list[Any]) -> float:
        """The difference in the order in which they agree best."""
        worst = [float("inf")]
        for order in itertools.permutations(found, len(expected)):
            if [a.shape for a in order] == [e.shape for e in expected]:
                both = zip(order, expected, strict=True)
                worst.append(max(relative(a, e) for a, e in both))
        return min(worst)

    def relative(a: Any, e: Any) -> float:
        difference = float(np.abs(a.astype("float64") - e).max())
        return difference / max(float(np.abs(e).max()), 1e-12)

    serve(measure)


def converting() -> None:
    """Convert each model that stdin names by keras2torch (torch, and its Keras)."""
    sys.path.insert(0, str(ROOT))
    from keras2torch.conversion import convert_file
    from keras2torch.tracing import KerasProcess
    from tests.traced_models.table import from_recorded

    def convert(task: Task) -> dict[str, Any]:
        custom = None if task.custom is None else Path(task.custom)
        converted = convert_file(
            Path(task.path), trust=True, custom_objects=custom, process=process
        )
        parameters = converted.module.parameters()
        return {
            "trained": sum(p.numel() for p in parameters if p.requires_grad),
            "difference": from_recorded(converted, Path(task.recorded)),
            "lines": len(converted.source.splitlines()),
        }

    with KerasProcess() as process:
        serve(convert)


def said(error: BaseException) -> str:
    """The first line of an error, with its kind."""
    text = str(error)
    if isinstance(error, subprocess.CalledProcessError):
        text = error.stderr.decode(errors="replace").strip().splitlines()[-1]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:160]


def serve(work: Any) -> None:
    """Answer one line of JSON with one; whatever else is printed goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def too_long(*_: Any) -> None:
        raise TimeoutError(f"took more than {STEP} s")

    signal.signal(signal.SIGALRM, too_long)
    for line in sys.stdin:
        task = Task(**json.loads(line))
        signal.alarm(STEP)
        try:
            answer = work(task)
        except Exception as error:
            answer = {"error": said(error)}
        finally:
            signal.alarm(0)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


# ------------------------------------------------------------------ the caller's side
class Side:
    """A process that works through tasks, started again where it dies."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        self.process: subprocess.Popen[str] | None = None

    def ask(self, task: Task) -> dict[str, Any]:
        """Return its answer."""
        if self.process is None:
            quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
            self.process = subprocess.Popen(
                [sys.executable, __file__, *self.arguments],
                env={**os.environ, **dict.fromkeys(THREADS, "1"), **quiet},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(asdict(task)) + "\n")
            process.stdin.flush()
            # C++ does not hear the alarm: so it is waited for here as well.
            ready, _, _ = select.select([process.stdout], [], [], STEP + 60)
            line = process.stdout.readline() if ready else ""
        except OSError:
            line = ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.close()
        return {"error": "the process died, or did not answer"}

    def close(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def usual(task: Task, exporter: Side, importer: Side) -> Went:
    """Go the usual road."""
    answer = exporter.ask(task)
    if "error" in answer:
        return Went(error=f"export: {answer['error']}")
    answer = importer.ask(task)
    if "error" in answer:
        return Went(error=f"onnx2torch: {answer['error']}")
    counts = json.loads(Path(task.counts).read_text())
    return judged(answer, counts["trainable"], 0)


def ours(task: Task, converter: Side) -> Went:
    """Go keras2torch's."""
    answer = converter.ask(task)
    if "error" in answer:
        return Went(error=answer["error"])
    counts = json.loads(Path(task.counts).read_text())
    return judged(answer, counts["trainable"], answer["lines"])


def judged(answer: dict[str, Any], trainable: int, lines: int) -> Went:
    """What came out, against what Keras recorded."""
    difference = answer.get("difference")
    correct = None if difference is None else difference <= TOLERANCE
    share = answer["trained"] / max(trainable, 1)
    return Went(True, correct, difference, share, lines)


def tasks(folder: Path, *, layers: bool) -> list[Task]:
    """Make the models and list them, each Keras' once and every SavedModel."""
    sys.path.insert(0, str(ROOT))
    from tests.traced_models.cases import made
    from tests.traced_models.table import make_models

    if not (folder / "keras").exists():
        make_models(folder)
    found = []
    for one in made():
        if one.form not in ("h5", "h5@keras", "h5@tf_keras"):
            suffix = {"folder": " (SavedModel)", "export": " (SavedModel)"}
            found.append(
                Task(
                    f"{one.keras}/{one.case.name}{suffix.get(one.form, '')}",
                    one.keras,
                    one.form,
                    str(one.path(folder)),
                    None if one.form == "module" else str(one.custom_objects(folder)),
                    str(one.recorded(folder)),
                    str(one.path(folder).with_name(f"{one.case.name}.json")),
                )
            )
    if layers:
        plain = folder / "layers"
        plain.mkdir(exist_ok=True)
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        command = [sys.executable, str(LAYERS_MAKER), str(plain)]
        subprocess.run(
            command, env={**os.environ, **quiet}, check=True, capture_output=True
        )
        for file in sorted(plain.glob("*.keras")):
            beside = [str(file.with_suffix(end)) for end in (".npz", ".json")]
            name = f"layers/{file.stem}"
            found.append(Task(name, "keras", "keras", str(file), None, *beside))
    return found


def share(value: float) -> str:
    """A share as it stands in the table."""
    return f"{value:.0%}"


def cells(went: Went) -> list[str]:
    """How it went, in four cells."""
    correct = {True: "yes", False: "**no**", None: "—"}[went.correct]
    if not went.converts:
        return ["**no**", "", "", ""]
    return ["yes", correct, share(went.trainable), str(went.lines)]


def total(rows: list[tuple[Task, Went, Went]], at: int) -> list[str]:
    """The same of all: counts, and the mean share (0 where nothing came out)."""
    road = [row[at] for row in rows]
    n = len(road)
    asked = [went for went in road if not went.converts or went.correct is not None]
    lines = sorted(went.lines for went in road if went.converts) or [0]
    return [
        f"{sum(went.converts for went in road)} of {n}",
        f"{sum(bool(went.correct) for went in road)} of {len(asked)}",
        share(sum(min(went.trainable, 1.0) for went in road) / max(n, 1)),
        f"{lines[len(lines) // 2]} (median)",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--match", default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--code-alone", action="store_true", help="no built-in layers")
    parser.add_argument("--usual-alone", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = options.models or temporary
        found = tasks(folder, layers=not options.code_alone)
        found = [task for task in found if re.search(options.match, task.name)]
        exporters = {name: Side("exporting", name) for name in ("keras", "tf_keras")}
        importer, converter = Side("importing"), Side("converting")
        for side in (*exporters.values(), importer, converter):
            stack.callback(side.close)
        print("| model | keras2torch: converts | correct | trainable | lines ", end="")
        print("| usual road: converts | correct | trainable | lines |")
        print("|---|---|---|--:|--:|---|---|--:|--:|")
        rows = []
        start = time.monotonic()
        for task in found:
            other = usual(task, exporters[task.keras], importer)
            mine = Went() if options.usual_alone else ours(task, converter)
            rows.append((task, mine, other))
            line = [task.name, *cells(mine), *cells(other)]
            print("| " + " | ".join(line) + " |", flush=True)
        print("| " + " | ".join(["all", *total(rows, 1), *total(rows, 2)]) + " |")
        for road, at in (("keras2torch", 1), ("the usual road", 2)):
            print(f"\nWhat stopped {road}:\n")
            errors = Counter(r[at].error for r in rows if not r[at].converts)
            for error, count in errors.most_common():
                print(f"- {count} × {error}")
        print(f"\n{time.monotonic() - start:.0f} s", file=sys.stderr)
        if options.json:
            data = [[asdict(part) for part in row] for row in rows]
            options.json.write_text(json.dumps(data, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["exporting"]:
        exporting(sys.argv[2])
    elif sys.argv[1:2] == ["importing"]:
        importing()
    elif sys.argv[1:2] == ["converting"]:
        converting()
    else:
        main()
