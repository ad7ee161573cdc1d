"""Folders of images, texts and sounds, and what is asked of them, for Keras and us."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RNG = np.random.default_rng(3)
FOLDER: dict[str, dict[str, Any]] = {
    "plain": {},
    "unlabelled": {"labels": None},
    "no mode": {"label_mode": None},
    "one-hot": {"label_mode": "categorical"},
    "some classes": {"class_names": ["dogs", "birds"], "label_mode": "binary"},
    "single": {"batch_size": None},
    "training": {"validation_split": 0.3, "subset": "training"},
    "validation": {"validation_split": 0.3, "subset": "validation"},
    "given labels": {"labels": [i % 3 for i in range(16)]},
    "shuffled": {"shuffle": True, "seed": 7},
    "shuffled, training": {
        "shuffle": True,
        "seed": 7,
        "validation_split": 0.4,
        "subset": "training",
    },
    "shuffled, validation": {
        "shuffle": True,
        "seed": 7,
        "validation_split": 0.4,
        "subset": "validation",
    },
    "shuffled labels": {"shuffle": True, "seed": 1, "labels": list(range(16))},
}
SIZES = {"smaller": (7, 9), "larger": (33, 41), "other ratio": (6, 31)}
METHODS = (
    "bilinear nearest bicubic area lanczos3 lanczos5 gaussian mitchellcubic".split()
)


def make(root: Path) -> None:
    """Write 16 files of each kind in three classes."""
    for kind in ("images", "texts", "sounds"):
        for n in range(16):
            folder = (
                root
                / kind
                / ("cats", "dogs", "birds")[n % 3]
                / ("in" if n % 5 == 4 else "")
            )
            folder.mkdir(parents=True, exist_ok=True)
            place = folder / f"{n:02}"
            if kind == "images":
                _image(place, n)
            elif kind == "texts":
                text = f"Text {n}: Käse & «Brot»\n" * (n % 4)
                place.with_suffix(".txt").write_bytes(text.encode())
            else:
                _sound(place.with_suffix(".wav"), n)
    (root / "images" / ".hidden").mkdir()
    (root / "images" / "cats" / "notes.txt").write_text("no image")
    _image(root / "images" / "of no class", 0)


def _image(place: Path, n: int) -> None:
    shape = (11 + n, 29 - n, 3)
    pixels = RNG.integers(0, 256, shape).astype("uint8")
    images = {
        ".png": Image.fromarray(pixels),
        ".PNG": Image.fromarray(pixels[:, :, 0]),
        ".bmp": Image.fromarray(pixels),
        ".gif": Image.fromarray(pixels),
    }
    suffix = list(images)[n % 4]
    if n == 8:
        alpha = pixels[:, :, :1]
        images[suffix] = Image.fromarray(np.concatenate([pixels, alpha], 2))
    if n == 12:
        images[suffix] = Image.fromarray(pixels).convert("P")
    images[suffix].save(place.with_suffix(suffix))


def _sound(place: Path, n: int) -> None:
    with wave.open(str(place), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        values = RNG.integers(-32768, 32768, 20 + 3 * n).astype("<i2")
        file.writeframes(values.tobytes())


def array(value: Any) -> Any:
    """Return what a data set yields as a numpy array."""
    found = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return found.astype("S") if found.dtype == object else found


def of_dataset(dataset: Any, root: Path, shuffled: bool, kind: str) -> dict[str, Any]:
    """Return what can be equal: everything in order, or files and the set of labels."""
    found: dict[str, Any] = {"classes": np.asarray(dataset.class_names or [])}
    if hasattr(dataset, "file_paths"):
        paths = [str(Path(p).relative_to(root)) for p in dataset.file_paths]
        found["paths"] = np.asarray(paths)
    found["length"] = np.asarray(int(dataset.cardinality()))
    spec = dataset.element_spec
    parts = spec if isinstance(spec, tuple) else (spec,)
    # TensorFlow knows less of what it padded, and what it read from a sound.
    if kind != "sounds":
        found["spec"] = np.asarray([str(list(p.shape)) for p in parts])
    batches = [b if isinstance(b, tuple) else (b,) for b in dataset]
    if not shuffled:
        for i, batch in enumerate(batches):
            found |= {f"{i}/{j}": array(part) for j, part in enumerate(batch)}
    elif len(parts) == 2:
        labels = np.concatenate([array(b[1]).reshape(len(b[1]), -1) for b in batches])
        found["labels"] = np.sort(labels, 0)
    return found


def answers(keras: Any, root: Path) -> dict[str, Any]:
    """Return what Keras' functions say of the folders, by case."""
    found: dict[str, Any] = {}

    def ask(name: str, kind: str, function: Any, **kwargs: Any) -> None:
        options = {"shuffle": False, "batch_size": 5, "verbose": False} | kwargs
        dataset = function(str(root / kind), **options)
        for key, value in of_dataset(dataset, root, options["shuffle"], kind).items():
            found[f"{name}|{key}"] = value

    image = keras.utils.image_dataset_from_directory
    text = keras.utils.text_dataset_from_directory
    audio = keras.utils.audio_dataset_from_directory
    for name, options in FOLDER.items():
        if options.get("labels") != list(range(16)) and "given" not in name:
            ask(f"image, {name}", "images", image, image_size=(8, 6), **options)
        if options.get("batch_size", 1) is not None:
            ask(f"text, {name}", "texts", text, **options)
            ask(f"audio, {name}", "sounds", audio, **options)
    for method in METHODS:
        for name in ("smaller", "larger"):
            options = {"image_size": SIZES[name], "interpolation": method}
            ask(f"image, {name}, {method}", "images", image, **options)
        options = {"image_size": SIZES["other ratio"], "interpolation": method}
        more = {"pad_to_aspect_ratio": True}
        ask(f"image, padded, {method}", "images", image, **options, **more)
        if method in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"):
            more = {"crop_to_aspect_ratio": True}
            ask(f"image, cut, {method}", "images", image, **options, **more)
    first = {"data_format": "channels_first", "image_size": 9}
    ask("image, channels first", "images", image, **first)
    # Keras reads no gray GIF or BMP, and no GIF with alpha.
    gray = {"class_names": ["png"], "color_mode": "grayscale"}
    ask("image, gray", "colours", image, image_size=(9, 9), **gray)
    alpha = {"class_names": ["png"], "color_mode": "rgba"}
    ask("image, alpha", "colours", image, image_size=(9, 9), **alpha)
    ask("text, cut", "texts", text, max_length=9)
    ask("audio, fixed", "sounds", audio, output_sequence_length=31)
    found |= single_images(keras, root)
    return found


