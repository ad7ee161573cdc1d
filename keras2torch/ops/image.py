"""Operations on images: what ``keras.ops.image`` lists.

Source: ``keras/src/ops/image.py`` (3.15).
"""

from keras2torch.ops.patches import (
    extract_patches,
    extract_patches_3d,
)
from keras2torch.ops.pixels import (
    crop_images,
    gaussian_blur,
    hsv_to_rgb,
    pad_images,
    rgb_to_grayscale,
    rgb_to_hsv,
    sobel_edges,
    ssim,
)
from keras2torch.ops.resizing import (
    resize,
    scale_and_translate,
)
from keras2torch.ops.warping import (
    affine_transform,
    elastic_transform,
    map_coordinates,
    perspective_transform,
)

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]
