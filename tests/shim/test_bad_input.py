"""What a user is told about a mistake: one sentence with names and shapes.

The scripts are in ``bad_inputs.py``. Whether Keras raises there too, and what, is asked
of Keras itself.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import keras2torch as keras
from tests.shim.bad_inputs import MISTAKES, QUIET, X, Y, classes, draw, stream, two

# What is of torch, of numpy or of this project's inside, and tells a user nothing.
INTERNAL = (
    "LayerSpec|ONNX|onnx|UnusableFile|makes no sense|addmm|mat1|NoneType|tuple index|"
    "object_|non-singleton|_backward_hooks|torch\\.Size|index out of range in self|"
    "running_mean should|Expected size|keras2torch\\.(reading|dialect|program|models)|"
    "tensor a|Calculated padded|has no rule"
)
V, T, R = ValueError, TypeError, RuntimeError

# Mistake → what is raised, and words of the sentence; in words between slashes, |.
SAID: dict[str, tuple[type[Exception], str]] = {
    # inputs of a model
    "input_too_wide": (V, "'small'|(8, 5)|(None, 4)|expected"),
    "input_of_other_rank": (V, "'small'|(8, 2, 4)|3 axes|(None, 4)"),
    "images_channels_first": (V, "'eye'|(2, 3, 8, 8)|(None, 8, 8, 3)|channels last"),
    "predict_too_wide": (V, "'small'|(8, 5)|(None, 4)"),
    "call_too_wide": (V, "'small'|(8, 5)|(None, 4)"),
    "evaluate_too_wide": (V, "'small'|(8, 5)|(None, 4)"),
    "train_on_batch_too_wide": (V, "'small'|(8, 5)|(None, 4)"),
    "predict_on_batch_too_wide": (V, "'small'|(8, 5)|(None, 4)"),
    "built_for_other_width": (V, "'late'|(8, 5)|(None, 4)"),
    "too_few_inputs": (V, "'pair'|2 inputs|'a', 'b'|with 1"),
    "too_many_inputs": (V, "'pair'|2 inputs|'a', 'b'|with 3"),
    "swapped_inputs": (V, "'a'|'pair'|(8, 3)|(None, 2)"),
    "list_for_one_input": (V, "'small'|1 input|list of 2 arrays"),
    "input_key_missing": (V, "'pair'|'a', 'b'|no 'b'"),
    "input_key_wrong": (V, "'pair'|no 'b'|'bee'"),
    "no_input_at_all": (V, "'small'|x is None"),
    "subclass_other_width": (V, "'only' (Dense)|5|(4, 3)"),
    # layers on symbolic tensors
    "conv2d_on_3d": (V, "'look' (Conv2D)|4 axes|(None, 28, 28)|x[..., None]"),
    "conv2d_on_flat": (V, "'look' (Conv2D)|(batch, height, width, channels)|784"),
    "conv1d_on_2d": (V, "'look' (Conv1D)|(batch, steps, features)|(None, 28)"),
    "conv3d_on_4d": (V, "'look' (Conv3D)|5 axes|(None, 8, 8, 3)"),
    "conv2d_window_too_large": (V, "'look'|kernel_size=(5, 5)|(None, 3, 3, 1)|same"),
    "conv2d_groups": (V, "'look'|groups=2|3 channels|(None, 8, 8, 3)"),
    "pool_window_too_large": (V, "'pool'|pool_size=(5, 5)|(None, 3, 3, 1)"),
    "pool_on_3d": (V, "'pool' (MaxPooling2D)|4 axes|(None, 8, 8)"),
    "global_pool_on_2d": (V, "'pool'|4 axes|(None, 8)"),
    "transpose_on_3d": (V, "'grow'|4 axes|(None, 8, 8)"),
    "separable_on_3d": (V, "'sep'|4 axes|(None, 8, 8)"),
    "depthwise_on_3d": (V, "'dep'|4 axes|(None, 8, 8)"),
    "upsampling_on_3d": (V, "'up'|4 axes|(None, 8, 8)"),
    "padding_on_3d": (V, "'pad'|4 axes|(None, 8, 8)"),
    "cropping_everything": (V, "'crop'|(4, 4)|(None, 8, 8, 1)"),
    "dense_on_unknown": (V, "'only' (Dense)|(None, None)|last axis|Input"),
    "dense_on_scalar": (V, "'only' (Dense)|2 axes|(None,)"),
    "dense_after_flatten_of_unknown": (V, "'only'|(None, None)|last axis"),
    "concatenate_unfit": (V, "'join'|(None, 3, 4)|(None, 5, 4)"),
    "concatenate_ranks": (V, "'join'|(None, 3, 4)|(None, 4)"),
    "concatenate_one": (V, "'join'|list|(None, 3, 4)"),
    "add_unfit": (V, "'plus' (Add)|(None, 3)|(None, 4)|axis -1"),
    "add_one": (V, "'plus'|list|(None, 3)"),
    "subtract_three": (V, "'minus'|list of 2"),
    "dot_unfit": (V, "'dot'|axes=1|(None, 3)|(None, 4)"),
    "plus_unfit": (V, "Add|(None, 3)|(None, 4)"),
    "lstm_on_2d": (V, "'loop' (LSTM)|3 axes|(batch, steps, features)|(None, 4)"),
    "gru_on_4d": (V, "'loop' (GRU)|3 axes|(None, 4, 5, 6)"),
    "lstm_on_lstm": (V, "'second'|(None, 3)|return_sequences=True"),
    "bidirectional_on_2d": (V, "'both'|3 axes|(None, 4)"),
    "attention_one_input": (T, "'look'|query and value|(None, 4, 6)|layer(x, x)"),
    "attention_unfit": (V, "'look'|(None, 5, 6)|(None, 7, 6)"),
    "dot_attention_unfit": (V, "'look'|(None, 4, 6)|(None, 5, 7)|last axis"),
    "dot_attention_one": (V, "'look'|[query, value]|(None, 4, 6)"),
    "reshape_unfit": (V, "'form'|(5, 5)|24|(None, 24)"),
    "reshape_two_unknown": (V, "'form'|(-1, -1)|only one"),
    "permute_unfit": (V, "'turn'|(1, 3)"),
    "repeat_on_3d": (V, "'again'|2 axes|(None, 2, 3)"),
    "norm_axis": (V, "'norm'|axis=4|(None, 2, 3)"),
    "group_norm_unfit": (V, "'norm'|groups=4|6|(None, 2, 6)"),
    "time_distributed_on_2d": (V, "'each'|3 axes|(None, 4)"),
    "model_on_other_shape": (V, "'small'|(None, 5)|(None, 4)"),
    "layer_on_other_width": (V, "'only'|(None, 5)|(4, 3)"),
    "layer_on_string": (V, "'only'|'text'|tensors"),
    "layer_on_nothing": (T, "'only'|without an input"),
    "stack_that_shrinks_away": (V, "'p1'|pool_size=(2, 2)|(None, 1, 1, 2)"),
    # layers on arrays
    "eager_conv2d_on_3d": (V, "'look'|4 axes|28, 28)"),
    "eager_conv2d_window_too_large": (V, "'look'|(5, 5)|3, 3, 1)"),
    "eager_pool_on_3d": (V, "'pool'|4 axes|8, 8)"),
    "eager_dense_other_width": (V, "'only'|, 5)|(4, 3)"),
    "eager_dense_on_vector": (V, "'only'|2 axes"),
    "eager_conv_other_channels": (V, "'look'|8, 8, 3)|(3, 3, 1, 4)"),
    "eager_norm_other_width": (V, "'norm'|, 5)|(4,)"),
    "eager_concatenate_unfit": (V, "'join'|3, 4)|5, 4)"),
    "eager_add_unfit": (V, "'plus'|, 3)|, 4)"),
    "eager_add_batches": (V, "'plus'|(2, 3)|(3, 3)|batches"),
    "eager_lstm_on_2d": (V, "'loop'|3 axes|, 4)"),
    "eager_lstm_other_width": (V, "'loop'|4, 6)|(5, 12)"),
    "eager_attention_one_input": (T, "'look'|query and value"),
    "eager_attention_unfit": (V, "'look'|5, 6)|7, 6)"),
    "embedding_out_of_range": (V, "'words' (Embedding)|5 rows|row 9|0 to 4"),
    "embedding_negative": (V, "'words'|row -1|0 to 4"),
    "embedding_out_of_range_in_fit": (V, "'words'|5 rows|row 7|0 to 4"),
    "own_layer_fails": (V, "'mine' (Broken)|(None, 4)|no luck"),
    "layer_without_super": (R, "'Never'|super().__init__()"),
    # what only the numbers can tell
    "lengths_differ_when_run": (V, "'sum'|(2, 4, 3)|(2, 5, 3)"),
    "image_too_small_when_run": (V, "'look'|(5, 5)|(2, 3, 3, 1)"),
    "reshape_unfit_when_run": (V, "'shaped'|(2, 5, 3)|2, 6"),
    "dense_of_many_shapes": (V, "'only'|9, 5)|(4, 3)"),
    "conv_of_many_shapes": (V, "'look'|(5, 5)|3, 3, 1)"),
    "subclass_conv_on_flat": (V, "'look'|4 axes|, 4)"),
    "own_layer_fails_when_run": (ArithmeticError, "no luck|'mine'"),
    "late_model_on_text": (V, "x holds text"),
    "late_model_on_images": (V, "'look'|4 axes|, 4)"),
    # targets and weights
    "targets_too_wide": (V, "'dense'|(8, 5)|(8, 3)"),
    "targets_of_other_rank": (V, "'dense'|(8, 2, 3)|(8, 3)"),
    "targets_shorter": (V, "number of samples|(8, 4)|(7, 3)"),
    "weights_shorter": (V, "number of samples|sample_weight|(5,)"),
    "weights_too_wide": (V, "'dense'|sample weights|(8, 5)"),
    "targets_missing": (V, "no targets|(8, 3)|Give y"),
    "targets_missing_in_evaluate": (V, "no targets|Give y"),
    "too_few_targets": (V, "targets|2 ('u' of shape (8, 1), 'v' of shape (8, 2))|1"),
    "too_many_targets": (V, "targets|'u' of shape (8, 1)|3 (shape (8, 1)"),
    "swapped_targets": (V, "'v'|(8, 5)|(8, 2)"),
    "target_key_missing": (V, "'u'|'v'"),
    "target_key_wrong": (V, "'w'|'u', 'v'"),
    "label_too_large": (V, "'dense'|3 classes|0 to 2|from 3"),
    "label_negative": (V, "'dense'|3 classes|0 to 2|from -1"),
    "one_hot_expected": (V, "(8,)|(8, 3)|sparse_categorical_crossentropy"),
    "one_hot_expected_column": (V, "(8, 1)|(8, 3)|sparse_categorical_crossentropy"),
    "sparse_expected": (V, "(8, 3)|'categorical_crossentropy'"),
    "binary_on_three": (V, "'dense'|(8,)|(8, 3)"),
    "metric_unfit": (V, "'sparse_categorical_accuracy'|(8, 3)"),
    # names
    "unknown_loss": (V, "loss|'mean_sqared_error'|'mean_squared_error'"),
    "unknown_optimizer": (V, "optimizer|'adamm'|Adam"),
    "unknown_metric": (V, "metric|'acuracy'|'accuracy'"),
    "unknown_activation": (V, "activation|'rellu'|'relu'"),
    "unknown_activation_layer": (V, "activation|'rellu'|'relu'"),
    "unknown_initializer": (V, "'only'|kernel_initializer|'glorot_uniform'"),
    "unknown_regularizer": (V, "'only'|kernel_regularizer|'l3'"),
    "unknown_constraint": (V, "'only'|kernel_constraint|'max_norm'"),
    "unknown_layer": (AttributeError, "'Conv2d'|did you mean Conv2D?"),
    "unknown_layer_argument": (V, "Dense|'unit': 4|'units'"),
    "unknown_compile_argument": (T, "compile()|'metric'"),
    "unknown_fit_argument": (T, "fit()|'epoch'"),
    "unknown_padding": (V, "'look'|'full'|'valid', 'same'"),
    "units_negative": (V, "'only'|units=-1|positive integer"),
    "units_missing": (T, "Dense|units"),
    "units_text": (V, "'only'|units='relu'"),
    "kernel_zero": (V, "'look'|kernel_size=0"),
    "strides_and_dilation": (V, "'look'|strides=2|dilation_rate=2"),
    "dropout_rate": (V, "'drop'|rate=1.5|between 0 and 1"),
    # empty data, data that end
    "no_samples": (V, "no samples|(0, 4)"),
    "no_samples_in_predict": (V, "no samples|(0, 4)"),
    "empty_generator": (V, "generator|no batch"),
    "empty_py_dataset": (V, "Nothing|no batch"),
    "generator_dies": (OSError, "the disk is gone|generator|epoch 1, batch 3"),
    "py_dataset_dies": (OSError, "the disk is gone|PyDataset|epoch 1, batch 2"),
    "generator_of_other_shapes": (V, "'small'|(8, 5)|(None, 4)"),
    "generator_of_lists": (V, "tuple|list of 2|batch 1"),
    "generator_of_four": (V, "(x, y, sample_weight)|4 items"),
    "y_beside_generator": (V, "y cannot be given|generator"),
    # validation and settings
    "validation_too_wide": (V, "'small'|(8, 5)|validation_data, after epoch 1"),
    "validation_targets_too_wide": (V, "(8, 5)|(8, 3)|validation_data"),
    "validation_array": (V, "no targets|validation_data"),
    "validation_four": (V, "4 items|validation_data"),
    "validation_split_one": (V, "validation_split|1.0"),
    "validation_split_almost_one": (V, "0.9999|8 samples|training"),
    "validation_split_negative": (V, "validation_split|-0.5"),
    "validation_split_of_generator": (V, "generator|validation_data"),
    "validation_freq_zero": (V, "validation_freq|0"),
    "batch_size_negative": (V, "batch_size|-4"),
    "batch_size_float": (T, "batch_size|2.5"),
    "batch_size_text": (T, "batch_size|'4'"),
    "epochs_float": (T, "epochs|1.5"),
    "steps_zero": (V, "steps_per_epoch|0"),
    "callback_is_no_callback": (T, "'stop'|no Callback"),
    "vocabulary_too_large": (V, "vocabulary size is 3|`max_tokens` is 2"),
    "vocabulary_twice": (V, "(IntegerLookup)|a term twice"),
    "vocabulary_without_weights": (V, "(StringLookup)|idf_weights"),
    "callback_class": (T, "EarlyStopping|make one"),
    "fit_before_compile": (V, "'small'|compiled|compile(optimizer, loss)"),
    "evaluate_before_compile": (V, "'small'|compile(optimizer, loss)"),
    "train_on_batch_before_compile": (V, "'small'|compile(optimizer, loss)"),
    "compile_without_loss": (V, "No loss|compile()"),
    "evaluate_without_loss": (V, "No loss|compile()"),
    "metrics_as_text": (V, "metrics=mae|list"),
    "metrics_wrong_key": (V, "metrics|'u', 'v'|'w'"),
    "metrics_wrong_count": (V, "metrics|'u', 'v'"),
    "loss_wrong_key": (V, "'u', 'v'|'w'"),
    "loss_key_missing": (V, "'u', 'v'"),
    "loss_wrong_count": (KeyError, "`loss`|(2,)"),
    "loss_weights_wrong_count": (V, "loss_weights|2 losses|1 weights"),
    "loss_weights_text": (V, "loss_weights=big|float"),
    "loss_number": (V, "3|loss"),
    "optimizer_number": (V, "optimizer|3"),
    "class_weight_and_sample_weight": (V, "class_weight|sample_weight"),
    "class_weight_for_two_outputs": (V, "class_weight|single output"),
    # weights
    "set_weights_count": (V, "'small'|length 1|2 weights"),
    "set_weights_shape": (V, "small|kernel|(4, 3)|(4, 5)"),
    "layer_set_weights_shape": (V, "only|kernel|(4, 3)|(3, 4)"),
    "layer_set_weights_unbuilt": (V, "'only'|0 weights|built"),
    "assign_other_shape": (V, "only/kernel|(4, 3)|(5, 3)"),
    # architecture
    "disconnected": (V, "(None, 3)|name=b|inputs"),
    "model_of_array": (V, "symbolic|ndarray"),
    "model_without_outputs": (V, "outputs"),
    "duplicate_names": (V, "'same'|unique"),
    "duplicate_names_functional": (V, '"same"|unique'),
    "pop_on_empty": (IndexError, "'bare'|no layer"),
    "add_no_layer": (V, "dense|keras.Layer"),
    "fit_on_empty": (V, "bare|no layers"),
    "get_layer_unknown": (V, "denes|'dense'"),
    "summary_unbuilt_weights": (V, "'late'|isn't built"),
    "numpy_of_symbol": (V, "'a'|no values"),
    "if_symbol": (T, "KerasTensor|boolean"),
    "input_without_shape": (V, "shape"),
    # odd contents
    "text_inputs": (V, "keras_tensor|holds text|integers"),
    "text_targets": (V, "y holds text|integers"),
    "object_inputs": (V, "x|Python objects|pad_sequences"),
    "missing_values": (V, "x holds None"),
    "ragged_lists": (V, "different lengths|pad_sequences"),
    "dates": (V, "x|datetime64"),
    "a_number": (V, "x|float|arrays"),
    "a_path": (V, "x|str|arrays"),
}
# Nothing is raised, as in Keras; a word of the warning where there is one.
RUNS = {
    "batch_size_zero": "",  # Keras takes 32 for it
    "epochs_zero": "",
    "epochs_negative": "",
    "class_weight_missing_class": "no weight for the classes [1, 2]",
    "nothing_trainable": "trainable weights",
    "complex_inputs": "imaginary part",
    "nan_inputs": "",
    "nan_labels": "",
    "sparse_inputs": "",
    "layer_before_super": "",
    "model_before_super": "",
}
# Where Keras raises nothing: it counts from the table's end, takes the first array of a
# list, computes 0 steps, fails in the first call only.
KERAS_RUNS = {
    "embedding_negative",
    "list_for_one_input",
    "dot_attention_unfit",
    "no_samples",
    "validation_split_negative",
    "steps_zero",
}
# Keras fails by accident, or TensorFlow does, with another class.
OTHER_CLASS = {
    "attention_unfit",
    "built_for_other_width",
    "callback_is_no_callback",
    "model_without_outputs",
    "no_samples_in_predict",
    "norm_axis",
    "own_layer_fails",
    "target_key_missing",
    "target_key_wrong",
    "too_few_targets",
    "validation_freq_zero",
}
OF_TENSORFLOW = {"InvalidArgumentError", "UnknownError"}


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    keras.utils.clear_session()


def test_every_mistake_has_its_row() -> None:
    assert SAID.keys() | RUNS.keys() == MISTAKES.keys()
    assert not SAID.keys() & RUNS.keys()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SAID)
def test_a_mistake_is_told(name: str) -> None:
    kind, words = SAID[name]
    with pytest.raises(kind) as caught:
        MISTAKES[name](keras)
    notes = getattr(caught.value, "__notes__", [])
    said = "\n".join([str(caught.value), *notes])
    for word in words.split("|"):
        assert word in said, said
    assert not re.search(INTERNAL, said), said
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", RUNS)
def test_what_keras_takes_is_taken(name: str) -> None:
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        made = MISTAKES[name](keras)
    said = "\n".join(str(w.message) for w in given)
    assert RUNS[name] in said
    if name.startswith("nan"):
        assert np.isnan(made["loss"]).all()


@pytest.mark.needs_keras
@pytest.mark.slow
def test_keras_raises_there_too(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    script = Path(__file__).with_name("mistakes_in_keras.py")
    done = subprocess.run(
        [sys.executable, str(script), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, str] = json.loads(out.read_text())
    assert {n for n, kind in found.items() if not kind} == RUNS.keys() | KERAS_RUNS
    for name, (kind, _) in SAID.items():
        known = name in KERAS_RUNS | OTHER_CLASS or found[name] in OF_TENSORFLOW
        assert known or found[name] == kind.__name__, name


# ------------------------------------------------------------------- after a failure
def classifier(**kwargs: Any) -> Any:
    """Return a model whose first weights are always the same."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax"),
        ],
    )
    settings = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    model.compile("adam", **settings | kwargs)
    model.get_weights()  # they are drawn here
    return model


