"""What Keras offers as ``keras.utils``; it is imported under that name."""

from keras2torch import bounding_boxes
from keras2torch.attributes import Config
from keras2torch.callbacks.progbar import Progbar
from keras2torch.configuration import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
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
from keras2torch.data.downloads import get_file
from keras2torch.data.from_directory import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
)
from keras2torch.data.images import array_to_img, img_to_array, load_img, save_img
from keras2torch.dtypes import standardize_dtype
from keras2torch.models.drawing import model_to_dot, plot_model
from keras2torch.models.feature_space import FeatureSpace
from keras2torch.models.naming import clear_session
from keras2torch.models.symbolic import get_source_inputs, is_keras_tensor
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
    "Config",
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
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
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
