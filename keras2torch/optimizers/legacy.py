"""The names of ``keras.optimizers.legacy``: the same classes as without it."""

from keras2torch.optimizers.adam import Adam, Adamax, Nadam
from keras2torch.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from keras2torch.optimizers.base import Optimizer
from keras2torch.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "Adamax",
    "Ftrl",
    "Nadam",
    "Optimizer",
    "RMSprop",
]
