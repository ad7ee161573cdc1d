"""The smallest ResNet, in the module that Keras 1 and 2 had for it alone."""

from keras2torch.applications.resnet import (
    ResNet50,
    decode_predictions,
    preprocess_input,
)

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
