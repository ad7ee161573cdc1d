"""Inference of converted networks beside torchvision, ``tf.function`` and onnxruntime.

    python benchmarks/inference.py [--model ResNet50] [--batch 1] [--rounds 15]

Keras makes each network with random weights (nothing is downloaded) and keras2torch
converts its file. Then these compute the probabilities of the same images, 224 × 224:

- ``converted``: what ``load()`` of the folder returns;
- ``by hand``: torchvision's network, as it is, and a softmax;
- ``by hand, as Keras``: the same with Keras' strides, paddings, biases and scaling of
  the input, so that it has as many parameters and does as many operations as Keras';
- these three again, channels last in memory;
- with ``--compiled``, in place of all but the first, ``converted, compiled``: channels
  last, by ``torch.compile`` with its weights frozen;
- ``tf.function``: the Keras model itself;
- ``onnxruntime``: the converted module, exported by ``torch.onnx.export``.

PyTorch, TensorFlow and onnxruntime have a process each, held to one thread. All are
started first; then they take turns, one computing while the others sleep, in an order
that differs from round to round. A ratio is the median over rounds of ``converted`` to
the other in the same round. Beside the seconds on the clock stand those of the
processor, which other work on the machine disturbs less.
"""

# This process imports the standard library and numpy only: it sleeps beside the others.
from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
# Keras' name → torchvision's.
NETWORKS = {
    "ResNet50": "resnet50",
    "MobileNetV2": "mobilenet_v2",
    "EfficientNetB0": "efficientnet_b0",
}
BATCHES = (1, 8)
ROWS = (
    "converted",
    "by hand",
    "by hand, as Keras",
    "converted, channels last",
    "by hand, channels last",
    "by hand, as Keras, channels last",
    "converted, compiled",
    "tf.function",
    "onnxruntime",
)
# Which row each form of the converted module is measured against.
AGAINST = {
    "converted": ("by hand", "by hand, as Keras", "tf.function", "onnxruntime"),
    "converted, channels last": (
        "by hand, channels last",
        "by hand, as Keras, channels last",
        "tf.function",
        "onnxruntime",
    ),
    "converted, compiled": ("tf.function", "onnxruntime"),
}
ONE_THREAD = {
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}
QUIET = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
# A turn lasts so long at least, the first call in it not counted.
SECONDS = 0.3
LEAST_CALLS = 2

Predict = Callable[[], npt.NDArray[Any]]


# ------------------------------------------------------------------ the three processes
def keras_side(name: str, folder: Path) -> Iterator[tuple[str, int, Predict]]:
    """Make the network, write its file, and give its ``tf.function``."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(weights=None)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (weight.shape for weight in layer.weights)
            layer.set_weights(
                [
                    rng.uniform(0.5, 1.0, gamma),
                    rng.normal(0.0, 0.1, beta),
                    rng.normal(0.0, 0.1, mean),
                    rng.uniform(0.5, 1.5, variance),
                ]
            )
    model.save(folder / "model.h5")
    function = tf.function(model)
    for batch in BATCHES:
        x = tf.constant(images(batch))

        def predict(x: Any = x) -> npt.NDArray[Any]:
            return function(x, training=False).numpy()

        yield "tf.function", batch, predict


def torch_side(
    name: str, folder: Path, *, compiled: bool
) -> Iterator[tuple[str, int, Predict]]:
    """Give the converted module and torchvision's, and write the first as ONNX."""
    import torch

    import keras2torch

    torch.set_num_threads(1)
    keras2torch.convert(folder / "model.h5", folder / "converted", verify="never")
    sys.path.insert(0, str(folder / "converted"))
    from model import load

    def channels_last(module: Any) -> Any:
        return module.to(memory_format=torch.channels_last)

    modules = {"converted": load()}
    same_work(modules["converted"], as_keras(name))
    if compiled:
        import torch._inductor.config as inductor

        inductor.freezing = True
        whole = torch.compile(channels_last(load()), dynamic=False)
        modules["converted, compiled"] = whole
    else:
        modules |= {
            "by hand": by_hand(name),
            "by hand, as Keras": as_keras(name),
            "converted, channels last": channels_last(load()),
            "by hand, channels last": channels_last(by_hand(name)),
            "by hand, as Keras, channels last": channels_last(as_keras(name)),
        }
    torch.onnx.export(
        modules["converted"],
        (torch.zeros(2, 3, 224, 224),),
        folder / "model.onnx",
        input_names=["images"],
        dynamic_axes={"images": {0: "batch"}},
        # The other exporter needs a package more, onnxscript.
        dynamo=False,
    )
    for batch in BATCHES:
        # As Keras has them in memory; contiguous in PyTorch's order for the others.
        last = torch.from_numpy(images(batch)).permute(0, 3, 1, 2)
        first = last.contiguous()
        for row, module in modules.items():
            x = first if row in ROWS[:3] else last

            def predict(x: Any = x, module: Any = module) -> npt.NDArray[Any]:
                with torch.inference_mode():
                    found: npt.NDArray[Any] = module(x).numpy()
                return found

            yield row, batch, predict


