"""Data on its way into a model: batches, and the functions that prepare arrays.

``keras2torch.utils`` shows the public ones under Keras' names.
"""

from keras2torch.data.arrays import split
from keras2torch.data.batches import make_batches
from keras2torch.data.dataset import Dataset
from keras2torch.data.encoding import normalize, to_categorical
from keras2torch.data.epochs import Batches
from keras2torch.data.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from keras2torch.data.py_dataset import PyDataset, Sequence
from keras2torch.data.seeds import get_random_seed, set_random_seed
from keras2torch.data.sequences import pad_sequences
from keras2torch.data.splitting import split_dataset
from keras2torch.data.timeseries import Windows, timeseries_dataset_from_array

__all__ = [
    "Batches",
    "Dataset",
    "PyDataset",
    "Sequence",
    "Windows",
    "get_random_seed",
    "make_batches",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "set_random_seed",
    "split",
    "split_dataset",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
