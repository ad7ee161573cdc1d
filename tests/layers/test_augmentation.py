"""Random geometry: the same numbers drawn in Keras and here make the same images."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch.dialect import GraphBuilder
from keras2torch.layers.augmentation import (
    RandomCrop,
    RandomElasticTransform,
    RandomFlip,
    RandomPerspective,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.definitions import REGISTRY, Dense, Layer
from keras2torch.layers.preprocessing import Rescaling
from keras2torch.layers.reshaping import Flatten
from keras2torch.program import Program, write
from tests.layers.harness import check, rows, stack

pytestmark = pytest.mark.needs_keras
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


def rotation(name: str, factor: Any = 0.3, **options: Any) -> Drawn:
    return Drawn(name, "RandomRotation", {"factor": factor, **options}, [parts(3)])


def moved(name: str, layer: str = "RandomTranslation", **options: Any) -> Drawn:
    arguments = {"height_factor": 0.6, "width_factor": (-0.9, 0.4), **options}
    return Drawn(name, layer, arguments, [parts(3, 1), parts(3, 1, start=3)])


def shear(name: str, **options: Any) -> Drawn:
    arguments = {"x_factor": 0.7, "y_factor": (0.1, 0.5), **options}
    drawn = [parts(3, 1), parts(3, 1, start=3), parts(3, 1, start=6)]
    return Drawn(name, "RandomShear", arguments, drawn, (0, 2, 1))


def tilt(name: str, **options: Any) -> Drawn:
    drawn = [parts(3), parts(3, start=3), parts(3, 4, 2, start=6)]
    return Drawn(name, "RandomPerspective", options, drawn, (1, 0, 2), atol=0.05)


def elastic(name: str, shape: tuple[int, ...] = SHAPE, **options: Any) -> Drawn:
    noise = np.random.default_rng(3).standard_normal(shape[:3])
    drawn = [parts(3), parts(3, start=3), parts(1, start=9)[0], noise]
    return Drawn(
        name, "RandomElasticTransform", options, drawn, (1, 0, 3, 2), shape=shape
    )


def flip(name: str, shape: tuple[int, ...] = SHAPE, **options: Any) -> Drawn:
    drawn = [[[[0.49]]], [[[0.51]]], [[[0.5]]]]
    return Drawn(name, "RandomFlip", options, [drawn], shape=shape)


FILLS = ("reflect", "wrap", "nearest", "constant")
FIRST = {"data_format": "channels_first"}
DRAWN = [
    *(rotation(f"rotation_{f}", fill_mode=f) for f in FILLS),
    rotation("rotation_bounds", (-0.1, 0.25), fill_mode="constant", fill_value=77.0),
    rotation("rotation_nearest_pixel", interpolation="nearest"),
    *(moved(f"translation_{f}", fill_mode=f) for f in FILLS),
    moved("translation_far", height_factor=(0.9, 1.0), fill_mode="wrap"),
    moved("translation_nearest_pixel", interpolation="nearest", fill_mode="constant"),
    *(moved(f"zoom_{f}", "RandomZoom", fill_mode=f) for f in FILLS),
    moved("zoom_far", "RandomZoom", height_factor=(0.8, 1.0), fill_mode="wrap"),
    Drawn("zoom_one", "RandomZoom", {"height_factor": (-0.5, 0.9)}, [parts(3, 1)]),
    *(shear(f"shear_{f}", fill_mode=f) for f in FILLS),
    tilt("perspective"),
    tilt("perspective_some", factor=(0.2, 0.6), scale=0.4, fill_value=9.0),
    tilt("perspective_nearest_pixel", interpolation="nearest"),
    *(elastic(f"elastic_{f}", fill_mode=f) for f in FILLS),
    elastic("elastic_blurred", (3, 41, 64, 2), factor=(0.3, 1.0), scale=(0.4, 0.9)),
    elastic("elastic_clipped", value_range=(50.0, 180.0), interpolation="nearest"),
    flip("flip"),
    flip("flip_horizontal", mode="horizontal"),
    flip("flip_vertical", mode="vertical"),
    flip("flip_first", (3, 2, 5, 4), mode="vertical", **FIRST),
    Drawn("flip_one_image", "RandomFlip", {}, [[[[[0.1]]]]], shape=(5, 4, 3)),
    Drawn(
        "rotation_first",
        "RandomRotation",
        {"factor": 0.3, **FIRST},
        [parts(3)],
        shape=(3, 2, 9, 6),
    ),
    Drawn(
        "rotation_one_image",
        "RandomRotation",
        {"factor": 0.3},
        [[0.8]],
        shape=(9, 6, 2),
    ),
    Drawn(
        "zoom_one_image_first",
        "RandomZoom",
        {"height_factor": 0.3, **FIRST},
        [[[0.8]]],
        shape=(2, 9, 6),
    ),
    Drawn("crop", "RandomCrop", {"height": 4, "width": 9}, [0.7, 0.2]),
    Drawn("crop_low", "RandomCrop", {"height": 12, "width": 9}, []),
    Drawn("crop_narrow", "RandomCrop", {"height": 4, "width": 14}, []),
    Drawn("crop_small", "RandomCrop", {"height": 13, "width": 29}, []),
    Drawn("mix_up", "MixUp", {"alpha": 0.4}, [[2, 0, 1], [0.1, 0.7, 0.4]]),
]
DRAWN = [d for d in DRAWN if d.layer in REGISTRY]
KERAS2 = [
    Drawn(
        f"{d.name}_keras2", d.layer, d.arguments, d.drawn, d.ours, d.shape, "tf_keras"
    )
    for d in DRAWN
    if d.layer in ("RandomRotation", "RandomTranslation", "RandomZoom")
    and "data_format" not in d.arguments
] + [
    Drawn(
        "height",
        "RandomHeight",
        {"factor": (-0.3, 0.5)},
        [parts(1)[0]],
        library="tf_keras",
    ),
    Drawn(
        "width",
        "RandomWidth",
        {"factor": 0.4, "interpolation": "nearest"},
        [parts(1)[0]],
        library="tf_keras",
    ),
]


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


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What Keras makes of the rows."""
    folder = tmp_path_factory.mktemp("augmentation")
    table, out = folder / "rows.json", folder / "out.npz"
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
        for d in [*DRAWN, *KERAS2]
    ]
    table.write_text(json.dumps(listed))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(table), str(out)],
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
        return self.values.pop(0).reshape(list(shape))

    def uniform(self, x: torch.Tensor, low: float = 0.0, high: float = 1.0) -> Any:
        return low + self.part(x.shape) * (high - low)

    def rand(self, *shape: int, **_: Any) -> torch.Tensor:
        return self.part(shape)

    def noise(self, x: torch.Tensor) -> torch.Tensor:
        return self.part(x.shape)

    def whole(self, high: int, shape: tuple[int, ...]) -> torch.Tensor:
        return (self.part(shape) * high).int()

    def order(self, count: int, **_: Any) -> torch.Tensor:
        return self.part((count,)).long()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Any]], Given]:
    def give(values: Sequence[Any]) -> Given:
        found = Given(values)
        monkeypatch.setattr(
            torch.Tensor, "uniform_", lambda x, low, high: found.uniform(x, low, high)
        )
        monkeypatch.setattr(torch, "rand", found.rand)
        monkeypatch.setattr(torch, "randn_like", found.noise)
        monkeypatch.setattr(torch, "randint", found.whole)
        monkeypatch.setattr(torch, "randperm", found.order)
        return found

    return give