def colours(root: Path) -> None:
    """Write PNG files of each mode."""
    folder = root / "colours" / "png"
    folder.mkdir(parents=True)
    rgb = RNG.integers(0, 256, (10, 13, 3)).astype("uint8")
    modes = {
        "rgb": Image.fromarray(rgb),
        "gray": Image.fromarray(rgb[:, :, 0]),
        "rgba": Image.fromarray(np.concatenate([rgb, rgb[:, :, :1]], 2)),
        "la": Image.fromarray(rgb[:, :, :2]),
        "palette": Image.fromarray(rgb).convert("P"),
        "deep": Image.fromarray(rgb[:, :, 0].astype("uint16") * 257 + 5),
    }
    for name, image in modes.items():
        image.save(folder / f"{name}.png")


def single_images(keras: Any, root: Path) -> dict[str, Any]:
    """Return what the functions for single images give."""
    found: dict[str, Any] = {}
    utils = keras.utils
    folder = root / "colours" / "png"
    for path in sorted(folder.iterdir()):
        for mode in ("rgb", "rgba", "grayscale"):
            image = utils.load_img(path, color_mode=mode)
            name = f"load {path.name} {mode}"
            found[name] = utils.img_to_array(image)
    for method in ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"):
        for keep in (False, True):
            image = utils.load_img(
                str(folder / "rgb.png"),
                target_size=(7, 20),
                interpolation=method,
                keep_aspect_ratio=keep,
            )
            found[f"load {method} {keep}"] = utils.img_to_array(image, dtype="uint8")
    rng = np.random.default_rng(1)
    for channels in (1, 3, 4):
        x = rng.normal(size=(5, 7, channels)) * 300
        for scale in (True, False):
            given = x if scale else np.abs(x) % 255
            image = utils.array_to_img(given, scale=scale)
            found[f"to image {channels} {scale}"] = np.asarray(image)
            found[f"mode {channels} {scale}"] = np.asarray(image.mode)
        file = io.BytesIO()
        utils.save_img(file, x, file_format="png")
        found[f"saved {channels}"] = np.asarray(Image.open(file))
    first = rng.normal(size=(3, 4, 6))
    image = utils.array_to_img(first, data_format="channels_first")
    found["first"] = utils.img_to_array(image, data_format="channels_first")
    smart = keras.preprocessing.image.smart_resize
    x = rng.normal(size=(2, 9, 14, 3)).astype("float32")
    for method in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"):
        found[f"smart {method}"] = smart(x, (6, 5), method)
        found[f"smart one {method}"] = smart(x[0], (13, 5), method)
    bytes_ = rng.integers(0, 256, (8, 9, 3)).astype("uint8")
    found["smart bytes"] = smart(bytes_, (4, 7))
    moved = x.transpose(0, 3, 1, 2)
    found["smart first"] = smart(moved, (6, 5), data_format="channels_first")
    return found
