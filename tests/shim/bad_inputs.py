"""Scripts with one mistake each, to be run with Keras and with this project.

Each takes the module ``keras`` and makes its mistake. Neither TensorFlow nor torch is
imported here: the same functions run beside either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MISTAKES: dict[str, Callable[[Any], Any]] = {}
Mistake = Callable[[Any], Any]


def mistake(function: Mistake) -> Mistake:
    """Register a script under its name."""
    MISTAKES[function.__name__] = function
    return function


def draw(*shape: int) -> Any:
    """Return numbers of a shape, the same ones at every call."""
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def stream(*batches: Any) -> Any:
    """Return a generator of batches."""
    yield from batches


def classes(count: int, n: int = 3) -> Any:
    """Return class numbers."""
    return np.arange(count) % n


def dense(keras: Any, outputs: int = 3, loss: Any = "mse", **kwargs: Any) -> Any:
    """Return a compiled model that takes 4 features."""
    layer = keras.layers.Dense(outputs, activation=kwargs.pop("activation", None))
    model = keras.Sequential([keras.Input((4,)), layer], name="small")
    model.compile("sgd", loss, **kwargs)
    return model


def classifier(keras: Any, loss: str, **kwargs: Any) -> Any:
    """Return a model of three classes."""
    return dense(keras, 3, loss, activation="softmax", **kwargs)


def two(keras: Any, **kwargs: Any) -> Any:
    """Return a model with inputs a, b and outputs u, v, compiled."""
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    both = keras.layers.Concatenate()([a, b])
    u = keras.layers.Dense(1, name="u")(both)
    v = keras.layers.Dense(2, name="v")(both)
    model = keras.Model([a, b], [u, v], name="pair")
    model.compile(**{"optimizer": "sgd", "loss": "mse"} | kwargs)
    return model


X, Y = draw(8, 4), draw(8, 3)
PAIR_X, PAIR_Y = [draw(8, 2), draw(8, 3)], [draw(8, 1), draw(8, 2)]
QUIET = {"verbose": 0}


# ----------------------------------------------------------------- inputs of a model
@mistake
def input_too_wide(keras: Any) -> Any:
    return dense(keras).fit(draw(8, 5), Y, **QUIET)


@mistake
def input_of_other_rank(keras: Any) -> Any:
    return dense(keras).fit(draw(8, 2, 4), Y, **QUIET)


@mistake
def images_channels_first(keras: Any) -> Any:
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="look")], name="eye"
    )
    return model.predict(draw(2, 3, 8, 8), **QUIET)


@mistake
def predict_too_wide(keras: Any) -> Any:
    return dense(keras).predict(draw(8, 5), **QUIET)


@mistake
def call_too_wide(keras: Any) -> Any:
    return dense(keras)(draw(8, 5))


@mistake
def evaluate_too_wide(keras: Any) -> Any:
    return dense(keras).evaluate(draw(8, 5), Y, **QUIET)


@mistake
def train_on_batch_too_wide(keras: Any) -> Any:
    return dense(keras).train_on_batch(draw(8, 5), Y)


@mistake
def predict_on_batch_too_wide(keras: Any) -> Any:
    return dense(keras).predict_on_batch(draw(8, 5))


@mistake
def built_for_other_width(keras: Any) -> Any:
    model = keras.Sequential([keras.layers.Dense(3, name="only")], name="late")
    model.compile("sgd", "mse")
    model.fit(X, Y, **QUIET)
    return model.fit(draw(8, 5), Y, **QUIET)


@mistake
def too_few_inputs(keras: Any) -> Any:
    return two(keras).fit(draw(8, 2), PAIR_Y, **QUIET)


@mistake
def too_many_inputs(keras: Any) -> Any:
    return two(keras).fit([*PAIR_X, draw(8, 2)], PAIR_Y, **QUIET)


@mistake
def swapped_inputs(keras: Any) -> Any:
    return two(keras).fit(PAIR_X[::-1], PAIR_Y, **QUIET)


@mistake
def list_for_one_input(keras: Any) -> Any:
    return dense(keras).fit([X, X], Y, **QUIET)


@mistake
def input_key_missing(keras: Any) -> Any:
    return two(keras).fit({"a": PAIR_X[0]}, PAIR_Y, **QUIET)


@mistake
def input_key_wrong(keras: Any) -> Any:
    return two(keras).fit({"a": PAIR_X[0], "bee": PAIR_X[1]}, PAIR_Y, **QUIET)


@mistake
def no_input_at_all(keras: Any) -> Any:
    return dense(keras).fit(None, Y, **QUIET)


@mistake
def subclass_other_width(keras: Any) -> Any:
    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="own")
            self.only = keras.layers.Dense(3, name="only")

        def call(self, x: Any) -> Any:
            return self.only(x)

    model = Own()
    model.compile("sgd", "mse")
    model.fit(X, Y, **QUIET)
    return model.predict(draw(8, 5), **QUIET)


# ---------------------------------------------------------------- layers on a symbol
@mistake
def conv2d_on_3d(keras: Any) -> Any:
    return keras.layers.Conv2D(4, 3, name="look")(keras.Input((28, 28)))


@mistake
def conv2d_on_flat(keras: Any) -> Any:
    return keras.layers.Conv2D(4, 3, name="look")(keras.Input((784,)))


@mistake
def conv1d_on_2d(keras: Any) -> Any:
    return keras.layers.Conv1D(4, 3, name="look")(keras.Input((28,)))


@mistake
def conv3d_on_4d(keras: Any) -> Any:
    return keras.layers.Conv3D(4, 3, name="look")(keras.Input((8, 8, 3)))


@mistake
def conv2d_window_too_large(keras: Any) -> Any:
    return keras.layers.Conv2D(4, 5, name="look")(keras.Input((3, 3, 1)))


@mistake
def conv2d_groups(keras: Any) -> Any:
    return keras.layers.Conv2D(4, 3, groups=2, name="look")(keras.Input((8, 8, 3)))


@mistake
def pool_window_too_large(keras: Any) -> Any:
    return keras.layers.MaxPooling2D(5, name="pool")(keras.Input((3, 3, 1)))


@mistake
def pool_on_3d(keras: Any) -> Any:
    return keras.layers.MaxPooling2D(2, name="pool")(keras.Input((8, 8)))


@mistake
def global_pool_on_2d(keras: Any) -> Any:
    return keras.layers.GlobalAveragePooling2D(name="pool")(keras.Input((8,)))


@mistake
def transpose_on_3d(keras: Any) -> Any:
    return keras.layers.Conv2DTranspose(4, 3, name="grow")(keras.Input((8, 8)))


@mistake
def separable_on_3d(keras: Any) -> Any:
    return keras.layers.SeparableConv2D(4, 3, name="sep")(keras.Input((8, 8)))


@mistake
def depthwise_on_3d(keras: Any) -> Any:
    return keras.layers.DepthwiseConv2D(3, name="dep")(keras.Input((8, 8)))


@mistake
def upsampling_on_3d(keras: Any) -> Any:
    return keras.layers.UpSampling2D(2, name="up")(keras.Input((8, 8)))


@mistake
def padding_on_3d(keras: Any) -> Any:
    return keras.layers.ZeroPadding2D(2, name="pad")(keras.Input((8, 8)))


@mistake
def cropping_everything(keras: Any) -> Any:
    return keras.layers.Cropping2D(4, name="crop")(keras.Input((8, 8, 1)))


@mistake
def dense_on_unknown(keras: Any) -> Any:
    return keras.layers.Dense(3, name="only")(keras.Input((None,)))


@mistake
def dense_on_scalar(keras: Any) -> Any:
    return keras.layers.Dense(3, name="only")(keras.Input(()))


@mistake
def dense_after_flatten_of_unknown(keras: Any) -> Any:
    x = keras.layers.Flatten()(keras.Input((None, 3)))
    return keras.layers.Dense(3, name="only")(x)


@mistake
def concatenate_unfit(keras: Any) -> Any:
    a, b = keras.Input((3, 4)), keras.Input((5, 4))
    return keras.layers.Concatenate(name="join")([a, b])


@mistake
def concatenate_ranks(keras: Any) -> Any:
    a, b = keras.Input((3, 4)), keras.Input((4,))
    return keras.layers.Concatenate(name="join")([a, b])


@mistake
def concatenate_one(keras: Any) -> Any:
    return keras.layers.Concatenate(name="join")(keras.Input((3, 4)))


@mistake
def add_unfit(keras: Any) -> Any:
    return keras.layers.Add(name="plus")([keras.Input((3,)), keras.Input((4,))])


@mistake
def add_one(keras: Any) -> Any:
    return keras.layers.Add(name="plus")(keras.Input((3,)))


@mistake
def subtract_three(keras: Any) -> Any:
    return keras.layers.Subtract(name="minus")([keras.Input((3,)) for _ in range(3)])


@mistake
def dot_unfit(keras: Any) -> Any:
    return keras.layers.Dot(axes=1, name="dot")([keras.Input((3,)), keras.Input((4,))])


@mistake
def plus_unfit(keras: Any) -> Any:
    return keras.Input((3,)) + keras.Input((4,))


@mistake
def lstm_on_2d(keras: Any) -> Any:
    return keras.layers.LSTM(3, name="loop")(keras.Input((4,)))


@mistake
def gru_on_4d(keras: Any) -> Any:
    return keras.layers.GRU(3, name="loop")(keras.Input((4, 5, 6)))


@mistake
def lstm_on_lstm(keras: Any) -> Any:
    x = keras.layers.LSTM(3, name="first")(keras.Input((4, 5)))
    return keras.layers.LSTM(3, name="second")(x)


@mistake
def bidirectional_on_2d(keras: Any) -> Any:
    layer = keras.layers.Bidirectional(keras.layers.LSTM(3), name="both")
    return layer(keras.Input((4,)))


@mistake
def attention_one_input(keras: Any) -> Any:
    layer = keras.layers.MultiHeadAttention(2, 3, name="look")
    return layer(keras.Input((4, 6)))


@mistake
def attention_unfit(keras: Any) -> Any:
    layer = keras.layers.MultiHeadAttention(2, 3, name="look")
    return layer(keras.Input((4, 6)), keras.Input((5, 6)), keras.Input((7, 6)))


@mistake
def dot_attention_unfit(keras: Any) -> Any:
    layer = keras.layers.Attention(name="look")
    return layer([keras.Input((4, 6)), keras.Input((5, 7))])


@mistake
def dot_attention_one(keras: Any) -> Any:
    return keras.layers.Attention(name="look")(keras.Input((4, 6)))


@mistake
def reshape_unfit(keras: Any) -> Any:
    return keras.layers.Reshape((5, 5), name="form")(keras.Input((24,)))


@mistake
def reshape_two_unknown(keras: Any) -> Any:
    return keras.layers.Reshape((-1, -1), name="form")(keras.Input((24,)))


@mistake
def permute_unfit(keras: Any) -> Any:
    return keras.layers.Permute((1, 3), name="turn")(keras.Input((2, 3)))


@mistake
def repeat_on_3d(keras: Any) -> Any:
    return keras.layers.RepeatVector(3, name="again")(keras.Input((2, 3)))


@mistake
def norm_axis(keras: Any) -> Any:
    return keras.layers.BatchNormalization(axis=4, name="norm")(keras.Input((2, 3)))


@mistake
def group_norm_unfit(keras: Any) -> Any:
    layer = keras.layers.GroupNormalization(4, name="norm")
    return layer(keras.Input((2, 6)))


@mistake
def time_distributed_on_2d(keras: Any) -> Any:
    layer = keras.layers.TimeDistributed(keras.layers.Dense(2), name="each")
    return layer(keras.Input((4,)))


@mistake
def model_on_other_shape(keras: Any) -> Any:
    return dense(keras)(keras.Input((5,)))


@mistake
def layer_on_other_width(keras: Any) -> Any:
    layer = keras.layers.Dense(3, name="only")
    layer(keras.Input((4,)))
    return layer(keras.Input((5,)))


@mistake
def layer_on_string(keras: Any) -> Any:
    return keras.layers.Dense(3, name="only")("text")


@mistake
def layer_on_nothing(keras: Any) -> Any:
    return keras.layers.Dense(3, name="only")()


@mistake
def stack_that_shrinks_away(keras: Any) -> Any:
    layers = [keras.Input((8, 8, 1), name="image")]
    for i in range(4):
        layers.append(keras.layers.Conv2D(2, 3, name=f"c{i}"))
        layers.append(keras.layers.MaxPooling2D(2, name=f"p{i}"))
    return keras.Sequential(layers).summary()


# ------------------------------------------------------------------ layers on arrays
@mistake
def eager_conv2d_on_3d(keras: Any) -> Any:
    return keras.layers.Conv2D(4, 3, name="look")(draw(2, 28, 28))


@mistake
def eager_conv2d_window_too_large(keras: Any) -> Any:
    return keras.layers.Conv2D(4, 5, name="look")(draw(2, 3, 3, 1))


@mistake
def eager_pool_on_3d(keras: Any) -> Any:
    return keras.layers.MaxPooling2D(2, name="pool")(draw(2, 8, 8))


@mistake
def eager_dense_other_width(keras: Any) -> Any:
    layer = keras.layers.Dense(3, name="only")
    layer(draw(2, 4))
    return layer(draw(2, 5))


@mistake
def eager_dense_on_vector(keras: Any) -> Any:
    return keras.layers.Dense(3, name="only")(draw(4))


@mistake
def eager_conv_other_channels(keras: Any) -> Any:
    layer = keras.layers.Conv2D(4, 3, name="look")
    layer(draw(2, 8, 8, 1))
    return layer(draw(2, 8, 8, 3))


@mistake
def eager_norm_other_width(keras: Any) -> Any:
    layer = keras.layers.BatchNormalization(name="norm")
    layer(draw(2, 4))
    return layer(draw(2, 5))


@mistake
def eager_concatenate_unfit(keras: Any) -> Any:
    return keras.layers.Concatenate(name="join")([draw(2, 3, 4), draw(2, 5, 4)])


@mistake
def eager_add_unfit(keras: Any) -> Any:
    return keras.layers.Add(name="plus")([draw(2, 3), draw(2, 4)])


@mistake
def eager_add_batches(keras: Any) -> Any:
    return keras.layers.Add(name="plus")([draw(2, 3), draw(3, 3)])


@mistake
def eager_lstm_on_2d(keras: Any) -> Any:
    return keras.layers.LSTM(3, name="loop")(draw(2, 4))


@mistake
def eager_lstm_other_width(keras: Any) -> Any:
    layer = keras.layers.LSTM(3, name="loop")
    layer(draw(2, 4, 5))
    return layer(draw(2, 4, 6))


@mistake
def eager_attention_one_input(keras: Any) -> Any:
    return keras.layers.MultiHeadAttention(2, 3, name="look")(draw(2, 4, 6))


@mistake
def eager_attention_unfit(keras: Any) -> Any:
    layer = keras.layers.MultiHeadAttention(2, 3, name="look")
    return layer(draw(2, 4, 6), draw(2, 5, 6), draw(2, 7, 6))


@mistake
def embedding_out_of_range(keras: Any) -> Any:
    return keras.layers.Embedding(5, 2, name="words")(np.array([[0, 9]]))


@mistake
def embedding_negative(keras: Any) -> Any:
    return keras.layers.Embedding(5, 2, name="words")(np.array([[0, -1]]))


@mistake
def embedding_out_of_range_in_fit(keras: Any) -> Any:
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Embedding(5, 2, name="words"),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    return model.fit(np.full((4, 3), 7), draw(4, 1), **QUIET)


@mistake
def own_layer_fails(keras: Any) -> Any:
    class Broken(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            raise RuntimeError("no luck")

    return keras.Sequential([keras.Input((4,)), Broken(name="mine")])(X)


@mistake
def layer_before_super(keras: Any) -> Any:
    class Early(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            self.inner = keras.layers.Dense(2)
            super().__init__()

    return Early()


@mistake
def layer_without_super(keras: Any) -> Any:
    class Never(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            self.units = 2

        def call(self, x: Any) -> Any:
            return x

    return Never()(X)


@mistake
def model_before_super(keras: Any) -> Any:
    class Early(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            self.inner = keras.layers.Dense(2)
            super().__init__()

    return Early()


# ------------------------------------------------------------------ targets, weights
@mistake
def targets_too_wide(keras: Any) -> Any:
    return dense(keras).fit(X, draw(8, 5), **QUIET)


@mistake
def targets_of_other_rank(keras: Any) -> Any:
    return dense(keras).fit(X, draw(8, 2, 3), **QUIET)


@mistake
def targets_shorter(keras: Any) -> Any:
    return dense(keras).fit(X, draw(7, 3), **QUIET)


@mistake
def weights_shorter(keras: Any) -> Any:
    return dense(keras).fit(X, Y, sample_weight=np.ones(5), **QUIET)


@mistake
def weights_too_wide(keras: Any) -> Any:
    return dense(keras).fit(X, Y, sample_weight=np.ones((8, 5)), **QUIET)


@mistake
def targets_missing(keras: Any) -> Any:
    return dense(keras).fit(X, **QUIET)


@mistake
def targets_missing_in_evaluate(keras: Any) -> Any:
    return dense(keras).evaluate(X, **QUIET)


@mistake
def too_few_targets(keras: Any) -> Any:
    return two(keras).fit(PAIR_X, PAIR_Y[0], **QUIET)


@mistake
def too_many_targets(keras: Any) -> Any:
    return two(keras).fit(PAIR_X, [*PAIR_Y, PAIR_Y[0]], **QUIET)


@mistake
def swapped_targets(keras: Any) -> Any:
    y = [draw(8, 2), draw(8, 5)]
    return two(keras).fit(PAIR_X, y, **QUIET)


@mistake
def target_key_missing(keras: Any) -> Any:
    return two(keras).fit(PAIR_X, {"u": PAIR_Y[0]}, **QUIET)


@mistake
def target_key_wrong(keras: Any) -> Any:
    return two(keras).fit(PAIR_X, {"u": PAIR_Y[0], "w": PAIR_Y[1]}, **QUIET)


@mistake
def label_too_large(keras: Any) -> Any:
    model = classifier(keras, "sparse_categorical_crossentropy")
    return model.fit(X, np.full(8, 3), **QUIET).history["loss"]


@mistake
def label_negative(keras: Any) -> Any:
    model = classifier(keras, "sparse_categorical_crossentropy")
    return model.fit(X, np.full(8, -1), **QUIET).history["loss"]


@mistake
def one_hot_expected(keras: Any) -> Any:
    model = classifier(keras, "categorical_crossentropy")
    return model.fit(X, classes(8), **QUIET)


@mistake
def one_hot_expected_column(keras: Any) -> Any:
    model = classifier(keras, "categorical_crossentropy")
    return model.fit(X, classes(8)[:, None], **QUIET)


@mistake
def sparse_expected(keras: Any) -> Any:
    model = classifier(keras, "sparse_categorical_crossentropy")
    return model.fit(X, np.eye(3)[classes(8)], **QUIET)


@mistake
def binary_on_three(keras: Any) -> Any:
    return classifier(keras, "binary_crossentropy").fit(X, classes(8), **QUIET)


# ------------------------------------------------------------------- unknown strings
@mistake
def unknown_loss(keras: Any) -> Any:
    return dense(keras, loss="mean_sqared_error").fit(X, Y, **QUIET)


@mistake
def unknown_optimizer(keras: Any) -> Any:
    return dense(keras).compile("adamm", "mse")


@mistake
def unknown_metric(keras: Any) -> Any:
    return dense(keras, metrics=["acuracy"]).fit(X, Y, **QUIET)


@mistake
def unknown_activation(keras: Any) -> Any:
    return keras.layers.Dense(3, activation="rellu", name="only")


@mistake
def unknown_activation_layer(keras: Any) -> Any:
    return keras.layers.Activation("rellu", name="only")


@mistake
def unknown_initializer(keras: Any) -> Any:
    return keras.layers.Dense(3, kernel_initializer="glorot", name="only")


@mistake
def unknown_regularizer(keras: Any) -> Any:
    return keras.layers.Dense(3, kernel_regularizer="l3", name="only")


@mistake
def unknown_constraint(keras: Any) -> Any:
    return keras.layers.Dense(3, kernel_constraint="maxnorm", name="only")


@mistake
def unknown_layer(keras: Any) -> Any:
    return keras.layers.Conv2d


@mistake
def unknown_layer_argument(keras: Any) -> Any:
    return keras.layers.Dense(3, unit=4, name="only")


@mistake
def unknown_compile_argument(keras: Any) -> Any:
    return dense(keras, metric=["mae"])


@mistake
def unknown_padding(keras: Any) -> Any:
    return keras.layers.Conv2D(4, 3, padding="full", name="look")


@mistake
def unknown_fit_argument(keras: Any) -> Any:
    return dense(keras).fit(X, Y, epoch=3)


@mistake
def units_negative(keras: Any) -> Any:
    return keras.layers.Dense(-1, name="only")


@mistake
def units_missing(keras: Any) -> Any:
    return keras.layers.Dense(name="only")


@mistake
def units_text(keras: Any) -> Any:
    return keras.layers.Dense("relu", name="only")


@mistake
def kernel_zero(keras: Any) -> Any:
    return keras.layers.Conv2D(4, 0, name="look")


@mistake
def strides_and_dilation(keras: Any) -> Any:
    return keras.layers.Conv2D(4, 3, strides=2, dilation_rate=2, name="look")


@mistake
def dropout_rate(keras: Any) -> Any:
    return keras.layers.Dropout(1.5, name="drop")


# ---------------------------------------------------------------------- empty, dying
@mistake
def no_samples(keras: Any) -> Any:
    return dense(keras).fit(draw(0, 4), draw(0, 3), **QUIET)


@mistake
def no_samples_in_predict(keras: Any) -> Any:
    return dense(keras).predict(draw(0, 4), **QUIET)


@mistake
def empty_generator(keras: Any) -> Any:
    return dense(keras).fit((b for b in ()), **QUIET)


@mistake
def empty_py_dataset(keras: Any) -> Any:
    class Nothing(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 0

        def __getitem__(self, index: int) -> Any:
            raise IndexError(index)

    return dense(keras).fit(Nothing(), **QUIET)


@mistake
def generator_dies(keras: Any) -> Any:
    def batches() -> Any:
        yield X, Y
        yield X, Y
        raise OSError("the disk is gone")

    return dense(keras).fit(batches(), steps_per_epoch=3, **QUIET)


@mistake
def py_dataset_dies(keras: Any) -> Any:
    class Dies(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            if index == 1:
                raise OSError("the disk is gone")
            return X, Y

    return dense(keras).fit(Dies(), shuffle=False, **QUIET)


@mistake
def generator_of_other_shapes(keras: Any) -> Any:
    return dense(keras).fit(stream((X, Y), (draw(8, 5), Y)), **QUIET)


@mistake
def generator_of_lists(keras: Any) -> Any:
    return dense(keras).fit(stream([X, Y]), **QUIET)


@mistake
def generator_of_four(keras: Any) -> Any:
    return dense(keras).fit(stream((X, Y, Y, Y)), **QUIET)


@mistake
def y_beside_generator(keras: Any) -> Any:
    return dense(keras).fit(stream((X, Y)), Y, **QUIET)


# -------------------------------------------------------------- validation, settings
@mistake
def validation_too_wide(keras: Any) -> Any:
    return dense(keras).fit(X, Y, validation_data=(draw(8, 5), Y), **QUIET)


@mistake
def validation_targets_too_wide(keras: Any) -> Any:
    return dense(keras).fit(X, Y, validation_data=(X, draw(8, 5)), **QUIET)


@mistake
def validation_array(keras: Any) -> Any:
    return dense(keras).fit(X, Y, validation_data=X, **QUIET)


@mistake
def validation_four(keras: Any) -> Any:
    return dense(keras).fit(X, Y, validation_data=(X, Y, None, None), **QUIET)


@mistake
def validation_split_one(keras: Any) -> Any:
    return dense(keras).fit(X, Y, validation_split=1.0, **QUIET)


@mistake
def validation_split_almost_one(keras: Any) -> Any:
    return dense(keras).fit(X, Y, validation_split=0.9999, **QUIET)


@mistake
def validation_split_negative(keras: Any) -> Any:
    return dense(keras).fit(X, Y, validation_split=-0.5, **QUIET)


@mistake
def validation_split_of_generator(keras: Any) -> Any:
    return dense(keras).fit(stream((X, Y)), validation_split=0.5, **QUIET)


@mistake
def validation_freq_zero(keras: Any) -> Any:
    return dense(keras).fit(X, Y, validation_data=(X, Y), validation_freq=0, **QUIET)


@mistake
def batch_size_zero(keras: Any) -> Any:
    return dense(keras).fit(X, Y, batch_size=0, **QUIET)


@mistake
def batch_size_negative(keras: Any) -> Any:
    return dense(keras).fit(X, Y, batch_size=-4, **QUIET)


@mistake
def batch_size_float(keras: Any) -> Any:
    return dense(keras).fit(X, Y, batch_size=2.5, **QUIET)


@mistake
def batch_size_text(keras: Any) -> Any:
    return dense(keras).fit(X, Y, batch_size="4", **QUIET)


@mistake
def epochs_zero(keras: Any) -> Any:
    return dense(keras).fit(X, Y, epochs=0, **QUIET).history


@mistake
def epochs_negative(keras: Any) -> Any:
    return dense(keras).fit(X, Y, epochs=-3, **QUIET).history


@mistake
def epochs_float(keras: Any) -> Any:
    return dense(keras).fit(X, Y, epochs=1.5, **QUIET).history


@mistake
def steps_zero(keras: Any) -> Any:
    return dense(keras).fit(X, Y, steps_per_epoch=0, **QUIET)


@mistake
def callback_is_no_callback(keras: Any) -> Any:
    return dense(keras).fit(X, Y, callbacks=["stop"], **QUIET)


@mistake
def fit_before_compile(keras: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="small")
    return model.fit(X, Y, **QUIET)


@mistake
def evaluate_before_compile(keras: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="small")
    return model.evaluate(X, Y, **QUIET)


@mistake
def train_on_batch_before_compile(keras: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="small")
    return model.train_on_batch(X, Y)


@mistake
def compile_without_loss(keras: Any) -> Any:
    return dense(keras, loss=None).fit(X, Y, **QUIET)


@mistake
def evaluate_without_loss(keras: Any) -> Any:
    return dense(keras, loss=None).evaluate(X, Y, **QUIET)


@mistake
def metrics_as_text(keras: Any) -> Any:
    return dense(keras, metrics="mae").fit(X, Y, **QUIET)


@mistake
def metrics_wrong_key(keras: Any) -> Any:
    return two(keras, metrics={"w": "mae"}).fit(PAIR_X, PAIR_Y, **QUIET)


@mistake
def metrics_wrong_count(keras: Any) -> Any:
    return two(keras, metrics=["mae"]).fit(PAIR_X, PAIR_Y, **QUIET)


@mistake
def loss_wrong_key(keras: Any) -> Any:
    return two(keras, loss={"u": "mse", "w": "mse"}).fit(PAIR_X, PAIR_Y, **QUIET)


@mistake
def loss_key_missing(keras: Any) -> Any:
    return two(keras, loss={"u": "mse"}).fit(PAIR_X, PAIR_Y, **QUIET)


@mistake
def loss_wrong_count(keras: Any) -> Any:
    return two(keras, loss=["mse"] * 3).fit(PAIR_X, PAIR_Y, **QUIET)


@mistake
def loss_weights_wrong_count(keras: Any) -> Any:
    return two(keras, loss=["mse"] * 2, loss_weights=[1.0]).fit(PAIR_X, PAIR_Y, **QUIET)


@mistake
def loss_weights_text(keras: Any) -> Any:
    return two(keras, loss_weights="big").fit(PAIR_X, PAIR_Y, **QUIET)


@mistake
def loss_number(keras: Any) -> Any:
    return dense(keras, loss=3).fit(X, Y, **QUIET)


@mistake
def optimizer_number(keras: Any) -> Any:
    return dense(keras).compile(3, "mse")


@mistake
def class_weight_missing_class(keras: Any) -> Any:
    model = classifier(keras, "sparse_categorical_crossentropy")
    return model.fit(X, classes(8), class_weight={0: 1.0}, **QUIET).history


@mistake
def class_weight_and_sample_weight(keras: Any) -> Any:
    model = classifier(keras, "sparse_categorical_crossentropy")
    return model.fit(
        X, classes(8), class_weight={0: 1.0}, sample_weight=np.ones(8), **QUIET
    )


@mistake
def class_weight_for_two_outputs(keras: Any) -> Any:
    return two(keras).fit(PAIR_X, PAIR_Y, class_weight={0: 1.0}, **QUIET)


# --------------------------------------------------------------------------- weights
@mistake
def set_weights_count(keras: Any) -> Any:
    return dense(keras).set_weights([draw(4, 3)])


@mistake
def set_weights_shape(keras: Any) -> Any:
    return dense(keras).set_weights([draw(4, 5), draw(3)])


@mistake
def layer_set_weights_shape(keras: Any) -> Any:
    layer = keras.layers.Dense(3, name="only")
    layer.build((None, 4))
    return layer.set_weights([draw(3, 4), draw(3)])


@mistake
def layer_set_weights_unbuilt(keras: Any) -> Any:
    return keras.layers.Dense(3, name="only").set_weights([draw(4, 3), draw(3)])


@mistake
def assign_other_shape(keras: Any) -> Any:
    layer = keras.layers.Dense(3, name="only")
    layer.build((None, 4))
    return layer.kernel.assign(draw(5, 3))


@mistake
def nothing_trainable(keras: Any) -> Any:
    model = dense(keras)
    model.trainable = False
    model.compile("sgd", "mse")
    return model.fit(X, Y, **QUIET).history


# ---------------------------------------------------------------------- architecture
@mistake
def disconnected(keras: Any) -> Any:
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    return keras.Model(a, keras.layers.Dense(1, name="u")(b))


@mistake
def model_of_array(keras: Any) -> Any:
    return keras.Model(keras.Input((2,)), X)


@mistake
def model_without_outputs(keras: Any) -> Any:
    return keras.Model(keras.Input((2,)))


@mistake
def duplicate_names(keras: Any) -> Any:
    layers = [keras.layers.Dense(2, name="same") for _ in range(2)]
    return keras.Sequential([keras.Input((4,)), *layers])


@mistake
def duplicate_names_functional(keras: Any) -> Any:
    a = keras.Input((4,))
    x = keras.layers.Dense(2, name="same")(a)
    return keras.Model(a, keras.layers.Dense(2, name="same")(x))


@mistake
def pop_on_empty(keras: Any) -> Any:
    return keras.Sequential(name="bare").pop()


@mistake
def add_no_layer(keras: Any) -> Any:
    return keras.Sequential(name="bare").add("dense")


@mistake
def fit_on_empty(keras: Any) -> Any:
    model = keras.Sequential(name="bare")
    model.compile("sgd", "mse")
    return model.fit(X, Y, **QUIET)


@mistake
def get_layer_unknown(keras: Any) -> Any:
    return dense(keras).get_layer("denes")


@mistake
def summary_unbuilt_weights(keras: Any) -> Any:
    return keras.Sequential([keras.layers.Dense(3)], name="late").count_params()


@mistake
def numpy_of_symbol(keras: Any) -> Any:
    return np.asarray(keras.Input((3,), name="a"))


@mistake
def if_symbol(keras: Any) -> Any:
    return 1 if keras.Input((3,), name="a") > 0 else 2


@mistake
def input_without_shape(keras: Any) -> Any:
    return keras.Input()


# ---------------------------------------------------------------------- odd contents
@mistake
def text_inputs(keras: Any) -> Any:
    return dense(keras).fit(np.array([["a"] * 4] * 8), Y, **QUIET)


@mistake
def text_targets(keras: Any) -> Any:
    return dense(keras).fit(X, np.array(["a"] * 8), **QUIET)


@mistake
def object_inputs(keras: Any) -> Any:
    x = np.empty(8, object)
    x[:] = [[1.0] * (i + 1) for i in range(8)]
    return dense(keras).fit(x, Y, **QUIET)


@mistake
def missing_values(keras: Any) -> Any:
    return dense(keras).fit([[1.0, None, 3.0, 4.0]] * 8, Y, **QUIET)


@mistake
def ragged_lists(keras: Any) -> Any:
    return dense(keras).fit([[1.0, 2.0], [1.0]], draw(2, 3), **QUIET)


@mistake
def complex_inputs(keras: Any) -> Any:
    return dense(keras).fit(X + 1j, Y, **QUIET)


@mistake
def dates(keras: Any) -> Any:
    x = np.full((8, 4), np.datetime64("2020-01-01"))
    return dense(keras).fit(x, Y, **QUIET)


@mistake
def a_number(keras: Any) -> Any:
    return dense(keras).fit(3.0, 2.0, **QUIET)


@mistake
def a_path(keras: Any) -> Any:
    return dense(keras).fit("data.csv", Y, **QUIET)


@mistake
def nan_inputs(keras: Any) -> Any:
    return dense(keras).fit(X * np.nan, Y, **QUIET).history


@mistake
def nan_labels(keras: Any) -> Any:
    return dense(keras).fit(X, Y * np.nan, **QUIET).history


@mistake
def sparse_inputs(keras: Any) -> Any:
    import scipy.sparse

    return dense(keras).fit(scipy.sparse.csr_matrix(X), Y, **QUIET).history


# ------------------------------------------------- what only the numbers can tell
@mistake
def lengths_differ_when_run(keras: Any) -> Any:
    a, b = keras.Input((None, 3), name="a"), keras.Input((None, 3), name="b")
    model = keras.Model([a, b], keras.layers.Add(name="plus")([a, b]), name="sum")
    return model.predict([draw(2, 4, 3), draw(2, 5, 3)], **QUIET)


@mistake
def image_too_small_when_run(keras: Any) -> Any:
    image = keras.Input((None, None, 1), name="image")
    look = keras.layers.Conv2D(2, 5, name="look")(image)
    return keras.Model(image, look, name="eye").predict(draw(2, 3, 3, 1), **QUIET)


@mistake
def reshape_unfit_when_run(keras: Any) -> Any:
    x = keras.Input((None, 3), name="x")
    form = keras.layers.Reshape((2, 6), name="form")(x)
    return keras.Model(x, form, name="shaped").predict(draw(2, 5, 3), **QUIET)


@mistake
def dense_of_many_shapes(keras: Any) -> Any:
    layer = keras.layers.Dense(3, name="only")
    for steps in range(1, 8):
        layer(draw(2, steps, 4))
    return layer(draw(2, 9, 5))


@mistake
def conv_of_many_shapes(keras: Any) -> Any:
    layer = keras.layers.Conv2D(2, 5, name="look")
    for size in range(6, 13):
        layer(draw(2, size, size, 1))
    return layer(draw(2, 3, 3, 1))


@mistake
def subclass_conv_on_flat(keras: Any) -> Any:
    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="own")
            self.look = keras.layers.Conv2D(3, 3, name="look")

        def call(self, x: Any) -> Any:
            return self.look(x)

    model = Own()
    model.compile("sgd", "mse")
    return model.fit(X, Y, **QUIET)


@mistake
def own_layer_fails_when_run(keras: Any) -> Any:
    class Broken(keras.layers.Layer):  # type: ignore[misc]
        broken = False

        def call(self, x: Any) -> Any:
            if self.broken:
                raise ArithmeticError("no luck")
            return x

    layer = Broken(name="mine")
    model = keras.Sequential([keras.Input((4,)), layer], name="small")
    model(X)
    layer.broken = True
    return model(X)


@mistake
def metric_unfit(keras: Any) -> Any:
    model = dense(keras, metrics=["sparse_categorical_accuracy"])
    return model.fit(X, Y, **QUIET)


@mistake
def late_model_on_text(keras: Any) -> Any:
    model = keras.Sequential([keras.layers.Dense(3, name="only")], name="late")
    model.compile("sgd", "mse")
    return model.fit(np.array([["a"] * 4] * 8), Y, **QUIET)


@mistake
def late_model_on_images(keras: Any) -> Any:
    model = keras.Sequential([keras.layers.Conv2D(2, 3, name="look")], name="late")
    model.compile("sgd", "mse")
    return model.fit(X, Y, **QUIET)


@mistake
def callback_class(keras: Any) -> Any:
    stop = keras.callbacks.EarlyStopping
    return dense(keras).fit(X, Y, callbacks=[stop], **QUIET)


@mistake
def vocabulary_too_large(keras: Any) -> Any:
    return keras.layers.StringLookup(max_tokens=2, vocabulary=["a", "b"])


@mistake
def vocabulary_twice(keras: Any) -> Any:
    return keras.layers.IntegerLookup(vocabulary=[3, 4, 3])


@mistake
def vocabulary_without_weights(keras: Any) -> Any:
    return keras.layers.StringLookup(vocabulary=["a"], output_mode="tf_idf")