def late() -> Any:
    """Return a model that learns from its first batch what comes in."""
    keras.utils.set_random_seed(0)
    pool = keras.layers.GlobalAveragePooling1D()
    model = keras.Sequential([keras.layers.Conv1D(2, 3), pool, keras.layers.Dense(3)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def dying() -> Any:
    """Yield nothing that can be used."""
    yield X[:, :3], classes(8)


OKAY = {"shuffle": False, "epochs": 2, "verbose": 0}
FAILS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Any]] = {
    "inputs": (classifier, lambda m: m.fit(draw(8, 5), classes(8)), None),
    "targets": (classifier, lambda m: m.fit(X, Y), None),
    "labels": (classifier, lambda m: m.fit(X, classes(8) + 9), None),
    "weights": (
        classifier,
        lambda m: m.fit(X, classes(8), sample_weight=np.ones((8, 3))),
        None,
    ),
    "generator": (classifier, lambda m: m.fit(dying()), None),
    "batch": (classifier, lambda m: m.train_on_batch(X, Y), None),
    "evaluation": (classifier, lambda m: m.evaluate(X, Y), None),
    "prediction": (classifier, lambda m: m.predict(draw(8, 5)), None),
    # "accuracy" and "crossentropy" become what goes with the first targets.
    "metric": (
        lambda: classifier(
            loss="mse", metrics=["accuracy", "sparse_categorical_accuracy"]
        ),
        lambda m: m.fit(X, Y),
        classes(8)[:, None],
    ),
    "loss": (
        lambda: classifier(loss="crossentropy"),
        lambda m: m.fit(X, draw(8, 2)),
        None,
    ),
    "late": (late, lambda m: m.fit(X, Y), Y),
    "late, short": (late, lambda m: m.fit(draw(8, 2, 5), Y), Y),
}


