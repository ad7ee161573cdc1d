"""Learning-rate schedules: Keras asks them at every step."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
x_train, y_train = x[:1500], y[:1500]
x_val, y_val = x[1500:], y[1500:]

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

# %% loss, optimizer and schedule
schedules = keras.optimizers.schedules
halving = schedules.ExponentialDecay(0.1, decay_steps=50, decay_rate=0.5)
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=halving),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# %% train
rates = []
watch = keras.callbacks.LambdaCallback(
    on_train_batch_begin=lambda batch, logs: rates.append(
        float(model.optimizer.learning_rate)
    )
)
history = model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=3,
    validation_data=(x_val, y_val),
    shuffle=False,
    verbose=2,
    callbacks=[watch],
)

# %% other schedules, over 60 steps
others = {
    "staircase": schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True),
    "inverse": schedules.InverseTimeDecay(0.1, 10, 0.5),
    "cosine": schedules.CosineDecay(0.1, 40, alpha=0.1),
    "warm-up": schedules.CosineDecay(
        0.0, decay_steps=50, warmup_target=0.1, warmup_steps=10
    ),
    "piecewise": schedules.PiecewiseConstantDecay([10, 30], [0.1, 0.05, 0.02]),
}

# %% results
results = history.history | {"rates": rates}
results |= {n: [float(s(step)) for step in range(60)] for n, s in others.items()}
print(f"learning rate: from {rates[0]:.3g} to {rates[-1]:.3g}")
