"""`MirroredStrategy`: one process, a copy of the model on each device."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

# %% devices: those of the machine, or two made of one CPU
devices = None
if not tf.config.list_physical_devices("GPU"):
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, halves)
    devices = ["CPU:0", "CPU:1"]
strategy = tf.distribute.MirroredStrategy(devices)

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
x_train, y_train = x[:1500], y[:1500]
x_val, y_val = x[1500:], y[1500:]

# %% model
with strategy.scope():
    model = keras.Sequential(
        [
            keras.Input(shape=(64,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10),
        ]
    )

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])

# %% loss and optimizer
with strategy.scope():
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )

# %% train
history = model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=3,
    validation_data=(x_val, y_val),
    shuffle=False,
    verbose=2,
)

# %% results
results = history.history
print(strategy.num_replicas_in_sync, "devices")
