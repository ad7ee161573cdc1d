"""Keras' small data sets: ``mnist.load_data()`` and its like.

Nothing is downloaded before a ``load_data`` is called. Files are shared with Keras:
they lie in ``~/.keras/datasets``, or under ``KERAS_HOME`` if that is set.
"""

from keras2torch.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]
