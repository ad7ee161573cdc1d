"""Data on its way into a model: batches, and the functions that prepare arrays.

``keras2torch.utils`` shows the public ones under Keras' names.
"""

from keras2torch.data.arrays import split
from keras2torch.data.batches import make_batches
from keras2torch.data.epochs import Batches
from keras2torch.data.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from keras2torch.data.py_dataset import PyDataset, Sequence

__all__ = [
    "Batches",
    "PyDataset",
    "Sequence",
    "make_batches",
    "pack_x_y_sample_weight",
    "split",
    "unpack_x_y_sample_weight",
]
