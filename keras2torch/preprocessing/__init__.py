"""What scripts take from ``keras.preprocessing``; most of it is in ``utils``, too."""

from keras2torch.data.from_directory import (
    image_dataset_from_directory,
    text_dataset_from_directory,
)
from keras2torch.data.timeseries import timeseries_dataset_from_array
from keras2torch.preprocessing import image, sequence

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]