@pytest.mark.parametrize("name", FAILS)
def test_a_failed_model_learns_like_a_fresh_one(name: str) -> None:
    make, fail, y = FAILS[name]
    y = classes(8) if y is None else y
    x = draw(8, 7, 5) if name.startswith("late") else X
    model = make()
    keras.utils.set_random_seed(1)
    with pytest.raises(ValueError, match=r"shape|class|axes"):
        fail(model)
    assert not model.training
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    found = model.fit(x, y, **OKAY).history
    fresh = make()
    keras.utils.set_random_seed(1)
    if name.startswith("late"):  # its weights are drawn when it is built
        assert found.keys() == fresh.fit(x, y, **OKAY).history.keys()
        return
    assert found == fresh.fit(x, y, **OKAY).history


def test_weights_stay_usable_when_a_generator_dies() -> None:
    def batches() -> Any:
        yield X, classes(8)
        raise OSError("the disk is gone")

    model, other = classifier(), classifier()
    with pytest.raises(OSError, match="the disk is gone"):
        model.fit(batches(), **QUIET)
    other.fit(stream((X, classes(8))), **QUIET)
    assert not model.training
    np.testing.assert_array_equal(model.predict(X, **QUIET), other.predict(X, **QUIET))


def test_nan_goes_on_until_a_callback_stops_it() -> None:
    model = two(keras)
    y = [draw(8, 1), draw(8, 2) * np.nan]
    x = [draw(8, 2), draw(8, 3)]
    found = model.fit(x, y, epochs=3, **QUIET).history
    assert np.isnan(found["loss"]).tolist() == [True] * 3
    stop = keras.callbacks.TerminateOnNaN()
    found = two(keras).fit(x, y, epochs=3, callbacks=[stop], **QUIET).history
    assert len(found["loss"]) == 1


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (torch.utils.data.DataLoader([]), "DataLoader"),
        (torch.utils.data.TensorDataset(torch.zeros(0, 4)), "Dataset"),
    ],
)
def test_no_data_of_torch(data: Any, word: str) -> None:
    with pytest.raises(ValueError, match=f"{word} given as x has no"):
        classifier().fit(data, **QUIET)


