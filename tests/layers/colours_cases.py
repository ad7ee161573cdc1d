"""What is drawn for colours, as Keras has it and as the helper classes have it."""

from __future__ import annotations

from typing import Any

import numpy as np

N, HEIGHT, WIDTH = 4, 9, 6


def images(low: float = 0.0, high: float = 255.0) -> Any:
    """Return images; one is grey, and one has a black corner."""
    rng = np.random.default_rng(3)
    made = rng.uniform(low, high, (N, HEIGHT, WIDTH, 3))
    made[1] = made[1, :, :, :1]
    made[2, :3, :3] = low
    return made.astype("float32")


def each(*values: float) -> Any:
    return np.asarray(values, "float32")


def wide(*values: float) -> Any:
    return each(*values).reshape(-1, 1, 1, 1)


Case = tuple[str, dict[str, Any], dict[str, Any], tuple[Any, ...]]
UNIT = {"value_range": (0, 1)}
WHICH = np.asarray([True, False, True, False])


def cases() -> dict[str, Case]:
    """Return class, arguments, Keras' transformation and what ``change`` takes."""
    found: dict[str, Case] = {}

    def add(
        name: str, kind: str, config: Any, transformation: Any, *drawn: Any
    ) -> None:
        found[name] = (kind, config, transformation, drawn)

    for suffix, more, scale in (("", {}, 255.0), ("_unit", UNIT, 1.0)):
        factor = {"factor": 0.5, **more}
        delta = wide(-0.4, 0.3, 0.0, 0.2) * np.float32(scale)
        add(
            f"brightness{suffix}",
            "RandomBrightness",
            factor,
            {"rgb_delta": delta},
            delta,
        )
        ratio = wide(0.2, 1.9, 1.0, 1.2)
        add(
            f"contrast{suffix}",
            "RandomContrast",
            factor,
            {"contrast_factor": ratio},
            ratio,
        )
        turn = each(-0.5, 0.3, 0.01, 0.5)
        turned = turn.reshape(-1, 1, 1, 1)
        add(f"hue{suffix}", "RandomHue", factor, {"factor": turn}, turned)
        much = each(1.7, 0.3, -0.4, 0.6)
        add(
            f"saturation{suffix}",
            "RandomSaturation",
            factor,
            {"factor": much},
            much.reshape(-1, 1, 1, 1),
        )
        mix = wide(-0.5, 0.7, 1.0, 0.1)
        add(
            f"degeneration{suffix}",
            "RandomColorDegeneration",
            factor,
            {"factor": mix},
            mix,
        )
        sharp = each(0.0, 1.0, 0.3, 0.6)
        add(
            f"sharpness{suffix}",
            "RandomSharpness",
            factor,
            {"factor": sharp},
            sharp.reshape(-1, 1, 1, 1),
        )
        add(
            f"invert{suffix}",
            "RandomInvert",
            factor,
            {"apply_inversion": WHICH},
            WHICH.reshape(-1, 1, 1, 1),
        )
        shift = np.asarray([0, 3, 5, 7], "uint8")
        add(
            f"posterization{suffix}",
            "RandomPosterization",
            {"factor": 4, **more},
            {"shift_factor": shift},
            shift.astype("int64").reshape(-1, 1, 1, 1),
        )
        addition, threshold = wide(0.0, 30.0, 200.0, 90.0), wide(0.0, 128.0, 250.0, 9.0)
        add(
            f"solarization{suffix}",
            "Solarization",
            {"addition_factor": 0.5, "threshold_factor": 0.5, **more},
            {"additions": addition, "thresholds": threshold},
            addition,
            threshold,
        )
        for size in ((3, 3), (3, 5), (5, 1)):
            sigma = each(0.7, 0.4)
            add(
                f"blur_{size[0]}_{size[1]}{suffix}",
                "RandomGaussianBlur",
                {"kernel_size": size, **more},
                {"should_apply_blur": WHICH, "blur_factor": sigma},
                WHICH.reshape(-1, 1, 1, 1),
                sigma,
            )
        inside = np.zeros((N, HEIGHT, WIDTH, 3), bool)
        inside[0, 2:5, 1:3] = inside[1, :, 4:] = inside[2, 1:2] = True
        fill = np.random.default_rng(1).normal(0.5, 0.7, inside.shape) * scale
        # Keras clips the fill when it draws it.
        fill = np.clip(fill, 0, scale).astype("float32")
        add(
            f"erasing{suffix}",
            "RandomErasing",
            more,
            {"batch_masks": inside, "apply_erasing": WHICH, "fill_value": fill},
            (inside & WHICH.reshape(-1, 1, 1, 1)).transpose(0, 3, 1, 2),
            fill.transpose(0, 3, 1, 2),
        )
    which = WHICH.reshape(-1, 1, 1, 1)
    add("grayscale", "RandomGrayscale", {}, {"": which}, which)
    return found


EQUALIZATIONS: dict[str, dict[str, Any]] = {
    "equalization": {},
    "equalization_bins": {"bins": 40},
    "equalization_unit": {"value_range": (0, 1)},
}
# Every form of a factor.
DRAWN: dict[str, tuple[str, dict[str, Any]]] = {
    "brightness": ("RandomBrightness", {"factor": 0.3}),
    "brightness_pair": ("RandomBrightness", {"factor": (0.2, -0.5), **UNIT}),
    "contrast": ("RandomContrast", {"factor": 0.4}),
    "contrast_pair": ("RandomContrast", {"factor": (0.1, 0.9)}),
    "hue": ("RandomHue", {"factor": 0.6}),
    "hue_pair": ("RandomHue", {"factor": (0.3, 0.5)}),
    "saturation": ("RandomSaturation", {"factor": 0.6}),
    "saturation_pair": ("RandomSaturation", {"factor": (0.5, 0.8)}),
    "degeneration": ("RandomColorDegeneration", {"factor": 0.7}),
    "sharpness": ("RandomSharpness", {"factor": 0.7}),
    "sharpness_pair": ("RandomSharpness", {"factor": (0.5, 0.9)}),
    "posterization": ("RandomPosterization", {"factor": 5}),
    "posterization_pair": ("RandomPosterization", {"factor": (2, 4)}),
    "posterization_one": ("RandomPosterization", {"factor": (3, 3)}),
    "solarization": (
        "Solarization",
        {"addition_factor": 0.2, "threshold_factor": (0.3, 0.6)},
    ),
    "invert": ("RandomInvert", {"factor": (0.3, 0.5)}),
    "blur": ("RandomGaussianBlur", {"factor": 0.5, "sigma": (0.2, 0.6)}),
}
SMALL, LARGE = (400, 4, 5, 3), (400, 30, 20, 3)
ERASING: dict[str, Any] = {"factor": (0.4, 0.8), "scale": (0.1, 0.5)}
