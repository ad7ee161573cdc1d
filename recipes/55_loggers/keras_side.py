"""CSVLogger, TensorBoard and TerminateOnNaN, in a run that breaks."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")

# %% model
model = keras.Sequential([keras.Input(shape=(64,)), keras.layers.Dense(10)])
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)

# %% loggers
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
callbacks = [
    keras.callbacks.TerminateOnNaN(),
    keras.callbacks.CSVLogger(folder / "log.csv"),
    keras.callbacks.TensorBoard(folder, write_graph=False),
]

# %% train, with a rate that breaks in the third epoch
rates = [0.1, 0.1, float("nan"), 0.1]
callbacks.append(keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch]))
model.fit(
    x[:1500],
    y[:1500],
    batch_size=32,
    epochs=4,
    validation_data=(x[1500:], y[1500:]),
    shuffle=False,
    callbacks=callbacks,
    verbose=2,
)

# %% read both back
table = np.genfromtxt(folder / "log.csv", delimiter=",", names=True)
print(table.dtype.names, *table, sep="\n")
scalars = {}
for name in ("train", "validation"):
    events = EventAccumulator(str(folder / name)).Reload().Tensors("epoch_loss")
    scalars[name] = [make_ndarray(event.tensor_proto).item() for event in events]

# %% results
results = {
    "header": table.dtype.names,
    "rows": table.tolist(),
    "scalars": scalars,
    "steps": int(model.optimizer.iterations),
}