def test_what_was_assigned_before_super_is_part_of_a_layer() -> None:
    class Early(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.inner = keras.layers.Dense(2)
            super().__init__()

        def call(self, x: Any) -> Any:
            return self.inner(x)

    model = Early()
    model(X)
    assert [tuple(w.shape) for w in model.weights] == [(4, 2), (2,)]
    assert list(model.parameters())


LEGIT: dict[str, Callable[[Any], Any]] = {
    "batches joined": lambda k: k.Concatenate(axis=0)([draw(2, 3), draw(4, 3)]),
    "steps joined": lambda k: k.Concatenate(axis=1)([draw(2, 3, 4), draw(2, 5, 4)]),
    "broadcast": lambda k: k.Multiply()([draw(2, 8, 8, 3), draw(2, 1, 1, 3)]),
    "fewer axes": lambda k: k.Add()([draw(2, 4), draw(2, 3, 4)]),
    "other axes": lambda k: k.Dot(axes=(1, 2))([draw(2, 3, 4), draw(2, 5, 3)]),
    "causal": lambda k: k.Conv1D(4, 3, padding="causal")(draw(2, 2, 3)),
    "same": lambda k: k.MaxPooling2D(5, padding="SAME")(draw(2, 3, 3, 1)),
    "transposed": lambda k: k.Conv2DTranspose(4, 5)(draw(2, 3, 3, 1)),
    "by name": lambda k: k.Attention()(inputs=[draw(2, 4, 6), draw(2, 5, 6)]),
    "query, value": lambda k: k.MultiHeadAttention(2, 3)(
        query=draw(2, 4, 6), value=draw(2, 5, 7)
    ),
    "a group each": lambda k: k.GroupNormalization(-1)(draw(2, 8, 6)),
    "sizes of numpy": lambda k: k.Dense(np.int64(4))(draw(2, 3)),
    "rate of 1": lambda k: k.Dropout(1)(draw(2, 3)),
    "one index a sample": lambda k: k.Embedding(5, 2)(np.array([1, 2])),
    "open size": lambda k: k.Reshape((-1, 2))(draw(2, 3, 4)),
}


@pytest.mark.parametrize("name", LEGIT)
def test_what_fits_is_not_refused(name: str) -> None:
    assert LEGIT[name](keras.layers).ndim


def test_a_shape_that_was_only_asked_about_binds_nothing() -> None:
    layer = keras.layers.Dense(3)
    assert layer.compute_output_shape((None, 4)) == (None, 3)
    assert layer(keras.Input((5,))).shape == (None, 3)


def test_memory_is_not_called_a_wrong_shape() -> None:
    from keras2torch.models.explaining import explained

    layer = keras.layers.Dense(2)
    for error in (torch.OutOfMemoryError("full"), RuntimeError("CUDA error: gone")):
        assert explained(error, layer, [torch.zeros(2, 3)]) is error
