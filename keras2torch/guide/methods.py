"""Methods that are Keras' whatever they are called on."""

from __future__ import annotations

_NAMES = {
    "Model": "fit_generator evaluate_generator predict_generator train_on_batch "
    "test_on_batch predict_on_batch predict_classes predict_proba summary get_layer "
    "load_weights save_weights to_json to_yaml compute_loss reset_states "
    "predict_step test_step",
    "Layer": "add_weight add_loss add_metric trainable trainable_variables "
    "trainable_weights non_trainable_weights non_trainable_variables get_weights "
    "set_weights count_params adapt get_vocabulary set_vocabulary stateless_call",
    "Optimizer": "apply_gradients stateless_apply get_gradients",
    "Metric": "update_state reset_state stateless_update_state",
    "tf.data.Dataset": "prefetch from_tensor_slices",
    "tf.Tensor": "numpy",
    "tf.Variable": "assign_add assign_sub",
    "Tokenizer": "fit_on_texts texts_to_sequences texts_to_matrix",
    "ImageDataGenerator": "flow_from_directory flow_from_dataframe",
}
#: By name of the method, what it is a method of.
UNMISTAKABLE = {n: home for home, names in _NAMES.items() for n in names.split()}

# scikit-learn has methods of these names, too; not with these arguments.
_KEYWORDS = {
    "compile": "optimizer loss metrics loss_weights weighted_metrics run_eagerly "
    "jit_compile steps_per_execution",
    "fit": "epochs validation_data validation_split callbacks batch_size class_weight "
    "steps_per_epoch validation_steps initial_epoch nb_epoch shuffle",
    "evaluate": "batch_size return_dict steps verbose callbacks",
    "predict": "batch_size steps verbose callbacks",
    "save": "save_format include_optimizer",
}


def by_keywords(method: str, names: set[str]) -> bool:
    """Whether a call of a method has arguments that only Keras' method takes."""
    return not names.isdisjoint(_KEYWORDS.get(method, "").split())
