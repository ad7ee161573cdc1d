"""Names of Keras that are the same thing under another name, today's and gone ones."""

from __future__ import annotations

from functools import cache

from keras2torch.spelling import snake_case

_CLASSES = {
    "constraints": "MaxNorm MinMaxNorm NonNeg UnitNorm",
    "initializers": "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity "
    "LecunNormal LecunUniform Ones Orthogonal RandomNormal RandomUniform STFT "
    "TruncatedNormal VarianceScaling Zeros",
    "regularizers": "L1 L2 OrthogonalRegularizer",
}
# Losses and metrics as functions, for which other names are in use.
_FUNCTIONS = {
    "mean_squared_error": "MSE mse",
    "mean_absolute_error": "MAE mae",
    "mean_absolute_percentage_error": "MAPE mape",
    "mean_squared_logarithmic_error": "MSLE msle",
    "kl_divergence": "KLD kld kullback_leibler_divergence",
    "log_cosh": "logcosh",
}
# From a group to the one in which the names stand here.
_MOVED = {
    ("models", ""): "Model Sequential",
    ("layers", ""): "Input",
    ("", "layers"): "Layer InputSpec",
    ("", "losses"): "Loss",
    ("", "metrics"): "Metric",
    ("", "optimizers"): "Optimizer",
    ("", "initializers"): "Initializer",
    ("", "regularizers"): "Regularizer",
    ("", "quantizers"): "Quantizer",
    ("", "dtype_policies"): "DTypePolicy FloatDTypePolicy",
    ("mixed_precision", "dtype_policies"): "DTypePolicy",
    ("mixed_precision", "optimizers"): "LossScaleOptimizer",
    ("models", "saving"): "load_model save_model",
    ("backend", "config"): "backend epsilon floatx image_data_format set_epsilon "
    "set_floatx set_image_data_format",
    ("backend", "utils"): "clear_session is_keras_tensor standardize_dtype",
    ("utils", "config"): "disable_interactive_logging enable_interactive_logging "
    "is_interactive_logging_enabled",
    ("utils", "saving"): "custom_object_scope deserialize_keras_object "
    "get_custom_objects get_registered_name get_registered_object "
    "register_keras_serializable serialize_keras_object",
    ("preprocessing.image", "utils"): "array_to_img img_to_array load_img save_img",
    ("preprocessing.sequence", "utils"): "pad_sequences",
    ("preprocessing", "utils"): "image_dataset_from_directory "
    "text_dataset_from_directory timeseries_dataset_from_array",
    (
        "utils.legacy",
        "legacy.saving",
    ): "deserialize_keras_object serialize_keras_object",
}


def _joined(group: str, name: str) -> str:
    return f"{group}.{name}" if group else name


def _same() -> dict[str, str]:
    found = {
        "activations.hard_swish": "activations.hard_silu",
        "activations.swish": "activations.silu",
        "config.dtype_policy": "mixed_precision.dtype_policy",
        "config.set_dtype_policy": "mixed_precision.set_global_policy",
        "initializers.IdentityInitializer": "initializers.Identity",
        "initializers.OrthogonalInitializer": "initializers.Orthogonal",
        "initializers.STFTInitializer": "initializers.STFT",
        "mixed_precision.Policy": "dtype_policies.DTypePolicy",
        "mixed_precision.global_policy": "mixed_precision.dtype_policy",
        "mixed_precision.set_dtype_policy": "mixed_precision.set_global_policy",
        "regularizers.l1_l2": "regularizers.L1L2",
        "saving.CustomObjectScope": "saving.custom_object_scope",
        "utils.CustomObjectScope": "saving.custom_object_scope",
        "utils.Sequence": "utils.PyDataset",
    }
    for n in "123":
        found[f"layers.AvgPool{n}D"] = f"layers.AveragePooling{n}D"
        found[f"layers.MaxPool{n}D"] = f"layers.MaxPooling{n}D"
        found[f"layers.GlobalAvgPool{n}D"] = f"layers.GlobalAveragePooling{n}D"
        found[f"layers.GlobalMaxPool{n}D"] = f"layers.GlobalMaxPooling{n}D"
        found[f"layers.Convolution{n}D"] = f"layers.Conv{n}D"
        found[f"layers.Convolution{n}DTranspose"] = f"layers.Conv{n}DTranspose"
        if n != "3":
            found[f"layers.SeparableConvolution{n}D"] = f"layers.SeparableConv{n}D"
    for group, names in _CLASSES.items():
        for name in names.split():
            found[f"{group}.{snake_case(name)}"] = f"{group}.{name}"
    for name, others in _FUNCTIONS.items():
        for group in ("losses", "metrics"):
            for other in others.split():
                found[f"{group}.{other}"] = f"{group}.{name}"
    for (old, new), names in _MOVED.items():
        for name in names.split():
            found[_joined(old, name)] = _joined(new, name)
    return found


