"""The models of ``keras.applications``, and the ways in which they are asked for.

Imported by the process that makes them, where Keras is, and by the one that converts
them, where torch is: so neither is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """One model, as it is made.

    Attributes
    ----------
    builder
        Name of the function in ``keras.applications``.
    size
        Height and width, ``None`` for unknown ones. Small and unequal: a network
        without Flatten has the same layers at every size.
    how
        What is unusual about it; empty for the model as it comes.
    arguments
        Further arguments of the function.
    """

    builder: str
    size: tuple[int | None, int | None]
    how: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called in the table and on the command line."""
        return f"{self.builder} {self.how}".strip()

    @property
    def file(self) -> str:
        """A name for its file, without suffix."""
        return self.name.replace(" ", "_").replace("=", "").replace(",", "_")


# By their number of weights, the smallest first.
SIZES = {
    "MobileNetV3Small": (64, 48),
    "MobileNetV2": (64, 48),
    "MobileNet": (64, 48),
    "NASNetMobile": (64, 48),
    "EfficientNetB0": (64, 48),
    "MobileNetV3Large": (64, 48),
    "EfficientNetV2B0": (64, 48),
    "EfficientNetB1": (64, 48),
    "DenseNet121": (64, 48),
    "EfficientNetV2B1": (64, 48),
    "EfficientNetB2": (64, 48),
    "EfficientNetV2B2": (64, 48),
    "EfficientNetB3": (64, 48),
    "DenseNet169": (64, 48),
    "EfficientNetV2B3": (64, 48),
    "EfficientNetB4": (64, 48),
    "DenseNet201": (64, 48),
    "EfficientNetV2S": (64, 48),
    "Xception": (71, 80),
    "InceptionV3": (75, 88),
    "ResNet50": (64, 48),
    "ResNet50V2": (64, 48),
    "ConvNeXtTiny": (64, 48),
    "EfficientNetB5": (64, 48),
    "EfficientNetB6": (64, 48),
    "ResNet101": (64, 48),
    "ResNet101V2": (64, 48),
    "ConvNeXtSmall": (64, 48),
    "EfficientNetV2M": (64, 48),
    "InceptionResNetV2": (75, 88),
    "ResNet152": (64, 48),
    "ResNet152V2": (64, 48),
    "VGG16": (32, 48),
    "VGG19": (32, 48),
    "EfficientNetB7": (64, 48),
    "ConvNeXtBase": (64, 48),
    "NASNetLarge": (64, 48),
    "EfficientNetV2L": (64, 48),
    "ConvNeXtLarge": (32, 48),
    "ConvNeXtXLarge": (32, 48),
}

# One of each family, whose other members differ in numbers only.
FAMILIES = (
    "Xception",
    "VGG16",
    "ResNet50",
    "ResNet50V2",
    "InceptionV3",
    "InceptionResNetV2",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "DenseNet121",
    "NASNetMobile",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "ConvNeXtTiny",
)

OPEN = (None, None)
HEADLESS = {"include_top": False}


def _variants() -> list[Case]:
    found = [Case(n, OPEN, "without top", HEADLESS) for n in FAMILIES]
    found += [
        Case(n, OPEN, "avg", {**HEADLESS, "pooling": "avg"})
        for n in ("MobileNetV2", "ResNet50", "ConvNeXtTiny")
    ]
    found += [
        Case("VGG16", (65, 33), "max", {**HEADLESS, "pooling": "max"}),
        Case("DenseNet121", (71, 53), "logits", {"classifier_activation": None}),
        Case("ResNet50", (97, 61), "odd", {"classes": 10}),
        Case("MobileNetV2", (57, 39), "odd", {"classes": 10}),
        Case("EfficientNetB0", (65, 37), "odd", {"classes": 10}),
        Case("NASNetMobile", (67, 51), "odd", {"classes": 10}),
        Case("ConvNeXtTiny", (61, 45), "odd", {"classes": 10}),
        Case("Xception", (81, 73), "odd", {"classes": 10}),
        Case("InceptionV3", (101, 83), "odd", {"classes": 10}),
        Case("MobileNet", (64, 48), "alpha=0.25", {"alpha": 0.25}),
        Case("MobileNet", (64, 48), "depth_multiplier=2", {"depth_multiplier": 2}),
        Case("MobileNetV2", (64, 48), "alpha=1.4", {"alpha": 1.4}),
        Case("MobileNetV2", (64, 48), "alpha=0.35", {"alpha": 0.35}),
    ]
    for name in ("MobileNetV3Small", "MobileNetV3Large"):
        plain = {"include_preprocessing": False}
        found += [
            Case(name, (64, 48), "minimalistic", {"minimalistic": True}),
            Case(name, (64, 48), "without preprocessing", plain),
        ]
    found += [
        Case("MobileNetV3Small", (64, 48), "alpha=0.75", {"alpha": 0.75}),
        Case(
            "EfficientNetV2B0",
            (64, 48),
            "without preprocessing",
            {"include_preprocessing": False},
        ),
        Case(
            "ConvNeXtTiny",
            (64, 48),
            "without preprocessing",
            {"include_preprocessing": False},
        ),
    ]
    return found


# The same builders with few and narrow blocks: seconds instead of minutes.
SMALL = [
    Case(
        "ConvNeXt",
        (61, 45),
        "small",
        {
            "depths": [2, 2, 3, 2],
            "projection_dims": [8, 12, 16, 24],
            "drop_path_rate": 0.2,
            "classes": 10,
        },
    ),
    Case(
        "NASNet",
        (64, 48),
        "small",
        {
            "penultimate_filters": 96,
            "num_blocks": 2,
            "stem_block_filters": 8,
            "skip_reduction": False,
            "classes": 10,
        },
    ),
    Case("DenseNet", (53, 37), "small", {"blocks": [2, 3, 3, 2], "classes": 10}),
]
# Functions that keras.applications does not export, and one that is beside them.
BESIDE = {
    "ConvNeXt": "ConvNeXtTiny",
    "NASNet": "NASNetMobile",
    "DenseNet": "DenseNet121",
}

WHOLE = [Case(name, size) for name, size in SIZES.items()]
VARIANTS = _variants()
CASES = {case.name: case for case in [*WHOLE, *VARIANTS, *SMALL]}
