"""What `convert --no-verify` costs: beside its bytes, its file and its layers.

    python benchmarks/convert.py [--runs 5] [--only time|memory|layers|bytes]

Three questions, answered in one run. Every figure is the median over processes that
start from nothing, each held to one thread, with bytecode as an installed package has
it and the files in the page cache; the two sides of a ratio come in turns, so that a
busy machine slows both.

Time of ResNet50 (103 MB)
    Seconds of the whole process, beside `h5py to safetensors`: a Python process that
    reads every array of the same file with h5py and writes them, as they are, with
    safetensors. It imports numpy, h5py and safetensors and nothing else: reading and
    writing the bytes, and the start of the interpreter. Aim: at most 1.5 times.
Memory of VGG16 (553 MB)
    The highest resident memory of the process, beside the size of the file. Aim: at
    most 1.3 times.
Scaling
    Seconds, and what one layer more, or one megabyte more, takes from each row to the
    next: that does not grow where the cost is linear. `stack` repeats convolution,
    batch norm and ReLU; `residual` repeats them with a sum; `odd` is Dense layers of
    different sizes and activations in no order; `wired` calls layers on what a random
    one before gave: in these two little repeats. `bytes` is 16 wide Dense layers.

Models have random weights and are made on the spot by a Keras process of its own;
nothing is downloaded.
"""

# Linux counts the memory of the parent at the fork into the peak of the child: this
# process imports the standard library only.
from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resnet50 import KERAS, Cost, copy_arrays, process

AIM_TIME = 1.5
AIM_MEMORY = 1.3


# ------------------------------------------------------------- the Keras process
def make(kind: str, size: str, model_file: str) -> None:
    """Write a model; Keras goes down a model layer by layer, recursively."""
    sys.setrecursionlimit(1_000_000)
    threading.stack_size(512 * 1024 * 1024)
    thread = threading.Thread(target=_make, args=(kind, int(size), model_file))
    thread.start()
    thread.join()


def _make(kind: str, size: int, model_file: str) -> None:
    import keras

    keras.utils.set_random_seed(0)
    made = {
        "ResNet50": lambda _: keras.applications.ResNet50(weights=None),
        "VGG16": lambda _: keras.applications.VGG16(weights=None),
        "stack": _stack,
        "residual": _residual,
        "odd": _odd,
        "wired": _wired,
        "bytes": _wide,
    }
    made[kind](size).save(model_file)


