"""The same numbers drawn in Keras and here: a layer's images in training."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from keras2torch.dialect import GraphBuilder
from keras2torch.layers.definitions import REGISTRY, Layer
from keras2torch.program import Program, write

SCRIPT = Path(__file__).with_name("keras_augmentations.py")
SHAPE = (3, 9, 14, 3)
PARTS = np.random.default_rng(7).uniform(0.05, 0.95, 600)


def parts(*shape: int, start: int = 0) -> Any:
    """Return what is drawn: how far between the bounds."""
    count = int(np.prod(shape))
    return PARTS[start : start + count].reshape(shape)


@dataclass(frozen=True)
class Drawn:
    """A layer, and what is drawn for it.

    Attributes
    ----------
    name
        Names the row in a failure.
    layer, arguments
        Keras' class and what its constructor gets.
    drawn
        In the order in which Keras draws.
    ours
        Where each of them is drawn here; Keras' order if not given.
    shape
        Of the images, in Keras' axes.
    library
        Whose layer it is.
    atol
        Largest difference allowed in images from 0 to 255. Both know the places of
        pixels to about 1e-5 of one, which is 0.005 between black and white.
    """

    name: str
    layer: str
    arguments: dict[str, Any]
    drawn: Sequence[Any]
    ours: Sequence[int] | None = None
    shape: tuple[int, ...] = SHAPE
    library: str = "keras"
    atol: float = 0.01

    @property
    def seed(self) -> int:
        return len(self.name)

    def images(self) -> Any:
        made = np.random.default_rng(self.seed).uniform(0, 255, self.shape)
        return made.astype("float32")


def definition(row: Drawn) -> Layer:
    made = REGISTRY[row.layer](name="layer", **row.arguments)
    if row.library == "tf_keras" and hasattr(made, "keras2"):
        made.keras2 = True
    return made


def program_of(layer: Layer, shape: tuple[int | None, ...]) -> Program:
    builder = GraphBuilder("model")
    value = builder.input("image", shape)
    return write(builder.model(builder.call(layer, [value])))


def trained(program: Program, images: Any, double: bool = False) -> Any:
    """Call the program's module in training, in Keras' axes."""
    module = program.module().train()
    x = torch.from_numpy(images.astype("float64" if double else "float32"))
    [(_, info)], [out] = program.inputs, program.outputs
    y = module(x.permute(info.layout.axes))
    back = sorted(range(y.ndim), key=lambda i: out.layout.axes[i])
    return y.permute(back).numpy()


def asked(table: Sequence[Drawn], folder: Path) -> Any:
    """What Keras makes of the rows' images, by their names."""
    rows, out = folder / "rows.json", folder / "out.npz"
    listed = [
        {
            "name": d.name,
            "library": d.library,
            "layer": d.layer,
            "arguments": d.arguments,
            "drawn": [np.asarray(v).tolist() for v in d.drawn],
            "shape": d.shape,
            "seed": d.seed,
        }
        for d in table
    ]
    rows.write_text(json.dumps(listed))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(rows), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return np.load(out)


class Given:
    """Gives numbers out in place of those drawn at random."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = [torch.tensor(np.asarray(v), dtype=torch.float32) for v in values]

    def part(self, shape: Sequence[int]) -> torch.Tensor:
        values = self.values.pop(0)
        if values.numel() == 1:
            return values.reshape(()).expand(list(shape))
        return values.reshape(list(shape))

    def uniform(self, x: torch.Tensor, low: float = 0.0, high: float = 1.0) -> Any:
        return low + self.part(x.shape) * (high - low)

    def rand(self, *shape: int, **_: Any) -> torch.Tensor:
        return self.part(shape)

    def noise(self, x: torch.Tensor) -> torch.Tensor:
        return self.part(x.shape)

    def sample(self, shape: Sequence[int]) -> torch.Tensor:
        values = self.values.pop(0)
        return values.reshape(list(shape)) if shape else values

    def whole(self, *bounds: Any, **_: Any) -> torch.Tensor:
        *_, high, shape = bounds
        # Whole numbers are given as they are, parts as parts of what is possible.
        values = self.part(shape)
        return (values if (values % 1 == 0).all() else values * high).int()

    def order(self, count: int, **_: Any) -> torch.Tensor:
        return self.part((count,)).long()


@contextmanager
def drawing(values: Sequence[Any]) -> Iterator[Given]:
    """Have torch draw these numbers, one after the other."""
    found = Given(values)

    def uniform(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
        return found.uniform(x, low, high)

    def sample(_: Any, shape: Sequence[int] = ()) -> torch.Tensor:
        return found.sample(shape)

    with (
        patch.object(torch.Tensor, "uniform_", uniform),
        patch.object(torch, "rand", found.rand),
        patch.object(torch, "randn_like", found.noise),
        patch.object(torch, "randint", found.whole),
        patch.object(torch, "randperm", found.order),
        patch.object(torch.distributions.Beta, "sample", sample),
        patch.object(torch.distributions.Dirichlet, "sample", sample),
    ):
        yield found
    assert not found.values, "fewer numbers were drawn"


def compare(row: Drawn, theirs: Any, drawn: Sequence[Any] | None = None) -> None:
    """Compare what comes out here with what Keras made; of these numbers, if given."""
    program = program_of(definition(row), row.shape)
    if drawn is None:
        drawn = row.drawn if row.ours is None else [row.drawn[i] for i in row.ours]
    with drawing(drawn):
        ours = trained(program, row.images())
    np.testing.assert_allclose(ours, theirs, atol=row.atol, rtol=1e-5)
    assert not np.array_equal(theirs, row.images())
