"""Names of ``keras.layers`` without a definition: second names, and foreign layers.

Every other public class of Keras 3.15 and tf_keras is registered; a test lists both
packages and fails by name.
"""

from __future__ import annotations

# Keras has both names for one class; files hold the one on the right.
SECOND_NAMES = {
    **{f"AvgPool{n}D": f"AveragePooling{n}D" for n in (1, 2, 3)},
    **{f"MaxPool{n}D": f"MaxPooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalAvgPool{n}D": f"GlobalAveragePooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalMaxPool{n}D": f"GlobalMaxPooling{n}D" for n in (1, 2, 3)},
    **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
    **{f"Convolution{n}DTranspose": f"Conv{n}DTranspose" for n in (1, 2, 3)},
    **{f"SeparableConvolution{n}D": f"SeparableConv{n}D" for n in (1, 2)},
}

# Class names in files that mean a layer of today.
SAME_CLASS = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "UnifiedGRU": "GRU",
    "UnifiedLSTM": "LSTM",
    "DenseV2": "Dense",
    "GroupedQueryAttention": "GroupQueryAttention",
    "LayerNormalizationV2": "LayerNormalization",
    # What a FeatureSpace joins its features with.
    "TFDConcat": "Concatenate",
    "TFDIdentity": "Identity",
}

# Public name → the Python class's own, which keys of weights are made from.
PYTHON_NAMES = {"GroupQueryAttention": "GroupedQueryAttention"}

# Another framework's, and why no rule makes a module of it.
FOREIGN = {
    "DenseFeatures": "reads tf.feature_column objects, which no model file describes",
    "DynamicEmbedding": "learns its words in a TensorFlow table while it runs",
    "DynamicLookup": "learns its words in a TensorFlow table while it runs",
    "FlaxLayer": "runs a Flax module, which is Python code and not in the file",
    "JaxLayer": "runs a JAX function, which is Python code",
    "TFSMLayer": "calls a TensorFlow SavedModel in a folder that is not in the file",
    "TorchModuleWrapper": "holds a pickled PyTorch module; take that module itself",
}

# Bases that users derive from; they compute nothing.
ABSTRACT = frozenset({"AbstractRNNCell", "Layer", "PreprocessingLayer", "Wrapper"})