@pytest.mark.parametrize("row", [*DRAWN, *KERAS2], ids=lambda d: d.name)
def test_the_same_numbers_make_the_same_images(row, wanted, given):
    theirs, drawn = wanted[row.name], list(row.drawn)
    program = program_of(definition(row), row.shape)
    queue = given([drawn[i] for i in row.ours or range(len(drawn))])
    ours = trained(program, row.images())
    assert not queue.values
    np.testing.assert_allclose(ours, theirs, atol=row.atol, rtol=1e-5)
    assert not np.array_equal(theirs, row.images())


# ------------------------------------------------------------------------- inference
IMAGE = (None, 6, 7, 3)
INFERENCE = [
    stack("flip", [RandomFlip()], IMAGE),
    stack("rotation", [RandomRotation((-0.1, 0.2), "constant")], IMAGE),
    stack("translation", [RandomTranslation(0.1, 0.2)], (None, None, None, 3)),
    stack("zoom", [RandomZoom(0.1)], IMAGE),
    stack("shear", [RandomShear((0.1, 0.2), (0.0, 0.1))], IMAGE),
    stack("perspective", [RandomPerspective(0.5, 0.1)], IMAGE),
    stack("elastic", [RandomElasticTransform()], IMAGE),
    stack("elastic_off", [RandomElasticTransform(0.0)], IMAGE, lacks=("Elastic",)),
    stack("crop", [RandomCrop(4, 5)], IMAGE),
    stack("crop_same", [RandomCrop(6, 7), Flatten(), Dense(2)], IMAGE),
    stack("crop_unknown", [RandomCrop(4, 5)], (None, None, None, 3)),
    stack("crop_keras2", [RandomCrop(4, 5, keras2=True)], IMAGE),
    stack(
        "crop_keras2_larger",
        [RandomCrop(9, 4, keras2=True), Conv2D(2, 3), Flatten(), Dense(2)],
        IMAGE,
        permutes=0,
    ),
    stack("crop_keras2_one", [RandomCrop(4, 5, keras2=True)], (6, 7, 3)),
    stack(
        "pixels",
        [RandomFlip("horizontal"), Rescaling(1 / 255), Conv2D(4, 3), Flatten()],
        IMAGE,
        dtype="uint8",
        limit=256,
        contains=("as_float(x)",),
    ),
    stack(
        "front",
        [RandomFlip(), RandomRotation(0.1), RandomZoom(0.1), Flatten(), Dense(3)],
        IMAGE,
        contains=('RandomFlip("horizontal_and_vertical")', "RandomZoom((-0.1, 0.1))"),
        permutes=0,
    ),
    stack(
        "channels_first",
        [
            RandomFlip(data_format="channels_first"),
            RandomZoom(0.1, data_format="channels_first"),
        ],
        (None, 3, 6, 7),
        permutes=0,
    ),
    stack("rows", [RandomFlip(), RandomTranslation(0.1, 0.1)], (None, 6, 7)),
]


# TensorFlow resizes, and Keras keeps a Rescaling's scale, in float32.
ROUNDED = ("crop_keras2", "crop_keras2_larger", "crop_keras2_one", "pixels")


@rows([replace(r, float64=1e-6) if r.name in ROUNDED else r for r in INFERENCE])
def test_inference_like_keras(row, keras):
    check(row, keras)
