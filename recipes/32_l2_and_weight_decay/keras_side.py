"""`kernel_regularizer` is part of the loss, `weight_decay` part of the step."""

import keras
import numpy as np
from keras.regularizers import L1L2, L2
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")


# %% train a network, the same weights on both sides
def train(optimizer, penalty=None):
    model = keras.Sequential(
        [
            keras.Input(shape=(64,)),
            keras.layers.Dense(32, activation="relu", kernel_regularizer=penalty),
            keras.layers.Dense(10, kernel_regularizer=penalty),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.2, w.shape) for w in model.get_weights()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    history = model.fit(
        x[:1500],
        y[:1500],
        batch_size=50,
        epochs=3,
        validation_data=(x[1500:], y[1500:]),
        shuffle=False,
        verbose=0,
    )
    kernel, bias = model.layers[1].get_weights()
    return {"kernel": kernel, "bias": bias, **history.history}


# %% a penalty: part of the loss, on kernels only
runs = {
    "L2": train(keras.optimizers.SGD(0.1, momentum=0.9), L2(0.003)),
    "L1L2": train(keras.optimizers.SGD(0.1, momentum=0.9), L1L2(3e-4, 0.003)),
}

# %% the same penalty, left to the optimizer
trained = runs["L2"]
runs["by optimizer"] = {name: trained[name] for name in ("kernel", "bias")}

# %% decay: part of the step, on everything
runs["decay"] = train(keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.01))

# %% AdamW, without decay for biases
# weight_decay is 0.004 unless you say otherwise
optimizer = keras.optimizers.AdamW(0.01, epsilon=1e-12)
optimizer.exclude_from_weight_decay(var_names=["bias"])
runs["AdamW"] = train(optimizer)

# %% results
results = {f"{run}, {k}": v for run, found in runs.items() for k, v in found.items()}
print({name: v[-1] for name, v in results.items() if name.endswith("loss")})
