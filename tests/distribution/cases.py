"""Trainings that Keras does in one process, and keras2torch in one or several.

Each takes the module that is called ``keras`` and returns arrays by name. The numbers
of rows divide by nothing, so that parts are uneven and a process may get none.
"""

import numpy as np


def data(rows, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, *shape)).astype("float32")


def with_weights(model, seed=1):
    """Give a model weights that both sides can draw."""
    rng = np.random.default_rng(seed)
    drawn = [(a, rng.normal(0, 0.4, a.shape)) for a in model.get_weights()]
    # What begins as ones is a scale or a variance.
    model.set_weights([abs(w) + 0.5 if (a == 1).all() else w for a, w in drawn])
    return model


def found(model, history, **more):
    out = {name: np.array(values) for name, values in history.history.items()}
    out |= {f"weight {n}": w for n, w in enumerate(model.get_weights())}
    return out | {name: np.asarray(value) for name, value in more.items()}


def classes(keras):
    """Batch statistics, penalties, weights of classes; the last batch has one row."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(9, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax", activity_regularizer="l1"),
        ]
    )
    with_weights(model)
    x, y = data(64, 6), np.random.default_rng(2).integers(0, 3, 64)
    # Adam would divide rounding by rounding where a unit never fires.
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x,
        y,
        batch_size=10,
        epochs=2,
        shuffle=False,
        validation_split=0.2,
        class_weight={0: 1.0, 1: 0.5, 2: 3.0},
        verbose=0,
    )
    evaluated = model.evaluate(x, y, batch_size=21, verbose=0)
    predicted = model.predict(x, batch_size=9, verbose=0)
    return found(model, history, evaluated=evaluated, predicted=predicted)


def masks(keras):
    """Padding is another number in each process; weights of samples come on top."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(11, 4, mask_zero=True),
            layers.LSTM(5, return_sequences=True),
            layers.Dense(3, activation="softmax"),
        ]
    )
    with_weights(model)
    rng = np.random.default_rng(3)
    x, y = rng.integers(1, 11, (33, 5)), rng.integers(0, 3, (33, 5))
    for row, length in enumerate(rng.integers(1, 6, 33)):
        x[row, length:] = 0
    weight = rng.uniform(0.2, 2.0, (33, 5)).astype("float32")
    model.compile(
        keras.optimizers.SGD(0.3),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )
    history = model.fit(
        x, y, batch_size=16, epochs=2, shuffle=False, sample_weight=weight, verbose=0
    )
    return found(model, history, predicted=model.predict(x, batch_size=7, verbose=0))


def outputs(keras):
    """Several losses and many metrics, whose states are counts, sums and tables."""
    layers, metrics = keras.layers, keras.metrics
    given = {"a": keras.Input((4,), name="a"), "b": keras.Input((3,), name="b")}
    h = layers.Dense(8, activation="tanh")(layers.Concatenate()(list(given.values())))
    model = keras.Model(
        given,
        {
            "sure": layers.Dense(1, activation="sigmoid", name="sure")(h),
            "kind": layers.Dense(4, activation="softmax", name="kind")(h),
            "size": layers.Dense(2, name="size")(h),
        },
    )
    with_weights(model)
    rng = np.random.default_rng(5)
    x = {"a": data(27, 4), "b": data(27, 3, seed=1)}
    y = {
        "sure": rng.integers(0, 2, (27, 1)).astype("float32"),
        "kind": np.eye(4, dtype="float32")[rng.integers(0, 4, 27)],
        "size": data(27, 2, seed=7),
    }
    model.compile(
        keras.optimizers.RMSprop(0.01, clipnorm=0.5),
        loss={
            "sure": "binary_crossentropy",
            "kind": keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
            "size": keras.losses.Huber(reduction="sum"),
        },
        loss_weights={"sure": 1.0, "kind": 2.0, "size": 0.1},
        metrics={
            "sure": [
                metrics.AUC(),
                metrics.AUC(curve="PR", name="pr"),
                metrics.Precision(),
                metrics.Recall(),
                metrics.SensitivityAtSpecificity(0.5, name="sas"),
                metrics.BinaryAccuracy(),
            ],
            "kind": [
                metrics.F1Score(average="macro"),
                metrics.OneHotMeanIoU(4, name="iou"),
                metrics.TopKCategoricalAccuracy(2, name="top"),
                metrics.KLDivergence(name="kl"),
            ],
            "size": [
                metrics.R2Score(),
                metrics.RootMeanSquaredError(name="rmse"),
                metrics.CosineSimilarity(name="cos"),
            ],
        },
    )
    history = model.fit(
        x, y, batch_size=13, epochs=2, shuffle=False, verbose=0, validation_data=(x, y)
    )
    predicted = model.predict(x, batch_size=4, verbose=0)
    return found(model, history, **{f"predicted {k}": v for k, v in predicted.items()})


def own(keras):
    """A loss that compares rows with each other, a metric that keeps the largest."""
    ops = keras.ops

    def contrastive(y_true, y_pred):
        alike = ops.matmul(y_pred, ops.transpose(y_pred))
        same = ops.cast(ops.equal(y_true, ops.transpose(y_true)), "float32")
        return ops.mean(ops.square(alike - same))

    class Largest(keras.metrics.Metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.kept = self.add_weight(shape=(), initializer="zeros", name="kept")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.kept.assign(ops.maximum(self.kept, ops.max(y_pred)))

        def result(self):
            return ops.convert_to_tensor(self.kept)

    def spread(y_true, y_pred):
        return ops.max(y_pred) - ops.min(y_pred)

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    with_weights(model)
    x = data(17, 3)
    y = np.random.default_rng(4).integers(0, 2, (17, 1)).astype("float32")
    model.compile("sgd", contrastive, metrics=[Largest(name="largest"), spread])
    history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    dice = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "sigmoid")])
    with_weights(dice)
    dice.compile("sgd", keras.losses.Dice(), metrics=["mae"])
    of_dice = dice.fit(x, y, batch_size=7, epochs=2, shuffle=False, verbose=0)
    return found(model, history, dice=of_dice.history["loss"])


def streams(keras):
    """A generator, and a data set whose batches differ in size."""

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, n):
            rows = (5, 1, 8)[n]
            return data(rows, 3, seed=n), data(rows, 2, seed=9 + n)

    def endless():
        n = 0
        while True:
            yield data(3 + n % 4, 3, seed=n), data(3 + n % 4, 2, seed=50 + n)
            n += 1

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with_weights(model)
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(endless(), steps_per_epoch=5, epochs=2, verbose=0)
    second = model.fit(Batches(), epochs=2, shuffle=False, verbose=0)
    evaluated = model.evaluate(Batches(), verbose=0)
    predicted = model.predict(Batches(), verbose=0)
    return found(
        model,
        history,
        second=second.history["loss"],
        evaluated=evaluated,
        predicted=predicted,
    )


CASES = {case.__name__: case for case in (classes, masks, outputs, own, streams)}
