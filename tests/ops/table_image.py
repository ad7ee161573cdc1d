"""Calls of what keras/src/ops/image.py has."""

from __future__ import annotations

import numpy as np
from calls import A, T, case

IMAGES = T((2, 6, 7, 3), low=0, high=1)
BYTES = T((2, 6, 7, 3), "uint8", low=0, high=255)
ONE = T((6, 7, 3), low=0, high=1, unknown=())
FIRST = T((2, 3, 6, 7), low=0, high=1)
UNKNOWN = T((2, 6, 7, 3), low=0, high=1, unknown=(0, 1, 2))
MOVES = A(
    np.array(
        [
            [1.1, 0.1, -1.3, -0.2, 0.9, 1.6, 0.0, 0.0],
            [0.8, -0.3, 4.2, 0.2, 1.2, -5.7, 0.01, -0.02],
        ],
        "float32",
    )
)
START = A(np.array([[[0, 0], [6, 0], [0, 5], [6, 5]]] * 2, "float32"))
END = A(
    np.array(
        [[[1, 1], [5, 0], [0, 4], [6, 5]], [[0, -1], [7, 1], [1, 5], [5, 6]]], "float32"
    )
)
NEW = A(np.array([1.6, 0.7], "float32"), unknown=())
SHIFT = A(np.array([-0.6, 1.2], "float32"), unknown=())


def resize(name, images, *args, close=1e-5, **options):
    return case(
        f"resize {name}",
        lambda o, x: o.image.resize(x, *args, **options),
        images,
        close=close,
    )


def image(name, what, *tensors, differs="", gradient=True, close=1e-5, **options):
    operation = name.split()[0]
    return case(
        name,
        lambda o, *x: getattr(o.image, operation)(*x, *what, **options),
        *tensors,
        differs=differs,
        gradient=gradient,
        close=close,
    )