#: Keras 3 has both names, for one object.
SAME = _same()

#: Names that Keras 3 has no more, and the one that took their place.
OLD = {
    "AtrousConvolution1D": "layers.Conv1D",
    "Network": "Model",
    "models.Functional": "Model",
    "layers.AtrousConvolution1D": "layers.Conv1D",
    "layers.AtrousConvolution2D": "layers.Conv2D",
    "layers.Deconvolution2D": "layers.Conv2DTranspose",
    "layers.Deconvolution3D": "layers.Conv3DTranspose",
    "layers.Deconv2D": "layers.Conv2DTranspose",
    "layers.Deconv3D": "layers.Conv3DTranspose",
    "layers.DenseFeatures": "utils.FeatureSpace",
    "layers.SyncBatchNormalization": "layers.BatchNormalization",
    "layers.SimpleDeepRNN": "layers.SimpleRNN",
    "layers.ThresholdedLinear": "layers.ThresholdedReLU",
    "optimizers.rmsprop": "optimizers.RMSprop",
    "optimizers.adam": "optimizers.Adam",
    "optimizers.sgd": "optimizers.SGD",
    "optimizers.adagrad": "optimizers.Adagrad",
    "optimizers.adadelta": "optimizers.Adadelta",
    "optimizers.nadam": "optimizers.Nadam",
    "optimizers.adamax": "optimizers.Adamax",
    "regularizers.WeightRegularizer": "regularizers.L1L2",
    "regularizers.activity_l1": "regularizers.L1",
    "regularizers.activity_l2": "regularizers.L2",
    "regularizers.activity_l1l2": "regularizers.L1L2",
    "regularizers.ActivityRegularizer": "layers.ActivityRegularization",
    "constraints.maxnorm": "constraints.MaxNorm",
    "constraints.nonneg": "constraints.NonNeg",
    "constraints.unitnorm": "constraints.UnitNorm",
    "initializers.normal": "initializers.RandomNormal",
    "initializers.uniform": "initializers.RandomUniform",
    "initializers.zero": "initializers.Zeros",
    "initializers.one": "initializers.Ones",
    "losses.cosine": "losses.cosine_similarity",
    "losses.cosine_proximity": "losses.cosine_similarity",
    "metrics.CosineProximity": "metrics.CosineSimilarity",
    "metrics.acc": "metrics.accuracy",
    "metrics.ce": "metrics.crossentropy",
    "mixed_precision.set_policy": "mixed_precision.set_global_policy",
    "optimizers.CosineDecay": "optimizers.schedules.CosineDecay",
    "optimizers.LearningRateSchedule": "optimizers.schedules.LearningRateSchedule",
    "callbacks.ReduceLROnPlateu": "callbacks.ReduceLROnPlateau",
    "callbacks.TensorBoardV1": "callbacks.TensorBoard",
    "backend.image_dim_ordering": "config.image_data_format",
    "backend.set_image_dim_ordering": "config.set_image_data_format",
    "utils.Progbar.update": "utils.Progbar",
    "utils.plot": "utils.plot_model",
    "utils.model_from_json": "models.model_from_json",
    "models.clone_and_build_model": "models.clone_model",
}


@cache
def pascal() -> dict[str, str]:
    """Return, for the functions that have a class, its name by theirs."""
    return {snake_case(name): name for name in _PAIRS.split()}


_PAIRS = (
    "BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy "
    "CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy CategoricalHinge "
    "Circle CosineSimilarity CTC Dice Hinge Huber KLDivergence LogCosh "
    "MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError "
    "MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy SquaredHinge "
    "Tversky BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy "
    "SparseTopKCategoricalAccuracy TopKCategoricalAccuracy ConcordanceCorrelation "
    "PearsonCorrelation"
)
