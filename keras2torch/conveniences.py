"""What Keras offers as ``keras.utils``; it is imported under that name."""

from keras2torch.callbacks.progbar import Progbar
from keras2torch.data import (
    PyDataset,
    Sequence,
    normalize,
    pack_x_y_sample_weight,
    pad_sequences,
    set_random_seed,
    split_dataset,
    timeseries_dataset_from_array,
    to_categorical,
    unpack_x_y_sample_weight,
)
from keras2torch.data.from_directory import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
)
from keras2torch.data.images import array_to_img, img_to_array, load_img, save_img
from keras2torch.models.drawing import model_to_dot, plot_model
from keras2torch.models.naming import clear_session
from keras2torch.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