CASES = [
    image("rgb_to_grayscale", (), IMAGES),
    image("rgb_to_grayscale one", (), ONE),
    image("rgb_to_grayscale first", ("channels_first",), FIRST),
    image("rgb_to_grayscale bytes", (), BYTES),
    image("rgb_to_grayscale gray", (), (2, 6, 7, 1)),
    image("rgb_to_grayscale two", (), (2, 6, 7, 2)),
    image("rgb_to_hsv", (), IMAGES, gradient=False),
    image("rgb_to_hsv one", (), ONE, gradient=False),
    image("rgb_to_hsv first", (), FIRST, data_format="channels_first", gradient=False),
    image("rgb_to_hsv bytes", (), BYTES),
    image("hsv_to_rgb", (), IMAGES, gradient=False),
    image("hsv_to_rgb first", ("channels_first",), FIRST, gradient=False),
    *(
        resize(f"{how} {size} {antialias}", IMAGES, size, how, antialias)
        for how in ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic", "area")
        for size, antialias in (((9, 5), False), ((4, 11), True))
    ),
    resize("bytes", BYTES, (9, 5), "bicubic"),
    resize("bytes nearest", BYTES, (9, 5), "nearest"),
    resize("half", T((2, 6, 7, 3), "float16"), (9, 5), close=1e-3),
    resize("float64", T((2, 6, 7, 3), "float64"), (9, 5), "lanczos3"),
    resize("one", ONE, (3, 3), antialias=True),
    resize("a column", IMAGES, (3, 1), antialias=True),
    resize("first", FIRST, (9, 5), data_format="channels_first"),
    resize("crop", IMAGES, (8, 4), crop_to_aspect_ratio=True),
    resize("crop wide", IMAGES, (4, 12), crop_to_aspect_ratio=True),
    resize("pad", IMAGES, (8, 4), pad_to_aspect_ratio=True),
    resize("pad wide", IMAGES, (4, 12), pad_to_aspect_ratio=True, fill_value=0.5),
    resize("unknown", UNKNOWN, (9, 5)),
    resize("unknown crop", UNKNOWN, (9, 5), crop_to_aspect_ratio=True),
    resize("both", IMAGES, (8, 4), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
    resize("otherwise", IMAGES, (8, 4), "gaussian"),
    resize("filled", IMAGES, (8, 4), fill_mode="reflect"),
    resize("nothing", IMAGES, (0, 4)),
    *(
        image(
            f"affine_transform {how} {mode}",
            (how, mode, 0.25),
            IMAGES,
            MOVES,
            gradient=False,
            close=1e-4,
        )
        for how in ("bilinear", "nearest")
        for mode in ("constant", "nearest", "wrap", "reflect")
    ),
    image(
        "affine_transform one", (), ONE, A(MOVES.array[0], unknown=()), gradient=False
    ),
    image(
        "affine_transform shared",
        (),
        IMAGES,
        A(MOVES.array[:1], unknown=()),
        gradient=False,
        close=1e-4,
    ),
    image(
        "affine_transform first",
        (),
        FIRST,
        MOVES,
        data_format="channels_first",
        gradient=False,
        close=1e-4,
    ),
    image("affine_transform bytes", (), BYTES, MOVES),
    image("affine_transform mirror", ("bilinear", "mirror"), IMAGES, MOVES),
    image("perspective_transform", (), IMAGES, START, END, gradient=False, close=1e-4),
    image(
        "perspective_transform nearest",
        ("nearest", 0.5),
        IMAGES,
        START,
        END,
        gradient=False,
        close=1e-4,
    ),
    image(
        "perspective_transform one",
        (),
        ONE,
        A(START.array[0], unknown=()),
        A(END.array[0], unknown=()),
        gradient=False,
        close=1e-4,
    ),
    image("perspective_transform misfit", (), ONE, START, A(END.array[0])),
    *(
        image(f"extract_patches {name}", a, shape)
        for name, a, shape in (
            ("2", (2,), IMAGES),
            ("23", ((2, 3), 1), IMAGES),
            ("same", ((3, 2), (2, 3), 1, "same"), IMAGES),
            ("dilated", (2, 1, 2), IMAGES),
            ("one", ((3, 2), 2), ONE),
            ("first", (2, 2, 1, "same", "channels_first"), FIRST),
            ("unknown", ((3, 2), 2, 1, "same"), UNKNOWN),
            ("volumes", ((2, 3, 2),), (2, 4, 6, 4, 2)),
            ("4", ((2, 3, 4, 5),), IMAGES),
        )
    ),
    image("extract_patches_3d", (2,), (2, 4, 6, 4, 2)),
    image(
        "extract_patches_3d same", ((2, 3, 2), (1, 2, 3), 1, "same"), (2, 4, 6, 5, 2)
    ),
    image("extract_patches_3d one", (2, 2), T((4, 6, 4, 2), unknown=())),
    *(
        image(
            f"map_coordinates {order} {mode}",
            (order, mode, 0.5),
            T((4, 5), unknown=()),
            T(
                (2, 3, 6),
                low=-3.0,
                high=6.6 if mode not in ("mirror",) else 3.4,
                unknown=(),
            ),
            close=1e-5,
        )
        for order in (0, 1)
        for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
    ),
    image(
        "map_coordinates ints",
        (1,),
        T((4, 5), "int32", unknown=()),
        T((2, 7), low=0, high=4, unknown=()),
    ),
    image(
        "map_coordinates 3",
        (1, "nearest"),
        T((4, 5, 3), unknown=()),
        T((3, 2, 2, 2), low=-1, high=4, unknown=()),
    ),
    image("map_coordinates 2", (2,), T((4, 5), unknown=()), T((2, 7), unknown=())),
    image("map_coordinates misfit", (1,), T((4, 5), unknown=()), T((3, 7), unknown=())),
    image("pad_images", (1, 2, 3, 4), IMAGES),
    image(
        "pad_images to",
        (),
        IMAGES,
        top_padding=1,
        left_padding=2,
        target_height=9,
        target_width=9,
    ),
    image(
        "pad_images behind",
        (),
        ONE,
        bottom_padding=1,
        right_padding=2,
        target_height=9,
        target_width=9,
    ),
    image("pad_images first", (1, 2, 3, 4), FIRST, data_format="channels_first"),
    image(
        "pad_images small",
        (),
        IMAGES,
        top_padding=1,
        left_padding=2,
        target_height=6,
        target_width=9,
    ),
    image("pad_images all", (1, 2, 3, 4, 9), IMAGES),
    image("crop_images", (1, 2, 0, 1), IMAGES),
    image(
        "crop_images to",
        (),
        IMAGES,
        top_cropping=1,
        left_cropping=2,
        target_height=3,
        target_width=4,
    ),
    image(
        "crop_images before",
        (),
        ONE,
        bottom_cropping=1,
        right_cropping=2,
        target_height=3,
        target_width=4,
    ),
    image("crop_images first", (1, 2, 0, 1), FIRST, data_format="channels_first"),
    image(
        "crop_images large",
        (),
        IMAGES,
        top_cropping=1,
        left_cropping=2,
        target_height=6,
        target_width=4,
    ),
    image("gaussian_blur", (), IMAGES),
    image("gaussian_blur sizes", ((3, 5), (0.7, 1.3)), IMAGES),
    image("gaussian_blur even", ((4, 2), (1.0, 2.0)), IMAGES),
    image("gaussian_blur one", (), ONE),
    image("gaussian_blur first", (), FIRST, data_format="channels_first"),
    case(
        "elastic_transform",
        lambda o, x: o.image.elastic_transform(x, seed=1),
        T((2, 6, 7, 3), low=0, high=1, unknown=()),
        values=False,
        gradient=False,
    ),
    case(
        "scale_and_translate",
        lambda o, x, s, t: o.image.scale_and_translate(
            x, (2, 9, 5, 3), s, t, (1, 2), "linear"
        ),
        T((2, 6, 7, 3), unknown=()),
        NEW,
        SHIFT,
        gradient=False,
    ),
    *(
        case(
            f"scale_and_translate {how} {antialias}",
            lambda o, x, s, t, how=how, a=antialias: o.image.scale_and_translate(
                x, (9, 5), s, t, (0, 1), how, a
            ),
            T((6, 7), unknown=()),
            NEW,
            SHIFT,
            gradient=False,
        )
        for how in ("linear", "cubic", "lanczos3", "lanczos5")
        for antialias in (True, False)
    ),
    case(
        "scale_and_translate otherwise",
        lambda o, x, s, t: o.image.scale_and_translate(x, (9, 5), s, t, (0, 1), "area"),
        (6, 7),
        NEW,
        SHIFT,
    ),
    image("sobel_edges", (), IMAGES),
    image("sobel_edges first", (), FIRST, data_format="channels_first"),
    image(
        "ssim",
        (),
        T((2, 13, 12, 3), low=0, high=1),
        T((2, 13, 12, 3), low=0, high=1),
        close=1e-4,
    ),
    image(
        "ssim one",
        (2.0, 5, 1.0, 0.02, 0.05),
        T((9, 8, 2), unknown=()),
        T((9, 8, 2), unknown=()),
        close=1e-4,
    ),
    image(
        "ssim first",
        (),
        T((2, 3, 13, 12), low=0, high=1),
        T((2, 3, 13, 12), low=0, high=1),
        data_format="channels_first",
        close=1e-4,
    ),
]
