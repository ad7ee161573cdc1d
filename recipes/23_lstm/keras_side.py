"""An LSTM reads digits row by row: outputs, states, bias, training."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: eight rows are eight steps
images, y = load_digits().images[:1500], load_digits().target[:1500]
x = (images / 16).astype("float32")

# %% model
lstm = keras.layers.LSTM(16, return_sequences=True, return_state=True)
lstm.build((None, 8, 8))
head = keras.layers.Dense(10)
head.build((None, 16))

# %% bias: the forget gate starts at one
kernel, recurrent, bias = lstm.get_weights()
start = bias.reshape(4, 16)

# %% weights: the gates are in the same order
rng = np.random.default_rng(0)
kernel, recurrent, weight = (
    rng.normal(0, 0.2, shape) for shape in [(8, 64), (16, 64), (16, 10)]
)
lstm.set_weights([kernel, recurrent, bias])
head.set_weights([weight, np.zeros(10)])

# %% outputs, and states to go on from
outputs, h, c = lstm(x[:4])
further, _, _ = lstm(x[4:8], initial_state=[h, c])

# %% one step of training
inputs = keras.Input(shape=(8, 8))
_, last, _ = lstm(inputs)
model = keras.Model(inputs, head(last))
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.2),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
model.train_on_batch(x[:50], y[:50])
first_step = lstm.get_weights()[2].reshape(4, 16) - start

# %% train
history = model.fit(x, y, batch_size=50, epochs=4, shuffle=False, verbose=2)

# %% results
results = {
    "bias at the start": start,
    "outputs": outputs,
    "h": h,
    "c": c,
    "outputs after other states": further,
    "loss": history.history["loss"],
    "first change of the bias": first_step,
    "change of the bias": lstm.get_weights()[2].reshape(4, 16) - start,
}
print("bias, mean of each gate:", lstm.get_weights()[2].reshape(4, 16).mean(axis=1))
