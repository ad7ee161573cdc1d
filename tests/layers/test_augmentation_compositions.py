"""Compositions of augmentations, against Keras with the same numbers drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.augmentation_compositions import (
    AugMix,
    CutMix,
    MaxNumBoundingBoxes,
    MixUp,
    RandAugment,
)
from keras2torch.layers.definitions import Conv2D, Dense, Flatten
from tests.layers.augmenting import (
    SHAPE,
    Drawn,
    asked,
    compare,
    definition,
    program_of,
    trained,
)
from tests.layers.harness import check, rows, stack

pytestmark = pytest.mark.needs_keras

# What Keras draws for each layer of RandAugment, in its order, used or not; and in
# which order the same is drawn here.
LAYERS: list[tuple[list[Any], tuple[int, ...]]] = [
    ([0.7, 0.4, 0.2], (0, 2, 1)),
    ([0.3, 0.6], (0, 1)),
    ([0.8], (0,)),
    ([0.35], (0,)),
    ([0.45], (0,)),
    ([0.55], (0,)),
    ([0.65], (0,)),
    ([2], (0,)),
    ([0.25, 0.75], (0, 1)),
    ([], ()),
    ([], ()),
]


def rand_augment(*chosen: int, **options: Any) -> Drawn:
    """Return the row in which these layers are applied."""
    drawn: list[Any] = [list(chosen)]
    places = []
    for values, order in LAYERS:
        places.append([len(drawn) + i for i in order])
        drawn += values
    ours = [0, *(at for i in chosen for at in places[i])]
    name = f"rand_augment_{'_'.join(map(str, chosen))}"
    if len(chosen) != 2:
        options["num_ops"] = len(chosen)
    return Drawn(name, "RandAugment", options, drawn, ours, atol=0.02)


ROWS = [
    rand_augment(2, 3),
    rand_augment(0, 6, 4),
    rand_augment(1, 5, factor=(0.1, 0.9)),
    rand_augment(8, 10, interpolation="nearest"),
    rand_augment(7),
    rand_augment(9, value_range=(-50, 300)),
    # Drawn twice, with the same numbers in Keras.
    rand_augment(5, 5),
    Drawn(
        "aug_mix",
        "AugMix",
        {"num_chains": 2, "chain_depth": 2},
        [[0.3, 0.7], 0.4, 2, 0.8, 7, 0.35, 11, 9, 0.9],
        # The layers of a chain are drawn at once here.
        shape=SHAPE,
    ),
    Drawn(
        "aug_mix_without_colours",
        "AugMix",
        {"all_ops": False, "num_chains": 2, "chain_depth": 1, "value_range": (90, 255)},
        [[0.6, 0.4], 0.2, 7, 2, 0.8],
    ),
    Drawn("mix_up", "MixUp", {"alpha": 0.4}, [[2, 0, 1], [0.1, 0.7, 0.4]]),
    Drawn(
        "cut_mix",
        "CutMix",
        {"factor": (0.2, 0.9)},
        [0.5, [0.1, 0.7, 0.4], [0.2, 0.9, 0.5], [0.8, 0.1, 0.3], [1, 2, 0]],
    ),
    Drawn(
        "cut_mix_first",
        "CutMix",
        {"data_format": "channels_first"},
        [0.5, [0.3, 0.6], [0.2, 0.9], [0.8, 0.1], [1, 0]],
        shape=(2, 3, 8, 11),
    ),
]
# Numbers as they are drawn here, where that is not Keras' order.
OURS = {
    "aug_mix": [[0.3, 0.7], 0.4, [2, 7], 0.8, 0.35, [11, 9], 0.9],
    "aug_mix_without_colours": [[0.6, 0.4], 0.2, [7], [2], 0.8],
}


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What Keras makes of the rows."""
    return asked(ROWS, tmp_path_factory.mktemp("compositions"))


@pytest.mark.parametrize("row", ROWS, ids=lambda d: d.name)
def test_the_same_numbers_make_the_same_images(row, wanted):
    compare(row, wanted[row.name], OURS.get(row.name))


# ------------------------------------------------------------------------- inference
IMAGE = (None, 6, 7, 3)
INFERENCE = [
    stack("rand_augment", [RandAugment()], IMAGE),
    stack("aug_mix", [AugMix(all_ops=False)], (None, None, None, 3)),
    stack("mix_up", [MixUp(), Conv2D(4, 3), Flatten(), Dense(2)], IMAGE, permutes=0),
    stack("cut_mix", [CutMix(data_format="channels_first")], (None, 3, 6, 7)),
    stack("boxes", [MaxNumBoundingBoxes(3)], IMAGE),
]


@rows(INFERENCE)
def test_inference_like_keras(row, keras):
    check(row, keras)


# ------------------------------------------------------------------------- by chance
def test_mixing_changes_the_partner_and_the_part():
    images = np.zeros((64, 8, 8, 1), "float32")
    images[:, 0, 0, 0] = np.arange(64)
    torch.manual_seed(0)
    out = trained(program_of(MixUp(0.3, name="layer"), images.shape), images)
    kept = out[:, 0, 0, 0] / np.maximum(np.arange(64), 1)
    # Beta(0.3, 0.3) is mostly near 0 and 1: those near 1 stay what they are.
    assert 10 < np.isclose(kept, 1, atol=0.05).sum() < 50
    assert out[..., 0, 0].min() >= 0
    assert out.max() <= 63


def test_a_single_image_is_not_mixed():
    layer = definition(Drawn("one", "MixUp", {}, []))
    with pytest.raises(UnsupportedLayer, match="a single image has no other"):
        program_of(layer, (6, 7, 3))
    images = np.random.default_rng(0).uniform(0, 255, (6, 7, 3)).astype("float32")
    out = trained(program_of(CutMix(name="layer"), images.shape), images)
    np.testing.assert_array_equal(out, images)
