"""Random geometry: the same numbers drawn in Keras and here make the same images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.augmentation import (
    RandomCrop,
    RandomElasticTransform,
    RandomFlip,
    RandomHeight,
    RandomPerspective,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from keras2torch.layers.convolution import Conv2D
from keras2torch.layers.definitions import Dense
from keras2torch.layers.preprocessing import Rescaling
from keras2torch.layers.reshaping import Flatten
from tests.layers.augmenting import (
    SHAPE,
    Drawn,
    asked,
    compare,
    parts,
    program_of,
    trained,
)
from tests.layers.harness import check, rows, stack

pytestmark = pytest.mark.needs_keras


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
]
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


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What Keras makes of the rows."""
    return asked([*DRAWN, *KERAS2], tmp_path_factory.mktemp("augmentation"))


@pytest.mark.parametrize("row", [*DRAWN, *KERAS2], ids=lambda d: d.name)
def test_the_same_numbers_make_the_same_images(row, wanted):
    compare(row, wanted[row.name])


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


# ------------------------------------------------------------------------- by chance
def places(images: np.ndarray, width: int) -> set[tuple[int, int]]:
    """Return from which row and column the upper left pixels come."""
    return {divmod(round(float(v)), width) for v in images[:, 0, 0, 0]}


@pytest.mark.parametrize("keras2", [False, True])
def test_a_batch_is_cut_at_one_place_and_each_place_is_possible(keras2):
    counted = np.arange(7 * 9, dtype="float32").reshape(1, 7, 9, 1)
    images = np.repeat(counted, 5, axis=0)
    program = program_of(RandomCrop(5, 6, keras2=keras2, name="layer"), images.shape)
    torch.manual_seed(0)
    found = set()
    for _ in range(200):
        out = trained(program, images)
        assert out.shape == (5, 5, 6, 1)
        [(row, column)] = places(out, 9)
        window = counted[0, row : row + 5, column : column + 6]
        np.testing.assert_array_equal(out, np.repeat(window[None], 5, axis=0))
        found.add((row, column))
    assert found == {(row, column) for row in range(3) for column in range(4)}


@pytest.mark.parametrize(
    "layer",
    [
        RandomRotation(0.2),
        RandomTranslation(0.4, 0.4),
        RandomZoom(0.4),
        RandomShear(0.5, 0.5),
        RandomPerspective(1.0),
        RandomElasticTransform((1.0, 1.0), (0.8, 1.0)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_each_image_is_drawn_for_itself(layer):
    layer.name = "layer"
    one = np.random.default_rng(0).uniform(0, 255, (1, 30, 20, 2)).astype("float32")
    torch.manual_seed(1)
    out = trained(program_of(layer, (None, 30, 20, 2)), np.repeat(one, 16, axis=0))
    assert len(np.unique(out.round(3).reshape(16, -1), axis=0)) > 8
    assert out.min() >= -1e-3
    assert out.max() <= 255.001


def test_a_part_of_the_images_is_tilted():
    images = np.random.default_rng(0).uniform(0, 1, (600, 6, 5, 1))
    torch.manual_seed(0)
    layer = RandomPerspective((0.2, 0.4), name="layer")
    out = trained(program_of(layer, (None, 6, 5, 1)), images)
    moved = (np.abs(out - images).max(axis=(1, 2, 3)) > 1e-6).mean()
    assert 0.25 < moved < 0.35


def test_images_of_a_batch_are_stretched_alike():
    images = np.random.default_rng(0).uniform(0, 1, (4, 20, 10, 1))
    program = program_of(RandomHeight((-0.3, 0.5), name="layer"), images.shape)
    torch.manual_seed(0)
    heights = {trained(program, images).shape[1] for _ in range(300)}
    assert heights == set(range(14, 30))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_dtype_stays(dtype):
    program = program_of(RandomRotation(0.2, name="layer"), (None, 9, 8, 3))
    module = program.module().train()
    x = torch.rand(4, 3, 9, 8)
    torch.manual_seed(0)
    wanted = module(x)
    torch.manual_seed(0)
    out = module(x.to(dtype))
    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), wanted, atol=0.02, rtol=0.02)


def test_images_have_gradients():
    x = torch.rand(2, 3, 9, 8, requires_grad=True)
    module = program_of(RandomZoom(0.3, name="layer"), (None, 9, 8, 3)).module()
    module.train()(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "layer",
    [
        RandomRotation(0.1, fill_mode="mirror"),
        RandomZoom(0.1, interpolation="bicubic"),
        RandomTranslation(2.0, 0.1),
        RandomFlip("sideways"),
        RandomHeight(0.1, "lanczos3"),
        RandomElasticTransform(fill_mode="mirror"),
        RandomPerspective("much"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_has_no_rule_is_named(layer):
    layer.name = "mine"
    with pytest.raises(UnsupportedLayer, match="layer 'mine'"):
        program_of(layer, (None, 9, 8, 3))


def test_videos_are_named():
    with pytest.raises(UnsupportedLayer, match=r"layer 'mine'.*5 axes"):
        program_of(RandomFlip(name="mine"), (None, 4, 9, 8, 3))