def onnx_side(folder: Path) -> Iterator[tuple[str, int, Predict]]:
    """Give onnxruntime's session of the exported module."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", options, providers=["CPUExecutionProvider"]
    )
    [given] = session.get_inputs()
    for batch in BATCHES:
        x = np.ascontiguousarray(images(batch).transpose(0, 3, 1, 2))

        def predict(x: npt.NDArray[Any] = x) -> npt.NDArray[Any]:
            [found] = session.run(None, {given.name: x})
            return found

        yield "onnxruntime", batch, predict


def images(batch: int) -> npt.NDArray[np.float32]:
    """Return noise, in Keras' axes."""
    rng = np.random.default_rng(1)
    return rng.uniform(0, 255, (batch, 224, 224, 3)).astype("float32")


# -------------------------------------------------------------- torchvision's networks
def by_hand(name: str) -> Any:
    """Return torchvision's network and a softmax, which Keras' network ends with."""
    import torchvision
    from torch import nn

    made = getattr(torchvision.models, NETWORKS[name])
    return nn.Sequential(made(weights=None), nn.Softmax(dim=-1)).eval()


def as_keras(name: str) -> Any:
    """Return torchvision's network with what Keras' does otherwise."""
    import torch
    from torch import nn

    class Scaled(nn.Module):
        """Between 0 and 1, then by the statistics of each channel."""

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.zeros(3, 1, 1))
            self.register_buffer("std", torch.ones(3, 1, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x / 255 - self.mean) / self.std

    network = by_hand(name)
    if name == "ResNet50":
        keras_resnet(network)
    else:
        keras_paddings(network)
    if name == "EfficientNetB0":
        network = nn.Sequential(Scaled(), network)
    return network.eval()


def keras_resnet(network: Any) -> None:
    """Stride in a block's first convolution, not in its second; biases in them all."""
    import torch
    from torch import nn
    from torchvision.models.resnet import Bottleneck

    for module in [*network.modules()]:
        if isinstance(module, Bottleneck):
            first, second = module.conv1, module.conv2
            first.stride, second.stride = second.stride, first.stride
        if isinstance(module, nn.Conv2d):
            module.bias = nn.Parameter(torch.zeros(module.out_channels))


def keras_paddings(network: Any) -> None:
    """Before a convolution of stride 2 pad less in front than behind."""
    from torch import nn

    for module in [*network.modules()]:
        for key, child in [*module.named_children()]:
            if isinstance(child, nn.Conv2d) and child.stride == (2, 2):
                after = child.padding[0]
                child.padding = (0, 0)
                padding = nn.ZeroPad2d((after - 1, after, after - 1, after))
                setattr(module, key, nn.Sequential(padding, child))


def same_work(module: Any, other: Any) -> None:
    """Stop unless two networks have as many parameters and do as many operations."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    found = []
    for network in (module, other):
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            network(torch.zeros(1, 3, 224, 224))
        parameters = sum(p.numel() for p in network.parameters())
        found.append((parameters, counter.get_total_flops()))
    if found[0] != found[1]:
        raise SystemExit(f"not the same network: parameters and operations {found}")


# ------------------------------------------------------------------------------ turns
def serve(side: str, name: str, folder: Path, *, compiled: bool) -> None:
    """Do what the lines of the standard input ask, and sleep between them."""
    sides = {
        "keras": lambda: keras_side(name, folder),
        "torch": lambda: torch_side(name, folder, compiled=compiled),
        "onnx": lambda: onnx_side(folder),
    }
    # Libraries print; the answers go where they cannot.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    ready = {}
    for row, batch, predict in sides[side]():
        ready[row, batch] = predict
        np.save(folder / f"{row} {batch}.npy", predict())
    print(json.dumps([*ready]), file=answers, flush=True)
    for line in sys.stdin:
        row, batch = json.loads(line)
        print(json.dumps(turn(ready[row, batch])), file=answers, flush=True)


def turn(predict: Predict) -> tuple[float, float]:
    """Return the median seconds of a call, on the clock and of the processor."""
    predict()
    clock, processor = [], []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(clock) < LEAST_CALLS:
        began = time.perf_counter(), time.process_time()
        predict()
        clock.append(time.perf_counter() - began[0])
        processor.append(time.process_time() - began[1])
    return statistics.median(clock), statistics.median(processor)


class Process:
    """A process that computes when it is asked to."""

    def __init__(self, side: str, name: str, folder: Path, *, compiled: bool) -> None:
        command = [sys.executable, __file__, "--serve", side, name, str(folder)]
        self._log = (folder / f"{side}.log").open("w+")
        self._process = subprocess.Popen(
            [*command, *["--compiled"] * compiled],
            env={**os.environ, **ONE_THREAD, **QUIET, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.rows = [(row, batch) for row, batch in self._answer()]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise SystemExit(f"a process ended:\n{self._log.read()[-2000:]}")
        return json.loads(line)

    def seconds(self, row: str, batch: int) -> tuple[float, float]:
        """Have it take a turn."""
        assert self._process.stdin is not None
        print(json.dumps([row, batch]), file=self._process.stdin, flush=True)
        clock, processor = self._answer()
        return clock, processor

    def end(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._log.close()


@contextmanager
def started(name: str, folder: Path, *, compiled: bool) -> Iterator[list[Process]]:
    """Start the processes, each when the one before it has written its file."""
    running: list[Process] = []
    try:
        for side in ("keras", "torch", "onnx"):
            running.append(Process(side, name, folder, compiled=compiled))
        yield running
    finally:
        for process in running:
            process.end()


def measured(
    name: str, batches: list[int], rounds: int, *, compiled: bool
) -> dict[int, dict[str, Any]]:
    """Return for each batch what every row took in every round."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with started(name, folder, compiled=compiled) as processes:
            homes = {key: p for p in processes for key in map(tuple, p.rows)}
            return {
                batch: {
                    "difference": difference(folder, batch),
                    "rows": taken(
                        {r: p for (r, b), p in homes.items() if b == batch},
                        batch,
                        rounds,
                    ),
                }
                for batch in batches
            }


def taken(
    homes: dict[str, Process], batch: int, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Let the rows take turns."""
    found: dict[str, dict[str, list[float]]] = {
        row: {"clock": [], "processor": []} for row in ROWS if row in homes
    }
    order = [*found]
    for n in range(rounds):
        random.Random(n).shuffle(order)
        for row in order:
            clock, processor = homes[row].seconds(row, batch)
            found[row]["clock"].append(clock)
            found[row]["processor"].append(processor)
    return found


def difference(folder: Path, batch: int) -> float:
    """Return how far apart, relative to the largest, the rows' probabilities are.

    Stop if that is not rounding: those by hand have weights of their own.
    """
    expected = np.load(folder / f"tf.function {batch}.npy")
    largest = 0.0
    for row in ROWS:
        file = folder / f"{row} {batch}.npy"
        if file.exists() and not row.startswith("by hand"):
            largest = max(largest, float(np.abs(np.load(file) - expected).max()))
    found = largest / float(expected.max())
    if not found <= 1e-3:
        raise SystemExit(f"they do not compute the same: {found:.1e}")
    return found


# ------------------------------------------------------------------------------ report
def ratio(rows: dict[str, Any], row: str, other: str, kind: str) -> float:
    """Return the median over rounds of one row's time to another's."""
    both = zip(rows[row][kind], rows[other][kind], strict=True)
    return statistics.median(a / b for a, b in both)


def table(results: dict[str, dict[int, dict[str, Any]]]) -> str:
    """Return the milliseconds and ratios, in Markdown."""
    head = ("network", "batch", "", "ms", "processor ms", "by hand")
    head += ("by hand, as Keras", "tf.function", "onnxruntime")
    lines = [f"| {' | '.join(head)} |", "|---|--:|---|" + "--:|" * (len(head) - 3)]
    for name, of_model in results.items():
        for batch, found in of_model.items():
            rows = found["rows"]
            for row, kinds in rows.items():
                cells = [name, str(batch), row]
                cells += [f"{statistics.median(v) * 1e3:.1f}" for v in kinds.values()]
                others = {
                    o.removesuffix(", channels last"): o for o in AGAINST.get(row, ())
                }
                for column in head[5:]:
                    other = others.get(column)
                    if other not in rows:
                        cells.append("")
                        continue
                    assert other is not None
                    pair = [ratio(rows, row, other, k) for k in ("processor", "clock")]
                    cells.append(f"{pair[0]:.2f} ({pair[1]:.2f})")
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure every network and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", choices=NETWORKS)
    parser.add_argument("--batch", action="append", type=int, choices=BATCHES)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--compiled", action="store_true", help="torch.compile, not torchvision"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        side, name, folder = given.serve
        serve(side, name, Path(folder), compiled=given.compiled)
        return
    results = {}
    for name in given.model or NETWORKS:
        results[name] = measured(
            name, given.batch or [*BATCHES], given.rounds, compiled=given.compiled
        )
        print(table({name: results[name]}), flush=True)
    if given.json:
        environment = {
            "machine": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            **{
                p: version(p)
                for p in ("torch", "torchvision", "tensorflow", "keras", "onnxruntime")
            },
        }
        told = {"environment": environment, "networks": results}
        given.json.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
