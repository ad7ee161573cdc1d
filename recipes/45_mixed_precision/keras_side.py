"""Half the bits for arithmetic, all of them for weights: a dtype policy."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
x_train, y_train = x[:1500], y[:1500]
x_val, y_val = x[1500:], y[1500:]

# %% half precision
keras.mixed_precision.set_global_policy("mixed_float16")

# %% model
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
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1, global_clipnorm=1.0),
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
results = {
    "loss": history.history["loss"],
    "val_loss": history.history["val_loss"],
    "weights": model.layers[1].kernel,
    "dtypes": [model.layers[0].kernel.dtype, model(x_val[:1]).dtype.name],
}
print("weights and logits:", results["dtypes"])
