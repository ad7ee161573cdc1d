"""What it costs to convert Keras' ResNet50: seconds and peak memory of whole processes.

    python benchmarks/resnet50.py [--runs 3] [--skip-usual]

Every number is the median over processes started from nothing, each held to one thread.
The usual road is Keras' own ONNX export followed by onnx2torch, each in its process,
because TensorFlow and torch cannot share one: its seconds are added, its peak is the
higher of the two.
"""

# This process imports the standard library only. Linux counts the memory of the parent
# at the fork into the peak of the child, so that a large parent would measure itself.
from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ONE_THREAD = {
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}
KERAS = {"CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}


def make_model(model_file: str) -> None:
    """Write ResNet50 with random weights, BatchNorm's own four included."""
    import keras
    import numpy as np

    random = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    model = keras.applications.ResNet50(weights=None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # As they are made (1, 0, 0, 1) a converter may lose them unnoticed.
            gamma, beta, mean, variance = (weight.shape for weight in layer.weights)
            layer.set_weights(
                [
                    random.uniform(0.5, 1.5, gamma),
                    random.normal(0.0, 0.1, beta),
                    random.normal(0.0, 0.1, mean),
                    random.uniform(0.5, 1.5, variance),
                ]
            )
    model.save(model_file)


def copy_bytes(model_file: str, copied_file: str) -> None:
    """Read the file and write it again: less than this no converter can do."""
    Path(copied_file).write_bytes(Path(model_file).read_bytes())


def copy_arrays(model_file: str, weights_file: str) -> None:
    """Read every array of the HDF5 file and write it as safetensors, as it is."""
    import h5py
    from safetensors.numpy import save_file

    arrays = {}

    def take(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(model_file) as file:
        file["model_weights"].visititems(take)
    save_file(arrays, weights_file)


def export_onnx(model_file: str, onnx_file: str) -> None:
    """Go the first half of the usual road."""
    import keras

    model = keras.models.load_model(model_file, compile=False)
    # Given, because a model that was loaded and never called has none of its own.
    signature = [keras.InputSpec(shape=(None, 224, 224, 3), dtype="float32")]
    model.export(onnx_file, "onnx", verbose=False, input_signature=signature)


def import_onnx(onnx_file: str) -> None:
    """Go the second half; what it gives is not written, to its advantage."""
    import onnx2torch

    onnx2torch.convert(onnx_file)


STAGES = {
    stage.__name__: stage
    for stage in (make_model, copy_bytes, copy_arrays, export_onnx, import_onnx)
}


@dataclass
class Cost:
    seconds: float
    megabytes: float


def process(*arguments: str, environment: dict[str, str] | None = None) -> Cost:
    """Run Python with `arguments` to its end, and return what that took."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **ONE_THREAD, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            output.seek(0)
            tail = output.read().decode(errors="replace")[-2000:]
            sys.exit(f"{' '.join(arguments)} ended with {child.returncode}:\n{tail}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_maxrss * unit / 1e6)


def stage(function: object, *arguments: object) -> list[str]:
    """Return what makes `process` run one function of this file."""
    return [__file__, "--stage", function.__name__, *map(str, arguments)]


def measure(runs: int, *steps: tuple[list[str], dict[str, str]]) -> Cost:
    """Return the median cost of processes that run one after the other."""
    taken = []
    for _ in range(runs):
        costs = [process(*arguments, environment=extra) for arguments, extra in steps]
        taken.append(
            Cost(sum(c.seconds for c in costs), max(c.megabytes for c in costs))
        )
    return Cost(
        statistics.median(c.seconds for c in taken),
        statistics.median(c.megabytes for c in taken),
    )


def table(costs: dict[str, Cost], ours: str) -> str:
    """Return a Markdown table, each row beside its ratio to `ours`."""
    lines = [
        "| process | seconds | ratio | peak MB | ratio |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, cost in costs.items():
        seconds = cost.seconds / costs[ours].seconds
        megabytes = cost.megabytes / costs[ours].megabytes
        lines.append(
            f"| {name} | {cost.seconds:.2f} | {seconds:.2f} "
            f"| {cost.megabytes:.0f} | {megabytes:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="median of so many (3)")
    parser.add_argument("--skip-usual", action="store_true", help="only the quick rows")
    parser.add_argument("--stage", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        name, *arguments = options.stage
        STAGES[name](*arguments)
        return

    with tempfile.TemporaryDirectory() as folder:
        model_file = Path(folder, "resnet50.h5")
        onnx_file = Path(folder, "resnet50.onnx")
        process(*stage(make_model, model_file), environment=KERAS)
        size = model_file.stat().st_size / 1e6
        print(f"ResNet50 as HDF5: {size:.0f} MB; median of {options.runs} runs\n")

        ours = "keras2torch convert --no-verify"
        convert = ["-m", "keras2torch", "convert", str(model_file)]
        convert += ["-o", str(Path(folder, "converted")), "--no-verify"]
        rows = {
            "read and write the bytes": [
                (stage(copy_bytes, model_file, Path(folder, "copied.h5")), {})
            ],
            "h5py to safetensors, nothing else": [
                (stage(copy_arrays, model_file, Path(folder, "arrays.safetensors")), {})
            ],
            ours: [(convert, {})],
            "import torch": [(["-c", "import torch"], {})],
        }
        if not options.skip_usual:
            rows["Keras' ONNX export, then onnx2torch"] = [
                (stage(export_onnx, model_file, onnx_file), KERAS),
                (stage(import_onnx, onnx_file), {}),
            ]
        costs = {name: measure(options.runs, *steps) for name, steps in rows.items()}
    print(table(costs, ours))


if __name__ == "__main__":
    main()
