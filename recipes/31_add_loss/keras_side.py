"""Losses from inside the model: `add_loss` and `activity_regularizer`."""

import keras
import numpy as np
from keras import ops
from sklearn.datasets import load_digits

# %% data
x = load_digits().data.astype("float32") / 16
x_train, x_val = x[:1500], x[1500:]


# %% a layer that adds a loss and changes nothing
class Decorrelate(keras.layers.Layer):
    def __init__(self, strength, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength

    def call(self, code):
        centred = code - ops.mean(code, axis=0)
        size = ops.cast(ops.shape(code)[0], code.dtype)
        together = ops.matmul(ops.transpose(centred), centred) / size
        off_diagonal = together * (1 - ops.eye(code.shape[-1]))
        self.add_loss(self.strength * ops.sum(off_diagonal**2))
        return code


# %% model: a sparse code, squeezed and unfolded
model = keras.Sequential(
    [
        keras.Input(shape=(64,)),
        keras.layers.Dense(
            12, activation="relu", activity_regularizer=keras.regularizers.L1(3e-3)
        ),
        Decorrelate(2.0),
        keras.layers.Dense(64),
    ]
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.2, w.shape) for w in model.get_weights()])

# %% train
model.compile(optimizer=keras.optimizers.SGD(1.0), loss="mse")
history = model.fit(
    x_train,
    x_train,
    batch_size=64,
    epochs=3,
    validation_data=(x_val, x_val),
    validation_batch_size=64,
    shuffle=False,
    verbose=2,
)

# %% what each part adds, for one batch
rebuilt = model(x_val[:64])
parts = [float(keras.losses.MeanSquaredError()(x_val[:64], rebuilt))]
parts += [float(loss) for loss in model.losses]

# %% results
results = {
    "loss": history.history["loss"],
    "validation loss": history.history["val_loss"],
    "parts": parts,
    "weights": model.layers[0].kernel[20:28],
}
print(results["parts"])
