"""Adam, RMSprop and SGD with momentum, as Keras computes them."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")

# %% Adam: epsilon before the bias correction
adam = keras.optimizers.Adam(learning_rate=0.001)

# %% RMSprop: epsilon under the root
rmsprop = keras.optimizers.RMSprop(learning_rate=0.001, momentum=0.9)

# %% SGD: the rate inside the velocity
sgd = keras.optimizers.SGD(learning_rate=0.1, momentum=0.9)


# %% train; after each epoch the rate drops to a tenth
def train(optimizer):
    model = keras.Sequential(
        [
            keras.Input(shape=(64,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    drop = keras.callbacks.LearningRateScheduler(
        lambda epoch, rate: rate if epoch == 0 else rate * 0.1
    )
    model.fit(x, y, epochs=2, shuffle=False, callbacks=[drop], verbose=0)
    print(optimizer.name, "loss:", model.evaluate(x, y, verbose=0))
    return model.get_weights()


# %% results
results = {"Adam": train(adam), "RMSprop": train(rmsprop), "SGD": train(sgd)}
