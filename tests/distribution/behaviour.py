"""What several processes do beside computing: who writes, who stops, who fails.

``torchrun … behaviour.py FOLDER``: each process prints to its own file and leaves what
it found in ``FOLDER/RANK.json``.
"""

import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

import keras2torch as keras

FOLDER = Path(sys.argv[1])
RANK = int(os.environ["RANK"])
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(20, 3)).astype("float32"), rng.normal(size=(20, 1))
found = {}


def made(**options):
    # Unseeded: another draw in each process, until fit gives all the first one's.
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.add(keras.layers.Dense(1))
    model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


def writes():
    kept = FOLDER / "written"
    opened = []
    model = made()
    save = keras.callbacks.ModelCheckpoint(str(kept / "{epoch}.keras"))
    model.fit(
        X,
        Y,
        epochs=3,
        verbose=2,
        callbacks=[
            save,
            keras.callbacks.CSVLogger(str(FOLDER / "log.csv")),
            keras.callbacks.BackupAndRestore(str(FOLDER / "backup")),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda n, logs: opened.append(
                    (kept / f"{n + 1}.keras").stat().st_mtime_ns
                )
            ),
        ],
    )
    model.summary()
    model.save_weights(str(FOLDER / "own.weights.h5"))
    # The others wait for the file.
    read = keras.models.load_model(kept / "3.keras")
    read.load_weights(str(FOLDER / "own.weights.h5"))
    found["files"] = sorted(p.name for p in kept.iterdir())
    found["reads"] = read.predict(X, verbose=0).tolist()
    found["predicts"] = model.predict(X, verbose=0).tolist()
    found["seen"] = len(opened)
    if RANK == 0:
        model.save(FOLDER / "alone.keras")  # the others do not, and nobody waits


def stops():
    class Impatient(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = RANK == 1 and epoch == 1

    model = made()
    found["stopped"] = len(
        model.fit(X, Y, epochs=9, verbose=0, callbacks=[Impatient()]).epoch
    )
    stop = keras.callbacks.EarlyStopping("loss", min_delta=10.0, patience=1)
    slow = keras.callbacks.ReduceLROnPlateau("loss", min_delta=10.0, patience=0)
    model = made()
    history = model.fit(X, Y, epochs=9, verbose=0, callbacks=[stop, slow])
    found["early"] = [len(history.epoch), float(model.optimizer.learning_rate)]

    class Counted(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.losses = []

        def on_train_batch_end(self, batch, logs=None):
            self.losses.append(logs["loss"])
            self.model.stop_training = RANK == 1 and batch == 2

    counted = Counted()
    made().fit(X, Y, batch_size=3, verbose=0, callbacks=[counted])
    found["losses"] = counted.losses


def draws():
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dropout(0.5)])
    seen = []

    class Watching(keras.Model):
        def train_step(self, given):
            seen.extend(self([given[0]], training=True))
            return {}

    watching = Watching(model.inputs, model.outputs)
    watching.compile("sgd", "mse")
    watching.fit(np.ones((2, 1000), "float32"), np.ones((2, 1000)), verbose=0)
    found["kept"] = seen[0].flatten().nonzero().flatten().tolist()
    found["drawn after"] = torch.rand(1).item()


def uneven():
    def rows(number):
        for _ in range(number):
            yield X[:4], Y[:4]

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        made().fit(rows(5 - 2 * RANK), steps_per_epoch=5, verbose=0)
    found["warned"] = any("ran out of data" in str(w.message) for w in told)

    def failing():
        yield X[:4], Y[:4]
        if RANK == 1:
            raise OSError("the disk is gone")
        yield X[:4], Y[:4]

    found["failed"] = raised(lambda: made().fit(failing(), verbose=0))
    found["lengths"] = raised(lambda: made().fit(X[: 20 - RANK], Y[: 20 - RANK]))
    found["sizes"] = raised(lambda: made().fit(iter([(X[: 4 + RANK], Y[: 4 + RANK])])))
    found["models"] = raised(
        lambda: keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(1 + RANK)]
        ).predict(X)
    )

    class Function(keras.Sequential):
        def make_train_function(self, force=False):
            self.train_function = lambda data: {}

    own = Function([keras.Input((3,)), keras.layers.Dense(1)])
    own.compile("sgd", "mse")
    found["function"] = raised(lambda: own.fit(X, Y, verbose=0))

    rows = made(optimizer=keras.optimizers.Adafactor(), distribute="fsdp")
    found["across"] = raised(lambda: rows.fit(X, Y, verbose=0))

    class Called(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    called = Called()
    called.compile("sgd", "mse", distribute="fsdp")
    found["called"] = raised(lambda: called.fit(X, Y, verbose=0))

    def unwritable(*_):
        raise OSError("the disk is full")

    from keras2torch.distribution.writing import by_one

    found["written"] = raised(by_one(unwritable))


def raised(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def apart():
    """Each process has data of its own: the batch is all of it."""
    own = slice(0, 7) if RANK == 0 else slice(7, 20)
    with keras.distribution.DataParallel(auto_shard_dataset=False).scope():
        model = made()
        model.set_weights([np.full(w.shape, 0.1) for w in model.get_weights()])
        history = model.fit(X[own], Y[own], batch_size=13, verbose=0)
    whole = made()
    whole.set_weights([np.full(w.shape, 0.1) for w in whole.get_weights()])
    together = whole.fit(X, Y, batch_size=20, verbose=0)
    found["apart"] = [history.history["loss"], together.history["loss"]]
    found["devices"] = keras.distribution.list_devices()
    found["mesh"] = list(keras.distribution.DataParallel().device_mesh.shape)


for part in (writes, stops, draws, uneven, apart):
    part()
(FOLDER / f"{RANK}.json").write_text(json.dumps(found))