def _stack(layers: int) -> Any:
    import keras

    image = [keras.Input((8, 8, 4))]
    for _ in range(layers // 3):
        image.append(keras.layers.Conv2D(4, 3, padding="same", use_bias=False))
        image.append(keras.layers.BatchNormalization())
        image.append(keras.layers.ReLU())
    return keras.Sequential(image)


def _residual(layers: int) -> Any:
    import keras

    x = image = keras.Input((8, 8, 4))
    for _ in range(layers // 4):
        y = keras.layers.Conv2D(4, 3, padding="same")(x)
        y = keras.layers.BatchNormalization()(y)
        x = keras.layers.Add()([x, keras.layers.ReLU()(y)])
    return keras.Model(image, x)


def _odd(layers: int) -> Any:
    import random

    import keras

    chance = random.Random(0)
    activations = ("relu", "tanh", "sigmoid", "elu", "softplus", None)
    made = [
        keras.layers.Dense(chance.randint(8, 40), chance.choice(activations))
        for _ in range(layers)
    ]
    return keras.Sequential([keras.Input((16,)), *made])


def _wired(layers: int) -> Any:
    import random

    import keras

    chance = random.Random(0)
    made = [keras.Input((16,))]
    for _ in range(layers):
        source, last = chance.choice(made[-4:]), made[-1]
        kind = chance.randrange(5)
        if kind < 2 and source is not last:
            joined = (keras.layers.Add, keras.layers.Multiply)[kind]
            made.append(joined()([source, last]))
        elif kind == 2:
            made.append(keras.layers.LayerNormalization()(source))
        elif kind == 3:
            made.append(keras.layers.Activation("tanh")(source))
        else:
            made.append(keras.layers.Dense(16, activation="relu")(source))
    return keras.Model(made[0], keras.layers.Average()(made[-4:]))


def _wide(megabytes: int) -> Any:
    import keras

    width = round((megabytes * 1e6 / 4 / 16) ** 0.5)
    dense = [keras.layers.Dense(width, activation="relu") for _ in range(16)]
    return keras.Sequential([keras.Input((width,)), *dense])


# --------------------------------------------------------------------- measuring
def written(folder: Path, kind: str, size: int = 0) -> Path:
    """Return the file of a model, made by a Keras process."""
    model_file = folder / f"{kind}{size or ''}.h5"
    arguments = [__file__, "--stage", "make", kind, str(size), str(model_file)]
    process(*arguments, environment=KERAS)
    return model_file


def conversion(model_file: Path, folder: Path) -> list[str]:
    """Return the arguments of Python that convert a file."""
    target = str(folder / "converted")
    command = ["-m", "keras2torch", "convert", str(model_file), "-o", target]
    return [*command, "--no-verify"]


def in_turns(runs: int, *sides: list[str]) -> list[Cost]:
    """Return the median cost of each process, run one after the other and again."""
    taken: list[list[Cost]] = [[] for _ in sides]
    for _ in range(runs):
        for costs, arguments in zip(taken, sides, strict=True):
            costs.append(process(*arguments))
    return [
        Cost(
            statistics.median(c.seconds for c in costs),
            statistics.median(c.megabytes for c in costs),
        )
        for costs in taken
    ]


def paired(runs: int, ours: list[str], other: list[str]) -> tuple[Cost, Cost, float]:
    """Return the median costs, and the median of the ratios of neighbours in time."""
    # The first ones write bytecode.
    pairs = [in_turns(1, ours, other) for _ in range(runs + 1)][1:]
    ratio = statistics.median(a.seconds / b.seconds for a, b in pairs)
    medians = [
        Cost(
            statistics.median(c.seconds for c in side),
            statistics.median(c.megabytes for c in side),
        )
        for side in zip(*pairs, strict=True)
    ]
    return medians[0], medians[1], ratio


def time_of_resnet50(folder: Path, runs: int) -> Iterator[str]:
    """Compare with reading and writing the bytes."""
    model_file = written(folder, "ResNet50")
    arrays = str(folder / "arrays.safetensors")
    floor = [__file__, "--stage", "copy_arrays", str(model_file), arrays]
    ours, other, ratio = paired(runs, conversion(model_file, folder), floor)
    size = model_file.stat().st_size / 1e6
    yield f"ResNet50, {size:.0f} MB"
    yield "| process | seconds | peak MB |"
    yield "|---|--:|--:|"
    yield f"| h5py to safetensors | {other.seconds:.2f} | {other.megabytes:.0f} |"
    yield f"| keras2torch convert | {ours.seconds:.2f} | {ours.megabytes:.0f} |"
    yield f"ratio of the seconds: {ratio:.2f} (aim: {AIM_TIME})\n"


def memory_of_vgg16(folder: Path, runs: int) -> Iterator[str]:
    """Compare the highest resident memory with the size of the file."""
    model_file = written(folder, "VGG16")
    (ours,) = in_turns(runs, conversion(model_file, folder))
    size = model_file.stat().st_size / 1e6
    yield f"VGG16, {size:.0f} MB: {ours.seconds:.2f} s, peak {ours.megabytes:.0f} MB"
    yield f"ratio of peak to file: {ours.megabytes / size:.2f} (aim: {AIM_MEMORY})\n"
    model_file.unlink()


def scaling(
    folder: Path, runs: int, kind: str, sizes: list[int], unit: str
) -> Iterator[str]:
    """Show what growing costs, and what each step up costs for one unit more."""
    yield f"| {kind}: {unit} | seconds | peak MB | ms for one more |"
    yield "|--:|--:|--:|--:|"
    before: tuple[int, Cost] | None = None
    for size in sizes:
        model_file = written(folder, kind, size)
        (cost,) = in_turns(runs, conversion(model_file, folder))
        model_file.unlink()
        more = ""
        if before is not None:
            more = (
                f"{1e3 * (cost.seconds - before[1].seconds) / (size - before[0]):.2f}"
            )
        yield f"| {size} | {cost.seconds:.2f} | {cost.megabytes:.0f} | {more} |"
        before = (size, cost)
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="median of so many (5)")
    parser.add_argument("--layers", type=int, nargs="*", default=[40, 400, 4000])
    parser.add_argument("--megabytes", type=int, nargs="*", default=[10, 100, 500])
    parser.add_argument("--only", choices=["time", "memory", "layers", "bytes"])
    parser.add_argument("--stage", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        name, *arguments = options.stage
        {"make": make, "copy_arrays": copy_arrays}[name](*arguments)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
        process("-c", "import keras2torch.conversion")
        few = min(options.runs, 3)
        parts = {
            "time": [time_of_resnet50(folder, options.runs)],
            "memory": [memory_of_vgg16(folder, few)],
            "layers": [
                scaling(folder, few, kind, options.layers, "layers")
                for kind in ("stack", "residual", "odd", "wired")
            ],
            "bytes": [scaling(folder, few, "bytes", options.megabytes, "MB")],
        }
        for part, tables in parts.items():
            for lines in tables if options.only in (None, part) else ():
                for line in lines:
                    print(line, flush=True)


if __name__ == "__main__":
    main()
