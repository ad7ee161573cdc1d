"""VGG19: VGG16 with a fourth convolution in its last blocks."""

from keras2torch.applications.vgg16 import decode_predictions, preprocess_input, vgg

VGG19 = vgg(
    19,
    (2, 2, 4, 4, 4),
    ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
)

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]
