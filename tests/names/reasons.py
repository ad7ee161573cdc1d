"""What Keras has and the shim has not, or has with other arguments, by name."""

_INTEGERS = "of Keras' quantization to integers"
_STATELESS = "of Keras on JAX; torch has `torch.func.functional_call`"

# A pattern of names → why they are not here. The first that fits counts.
MISSING: dict[str, str] = {
    "*quantization*": _INTEGERS,
    "*.quantized_*": _INTEGERS,
    "quantizers.*Config": _INTEGERS,
    "dtype_policies.*DTypePolicy": _INTEGERS,
    "*.stateless_*": _STATELESS,
    "*et_state_tree": _STATELESS,
    "*ragged*": "of TensorFlow's ragged tensors",
    "KerasTensor.row_splits_dtype": "of TensorFlow's ragged tensors",
    "*.rematerialized_call": "`keras.remat` wraps what is to be computed twice",
    "Variable.aggregation": "of tf.distribute",
    "Variable.synchronization": "of tf.distribute",
    "Variable.overwrite_with_gradient": "of float8 training",
    "export.ExportArchive.*": "of SavedModels, which TensorFlow makes",
    "legacy.*": "for configs older than Keras 2.13",
    "utils.legacy.*": "for configs older than Keras 2.13",
    "layers.*.convert_weight": "an inner step of Keras' own",
    "layers.*.update_state": "an inner step of `adapt`",
    "layers.*.finalize_state": "an inner step of `adapt`",
    "layers.*_assets": "vocabularies go through the layer's file otherwise",
    "layers.RNN.inner_loop": "an inner step of Keras' own",
}

# Names that are here for their sentence alone: calling them says what to do instead.
REFUSED: dict[str, tuple[object, ...]] = {
    "StatelessScope": (),
    "SymbolicScope": (),
    "callbacks.OrbaxCheckpoint": ("here",),
    "export.ExportArchive": (),
    "layers.FlaxLayer": (None,),
    "layers.JaxLayer": (None,),
    "layers.TFSMLayer": ("here",),
    "Layer.add_metric": (None,),
    "Layer.quantize": (None, "int8"),
    "Layer.stateless_call": (None,),
    "Model.add_metric": (None,),
    "Model.quantize": (None, "int8"),
    "Model.stateless_call": (None,),
}

# A name → why its arguments are not Keras'.
OTHERWISE: dict[str, str] = {
    "KerasTensor": "scripts get symbolic tensors from Input and from layers",
    "export.ExportArchive": "it is there for its sentence",
    "layers.StringLookup.adapt": "a batch size may be said, as in Keras 2",
    "layers.RNN.build": "states are found from the cell",
    "layers.RNN.compute_mask": "the names of Layer.compute_mask",
    "layers.Wrapper.from_config": "a subclass of one's own reads its config itself",
}
