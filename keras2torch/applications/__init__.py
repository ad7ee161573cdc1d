"""Networks for images, as ``keras.applications`` has them.

Each is made of the layers of :mod:`keras2torch.layers`, under Keras' names and in
Keras' order, so that files of weights of either fit the other.
"""

from keras2torch.applications import imagenet_utils, resnet
from keras2torch.applications.resnet import ResNet50, ResNet101, ResNet152

__all__ = ["ResNet50", "ResNet101", "ResNet152", "imagenet_utils", "resnet"]
